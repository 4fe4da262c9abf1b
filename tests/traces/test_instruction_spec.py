"""Instruction traces by name: files, recordings, generators, and memory traces taken as instructions."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from tests.traces.any_instructions import a_loop
from traces import TraceError, load_instructions, load_threads, read_instructions, write_instructions
from traces.champsim import CLOUDSUITE, to_records
from traces.instruction_files import file_holds_instructions, instruction_losses
from traces.instruction_spec import holds_instructions
from traces.shared_instructions import locked
from traces.synthetic_instructions import branchy, matmul


@pytest.mark.parametrize(
    "suffix", [".npz", ".champsimtrace", ".champsimtrace.xz", ".champsim.gz", ".npz.zst"]
)
def test_a_file_is_read_and_written_by_its_suffix(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_instructions(a_loop(), path)

    assert read_instructions(path).hash == a_loop().hash
    assert load_instructions(path.name, tmp_path).hash == a_loop().hash
    assert load_instructions(str(path), max_instructions=4).hash == a_loop().head(4).hash


def test_records_under_any_name_are_read_when_the_format_is_given(tmp_path):
    (tmp_path / "a.trace").write_bytes(to_records(a_loop()).tobytes())

    assert load_instructions(str(tmp_path / "a.trace"), format="champsim").hash == a_loop().hash


def test_cloudsuite_records_are_read_and_not_written(tmp_path):
    records = to_records(a_loop())
    wide = np.zeros(len(records), CLOUDSUITE)
    for name in ("ip", "is_branch", "taken", "sources", "read"):
        wide[name] = records[name]
    for name in ("destinations", "written"):
        wide[name][:, :2] = records[name]
    (tmp_path / "a.cloudsuite").write_bytes(wide.tobytes())

    assert read_instructions(tmp_path / "a.cloudsuite").hash == a_loop().hash
    with pytest.raises(TraceError, match="read only: write one of champsim, npz"):
        write_instructions(a_loop(), tmp_path / "b.cloudsuite")


def test_what_a_file_loses_depends_on_its_format():
    assert instruction_losses(a_loop(), "a.npz") == ()
    assert instruction_losses(a_loop(), "a.champsimtrace.xz") == ("name and provenance",)


def test_a_generator_takes_its_options_as_text():
    made = load_instructions("synthetic:branchy?n=1200&seed=9&taken_probability=0.9")

    assert made.hash == branchy(1200, seed=9, taken_probability=0.9).hash


def test_a_generator_without_options_makes_100000_instructions():
    assert load_instructions("synthetic:matmul").hash == matmul(100_000).hash


def test_one_thread_of_several_is_picked_by_its_number():
    made = load_instructions("synthetic:locked?n=500&threads=3&thread=2")

    assert made.hash == locked(500, threads=3)[2].hash


def test_all_threads_are_loaded_together():
    made = load_threads("synthetic:locked?n=500&threads=3")

    assert [trace.hash for trace in made] == [trace.hash for trace in locked(500, threads=3)]


@pytest.mark.parametrize("spec", ["synthetic:locked?n=500&thread=1", "synthetic:matmul?n=500"])
def test_one_trace_is_a_program_of_one_thread(spec):
    assert [trace.hash for trace in load_threads(spec)] == [load_instructions(spec).hash]


def test_a_recording_is_loaded_by_name():
    assert "parser" in traces.instruction_samples()
    assert load_instructions("sample:parser").hash == traces.instruction_sample("parser").hash


@pytest.mark.parametrize(
    "inner", ["synthetic:zipf_rows?n=100&seed=3", "synthetic:phases?n=100&kinds=stream,bursty", "sample:sort"]
)
def test_a_memory_trace_is_taken_as_instructions(inner):
    memory = traces.load(inner)

    trace = load_instructions(f"accesses:{inner}{'&' if '?' in inner else '?'}gap=3&dependence=1")

    assert len(trace) == 4 * len(memory)
    assert trace.address.tolist() == memory.address.tolist()
    assert (trace.n_stores[3::4] == memory.is_write).all()
    assert (trace.provenance["gap"], trace.provenance["dependence"]) == ("3", "1")


def test_a_text_file_of_requests_needs_no_clock_to_be_taken_as_instructions(tmp_path):
    (tmp_path / "a.lst").write_text("LD 0x40\nST 0x80\n")

    assert load_instructions("accesses:a.lst", tmp_path).address.tolist() == [64, 128]


def test_accesses_without_dependences_say_that_they_bound_parallelism():
    bound = load_instructions("accesses:synthetic:stream?n=10").provenance
    chained = load_instructions("accesses:synthetic:stream?n=10&dependence=1").provenance

    assert "upper bound of memory parallelism" in bound["warning"]
    assert "warning" not in chained


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("synthetic:matmull?n=5", "unknown generator 'matmull'.*did you mean 'matmul'"),
        ("synthetic:matmul?sise=5", "matmul has no option 'sise': expected n, seed, order"),
        ("synthetic:matmul?n=x", "n='x' is not an integer"),
        ("synthetic:matmul?n=5&n=6", "given twice"),
        ("synthetic:bursty?n=50", r"holds memory requests, .* 'accesses:synthetic:bursty\?n=50&gap=3'"),
        (
            "synthetic:locked?threads=2",
            "locked makes 2 threads and option thread is not given: expected 0 to 1",
        ),
        ("synthetic:locked?threads=2&thread=2", "option thread is '2': expected 0 to 1"),
        ("sample:sort", r"holds memory requests, .* 'accesses:sample:sort\?gap=3'"),
        ("sample:quickson", "there is no sample 'quickson'.*did you mean 'quicksort'"),
        ("accesses:sample:sort?gap=-1", "gap='-1' is not a count"),
        ("accesses:sample:sort?dependence=300", "dependence.* = 300 is out of range: expected 0 to 200"),
        ("accesses:a.stl?n=5", "a file has no option 'n': expected gap, dependence"),
        ("accesses:synthetic:matmul", "matmul makes instructions, not memory requests"),
        ("a.stl.gz", r"suffix '\.stl' is of memory traces.*accesses:FILE"),
        ("a.xyz", r"suffix '\.xyz' names no format of instruction traces: expected one of \.champsimtrace"),
        ("none.champsimtrace", r"none\.champsimtrace: cannot read the trace"),
    ],
)
def test_what_names_no_instruction_trace_is_refused_with_what_would(spec, reason):
    with pytest.raises(TraceError, match=reason):
        load_instructions(spec)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"format": "stl"}, "stl is a format of memory traces"),
        ({"format": "champsin"}, "unknown trace format 'champsin'.*did you mean 'champsim'"),
    ],
)
def test_a_format_that_holds_no_instructions_is_refused(options, reason):
    with pytest.raises(TraceError, match=reason):
        load_instructions("a.npz", **options)


@pytest.mark.parametrize(
    ("spec", "options", "reason"),
    [
        ("a.champsimtrace.xz", {}, r"suffix '\.champsimtrace' is of instruction traces"),
        ("a.bin", {"format": "champsim"}, "champsim is a format of instruction traces"),
        ("accesses:sample:sort", {}, "makes instructions"),
        ("synthetic:matmul", {}, "matmul makes instructions.*dse trace convert 'synthetic:matmul"),
    ],
)
def test_an_instruction_trace_is_refused_where_requests_are_expected(spec, options, reason):
    with pytest.raises(TraceError, match=reason):
        traces.load(spec, **options)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("synthetic:matmul", True),
        ("synthetic:locked?thread=0", True),
        ("synthetic:stream", False),
        ("synthetic:unknown", False),
        ("sample:sort", False),
        ("accesses:sample:sort", True),
        ("a.champsimtrace.xz", True),
        ("a.cloudsuite", True),
        ("a.stl.gz", False),
        ("a", False),
    ],
)
def test_a_name_tells_what_it_holds(spec, expected):
    assert holds_instructions(spec) is expected


def test_a_file_of_ours_tells_what_it_holds(tmp_path):
    write_instructions(a_loop(), tmp_path / "a.npz")
    traces.write(traces.synthetic.stream(10), tmp_path / "b.npz.gz")

    assert holds_instructions("a.npz", tmp_path)
    assert not file_holds_instructions(tmp_path / "b.npz.gz")
    assert file_holds_instructions(tmp_path / "a.npz", "npz")
    assert file_holds_instructions(tmp_path / "b.npz.gz", "champsim")
    assert not file_holds_instructions(tmp_path / "a.npz", "stl")
