"""`dse trace info --caches`: hits at all sizes of a cache."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import traces
from dse.cli.trace import app


@pytest.fixture
def loop(tmp_path):
    """A file of ten turns of a loop over 100 lines."""
    line = np.arange(1000, dtype=np.uint64) % 100
    trace = traces.Trace(arrival_cycle=np.arange(len(line)), address=64 * line, is_write=0, clock_ns=1.0)
    traces.write(trace, tmp_path / "loop.npz")
    return tmp_path / "loop.npz"


def _shown(*arguments):
    result = CliRunner().invoke(app, ["info", *(str(argument) for argument in arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_table_shows_a_bar_a_size_and_the_first_uses(loop):
    shown = _shown(loop, "--caches")

    assert "of 1,000 accesses" in shown
    assert "    4 KiB    0.0 %\n" in shown
    assert f"    8 KiB   90.0 %  {'#' * 36}\n" in shown
    assert "first uses  10.0 %" in shown


def test_sizes_with_nothing_more_to_gain_are_left_out():
    shown = _shown("sample:parser", "--caches")

    assert "1 KiB   99.7 %" in shown
    assert "32 KiB" not in shown


def test_the_curve_is_part_of_the_json_object(loop):
    shown = json.loads(_shown(loop, "--caches", "--json"))

    assert shown["caches"]["size_bytes"] == [1024, 2048, 4096, 8192]
    assert shown["caches"]["hit_share"] == [0, 0, 0, 0.9]
    assert "caches" not in json.loads(_shown(loop, "--json"))


def test_instructions_have_a_curve_too():
    shown = json.loads(_shown("sample:chase", "--caches", "--json"))["caches"]

    assert shown["hit_share"][-1] + shown["first_use_share"] == pytest.approx(1)
