"""Requests become bursts: sizes, addresses beyond the memory, and traces that are never in memory as a "
"whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import dse
from dse.errors import InputError, LookupFailed
from simulators.dram.memory.devices import device
from simulators.dram.memory.mapping import AddressMapping
from simulators.dram.simulator import DramSimulator
from simulators.dram.stream import Spill, decode
from traces.trace import Trace
from traces.workload import Workload

DDR4 = "ddr4-2400-8gb-x8"
MEMORY = device(DDR4)
HALF = "lpddr4-3200-8gb-x16"  # bursts of 32 bytes


def requests(n=2000, seed=1, size_bytes=64, most=1 << 24, sources=1, **more):
    rng = np.random.default_rng(seed)
    facts = {"clock_ns": 1.0, "name": "random", **more}
    return Trace(
        arrival_cycle=np.cumsum(rng.integers(0, 30, n)),
        address=rng.integers(0, most, n).astype(np.uint64) * np.uint64(64),
        is_write=rng.random(n) < 0.3,
        size_bytes=size_bytes,
        source=rng.choice([3, 7, 200][:sources], n),
        **facts,
    )


def pieces(trace, n):
    """The trace cut into traces of n requests."""
    columns = ("arrival_cycle", "address", "is_write", "size_bytes", "source")
    for start in range(0, len(trace), n):
        part = {name: getattr(trace, name)[start : start + n] for name in columns}
        yield Trace(**part, clock_fs=trace.clock_fs)


def test_a_request_of_one_burst_is_taken_as_it_is():
    stream = decode(Workload.of(requests()), AddressMapping.preset("row-bank-column", MEMORY), MEMORY)

    assert len(stream.requests) == 2000


def test_a_request_of_two_bursts_becomes_two_with_its_arrival_and_source():
    memory = device(HALF)
    trace = requests(n=500, most=1 << 20, sources=2)
    mapping = AddressMapping.preset("row-bank-column", memory)

    stream = decode(Workload((trace,), warmup=100), mapping, memory)

    assert len(stream.requests) == len(stream.decoded) == 1000
    assert stream.warmup == 200
    first, second = stream.requests.address[::2], stream.requests.address[1::2]
    assert np.array_equal(first, trace.address)
    assert np.array_equal(second, trace.address + np.uint64(32))
    for name in ("arrival_cycle", "source", "is_write"):
        column = getattr(stream.requests, name)
        assert np.array_equal(column[::2], column[1::2])


@pytest.mark.parametrize("size_bytes", [1, 32, 63])
def test_a_request_that_is_no_whole_number_of_bursts_is_refused_with_its_index(size_bytes):
    sizes = np.full(2000, 64)
    sizes[17] = size_bytes

    with pytest.raises(InputError, match=f"request 17: {size_bytes} bytes are no multiple of the 64 bytes"):
        DramSimulator(device=DDR4).stream(requests(size_bytes=sizes))


def test_an_address_beyond_the_memory_is_refused_unless_it_may_wrap():
    far = Trace(arrival_cycle=[0, 1], address=[64, MEMORY.capacity_bytes + 64], is_write=[0, 0], clock_ns=1.0)
    refusing, wrapping = DramSimulator(device=DDR4), DramSimulator(device=DDR4, beyond_capacity="wrap")

    with pytest.raises(InputError, match="request 1: address 0x200000040 lies beyond"):
        refusing.run(refusing.space.default(), far)
    decoded = wrapping.stream(far).decoded

    assert decoded.bank[0] == decoded.bank[1]
    assert decoded.row[0] == decoded.row[1]
    assert refusing.build_id != wrapping.build_id


def test_an_unknown_rule_for_addresses_names_the_two():
    with pytest.raises(LookupFailed, match="'refuse', 'wrap'"):
        DramSimulator(beyond_capacity="ignore")


@pytest.mark.parametrize("device_id", [DDR4, HALF])
@pytest.mark.parametrize("chunk", [1, 97, 5000])
def test_a_trace_in_pieces_gives_what_the_whole_trace_gives(device_id, chunk):
    system = dse.make_simulator("dram", device=device_id, channels=2)
    whole = requests(n=1500, most=1 << 20, sources=3)
    point = system.space.default()

    in_pieces = system.run_chunks(point, pieces(whole, chunk), warmup=100, arrival_scale=2.0)

    assert in_pieces == system.run(point, Workload((whole,), warmup=100, arrival_scale=2.0))


def test_pieces_need_no_more_memory_than_one_of_them(tmp_path):
    n, chunk = 400_000, 10_000
    mapping = AddressMapping.preset("row-bank-column", MEMORY)
    address = np.arange(chunk, dtype=np.uint64) * np.uint64(64)

    def made():
        for start in range(0, n, chunk):
            yield Trace(
                arrival_cycle=np.arange(start, start + chunk), address=address, is_write=False, clock_ns=1.0
            )

    tracemalloc.start()
    stream = Spill(tmp_path, mapping, MEMORY).add(made())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(stream.requests) == n
    assert peak < 200 * chunk  # bytes a request of one piece; the whole takes 28 times n
    assert stream.last_arrival_cycle == int(np.ceil((n - 1) / 0.833))


def test_pieces_out_of_order_are_refused():
    early, late = requests(n=10), requests(n=10, seed=2)
    system = dse.make_simulator("dram", device=DDR4)

    with pytest.raises(InputError, match="request 10 arrives at cycle"):
        system.run_chunks(system.space.default(), [late, early])


def test_a_piece_names_the_request_of_the_whole_trace():
    system = dse.make_simulator("dram", device=DDR4)
    odd = Trace(arrival_cycle=[10**6], address=[0], is_write=[0], size_bytes=32, clock_ns=1.0)
    far = Trace(arrival_cycle=[10**6], address=[1 << 40], is_write=[0], clock_ns=1.0)

    with pytest.raises(InputError, match="request 10: 32 bytes"):
        system.run_chunks(system.space.default(), [requests(n=10), odd])
    with pytest.raises(InputError, match="request 10: address"):
        system.run_chunks(system.space.default(), [requests(n=10), far])


def test_no_pieces_are_no_trace():
    system = dse.make_simulator("dram", device=DDR4)

    with pytest.raises(InputError, match="the trace is empty"):
        system.run_chunks(system.space.default(), [])
