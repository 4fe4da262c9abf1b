"""Units: what the last part of a metric's name means, and numbers written for people.

Times of traces are whole femtoseconds (`clock_fs`, defined by `traces`). 1 pJ / 1 ns = 1 mW.
"""

from __future__ import annotations

import math

from traces.clock import clock_fs

__all__ = ["FS_PER_NS", "UNITS", "clock_fs", "format_duration", "format_percent", "format_value", "unit_of"]

FS_PER_NS = 1_000_000
UNITS = {
    "ns": "ns",
    "us": "us",
    "ms": "ms",
    "cycles": "cycles",
    "pj": "pJ",
    "uj": "uJ",
    "mj": "mJ",
    "mw": "mW",
    "w": "W",
    "c": "°C",
    "gbps": "GB/s",
    "kge": "kGE",
    "um2": "um2",
    "mm2": "mm2",
    "gib": "GiB",
    "mhz": "MHz",
    "fraction": "",
}


def unit_of(name: str) -> str:
    """Unit shown for a metric or parameter name, by its last part: `read_latency_p95_ns` is in ns."""
    if name.endswith("_per_bit_pj"):
        return "pJ/bit"
    return UNITS.get(name.rpartition("_")[2], "")


def format_value(value: float, unit: str = "") -> str:
    """A number with four significant digits and its unit; a dash for NaN."""
    if math.isnan(value):
        return "-"
    text = f"{value:,.0f}" if abs(value) >= 10_000 or value == int(value) else f"{value:.4g}"
    return f"{text} {unit}" if unit else text


def format_percent(value: float, base: float) -> str:
    """Difference of `value` from `base` as signed per cent; empty where that means nothing."""
    if base == 0 or not math.isfinite(base) or not math.isfinite(value):
        return ""
    return f"{100 * (value - base) / abs(base):+.1f} %"


def format_duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
