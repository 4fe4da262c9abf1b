"""`dse importance` on a small campaign of the DRAM controller."""

from __future__ import annotations

import json

import pytest

from dse.campaign import Campaign
from tests.dse.cli.conftest import SMALL_CAMPAIGN


@pytest.fixture(scope="module")
def sampled_store(tmp_path_factory):
    """The small campaign with 120 random designs: enough to rate 17 parameters."""
    path = tmp_path_factory.mktemp("sampled") / "campaigns.sqlite"
    Campaign({**SMALL_CAMPAIGN, "budget": {"unique": 120, "batch": 40}}).run(store=path, threads=1)
    return path


@pytest.fixture
def importance(run, sampled_store):
    """Runs `dse importance small ...` on it."""
    return lambda *args: run("importance", "small", "--store", str(sampled_store), *args)


def test_subsystems_and_parameters_are_rated(importance):
    status, out, _ = importance("--objective", "energy_per_bit_pj")

    assert status == 0
    assert "energy_per_bit_pj: share of the variance" in out
    assert out.index("subsystem") < out.index("parameter")
    assert "Measured with one value only, so not rated: refresh_policy." in out


def test_json_has_every_parameter_with_its_interval(importance):
    status, out, _ = importance("--objective", "energy_per_bit_pj", "--json")

    data = json.loads(out, parse_constant=pytest.fail)
    kinds = [one["kind"] for one in data["metrics"][0]["influences"]]
    assert status == 0
    assert (kinds.count("parameter"), kinds.count("subsystem")) == (17, 6)
    assert data["metrics"][0]["influences"][0]["total"].keys() == {"value", "low", "high"}


def test_one_at_a_time_lists_every_parameter(importance):
    status, out, err = importance("--method", "one-at-a-time", "--design", "trial 3")

    assert status == 0
    assert "One change at a time around trial 3 of small" in out
    assert "batching_window_cycles" in out
    assert err.endswith("new simulations\n")


def test_shapley_values_add_up_from_the_baseline_to_the_design(importance):
    status, out, _ = importance("--method", "shapley", "--json")

    data = json.loads(out)
    total = [sum(share["values"][m] for share in data["shares"]) for m in range(2)]
    assert status == 0
    assert total == pytest.approx([b - a for a, b in zip(data["before"], data["after"], strict=True)])
    assert data["coalitions"] == 2 ** sum(bool(share["parameters"]) for share in data["shares"])


def test_a_second_look_simulates_nothing(importance):
    importance("--method", "shapley", "--design", "5")

    _, out, err = importance("--method", "shapley", "--design", "5")

    assert "0 designs were simulated for this" in out
    assert err == ""


def test_a_plot_is_written(importance, tmp_path):
    status, _, _ = importance("--method", "shapley", "--plot", "falls.html")

    assert status == 0
    assert "What each subsystem contributes" in (tmp_path / "falls.html").read_text()


def test_a_picture_without_its_library_names_the_install_command(importance, monkeypatch):
    import plotly.graph_objects as go

    def missing(*_, **__):
        raise ValueError("\nImage export requires the Kaleido package")

    monkeypatch.setattr(go.Figure, "write_image", missing)

    status, _, err = importance("--method", "shapley", "--plot", "falls.png")

    assert status == 3
    assert "pip install 'marl-dse[pictures]'" in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--method", "shaply"), "Did you mean 'shapley'?"),
        (("--objective", "energy"), "unknown metric 'energy'"),
        (("--plot", "x.gif"), "x.gif cannot be drawn: expected a name in '.html'"),
        (("--method", "shapley", "--design", "best"), "expected knee, the number of a trial"),
    ],
)
def test_a_wrong_option_is_named(importance, args, said):
    status, _, err = importance(*args)

    assert status == 3
    assert said in err


def test_too_few_trials_end_with_a_reason(run):
    status, _, err = run("importance", "small")

    assert status == 1
    assert "needs at least 85" in err
