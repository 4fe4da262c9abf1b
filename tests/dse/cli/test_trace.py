"""`dse trace`: what it prints and writes."""

from __future__ import annotations

import json

import pytest

import traces
from traces import TraceError


def test_info_prints_locality_load_and_footprint(dse_trace):
    shown = dse_trace("info", "synthetic:stream?n=1000")

    for line in (
        "requests             1,000",
        "read share           100.0 %",
        "offered              9.61 GB/s",
    ):
        assert line in shown


def test_info_as_json_carries_units_in_its_names(dse_trace):
    shown = json.loads(dse_trace("info", "synthetic:stream?n=1000", "--json"))

    assert shown["stats"]["footprint_bytes"] == 64_000
    assert shown["hash"] == traces.synthetic.stream(1000).hash


def test_info_with_a_device_adds_bank_spread_and_offered_load(dse_trace):
    arguments = ("--device", "ddr4-2400-8gb-x8", "--mapping", "row-column-bank", "--json")

    banks = json.loads(dse_trace("info", "synthetic:stream?n=1000", *arguments))["banks"]

    assert (banks["banks"], banks["banks_used"]) == (16, 16)
    assert banks["bank_evenness"] == pytest.approx(1, abs=1e-3)  # 1000 is not a multiple of 16
    assert banks["offered_load"] == pytest.approx(0.5, abs=0.01)  # 9.6 of 19.2 GB/s


def test_convert_says_what_the_format_cannot_hold(dse_trace, tmp_path):
    target = tmp_path / "a.lst"

    shown = dse_trace("convert", "synthetic:triad?n=300", target, "--length", 100)

    assert "100 requests" in shown
    assert "not kept by this format: arrival times" in shown
    assert len(target.read_text().splitlines()) == 100


def test_convert_reads_text_with_a_clock(dse_trace, tmp_path):
    (tmp_path / "a.stl").write_text("0: read 0x0\n4: write 0x40\n")

    dse_trace("convert", tmp_path / "a.stl", tmp_path / "a.npz", "--clock-mhz", 800)

    assert traces.read(tmp_path / "a.npz").duration_ns == 5.0


def test_generate_takes_options_of_the_generator(dse_trace, tmp_path):
    target = tmp_path / "a.npz"

    dse_trace("generate", "strided", target, "-n", 50, "--seed", 2, "-o", "stride_bytes=128", "--json")

    assert traces.read(target).hash == traces.synthetic.strided(50, seed=2, stride_bytes=128).hash


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("generate", "strem", "x.npz"), "did you mean 'stream'"),
        (("generate", "stream", "x.npz", "-o", "interval"), "expected KEY=VALUE"),
        (("generate", "stream", "x.npz", "-o", "intervall_cycles=3"), "did you mean 'interval_cycles'"),
        (("info", "sample:none"), "there is no sample 'none'"),
        (("record", "--cache", "16", "--", "true"), "expected SIZE_KIB:WAYS"),
    ],
)
def test_a_mistake_is_an_input_error(dse_trace, arguments, reason):
    with pytest.raises(TraceError, match=reason):
        dse_trace(*arguments)


@pytest.mark.requires_program("valgrind")
def test_record_writes_a_trace_of_a_program(dse_trace, tmp_path):
    target = tmp_path / "t.npz"

    shown = json.loads(
        dse_trace(
            "record",
            "-o",
            target,
            "--cache",
            "8:2",
            "--cpi",
            1,
            "--max-requests",
            500,
            "--json",
            "--",
            "true",
        )
    )

    assert shown["requests"] == 500
    assert traces.read(target).provenance["cache"].startswith("L1 8 KiB 2-way, 64 B")
