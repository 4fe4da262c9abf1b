"""An accelerator's cycles that can be worked out on paper, and what it must not be given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ext.soc_engine import SocEngine
from simulators.soc.config import AcceleratorConfig, MemoryConfig
from simulators.soc.programs import place_programs
from tests.simulators.soc.chip_bench import CHIP, PAGES, PERIOD_FS, Step, program

LATENCY = 100
THERE_AND_BACK = 3 + LATENCY  # to the next edge of the uncore, to memory, from it
TO_MEMORY = 2
FIRST_LINE = 1 << 20


def ran(steps, reads, writes, *, line_cycles=4, depth=256, chip=CHIP):
    """What the accelerator counted. steps: cycles, lines to read, lines to write, is_barrier."""
    engine = opened(steps, reads, writes, line_cycles=line_cycles, depth=depth, chip=chip)
    engine.advance()
    return engine.accelerator_counts(0)


def opened(steps, reads, writes, *, line_cycles=4, depth=256, chip=CHIP):
    chip = replace(
        chip,
        memory=MemoryConfig("fixed", LATENCY, 0),
        accelerators=(AcceleratorConfig(line_cycles, depth, depth),),
        accelerator_nodes=(0,),
        accelerator_periods_fs=(PERIOD_FS,),
    )
    table, n_reads, n_writes = [], 0, 0
    for cycles, more_reads, more_writes, is_barrier in steps:
        n_reads, n_writes = n_reads + more_reads, n_writes + more_writes
        table.append((cycles, n_reads, n_writes, is_barrier))
    trace = program([Step()])
    return SocEngine(
        **chip.engine_arguments(),
        **place_programs([trace], PAGES).arguments(translates=False),
        instructions=[1],
        tasks=[(table, reads, writes)],
    )


def lines(n):
    return list(range(FIRST_LINE, FIRST_LINE + n))


def test_a_step_begins_when_its_last_line_is_there():
    counts = ran([(50, 10, 0, 0)], lines(10), [], line_cycles=4)

    assert counts["waiting"] == 9 * 4 + THERE_AND_BACK
    assert counts["cycles"] == counts["waiting"] + 50
    assert counts["read_latency"] == 10 * THERE_AND_BACK


def test_reading_hides_behind_computing_and_the_other_way_round():
    n, k = 20, 30
    computes = ran([(1000, k, 0, 0)] * n, lines(n * k), [], line_cycles=4)
    reads = ran([(10, k, 0, 0)] * n, lines(n * k), [], line_cycles=4)

    of_one_read = (k - 1) * 4 + THERE_AND_BACK
    assert computes["cycles"] == of_one_read + n * 1000
    assert reads["cycles"] == n * of_one_read + 10


def test_results_leave_when_they_are_computed_and_the_end_is_their_arrival():
    counts = ran([(50, 1, 5, 0)], lines(1), lines(5), line_cycles=4)

    assert counts["cycles"] == THERE_AND_BACK + 50 + 4 * 4 + TO_MEMORY
    assert counts["written_lines"] == 5


def test_a_barrier_waits_until_all_is_written():
    free = ran([(50, 1, 5, 0), (50, 1, 0, 0)], lines(2), lines(5))
    bound = ran([(50, 1, 5, 0), (50, 1, 0, 1)], lines(2), lines(5))

    one = THERE_AND_BACK + 50
    assert free["cycles"] == one + 53 + 50
    assert bound["cycles"] == one + 4 * 4 + TO_MEMORY + one


@pytest.mark.parametrize("depth", [1, 4, 16])
def test_lines_on_the_way_bound_the_bandwidth(depth):
    """Little: as many lines as may be on the way, every time that one takes."""
    counts = ran([(1, 1600, 0, 0)], lines(1600), [], line_cycles=1, depth=depth)

    assert counts["waiting"] == pytest.approx(1600 * THERE_AND_BACK / depth, rel=0.01)


def test_all_ends_when_the_last_accelerator_has_ended():
    engine = opened([(10_000, 1, 1, 0)], lines(1), lines(1))

    assert engine.advance()
    assert engine.time == engine.accelerator_counts(0)["cycles"] * PERIOD_FS
    assert engine.core_counts(0)["cycles"] < 1000


@pytest.mark.parametrize(
    ("steps", "match"),
    [
        ([], "shape"),
        ([(0, 0, 0, 0)], "cycles=0"),
        ([(1, 2, 0, 0)], "read_end must not decrease and end with the number of lines, 1"),
    ],
)
def test_what_is_no_task_is_refused(steps, match):
    with pytest.raises(ValueError, match=match):
        opened(steps, lines(1) if steps and steps[0][1] else [], [])


def test_a_chip_with_an_accelerator_needs_a_task():
    chip = replace(
        CHIP, accelerators=(AcceleratorConfig(),), accelerator_nodes=(0,), accelerator_periods_fs=(1,)
    )

    with pytest.raises(ValueError, match="accelerator has shape"):
        SocEngine(
            **chip.engine_arguments(),
            **place_programs([program([Step()])], PAGES).arguments(translates=False),
            instructions=[1],
        )
