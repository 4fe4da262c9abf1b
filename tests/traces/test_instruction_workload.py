"""Workloads of programs: what runs on each core, and how pieces are cut."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from traces.errors import TraceError
from traces.instruction_workload import InstructionWorkload
from traces.instructions import InstructionTrace
from traces.workload import Workload


def program(n: int, first: int = 0) -> InstructionTrace:
    """Instruction k lies at first + 4 k and makes k % 3 loads from addresses of its own."""
    loads = np.arange(n) % 3
    zeros = np.zeros(n, np.uint8)
    return InstructionTrace(
        ip=first + 4 * np.arange(n), branch=zeros, taken=zeros > 0, operation=zeros,
        sources=np.zeros((n, 4), np.uint8), destinations=np.zeros((n, 2), np.uint8), n_loads=loads,
        n_stores=zeros, address=8 * np.arange(1, int(loads.sum()) + 1), name=f"p{n}",
    )  # fmt: skip


def test_without_a_length_every_program_runs_once():
    work = InstructionWorkload((program(10), program(7)))

    assert work.instructions == (10, 7)
    assert len(work) == 10


def test_with_a_length_every_core_runs_it():
    work = InstructionWorkload((program(10), program(7)), length=8)

    assert work.instructions == (8, 8)
    assert [len(part) for part in work.parts()] == [8, 7]


def test_a_part_that_begins_late_goes_on_with_the_first_instruction():
    work = InstructionWorkload((program(5),), start=3, length=4)

    part = work.parts()[0]

    assert (part.ip // 4).tolist() == [3, 4, 0, 1]
    assert part.n_loads.tolist() == [0, 1, 0, 1]
    assert part.address.tolist() == [8 * 4, 8 * 1]


def test_programs_have_address_spaces_of_their_own_unless_told():
    apart = InstructionWorkload((program(5), program(5)))
    threads = InstructionWorkload((program(5), program(5)), (0, 0))

    assert apart.spaces == (0, 1)
    assert not apart.shares_memory
    assert threads.shares_memory
    assert apart.hash != threads.hash


def test_equal_programs_are_cut_once():
    same = program(9)
    work = InstructionWorkload((same, same), start=2, length=5)

    parts = work.parts()

    assert parts[0] is parts[1]


def test_a_cut_of_a_cut_counts_from_the_first_cut():
    work = InstructionWorkload((program(20),)).cut(4, 10).cut(3, 5, warmup=2)

    assert (work.start, work.length, work.warmup) == (7, 5, 2)
    assert (work.parts()[0].ip // 4).tolist() == [7, 8, 9, 10, 11]


def test_the_name_says_what_runs_and_how_often():
    same = program(9)

    assert InstructionWorkload((same, same, program(3))).name == "p9 x 2+p3"


@pytest.mark.parametrize("change", [{"start": 1}, {"length": 8}, {"warmup": 1}, {"spaces": (0, 0)}])
def test_the_hash_depends_on_what_runs(change):
    programs = program(9), program(9)

    assert InstructionWorkload(programs).hash != InstructionWorkload(programs, **change).hash
    assert InstructionWorkload(programs).hash == InstructionWorkload(programs, name="other").hash


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"programs": ()}, "one or more instruction traces"),
        ({"start": -1}, "start=-1"),
        ({"start": 9}, "leaves nothing of a program of 9 instructions"),
        ({"length": 0}, "length=0"),
        ({"warmup": 9}, "expected 0 to 8"),
        ({"spaces": (1,)}, r"spaces=\(1,\)"),
        ({"spaces": (0, 1)}, "one number for each"),
        ({"programs": (program(1),) * 65}, "at most 64"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(TraceError, match=message):
        InstructionWorkload(**{"programs": (program(9),), **options})


def test_a_cut_beyond_the_end_is_refused():
    with pytest.raises(TraceError, match="cannot be cut out of 'p9'"):
        InstructionWorkload((program(9),)).cut(5, 5)


def test_a_program_or_several_become_a_workload():
    one = program(9)

    assert InstructionWorkload.of(one).programs == (one,)
    assert InstructionWorkload.of([one, one]).programs == (one, one)


def test_memory_traffic_is_no_program():
    with pytest.raises(TraceError, match=r"'sort' holds memory requests.*accesses:SPEC"):
        InstructionWorkload.of(traces.sample("sort"))


def test_programs_are_no_memory_traffic():
    with pytest.raises(TraceError, match="'p9' holds instructions"):
        Workload.of(program(9))
    with pytest.raises(TraceError, match="'p9' holds instructions"):
        Workload.of(InstructionWorkload((program(9),)))
