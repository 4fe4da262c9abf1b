"""The study of what knowing the state is worth: its runs run, its log is kept, its sums are right."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.examples.conftest import of_script

study = of_script("knowing_the_state")


def runs_of(sees, scores, unseen=None):
    rows = [
        {"setting": "design-many", "sees": sees, "seed": seed, "seen": one} for seed, one in enumerate(scores)
    ]
    return [{**row, "unseen": unseen} for row in rows]


def test_every_setting_can_be_made_and_shows_what_it_says(study):
    for name, setting in study.settings().items():
        for sees in setting.sees:
            env = setting.make(sees, 2)
            names = env.core.view.names_of(env.possible_agents[0])
            kinds = {one.partition(":")[0] for one in names}
            if sees == "nothing":
                assert not names, name
            elif sees == "clock":
                assert kinds == {"progress"}, name
            elif sees == "workload":
                assert kinds == {"workload"}, name
            else:
                assert {"own", "position"} <= kinds, name
                assert ("workload" in kinds) == (sees == "everything"), name
                assert ("progress" in kinds) == (not name.startswith("design")), name
            assert len(env.contexts.held_out) == len(setting.unseen)


@pytest.mark.parametrize("name", ["design-many", "nudge-one", "live-one"])
def test_a_short_run_is_the_same_again(study, name):
    setting = study.settings()[name]
    least = setting.n_envs * setting.horizon

    found = study.run(name, "everything", 3, budget=least)

    assert found == study.run(name, "everything", 3, budget=least)
    assert found["steps"] == least
    assert np.isfinite(found["seen"])
    assert (found["unseen"] is not None) == (name == "design-many")


def test_what_is_in_the_log_is_not_run_again(study, tmp_path, capsys):
    log = tmp_path / "runs.jsonl"
    runs = runs_of("nothing", [0.1]) + runs_of("everything", [0.3])
    wanted = [{**run, "setting": "design-one", "seed": 1} for run in runs]
    log.write_text("".join(json.dumps(run) + "\n" for run in wanted))

    study.main(
        [
            "--settings",
            "design-one",
            "--seeds",
            "1",
            "--runs",
            str(log),
            "--json",
            "--plot",
            str(tmp_path / "runs.html"),
        ]
    )

    rows = json.loads(capsys.readouterr().out)
    assert [row["seen"] for row in rows] == [0.1, 0.3]
    assert len(log.read_text().splitlines()) == 2
    assert "design-one" in (tmp_path / "runs.html").read_text()


def test_medians_intervals_and_pairs(study):
    runs = runs_of("nothing", [0.0, 0.1, 0.2]) + runs_of("everything", [0.1, 0.3, 0.4], unseen=-1.0)

    blind, seeing = study.summary(runs)

    assert blind["seen"] == 0.1
    assert "seen_beats_nothing" not in blind
    assert "unseen" not in blind
    assert seeing["seen"] == 0.3
    assert seeing["seen_beats_nothing"] == pytest.approx((1 + 0.5 + 3 + 3) / 9)
    low, high = seeing["seen_interval"]
    assert 0.1 <= low <= 0.3 <= high <= 0.4
    assert seeing["unseen"] == -1.0
    assert "30.0 (10.0 to 40.0)" in study.table([blind, seeing])


def test_an_unknown_setting_is_named(study, capsys):
    with pytest.raises(SystemExit):
        study.main(["--settings", "live-all"])

    assert "'live-all' is not one of design-one" in capsys.readouterr().err


def test_the_best_fixed_design_saves_what_it_is_said_to(study, monkeypatch):
    monkeypatch.setattr(study, "_CLIMBS", 1)

    found = study.best_fixed("live-one")

    assert 0.05 < found["seen"] < 0.2
    assert "unseen" not in found
    assert study.table([found]).endswith(f"{100 * found['seen']:>22.1f} {'':>9} {'':>22} {'':>9}")
