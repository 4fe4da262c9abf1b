"""From a design to the chip: what follows from what, and that one size is written once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dse.errors import InputError
from simulators.soc.build import Built, chip_of
from simulators.soc.options import Options
from simulators.soc.parameters import ACCELERATOR_PARAMETERS, SOFTWARE_PARAMETERS, parameters
from simulators.soc.power.area import soc_parts
from simulators.soc.programs import Programs, place_programs
from simulators.soc.space import space, space_names
from traces import load_instructions

OPTIONS, ACCELERATED = Options(), Options(network="lenet-5")
_OF_SOME = (*SOFTWARE_PARAMETERS, *ACCELERATOR_PARAMETERS)
DEFAULT = {name: one.default for name, one in parameters().items() if name not in _OF_SOME}


def built(**design: object) -> Built:
    return chip_of({**DEFAULT, **design}, OPTIONS, int(design.get("programs", 1)))  # type: ignore[dict-item]


def run(chip: Built, programs: Programs, n: int) -> int:
    engine, _ = chip.open(programs, [n])
    engine.advance()
    return engine.time


@pytest.fixture(scope="module")
def programs() -> Programs:
    return place_programs([load_instructions("synthetic:stream?n=2000")], chip_of(DEFAULT, OPTIONS).pages)


@pytest.mark.parametrize(
    ("preset", "options"),
    [
        ("soc", OPTIONS),
        ("soc-small", OPTIONS),
        pytest.param("soc-software", OPTIONS, marks=pytest.mark.slow),
        pytest.param("soc-accelerator", ACCELERATED, marks=pytest.mark.slow),
    ],
)
def test_hundreds_of_designs_of_every_preset_are_built_and_open(preset, options, programs):
    found = space(preset)
    rows = found.sample(800, np.random.default_rng(5), feasible=True)

    times = [chip_of(point, options).open(programs, [10])[0].time for point in found.points(rows)]

    assert times == [0] * 800


@pytest.mark.parametrize("preset", space_names())
def test_what_is_built_runs(preset, programs):
    found = space(preset)
    options = ACCELERATED if preset == "soc-accelerator" else OPTIONS
    rows = found.sample(50, np.random.default_rng(6), feasible=True)

    times = [run(chip_of(point, options), programs, 300) for point in found.points(rows)]

    assert min(times) > 0


def test_another_clock_changes_neither_area_nor_cycles():
    fast = built()
    slow = built(core_point=1, uncore_point=2)

    assert soc_parts(slow.soc) == soc_parts(fast.soc)
    assert slow.points != fast.points
    periods = ("core_periods_fs", "uncore_period_fs")
    same = {name: getattr(fast.chip, name) for name in periods}
    assert all(getattr(slow.chip, name) != value for name, value in same.items())
    assert replace(slow.chip, **same) == fast.chip


def test_a_chip_set_to_another_clock_is_the_one_designed_for_it(programs):
    designed, changed = built(core_point=3, uncore_point=2), built()
    engine, _ = changed.open(programs, [2000])

    engine.retune([*designed.chip.core_periods_fs, designed.chip.uncore_period_fs])
    engine.advance()

    assert engine.time == run(designed, programs, 2000) > run(changed, programs, 2000)


def test_engine_and_power_model_agree_on_every_size():
    chip = built(llc_banks=4, l1d_kib=48, l1d_ways=12, noc_width_bits=256, cores=4, channels=2)

    core, drawn = chip.chip.cores[0], chip.soc.cores[0]
    assert [core.code.size_bytes, core.data.size_bytes, core.second.size_bytes] == [
        drawn.l1i.size_bytes, drawn.l1d.size_bytes, drawn.l2.size_bytes,
    ]  # fmt: skip
    assert (core.rob, core.load_queue, core.store_queue) == (drawn.rob, drawn.load_queue, drawn.store_queue)
    assert chip.chip.banks * chip.chip.bank.size_bytes == chip.soc.llc.size_bytes
    assert chip.chip.banks * chip.chip.bank.registers == chip.soc.llc.mshrs
    assert 8 * chip.chip.noc.width == chip.soc.noc.link_bits
    assert chip.chip.noc.nodes == chip.soc.noc.nodes
    assert len(chip.chip.port_nodes) == chip.soc.memory.channels == 2


def test_a_larger_cache_takes_longer():
    small, large = built(l2_kib=128), built(l2_kib=2048)

    assert small.chip.cores[0].second.latency < large.chip.cores[0].second.latency


def test_a_latency_is_the_access_time_of_the_table_at_the_clock_that_the_chip_is_built_for():
    """1 MiB of 8 ways at 22 nm: 1.2085 ns (data/sram.csv), 5.61 cycles of 4.646 GHz."""
    chip = built(l2_kib=1024, l2_ways=8)

    assert chip.chip.cores[0].second.latency == 6


def test_cells_that_hardly_leak_are_slower():
    fast, lean = built(llc_cell="hp"), built(llc_cell="lstp")

    assert lean.chip.bank.latency > fast.chip.bank.latency
    assert lean.chip.bank_cycles > fast.chip.bank_cycles


def test_wires_of_a_larger_chip_take_longer():
    assert built(cores=1).chip.noc.link_latency < built(cores=8, llc_mib=32).chip.noc.link_latency


def test_no_last_level_is_no_bank_and_no_area():
    chip = built(llc_mib=0)

    assert chip.chip.banks == 0
    assert chip.soc.llc is None


def test_cores_without_a_program_take_area_but_run_nothing():
    one, four = built(cores=1), built(cores=4)

    assert len(four.chip.cores) == len(one.chip.cores) == 1
    assert len(four.soc.cores) == len(four.points.cores) == 4


def test_more_programs_than_cores_are_refused():
    with pytest.raises(InputError, match="cores=2: the workload has 4 programs"):
        chip_of({**DEFAULT, "cores": 2}, OPTIONS, 4)


def test_a_space_without_a_number_of_cores_has_one_a_program():
    chip = chip_of(space("soc-small").default(), OPTIONS, 3)

    assert len(chip.soc.cores) == len(chip.chip.cores) == 3


def test_queues_that_a_space_leaves_out_grow_with_the_reorder_buffer():
    small, large = (chip_of(space("soc-small").point(rob=n), OPTIONS).chip.cores[0] for n in (64, 512))

    assert (small.load_queue, small.store_queue) == (23, 13)
    assert (large.load_queue, large.store_queue) == (186, 105)


def test_an_in_order_core_has_no_reorder_buffer_to_size():
    small, large = built(execution="in-order", rob=32), built(execution="in-order", rob=512)

    assert small.chip == large.chip
    assert soc_parts(small.soc) == soc_parts(large.soc)


@pytest.mark.parametrize("preset", ["soc", "soc-small"])
def test_designs_run_two_programs_that_share_memory(preset, programs):
    found = space(preset)
    rows = found.sample(60, np.random.default_rng(7), feasible=True)
    threads = place_programs(programs.traces * 2, programs.placement.memory, spaces=(0, 0))
    points = [point for point in found.points(rows) if point.to_dict().get("cores", 2) != 1]

    engines = [chip_of(point, OPTIONS, 2, coherent=True).open(threads, [300, 300])[0] for point in points]

    assert all(engine.advance() for engine in engines)


def test_a_seed_decides_what_caches_draw():
    assert chip_of(DEFAULT, OPTIONS, seed=7).chip != chip_of(DEFAULT, OPTIONS, seed=8).chip
