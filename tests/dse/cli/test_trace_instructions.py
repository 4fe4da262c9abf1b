"""`dse trace info` and `dse trace convert` of instruction traces."""

from __future__ import annotations

import json

import pytest

import traces
from traces import TraceError
from traces.synthetic_instructions import branchy, matmul, stream


def test_info_prints_mix_branches_footprint_and_dependences(dse_trace):
    shown = dse_trace("info", "synthetic:matmul?n=1000")

    for line in (
        "generator: matmul",
        "instructions         1,000",
        "loads                400",
        "branches taken       99.5 %",
        "code lines           1 of 64 bytes",
        "dependence distance  2 instructions (median)",
        "kinds of branches    conditional 20.0%",
        "operations           simple 100.0%",
    ):
        assert line in shown


def test_info_as_json_says_that_it_is_of_instructions(dse_trace):
    shown = json.loads(dse_trace("info", "synthetic:branchy?n=1200", "--json"))

    assert (shown["kind"], shown["hash"]) == ("instructions", branchy(1200).hash)
    assert shown["stats"] == traces.describe_instructions(branchy(1200)).to_dict()


def test_a_name_of_both_kinds_is_of_memory_unless_instructions_are_asked_for(dse_trace):
    memory = json.loads(dse_trace("info", "synthetic:stream?n=600", "--json"))
    instructions = json.loads(dse_trace("info", "synthetic:stream?n=600", "--instructions", "--json"))

    assert memory["stats"]["requests"] == 600
    assert instructions["hash"] == stream(600).hash


def test_a_trace_goes_through_the_formats_and_says_what_is_lost(dse_trace, tmp_path):
    records, ours = tmp_path / "a.champsimtrace.xz", tmp_path / "a.npz"

    first = dse_trace("convert", "synthetic:matmul?n=1000", records)
    second = json.loads(dse_trace("convert", records, ours, "--json"))

    assert "1,000 instructions" in first
    assert "not kept by this format: name and provenance" in first
    assert (second["instructions"], second["lost"], second["hash"]) == (1000, [], matmul(1000).hash)
    assert traces.load_instructions(str(ours)).hash == matmul(1000).hash
    assert json.loads(dse_trace("info", ours, "--json"))["kind"] == "instructions"


def test_only_the_first_instructions_are_kept_when_asked(dse_trace, tmp_path):
    dse_trace("convert", "synthetic:matmul?n=1000", tmp_path / "a.npz", "--length", 40)

    assert traces.read_instructions(tmp_path / "a.npz").hash == matmul(1000).head(40).hash


def test_records_under_any_name_are_converted_by_format(dse_trace, tmp_path):
    dse_trace("convert", "synthetic:matmul?n=100", tmp_path / "a.bin", "--to", "champsim")

    dse_trace("convert", tmp_path / "a.bin", tmp_path / "b.npz", "--format", "champsim")

    assert traces.read_instructions(tmp_path / "b.npz").hash == matmul(100).hash


def test_a_memory_trace_is_written_as_instructions_when_asked(dse_trace, tmp_path):
    dse_trace("convert", "accesses:synthetic:triad?n=300&gap=2", tmp_path / "a.npz")

    assert len(traces.read_instructions(tmp_path / "a.npz")) == 900


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("info", "synthetic:matmul", "--device", "ddr4-2400-8gb-x8"), "leave out --device"),
        (
            ("info", "synthetic:matmul", "--clock-mhz", 3, "--device", "x"),
            "leave out --device and --clock-mhz",
        ),
        (("info", "sample:sort", "--instructions"), r"it is 'accesses:sample:sort\?gap=3'"),
        (("convert", "sample:sort", "a.champsimtrace"), r"it is 'accesses:sample:sort\?gap=3'"),
        (("convert", "sample:sort", "a.bin", "--to", "champsim"), r"it is 'accesses:sample:sort\?gap=3'"),
        (("convert", "synthetic:matmul", "a.stl"), r"a\.stl: the suffix '\.stl' is of memory traces"),
        (("generate", "matmul", "a.npz"), "dse trace convert 'synthetic:matmul"),
        (("info", "none.champsimtrace"), r"none\.champsimtrace: cannot read"),
    ],
)
def test_what_does_not_fit_a_kind_is_refused_with_what_would(dse_trace, arguments, reason):
    with pytest.raises(TraceError) as caught:
        dse_trace(*arguments)

    assert caught.match(reason)
