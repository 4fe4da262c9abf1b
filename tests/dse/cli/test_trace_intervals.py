"""`dse trace intervals`: intervals as a table, as JSON, as a file and as a picture."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import traces
from dse.cli.trace import app
from dse.errors import ConfigError
from traces import TraceError, Workload
from traces.intervals import representative

PHASES = "synthetic:phases?n=20000&phase_length=5000&seed=1"


@pytest.fixture
def intervals():
    """Run `dse trace intervals ARGS`; errors of the user come out as they are raised."""

    def run(*arguments):
        result = CliRunner().invoke(app, ["intervals", *(str(argument) for argument in arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_json_has_the_intervals_that_a_campaign_would_simulate(intervals):
    found = json.loads(intervals(PHASES, "--share", "0.2", "--seed", "3", "--json"))

    expected = representative(Workload.of(traces.load(PHASES)), 0.2, seed=3)

    keys = ("start", "length", "warmup", "weight")
    assert [tuple(row[key] for key in keys) for row in found["intervals"]] == [
        tuple(getattr(piece, key) for key in keys) for piece in expected
    ]
    assert found["simulated_requests"] == sum(piece.length for piece in expected)
    assert sum(row["share"] for row in found["intervals"]) == pytest.approx(1)


def test_json_says_to_which_cluster_every_interval_belongs(intervals):
    found = json.loads(intervals(PHASES, "--share", "0.2", "--json"))

    assert len(found["edges"]) == len(found["cluster"]) + 1
    assert found["edges"][-1] == found["requests"] == 20_000
    assert [found["cluster"][row["interval"]] for row in found["intervals"]] == [
        row["cluster"] for row in found["intervals"]
    ]


def test_the_table_shows_what_each_interval_stands_for_and_how_it_behaves(intervals):
    shown = intervals("synthetic:uniform_random?n=10000", "--share", "1", "--length", "7500")

    assert "Intervals that stand for uniform_random" in shown
    assert "of 10,000 requests are simulated" in shown
    assert "100.0%" in shown
    assert "150.0" in shown  # requests a microsecond: one in eight clocks of 1200 MHz


def test_the_file_has_what_json_prints(intervals, tmp_path):
    target = tmp_path / "intervals.json"

    printed = intervals(PHASES, "--json", "--out", target)

    assert json.loads(target.read_text()) == json.loads(printed)


def test_the_picture_is_one_page_of_html(intervals, tmp_path):
    target = tmp_path / "intervals.html"

    intervals(PHASES, "--plot", target)

    assert "simulated for its cluster" in target.read_text(encoding="utf-8")


def test_text_traces_get_their_clock(intervals, tmp_path):
    text = tmp_path / "some.txt"
    text.write_text("".join(f"{4 * i}: read 0x{64 * i:x}\n" for i in range(400)))

    found = json.loads(intervals(text, "--format", "stl", "--clock-mhz", "1000", "--share", "0.5", "--json"))

    assert found["requests"] == 400


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        (("--share", "1.5"), TraceError, "share=1.5 is out of range"),
        (("--share", "0.1", "--length", "5000"), TraceError, "expected a share of at least 0.3333"),
        (("--plot", "some.pdf"), ConfigError, "expected a name in .html"),
        (("--out", "/nowhere/some.json"), ConfigError, "cannot be written"),
        (("--plot", "/nowhere/some.html"), ConfigError, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(intervals, arguments, error, reason):
    with pytest.raises(error, match=reason):
        intervals(PHASES, *arguments)
