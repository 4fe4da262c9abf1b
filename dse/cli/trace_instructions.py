"""`dse trace info` and `dse trace convert` of instruction traces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traces.instructions import InstructionTrace

# Label, key of InstructionStats, how to print it, factor.
_SHOWN: tuple[tuple[str, str, str, float], ...] = (
    ("instructions", "instructions", "{:,.0f}", 1),
    ("loads", "loads", "{:,.0f}", 1),
    ("stores", "stores", "{:,.0f}", 1),
    ("memory instructions", "memory_instructions", "{:,.0f}", 1),
    ("branches", "branches", "{:,.0f}", 1),
    ("branch share", "branch_share", "{:.1f} %", 100),
    ("branches taken", "taken_share", "{:.1f} %", 100),
    ("static instructions", "static_instructions", "{:,.0f}", 1),
    ("code lines", "code_lines", "{:,.0f} of 64 bytes", 1),
    ("data lines", "data_lines", "{:,.0f} of 64 bytes", 1),
    ("data lines written", "data_lines_written", "{:,.0f}", 1),
    ("data pages", "data_pages", "{:,.0f} of 4 KiB", 1),
    ("dependent", "dependent_share", "{:.1f} % of instructions", 100),
    ("dependence distance", "dependence_median", "{:g} instructions (median)", 1),
    ("", "dependence_p90", "{:g} instructions (90 % are at most)", 1),
    ("loads fed by a load", "chained_load_share", "{:.1f} %", 100),
)


def show_info(
    spec: str, format: str | None, as_json: bool, caches: bool, *, for_memory: dict[str, Any]
) -> None:
    """Print what an instruction trace is. for_memory: options given that only memory traces have."""
    import traces
    from dse.cli.trace_caches import curve_of, print_curve

    _refuse(spec, for_memory)
    trace = traces.load_instructions(spec, format=format)
    stats = traces.describe_instructions(trace).to_dict()
    if as_json:
        shown = {"trace": spec, "kind": "instructions", **_identity(trace), "stats": stats}
        if caches:
            shown["caches"] = curve_of(trace).to_dict()
        print(json.dumps(shown, indent=2))
        return
    print(f"{trace.name or spec}  (hash {trace.hash})")
    for key, value in trace.provenance.items():
        print(f"  {key}: {value}")
    for label, key, pattern, factor in _SHOWN:
        print(f"  {label:<20} {pattern.format(stats[key] * factor)}")
    for label, key in (("kinds of branches", "branch_kinds"), ("operations", "operations")):
        print(f"  {label:<20} {_listed(stats[key], len(trace))}")
    if caches:
        print_curve(curve_of(trace))


def convert_instructions(
    spec: str,
    target: Path,
    format: str | None,
    to: str | None,
    length: int | None,
    as_json: bool,
    *,
    for_memory: dict[str, Any],
) -> None:
    """Write an instruction trace in another format and print what became of it."""
    import traces
    from traces.instruction_files import instruction_losses

    _refuse(spec, for_memory)
    trace = traces.load_instructions(spec, format=format, max_instructions=length)
    traces.write_instructions(trace, target, format=to)
    lost = instruction_losses(trace, target, format=to)
    size_bytes = target.stat().st_size
    if as_json:
        written = {"file": str(target), "bytes": size_bytes, "instructions": len(trace), "lost": list(lost)}
        print(json.dumps({**written, **_identity(trace)}, indent=2))
        return
    print(f"{target}: {len(trace):,} instructions, {size_bytes:,} bytes")
    if lost:
        print(f"not kept by this format: {', '.join(lost)}")


def _refuse(spec: str, for_memory: dict[str, Any]) -> None:
    from traces.errors import TraceError

    given = [option for option, value in for_memory.items() if value is not None]
    if given:
        raise TraceError(f"{spec!r} is an instruction trace: leave out {' and '.join(given)}")


def _listed(counts: dict[str, int], n: int) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name.replace('_', ' ')} {count / n:.1%}" for name, count in ordered) or "none"


def _identity(trace: InstructionTrace) -> dict[str, Any]:
    return {"name": trace.name, "hash": trace.hash, "provenance": dict(trace.provenance)}
