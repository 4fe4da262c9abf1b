"""The experiment as published: rewards are the published ones, runs are those of the table, sums hold."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import asdict

import numpy as np
import pytest

from dse.space import DesignSpace
from dse.tabulated import Tabulated, tabulate
from tests.docs.pages import ROOT
from tests.dse.fake import FakeSimulator
from tests.examples.conftest import script
from traces import synthetic
from traces.workload import Workload

FILE = ROOT / "examples" / "as_published.py"
TARGETS = {"time_ns": 300.0, "energy_pj": 40.0}


class Free(FakeSimulator):
    """Without designs that are forbidden."""

    def __init__(self):
        super().__init__()
        self.space = DesignSpace("free", self.space.parameters, (), self.space.dead_rules)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The experiment over 378 designs of the fake simulator."""
    with script("as_published") as module:
        work = Workload((synthetic.stream(50),), name="stream")
        path = tabulate(Free(), [work], tmp_path / "stream.npz")
        monkeypatch.setattr(module, "_table", lambda _: Tabulated(path, Free()))
        monkeypatch.setattr(module, "workload_of", lambda _: work)
        monkeypatch.setattr(module, "TARGETS", TARGETS)
        names = {"low latency": ("time_ns",), "low power": ("energy_pj",), "joint": ("time_ns", "energy_pj")}
        monkeypatch.setattr(module, "OBJECTIVES", names)
        yield module


def job(study, algorithm, rate=1e-2, objective="joint", budget=200, n_runs=2):
    return study.Job("stream", objective, algorithm, rate, 1, n_runs, budget)


def test_rewards_are_the_published_ratios_with_their_cap(study, tmp_path):
    cell = study.Cell("stream", "joint", tmp_path)

    time, energy = cell.values.T
    expected = np.minimum(300.0 / abs(300.0 - time) * 40.0 / abs(40.0 - energy), 1000.0)
    np.testing.assert_allclose(cell.rewards, expected)


@pytest.mark.parametrize(
    "algorithm", [pytest.param("team", marks=pytest.mark.slow), "ppo-published", "sac-even", "cem"]
)
def test_runs_are_whole_and_the_same_again(study, tmp_path, algorithm):
    found = study.run(job(study, algorithm), tmp_path)

    again = study.run(job(study, algorithm), tmp_path)
    best = study.Cell("stream", "joint", tmp_path).rewards.max()
    assert found["runs"] == again["runs"]
    assert len(found["runs"]) == 2
    assert found["runs"][0] != found["runs"][1]
    for one in found["runs"]:
        assert one["best"] + one["regret"] == pytest.approx(best)
        assert 1 <= one["distinct"] <= 200
        assert len(one["curve"]) == 20


def test_a_search_of_the_whole_space_leaves_no_regret(study, tmp_path):
    n, cell = Free().space.distinct_size, study.Cell("stream", "low latency", tmp_path)

    for one in study.run(job(study, "random", 0.0, "low latency", budget=n), tmp_path)["runs"]:
        assert (one["regret"], one["distinct"]) == (0.0, n)
        assert study.farther(cell, one["values"]) == {"time_ns": 0.0}


def test_what_is_in_the_log_is_not_run_again(study, tmp_path):
    log = tmp_path / "runs.jsonl"
    asked = job(study, "random", 0.0)
    log.write_text(json.dumps({**asdict(asked), "runs": [], "seconds": 0.0}) + "\n")

    assert study.run_all([asked], tmp_path, 1, log) == {asked: {**asdict(asked), "runs": [], "seconds": 0.0}}


def test_the_learning_rate_is_the_best_over_the_cells(study):
    finals = {1e-5: (1.0, 1.0), 1e-4: (1.0, 50.0), 1e-3: (9.0, 10.0), 1e-2: (8.0, 10.0)}
    runs = {
        job(study, "team", rate, objective): {"runs": [{"final": final}]}
        for rate, pair in finals.items()
        for objective, final in zip(("joint", "low power"), pair, strict=True)
    }

    found = study.tuned(runs, {("stream", "joint"): 10.0, ("stream", "low power"): 100.0})

    assert found == {"team": 1e-3}


def test_duels_count_cells_that_are_sure(study):
    def run(trace, method, finals):
        return [{"trace": trace, "objective": "joint", "method": method, "final": one} for one in finals]

    many = np.arange(10.0)
    runs = [
        *run("stream", "team", many + 100), *run("stream", "other", many),
        *run("random", "team", many), *run("random", "other", many),
        *run("cloud-1", "team", many), *run("cloud-1", "other", many + 100),
        *run("cloud-2", "team", many), *run("cloud-2", "other", many + 100),
    ]  # fmt: skip

    (row,) = study.duels(runs, "team")

    assert (row["cells"], row["better"], row["worse"]) == (4, 1, 2)
    assert row["probability"]["value"] == pytest.approx((1.0 + 0.5) / 4)


def test_the_report_has_a_line_a_cell_and_a_column_a_method(study, tmp_path, capsys):
    methods = ("random", "cem")
    found = {name: study.run(job(study, name, 0.0), tmp_path)["runs"] for name in methods}
    given = asdict(job(study, "cem")) | {"farther": {"time_ns": 1.0}}
    runs = [{**given, **one, "method": name} for name in methods for one in found[name]]

    study.report({"team": 1e-3}, runs, as_json=False)
    text = capsys.readouterr().out
    study.report({"team": 1e-3}, runs, as_json=True)

    assert text.count("| stream, joint |") == 4
    assert "| cell | random | cem |" in text
    assert {row["method"] for row in json.loads(capsys.readouterr().out)["cells"]} == set(methods)
    figure = study.picture(runs, {("stream", "joint"): 1000.0})
    assert [line.name for line in figure.data] == list(methods)


def test_the_published_device_space_and_traces_exist():
    from simulators.dram.simulator import DramSimulator

    spec = importlib.util.spec_from_file_location("published_names", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["published_names"] = module
    spec.loader.exec_module(module)
    del sys.modules["published_names"]
    memory = DramSimulator("dramgym-published", module.DEVICE)
    works = [module.workload_of(name) for name in module.TRACES]

    assert memory.space.raw_size == 442_368
    assert {len(work.traces[0]) for work in works} == {10_000}
    assert not any(work.traces[0].is_write.any() for work in works)
    measured = memory.run_batch([memory.space.default()], works)
    assert np.isfinite(measured.values[:, :, [memory.schema.index(name) for name in module.TARGETS]]).all()
