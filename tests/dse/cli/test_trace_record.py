"""`dse trace record --instructions`: what it writes and what it refuses."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dse.cli.trace import app
from traces import TraceError
from traces.champsim import read_champsim
from traces.instruction_npz import read_instruction_npz

needs_valgrind = pytest.mark.requires_program("valgrind")


@pytest.fixture
def record():
    """Run `dse trace record --instructions ARGS`: what it prints, and on stderr."""

    def run(*arguments):
        result = CliRunner().invoke(app, ["record", *map(str, arguments)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return run


@needs_valgrind
def test_instructions_of_a_program_are_written_in_the_compact_format(record, tmp_path):
    target = tmp_path / "t.npz"

    shown = record("--instructions", "-o", target, "--max-instructions", 5000, "--json", "--", "true").stdout

    written = json.loads(shown)
    trace = read_instruction_npz(target)
    assert written["instructions"] == len(trace) == 5000
    assert written["hash"] == trace.hash
    assert written["provenance"]["ends"] == "5000 instructions"
    assert written["lost"] == []
    assert trace.name == "true"


@needs_valgrind
def test_the_suffix_chooses_the_format_of_champsim(record, tmp_path):
    target = tmp_path / "t.champsimtrace.gz"

    shown = record(
        "--instructions", "-o", target, "--skip", 100, "--max-instructions", 700, "--", "true"
    ).stdout

    assert "700 instructions" in shown
    assert "ends at: 700 instructions" in shown
    assert "not kept by this format: " in shown
    assert len(read_champsim(target)) == 700


@needs_valgrind
def test_what_was_lost_is_said_beside_the_result(record, tmp_path, monkeypatch):
    monkeypatch.setattr("traces.record_instructions.warnings", lambda trace: ["half of it is missing"])

    result = record("--instructions", "-o", tmp_path / "t.npz", "--max-instructions", 10, "--", "true")

    assert "note: half of it is missing" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--instructions", "--cache", "16:4"), "--cache is not for --instructions"),
        (("--instructions", "--max-requests", "10"), "--max-requests is not for --instructions"),
        (("--from", "main"), "--from needs --instructions"),
        (("--to", "main"), "--to needs --instructions"),
        (("--max-instructions", "10"), "--max-instructions needs --instructions"),
        (("--instructions", "-o", "t.stl"), "'.stl' is of memory traces"),
        (("--instructions", "-o", "t.txt"), "'.txt' names no format of instruction traces"),
    ],
)
def test_a_mistake_is_an_input_error_before_anything_runs(record, arguments, reason):
    with pytest.raises(TraceError, match=reason):
        record(*arguments, "--", "no-such-program")
