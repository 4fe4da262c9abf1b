"""Short human names, units and numbers for metrics and parameters.

The names come from the store (`read_latency_p95_ns`), where they end in their unit. Nothing here knows a
particular simulator: a name is split at its underscores, its unit suffix is dropped, and a few words are
spelt as engineers do.
"""

from __future__ import annotations

import math
from typing import NamedTuple

MISSING = "–"
_SUFFIXES = (
    "ns",
    "us",
    "ms",
    "s",
    "pj",
    "nj",
    "uj",
    "mw",
    "w",
    "gbps",
    "um2",
    "mm2",
    "kge",
    "pct",
    "cycles",
    "mhz",
    "bytes",
)
_SPELT = {
    "ci95": "95 % interval",
    "rw": "R/W",
    "id": "ID",
    "dram": "DRAM",
    "llc": "LLC",
    "noc": "NoC",
    "frfcfs": "FR-FCFS",
    "ipc": "IPC",
    "cpi": "CPI",
    "mpki": "MPKI",
    "tlb": "TLB",
    "btb": "BTB",
    "rob": "ROB",
    "l1": "L1",
    "l1i": "L1I",
    "l1d": "L1D",
    "l2": "L2",
    "max": "max",
    "min": "min",
    "xor": "XOR",
}
_UNITS = {
    "pj": "pJ",
    "mw": "mW",
    "gbps": "GB/s",
    "um2": "µm²",
    "us": "µs",
    "1": "",
    "fraction": "",
    "count": "",
    "ratio": "",
}
_LADDERS = {
    "ns": (("ns", 1.0), ("µs", 1e-3), ("ms", 1e-6), ("s", 1e-9)),
    "pJ": (("pJ", 1.0), ("nJ", 1e-3), ("µJ", 1e-6), ("mJ", 1e-9), ("J", 1e-12)),
    "mW": (("mW", 1.0), ("W", 1e-3)),
    "B": (("B", 1.0), ("kB", 1e-3), ("MB", 1e-6), ("GB", 1e-9)),
}
_LARGEST_UNSCALED = 10_000.0


class Scale(NamedTuple):
    """How a column is shown: multiply by `factor`, write `unit` behind it."""

    factor: float
    unit: str


def metric_label(name: str) -> str:
    """`read_latency_p95_ns` -> `Read latency p95`."""
    words = name.split("_")
    if len(words) > 1 and words[-1].lower() in _SUFFIXES:
        words = words[:-1]
    text = " ".join(_SPELT.get(word.lower(), word) for word in words if word)
    return text[:1].upper() + text[1:]


def parameter_label(name: str) -> str:
    """`refresh_max_postponed` -> `Refresh max postponed`."""
    return metric_label(name)


def unit_label(unit: str) -> str:
    """The unit as an engineer writes it; empty for pure numbers."""
    return _UNITS.get(unit.lower(), unit)


def scale_for(magnitude: float, unit: str) -> Scale:
    """The largest step of the unit's ladder that keeps `magnitude` readable (below 10,000)."""
    shown = unit_label(unit)
    ladder = _LADDERS.get(shown)
    if ladder is None or not math.isfinite(magnitude):
        return Scale(1.0, shown)
    for step, factor in ladder:
        if abs(magnitude) * factor < _LARGEST_UNSCALED:
            return Scale(factor, step)
    return Scale(ladder[-1][1], ladder[-1][0])


def number(value: float, digits: int = 4) -> str:
    """Four significant digits, thousands grouped, no exponent between 1e-4 and 1e7."""
    if not math.isfinite(value):
        return MISSING
    if value == 0.0:
        return "0"
    size = abs(value)
    if size >= 1e7 or size < 1e-4:
        return f"{value:.{digits - 1}e}"
    if size >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    decimals = digits - 1 - math.floor(math.log10(size))
    text = f"{value:,.{max(decimals, 0)}f}"
    return text.rstrip("0").rstrip(".") if float(value).is_integer() else text


def quantity(value: float, unit: str) -> str:
    """Number and unit at the scale that suits this one value: `1,234 ns`, `12.35 µs`."""
    scale = scale_for(value, unit)
    text = number(value * scale.factor)
    return f"{text} {scale.unit}".rstrip() if text != MISSING else text


def change(value: float, reference: float) -> float:
    """Relative change against the reference, in percent; NaN where it means nothing."""
    if not (math.isfinite(value) and math.isfinite(reference)) or reference == 0.0:
        return math.nan
    return 100.0 * (value - reference) / abs(reference)


def percent(value: float) -> str:
    """A signed percentage with a true minus sign: `+3.1 %`, `−24.0 %`."""
    if not math.isfinite(value):
        return MISSING
    if abs(value) < 0.05:
        return "0.0 %"
    sign = "+" if value > 0 else "−"
    size = abs(value)
    return f"{sign}{size:,.0f} %" if size >= 1000 else f"{sign}{size:.1f} %"


def plain(text: str) -> str:
    """Text for a plot, whose names understand a little HTML and templates: theirs are taken away."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.replace("%{", "% {")


def spent(simulations: float) -> str:
    """A number of full simulations; with a decimal where short ones are parts of it."""
    whole = abs(simulations - round(simulations)) < 1e-6
    return f"{simulations:,.0f}" if whole else f"{simulations:,.1f}"


def count(value: int) -> str:
    """An integer with its thousands grouped."""
    return f"{value:,d}"
