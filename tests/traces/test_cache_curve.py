"""The curve of hits over sizes."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from ext.cache_filter import CacheFilter
from traces import TraceError
from traces.cache_curve import cache_curve


def test_a_loop_hits_from_the_size_that_holds_it():
    line = np.arange(10_000, dtype=np.uint64) % 100  # 6,400 bytes
    trace = traces.Trace(arrival_cycle=np.arange(len(line)), address=64 * line, is_write=0, clock_ns=1.0)

    curve = cache_curve(trace)

    assert curve.size_bytes == (1024, 2048, 4096, 8192)
    assert curve.hit_share == (0.0, 0.0, 0.0, 0.99)
    assert (curve.accesses, curve.first_use_share) == (10_000, 0.01)


@pytest.mark.parametrize("name", ["sort", "bfs"])
def test_every_size_hits_as_a_fully_associative_cache_does(name):
    trace = traces.load(f"sample:{name}").head(20_000)
    n = len(trace)

    curve = cache_curve(trace)

    for size_bytes, share in zip(curve.size_bytes[:6], curve.hit_share[:6], strict=True):
        cache = CacheFilter([size_bytes], [size_bytes // 64])
        cache.run(trace.address, np.ones(n, np.int32), np.zeros(n, np.uint8), np.zeros(n, np.int64))
        assert share == cache.hits[0] / n


def test_the_largest_size_misses_first_uses_alone():
    curve = cache_curve(traces.load_instructions("sample:hashjoin"))

    assert curve.hit_share[-1] + curve.first_use_share == pytest.approx(1)
    assert sorted(curve.hit_share) == list(curve.hit_share)


def test_instructions_without_memory_have_no_curve():
    ip = np.arange(4, dtype=np.uint64)
    none, two = np.zeros(4, np.uint8), np.zeros((4, 2), np.uint8)
    trace = traces.InstructionTrace(
        ip=ip, branch=none, taken=none.astype(bool), operation=none, sources=np.zeros((4, 4), np.uint8),
        destinations=two, n_loads=none, n_stores=none, address=np.zeros(0, np.uint64), name="idle",
    )  # fmt: skip

    with pytest.raises(TraceError, match="idle accesses no memory"):
        cache_curve(trace)
