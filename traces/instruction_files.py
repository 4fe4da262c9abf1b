"""Read and write instruction traces in any format of traces/formats.py, compressed as the suffix says."""

from __future__ import annotations

from pathlib import Path

from traces.champsim import CLOUDSUITE, RECORD, champsim_losses, read_champsim, write_champsim
from traces.container import INSTRUCTIONS, format_held
from traces.errors import TraceError
from traces.formats import FORMATS, INSTRUCTION_FORMATS, bare_name, instruction_format_of, is_of_instructions
from traces.instruction_npz import read_instruction_npz, write_instruction_npz
from traces.instructions import InstructionTrace


def read_instructions(
    path: str | Path, *, format: str | None = None, max_instructions: int | None = None
) -> InstructionTrace:
    """The instruction trace in `path`, whose suffix says the format unless `format` does.

    max_instructions: stop reading there. Raises TraceError with the file, and the offset in it where one is
    known; for a file of memory requests it says so.
    """
    path = Path(path)
    row = instruction_format_of(path, format, _AS_INSTRUCTIONS)
    if row.name == "npz":
        trace = read_instruction_npz(path)
        return trace if max_instructions is None else trace.head(max_instructions)
    record = CLOUDSUITE if row.name == "champsim-cloudsuite" else RECORD
    return read_champsim(path, record=record, max_instructions=max_instructions)


_AS_INSTRUCTIONS = ": give it where memory traces are expected, or as instructions with accesses:FILE?gap=3"


def write_instructions(trace: InstructionTrace, path: str | Path, *, format: str | None = None) -> None:
    """Write `trace` to `path`, replacing the file only once it is complete. Raises TraceError."""
    path = Path(path)
    row = instruction_format_of(path, format)
    if not row.is_written:
        written = ", ".join(row.name for row in INSTRUCTION_FORMATS.values() if row.is_written)
        raise TraceError(f"{row.name} is read only: write one of {written}", path=path)
    if row.name == "npz":
        write_instruction_npz(trace, path)
    else:
        write_champsim(trace, path)


def instruction_losses(
    trace: InstructionTrace, path: str | Path, *, format: str | None = None
) -> tuple[str, ...]:
    """What of `trace` the format of `path` cannot hold, for people; empty when nothing is lost."""
    return () if instruction_format_of(Path(path), format).name == "npz" else champsim_losses(trace)


def file_holds_instructions(path: Path, format: str | None = None) -> bool:
    """Whether the file is an instruction trace, by format, by suffix, and for .npz by what its header says.

    Raises TraceError for a .npz file that cannot be read.
    """
    if is_of_instructions(path, format):
        return True
    is_ours = format == "npz" or (
        format is None and bare_name(path).suffix.lower() in FORMATS["npz"].suffixes
    )
    return is_ours and format_held(path) == INSTRUCTIONS
