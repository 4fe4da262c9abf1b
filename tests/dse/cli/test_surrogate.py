"""`dse surrogate` on a small campaign of the DRAM controller."""

from __future__ import annotations

import json

import pytest

from dse.campaign import Campaign
from tests.dse.cli.conftest import SMALL_CAMPAIGN


@pytest.fixture(scope="module")
def sampled_store(tmp_path_factory):
    """The small campaign with 80 random designs."""
    path = tmp_path_factory.mktemp("sampled") / "campaigns.sqlite"
    Campaign({**SMALL_CAMPAIGN, "budget": {"unique": 80, "batch": 40}}).run(store=path, threads=1)
    return path


@pytest.fixture
def surrogate(run, sampled_store):
    """Runs `dse surrogate small ...` on it."""
    return lambda *args: run("surrogate", "small", "--store", str(sampled_store), *args)


def test_every_model_is_rated_on_every_objective(surrogate):
    status, out, err = surrogate("--designs", "40")

    lines = [line.split()[:2] for line in out.splitlines() if line.split()[1:2] in (["forest"], ["gp"])]
    assert (status, err) == (0, "")
    assert lines == [
        ["read_latency_p95_ns", "forest"],
        ["read_latency_p95_ns", "gp"],
        ["energy_per_bit_pj", "forest"],
        ["energy_per_bit_pj", "gp"],
    ]
    assert "learnt from" in out


def test_json_has_every_prediction(surrogate):
    status, out, _ = surrogate("--model", "forest", "--metric", "row_hit_rate", "--designs", "40", "--json")

    data = json.loads(out, parse_constant=pytest.fail)
    found = data["metrics"][0]
    assert status == 0
    assert (data["designs"], found["metric"], found["model"]) == (40, "row_hit_rate", "forest")
    assert len(found["simulated"]) == len(found["predicted"]) == len(found["deviation"]) == 40


def test_what_was_drawn_is_said(surrogate):
    _, out, _ = surrogate("--model", "gp", "--designs", "40")

    assert "Drawn at random from" in out


def test_a_plot_is_written(surrogate, tmp_path):
    status, _, _ = surrogate("--model", "gp", "--plot", "models.html")

    assert status == 0
    assert "within two deviations" in (tmp_path / "models.html").read_text()


def test_a_picture_without_its_library_names_the_install_command(surrogate, monkeypatch):
    import plotly.graph_objects as go

    def missing(*_, **__):
        raise ValueError("\nImage export requires the Kaleido package")

    monkeypatch.setattr(go.Figure, "write_image", missing)

    status, _, err = surrogate("--model", "gp", "--plot", "models.png")

    assert status == 3
    assert "pip install 'marl-dse[pictures]'" in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--model", "forrest"), "Did you mean 'forest'?"),
        (("--metric", "energy"), "unknown metric 'energy'"),
        (("--plot", "x.gif"), "x.gif cannot be drawn: expected a name in '.html'"),
    ],
)
def test_a_wrong_option_is_named(surrogate, args, said):
    status, _, err = surrogate(*args)

    assert status == 3
    assert said in err
