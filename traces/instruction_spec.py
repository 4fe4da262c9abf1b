"""One string that names an instruction trace:

runs/mine.champsimtrace.xz              a file
sample:quicksort                        a recording that ships with the program
synthetic:matmul?n=200000&seed=1        a generator with its options
synthetic:locked?threads=4&thread=0     one thread of a generator of several
accesses:sample:sort?gap=3              any memory trace as instructions; gap, dependence: see `of_accesses`
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

from traces.catalog import instruction_sample, instruction_samples, samples
from traces.errors import TraceError
from traces.formats import format_of
from traces.instruction_files import file_holds_instructions, read_instructions
from traces.instructions import InstructionTrace, of_accesses
from traces.shared_instructions import THREAD_GENERATORS
from traces.spec import called, load, near, parsed
from traces.synthetic import GENERATORS
from traces.synthetic_instructions import INSTRUCTION_GENERATORS
from traces.synthetic_particles import PHASED_PROGRAMS

_ANY_CLOCK_MHZ = 1000.0  # of text traces, whose times play no part here


def load_instructions(
    spec: str,
    base: Path | None = None,
    *,
    format: str | None = None,
    max_instructions: int | None = None,
) -> InstructionTrace:
    """The trace that `spec` names; a relative path is taken from `base`, or else from the working directory.

    format: of files, when the suffix does not say it. max_instructions: the first so many. Raises TraceError;
    for a memory trace it says how to ask for it as instructions.
    """
    kind, colon, rest = spec.partition(":")
    if not colon or kind not in _KINDS:
        path = Path(spec).expanduser()
        return read_instructions(
            base / path if base else path, format=format, max_instructions=max_instructions
        )
    if kind == "accesses":
        trace = _accesses(rest, base, format)
    else:
        trace = _sample(rest) if kind == "sample" else _generated(rest)
    return trace if max_instructions is None else trace.head(max_instructions)


def load_threads(spec: str, base: Path | None = None) -> tuple[InstructionTrace, ...]:
    """All threads of a generator of several, which share memory; of any other spec the one trace it names."""
    kind, _, rest = spec.partition(":")
    name, options = parsed(rest) if kind == "synthetic" else ("", {})
    if name not in THREAD_GENERATORS or "thread" in options:
        return (load_instructions(spec, base),)
    threads: tuple[InstructionTrace, ...] = called(THREAD_GENERATORS[name], name, options)
    return threads


def holds_instructions(spec: str, base: Path | None = None, *, format: str | None = None) -> bool:
    """Whether `spec` names an instruction trace and not a memory trace; what names both is memory.

    Raises TraceError for a .npz file that cannot be read.
    """
    kind, colon, rest = spec.partition(":")
    name = rest.partition("?")[0]
    if not colon or kind not in _KINDS:
        path = Path(spec).expanduser()
        return file_holds_instructions(base / path if base else path, format)
    if kind == "sample":
        return name in instruction_samples()
    return kind == "accesses" or (name in _ALL and name not in GENERATORS)


def told_as_memory(spec: str) -> TraceError:
    """The error for a memory trace where instructions are expected."""
    gap = "&gap=3" if "?" in spec else "?gap=3"
    return TraceError(
        f"{spec!r} holds memory requests, not instructions: as instructions it is 'accesses:{spec}{gap}', "
        "with gap simple instructions before each access"
    )


_KINDS = ("sample", "synthetic", "accesses")
_OF_ONE_THREAD = {**INSTRUCTION_GENERATORS, **PHASED_PROGRAMS}
_ALL = (*_OF_ONE_THREAD, *THREAD_GENERATORS)


def _sample(name: str) -> InstructionTrace:
    if name in samples():
        raise told_as_memory(f"sample:{name}")
    return instruction_sample(name)


def _generated(text: str) -> InstructionTrace:
    name, options = parsed(text)
    if name in _OF_ONE_THREAD:
        made: InstructionTrace = called(_OF_ONE_THREAD[name], name, options)
        return made
    if name in THREAD_GENERATORS:
        return _one_thread(name, options)
    if name in GENERATORS:
        raise told_as_memory(f"synthetic:{text}")
    raise TraceError(f"unknown generator {name!r}: expected one of {', '.join(_ALL)}{near(name, _ALL)}")


def _one_thread(name: str, options: dict[str, str]) -> InstructionTrace:
    written = options.pop("thread", None)
    threads: tuple[InstructionTrace, ...] = called(THREAD_GENERATORS[name], name, options)
    if written is None or not written.isdecimal() or int(written) >= len(threads):
        got = "is not given" if written is None else f"is {written!r}"
        raise TraceError(
            f"{name} makes {len(threads)} threads and option thread {got}: expected 0 to {len(threads) - 1}"
        )
    return threads[int(written)]


def _accesses(text: str, base: Path | None, format: str | None) -> InstructionTrace:
    source, options = parsed(text)
    gap, dependence = (_count(key, options.pop(key, "0")) for key in ("gap", "dependence"))
    inner = f"{source}?{urlencode(options, safe=',')}" if options else source
    is_file = not source.startswith(("sample:", "synthetic:"))
    clock_mhz = _ANY_CLOCK_MHZ if is_file and format_of(Path(source), format).name != "npz" else None
    if is_file and options:
        raise TraceError(f"a file has no option {next(iter(options))!r}: expected gap, dependence")
    memory = load(inner, base, clock_mhz=clock_mhz, format=format if is_file else None)
    said = {**memory.provenance, "accesses": inner, "gap": str(gap), "dependence": str(dependence)}
    if not dependence:
        said["warning"] = (
            "no access waits for another: what comes out is an upper bound of memory parallelism"
        )
    return of_accesses(memory.address, memory.is_write, gap, dependence, name=memory.name, provenance=said)


def _count(key: str, written: str) -> int:
    if not written.isdecimal():
        raise TraceError(f"{key}={written!r} is not a count: expected an integer from 0")
    return int(written)
