"""Clocks as integers: one period in femtoseconds, so that converting arrivals accumulates no rounding error.

A trace counts its arrivals in its own clock; a device counts in another. The conversion is integer arithmetic
on femtoseconds and rounds up: a request never reaches the controller before it was sent.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from traces.errors import TraceError

FS_PER_NS = 1_000_000
_FS_PER_MHZ_PERIOD = 1_000_000_000
_LONGEST_FS = 10**15
_INT64_SAFE = 2**62
_SCALE_DENOMINATOR = 1_000_000


def clock_fs(
    *, clock_mhz: float | None = None, clock_ns: float | None = None, period_fs: int | None = None
) -> int:
    """The period in femtoseconds of a clock given by its frequency or by its period (ns, or exact fs).

    Decimals are taken as written: `clock_ns=0.833` is 833,000 fs, `clock_mhz=1200` is 833,333 fs (nearest).
    Raises TraceError unless exactly one is given, finite, positive, and the period is between 1 fs and 1 s.
    """
    given = [value for value in (clock_mhz, clock_ns, period_fs) if value is not None]
    if len(given) != 1:
        raise TraceError(
            f"the clock must be given once: got clock_mhz={clock_mhz!r} and clock_ns={clock_ns!r}; "
            "give clock_mhz (for example 800) or clock_ns (for example 0.833)"
        )
    if period_fs is not None:
        period = _positive("clock_fs", period_fs)
    elif clock_mhz is not None:
        period = _FS_PER_MHZ_PERIOD / _positive("clock_mhz", clock_mhz)
    else:
        period = FS_PER_NS * _positive("clock_ns", clock_ns)
    if not 1 <= period <= _LONGEST_FS:
        raise TraceError(f"a clock period of {float(period):g} fs is out of range: expected 1 fs to 1 s")
    return round(period)


def scale_fraction(arrival_scale: float) -> Fraction:
    """The rational number an arrival scale stands for: the nearest one with a denominator up to a million.

    So 0.1 is 1/10 and 1/0.3 is 10/3. Raises TraceError unless it is finite and between 1e-6 and 1e6.
    """
    exact = _positive("arrival_scale", arrival_scale)
    if not 1 / _SCALE_DENOMINATOR <= arrival_scale <= _SCALE_DENOMINATOR:
        raise TraceError(f"arrival_scale={arrival_scale!r} is out of range: expected 1e-6 to 1e6")
    return exact.limit_denominator(_SCALE_DENOMINATOR)


def convert_cycles(cycles: NDArray[np.int64], from_fs: int, to_fs: int, scale: Fraction) -> NDArray[np.int64]:
    """ceil(cycles * from_fs * scale / to_fs), exact, int64 of the same shape.

    cycles: non-negative and non-decreasing. Raises TraceError when the last one would not fit in 62 bits.
    """
    ratio = Fraction(from_fs, to_fs) * scale
    numerator, denominator = ratio.numerator, ratio.denominator
    last = int(cycles[-1]) if len(cycles) else 0
    if -(-last * numerator // denominator) >= _INT64_SAFE:
        raise TraceError(
            f"the last arrival, cycle {last} of a clock of {from_fs} fs, does not fit in 62 bits of a clock "
            f"of {to_fs} fs at arrival_scale {float(scale):g}; use a smaller scale"
        )
    if numerator == denominator:
        return cycles.copy()
    if numerator * denominator < _INT64_SAFE:
        whole, rest = np.divmod(cycles, denominator)
        return np.asarray(whole * numerator - (-rest * numerator) // denominator, dtype=np.int64)
    wide = cycles.astype(object) * numerator
    return np.asarray(-(-wide // denominator), dtype=np.int64)


def _positive(name: str, value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TraceError(f"{name}={value!r} is not a number: expected a positive one")
    if not math.isfinite(value) or value <= 0:
        raise TraceError(f"{name}={value!r} is out of range: expected a positive, finite number")
    return _as_written(float(value))


@lru_cache(maxsize=256)
def _as_written(value: float) -> Fraction:
    return Fraction(repr(value))
