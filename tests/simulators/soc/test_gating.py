"""What is switched off leaks little and works no more: ways of caches, and cores that have nothing to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

import traces
from dse.errors import InputError
from simulators.soc.build import chip_of
from simulators.soc.options import Options
from simulators.soc.power.area import soc_parts
from simulators.soc.power.design import CacheDesign
from simulators.soc.power.technology import GATED_LEAKAGE_SHARE, ungated_share
from simulators.soc.simulator import SocSimulator
from traces.instruction_workload import InstructionWorkload

OPTIONS = Options()


@pytest.fixture(scope="module")
def simulator() -> SocSimulator:
    return SocSimulator(space="soc")


@pytest.fixture(scope="module")
def uneven() -> InstructionWorkload:
    """Two programs, of which the first ends after 40 us and the second after 160."""
    specs = ("synthetic:chase?n=4000&size_kib=4096", "synthetic:chase?n=16000&size_kib=4096")
    return InstructionWorkload(tuple(map(traces.load_instructions, specs)))


def design(simulator, **values):
    return simulator.space.default().replace(**values)


def built(**values):
    default = SocSimulator(space="soc").space.default()
    return chip_of(default.replace(**values), OPTIONS)


def leakage_w(chip, name):
    return soc_parts(chip.soc)[name].leakage_w


# --------------------------------------------------------------------------------------------------- ways


@pytest.mark.parametrize(("share", "ways"), [(0.0, 16), (0.25, 12), (0.5, 8), (0.75, 4)])
def test_ways_that_are_switched_off_hold_nothing(share, ways):
    whole, chip = built(), built(llc_gated_share=share)

    assert chip.chip.bank.ways == ways
    assert replace(chip.chip.bank, ways=16) == whole.chip.bank  # sets, latency, registers


@pytest.mark.parametrize(("level", "block"), [("l2", "core0.l2"), ("llc", "llc.cache")])
def test_ways_that_are_switched_off_stay_silicon_and_hardly_leak(level, block):
    whole, half = built(), built(**{f"{level}_gated_share": 0.5})
    most = built(**{f"{level}_gated_share": 0.75})

    assert soc_parts(half.soc)[block].area_mm2 == soc_parts(whole.soc)[block].area_mm2
    saved = [leakage_w(whole, block) - leakage_w(chip, block) for chip in (half, most)]
    assert saved[1] == pytest.approx(1.5 * saved[0])
    assert 0.9 * 0.5 * (1 - GATED_LEAKAGE_SHARE) < saved[0] / leakage_w(whole, block) < 0.5


def test_a_cache_with_ways_off_misses_as_one_that_never_had_them(simulator):
    program = traces.load_instructions("synthetic:scan?size_kib=300&n=60000")
    gated = simulator.run(design(simulator, l2_gated_share=0.5), program)

    whole = simulator.run(simulator.space.default(), program)
    small = simulator.run(design(simulator, l2_kib=256, l2_ways=4), program)

    assert gated["l2_misses"] == small["l2_misses"] > whole["l2_misses"]


def test_all_ways_cannot_be_switched_off():
    with pytest.raises(InputError, match=r"gated_share=1.0 of a cache"):
        CacheDesign(1 << 20, 8, gated_share=1.0)


def test_a_tree_keeps_a_power_of_two_of_ways(simulator):
    found = simulator.space

    for level in ("l2", "llc"):
        for share in (0.25, 0.5, 0.75):
            row = found.encode({f"{level}_replacement": "tree_plru", f"{level}_gated_share": share})
            assert found.violations(row[None, :]).any() == (share == 0.25)


def test_ways_of_a_last_level_that_is_not_there_have_one_form(simulator):
    found = simulator.space

    assert found.point(llc_mib=0, llc_gated_share=0.5) == found.point(llc_mib=0)


# -------------------------------------------------------------------------------------------------- cores


def leakage_of(simulator, work, **values):
    found = simulator.run(design(simulator, **values), work)
    return found["leakage_uj"], found["time_us"], found["energy_uj"]


def test_cores_that_are_switched_off_cost_no_time_and_no_area(simulator, uneven):
    on, off = (simulator.run(design(simulator, cores=4, idle_gate_us=after), uneven) for after in (0, 1))

    for name in ("time_us", "area_mm2", "instructions", "energy_dram_uj"):
        assert on[name] == off[name]
    assert off["leakage_uj"] < 0.7 * on["leakage_uj"]
    assert on["energy_uj"] - off["energy_uj"] == pytest.approx(on["leakage_uj"] - off["leakage_uj"])


def test_a_core_is_switched_off_later_when_it_waits_longer(simulator, uneven):
    leaked = [leakage_of(simulator, uneven, cores=4, idle_gate_us=after)[0] for after in (1, 10, 100, 0)]

    assert leaked == sorted(leaked)
    assert len(set(leaked)) == 4


def test_a_core_with_a_program_to_the_end_is_never_switched_off(simulator):
    alone = traces.load_instructions("synthetic:chase?n=4000&size_kib=4096")

    assert leakage_of(simulator, alone, idle_gate_us=1) == leakage_of(simulator, alone)


def test_the_time_for_which_a_core_is_off_is_that_after_its_program_and_the_wait(simulator, uneven):
    session = simulator.open(design(simulator, cores=4, idle_gate_us=10), uneven)
    session.advance()

    (interval,) = session._intervals()

    first, second = (
        core["cycles"] * period
        for core, period in zip(session.core_counts(), session.built.chip.core_periods_fs, strict=True)
    )
    whole_fs = interval.reading.time_fs
    assert second == pytest.approx(whole_fs, abs=1e6)
    assert interval.gated_s == pytest.approx(
        ((whole_fs - first) * 1e-15 - 1e-5, 0.0, *2 * [whole_fs * 1e-15 - 1e-5]), abs=1e-9
    )


def test_a_core_without_a_program_leaks_what_a_switched_off_one_does(simulator, uneven):
    """Its caches are off, too; those of a core whose program has run stay on for others."""
    session = simulator.open(design(simulator, cores=4, idle_gate_us=1), uneven)
    session.advance()
    (interval,) = session._intervals()

    on = replace(interval, gated_s=()).report(session._mixes, session._package)
    off = interval.report(session._mixes, session._package)

    def left(name):  # blocks cool down a little, too
        return off.leakage_j[name] / on.leakage_j[name]

    share = ungated_share(interval.gated_s[2] / interval.reading.time_fs * 1e15)
    assert left("core2.l2") == pytest.approx(share, rel=0.1)
    assert left("core2.rob") == pytest.approx(share, rel=0.1)
    assert left("core0.l2") > 0.9 > 0.4 > left("core0.rob")
    assert left("core1.rob") > 0.9


def test_intervals_do_not_lose_sight_of_an_idle_core(simulator, uneven):
    point = design(simulator, cores=4, idle_gate_us=100)
    session, again = simulator.open(point, uneven), simulator.open(point, uneven)

    session.advance()
    while not again.advance(cycles=20_000):
        again.retune(point)

    (at_once,) = session._intervals()
    by_steps = [sum(own) for own in zip(*(one.gated_s for one in again._intervals()), strict=True)]
    assert at_once.gated_s[0] > 0
    # To a stall: an interval of a core begins with its last retirement
    assert by_steps == pytest.approx(at_once.gated_s, abs=1e-7)
    # Each interval has temperatures of its own
    assert again.finish()["leakage_uj"] == pytest.approx(session.finish()["leakage_uj"], rel=0.02)


def test_a_snapshot_knows_since_when_a_core_is_idle(simulator, uneven):
    point = design(simulator, cores=4, idle_gate_us=100)
    session, other = simulator.open(point, uneven), simulator.open(point, uneven)
    session.advance(cycles=300_000)
    session.retune(design(simulator, cores=4, idle_gate_us=100, core_point=11))
    session.advance(cycles=1_000)

    other.restore(session.snapshot())

    assert other.finish() == session.finish()


def test_the_wait_can_be_changed_while_the_chip_runs(simulator, uneven):
    session = simulator.open(design(simulator, cores=4), uneven)
    session.advance(cycles=300_000)

    session.retune(design(simulator, cores=4, idle_gate_us=1))

    assert session.finish()["leakage_uj"] < leakage_of(simulator, uneven, cores=4)[0]
