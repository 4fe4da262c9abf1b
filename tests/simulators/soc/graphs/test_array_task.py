"""A network on a systolic array as a task of the engine: its lines, its steps, and how long they take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dse.errors import InputError
from ext.soc_engine import SocEngine
from simulators.soc.config import AcceleratorConfig, MemoryConfig
from simulators.soc.graphs.array_task import footprint_bytes, task
from simulators.soc.graphs.network import Layer, Network, network, network_names
from simulators.soc.graphs.systolic import LINE_BYTES, Array, schedule
from simulators.soc.programs import place_programs
from tests.simulators.soc.chip_bench import CHIP, PAGES, Step, program

ALIGNED = Network("aligned", (Layer("a", 256, 128, 256), Layer("b", 256, 256, 128)))
"""Every piece that an array of 64 columns moves is made of whole lines."""
SQUARE = Array(rows=64, columns=64)
_BEHIND = 1 << 20
_PERIOD_FS, _UNCORE_FS = 2_000_000, 250_000
_LATENCY_OF_A_LINE = 24
"""Of the fixed memory, in cycles of the uncore: with the ways there and back, four of the array."""


def _lines(requests, is_write: bool) -> set[int]:
    mine = requests.is_write == is_write
    pieces = zip(requests.address[mine].tolist(), requests.n_bytes[mine].tolist(), strict=True)
    return {line for at, n in pieces for line in range(at // LINE_BYTES, (at + n - 1) // LINE_BYTES + 1)}


def _engine_counts(one, dma: AcceleratorConfig, latency: int = _LATENCY_OF_A_LINE) -> dict[str, int]:
    chip = replace(
        CHIP,
        memory=MemoryConfig("fixed", latency, 0),
        uncore_period_fs=_UNCORE_FS,
        accelerators=(dma,),
        accelerator_nodes=(0,),
        accelerator_periods_fs=(_PERIOD_FS,),
    )
    placed = place_programs([program([Step()])], PAGES)
    engine = SocEngine(
        **chip.engine_arguments(),
        **placed.arguments(translates=False),
        instructions=[1],
        tasks=[one.arguments],
    )
    engine.advance()
    return engine.accelerator_counts(0)


@pytest.mark.parametrize("name", network_names())
@pytest.mark.parametrize("array", [Array(), Array(rows=8, columns=64, input_kib=8, weight_kib=8)], ids=str)
def test_a_task_moves_the_lines_of_the_schedule_and_computes_as_long(name, array):
    planned = schedule(network(name), array)

    found = task(network(name), array)

    assert set(found.reads.tolist()) == _lines(planned.requests, False)
    assert set(found.writes.tolist()) == _lines(planned.requests, True)
    assert found.computing_cycles == sum(run.compute_cycles for run in planned.layers)
    assert found.macs == sum(layer.macs for layer in planned.network.layers)


def test_a_tile_in_many_parts_writes_once_at_its_end():
    deep, array = Network("deep", (Layer("only", 16, 600 * 32, 16),)), Array(input_kib=1)

    found = task(deep, array)

    assert len(found.steps) == 600
    assert set(found.reads.tolist()) == _lines(schedule(deep, array).requests, False)
    assert found.steps[-2, 2] == 0
    assert found.steps[-1, 2] == len(found.writes) == 4
    assert found.steps[-1, 1] == len(found.reads)


def test_whole_lines_are_as_many_bytes_as_the_schedule_says():
    planned = schedule(ALIGNED, SQUARE)

    found = task(ALIGNED, SQUARE)

    assert LINE_BYTES * len(found.reads) == sum(run.read_bytes for run in planned.layers)
    assert LINE_BYTES * len(found.writes) == sum(run.write_bytes for run in planned.layers)


def test_a_line_that_follows_itself_is_asked_for_once():
    one_tile = Network("one", (Layer("only", 16, 10, 16),))

    found = task(one_tile, Array())

    assert found.reads.tolist() == [0, 1, 2, 64, 65, 66]  # 160 bytes each, of inputs and of weights
    assert found.writes.tolist() == [128, 129, 130, 131]
    assert found.steps.tolist() == [[2 * 16 + 16 + 10 - 2, 6, 4, 1]]


def test_every_layer_begins_with_a_barrier():
    found = task(network("lenet-5"), Array())

    assert found.steps[:, 3].sum() == 5
    assert found.steps[0, 3] == 1


def test_a_network_lies_where_it_is_put_and_takes_what_it_says():
    at_zero, behind = task(ALIGNED, SQUARE), task(ALIGNED, SQUARE, base_line=1000)

    assert (behind.reads == at_zero.reads + 1000).all()
    assert (behind.writes == at_zero.writes + 1000).all()
    last = max(at_zero.reads.max(), at_zero.writes.max())
    assert footprint_bytes(ALIGNED, 1) == LINE_BYTES * (int(last) + 1)


@pytest.mark.parametrize("parts", [2, 4])
def test_arrays_share_the_rows_of_tiles(parts):
    whole = task(ALIGNED, SQUARE)

    shares = [task(ALIGNED, SQUARE, part=part, parts=parts) for part in range(parts)]

    assert sum(share.macs for share in shares) == whole.macs
    assert sum(share.computing_cycles for share in shares) == whole.computing_cycles
    written, read = (np.concatenate([getattr(one, side) for one in shares]) for side in ("writes", "reads"))
    assert sorted(written.tolist()) == sorted(whole.writes.tolist())
    assert set(read.tolist()) == set(whole.reads.tolist())


def test_the_first_arrays_take_the_rows_of_tiles_that_do_not_share_out():
    lone = Network("lone", (Layer("only", 40, 8, 8),))

    shares = [task(lone, Array(rows=8), part=part, parts=4) for part in range(4)]

    assert [share.macs // (8 * 8 * 8) for share in shares] == [2, 1, 1, 1]


def test_an_array_without_a_row_of_tiles_has_nothing_to_do():
    small = Network("small", (Layer("only", 16, 8, 8),))

    assert task(small, Array(), part=0, parts=2) is not None
    assert task(small, Array(), part=1, parts=2) is None


def test_a_layer_of_too_many_steps_is_refused():
    with pytest.raises(InputError, match="use a larger array"):
        task(Network("huge", (Layer("only", 1 << 20, 1, 1 << 20),)), Array())


@pytest.mark.parametrize("array", [SQUARE, replace(SQUARE, input_kib=16, weight_kib=16)], ids=str)
def test_a_memory_as_fast_as_the_dma_takes_the_cycles_of_the_schedule(array):
    """A line that is read comes four cycles after it was asked for, as long as the schedule says that 64
    bytes take. One that is written is in memory after one cycle, not four: the last of each layer."""
    dma = AcceleratorConfig(LINE_BYTES // array.dma_bytes, 256, 256)

    counts = _engine_counts(task(ALIGNED, array, _BEHIND), dma)

    assert counts["read_latency"] == dma.line_cycles * counts["read_lines"]
    layers = len(ALIGNED.layers)
    assert counts["cycles"] == schedule(ALIGNED, array).cycles - layers * (dma.line_cycles - 1)


def test_pieces_that_are_no_whole_lines_take_longer_than_the_schedule_says():
    """Rows of a tile of 16 columns are 16 bytes, and cost a line each."""
    array, block = Array(), network("transformer-block")

    counts = _engine_counts(task(block, array, _BEHIND), AcceleratorConfig(4, 256, 256))

    assert 1 < counts["cycles"] / schedule(block, array).cycles < 1.01


@pytest.mark.parametrize("line_cycles", [1, 4, 8])
def test_the_dma_never_moves_a_line_before_its_time(line_cycles):
    found = task(ALIGNED, SQUARE, _BEHIND)

    counts = _engine_counts(found, AcceleratorConfig(line_cycles, 64, 64), latency=1)

    assert counts["read_lines"] == len(found.reads)
    assert counts["written_lines"] == len(found.writes)
    assert counts["cycles"] > line_cycles * (len(found.reads) - 1)


def test_lines_under_way_and_latency_bound_what_the_dma_reads():
    """Little's law: with 2 lines under way and 100 cycles a line, at most one in 50 cycles."""
    found = task(ALIGNED, SQUARE, _BEHIND)

    counts = _engine_counts(found, AcceleratorConfig(1, 2, 64), latency=800)

    mean = counts["read_latency"] / counts["read_lines"]
    assert mean == pytest.approx(100, rel=0.02)
    assert counts["cycles"] > len(found.reads) * mean / 2
