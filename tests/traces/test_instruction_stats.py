"""What `describe_instructions` says of traces that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.traces.any_instructions import a_loop
from traces import describe_instructions
from traces.instructions import InstructionTrace, of_accesses
from traces.synthetic_instructions import branchy, chase, random


def test_a_loop_is_counted():
    stats = describe_instructions(a_loop(4))

    assert (stats.instructions, stats.memory_instructions, stats.loads, stats.stores) == (12, 8, 4, 4)
    assert (stats.branches, stats.branch_share, stats.taken_share) == (4, 4 / 12, 3 / 4)
    assert stats.branch_kinds == {"conditional": 4}
    assert stats.operations == {"simple": 12}
    assert (stats.static_instructions, stats.code_lines) == (3, 1)
    assert (stats.data_lines, stats.data_lines_written, stats.data_pages) == (8, 4, 2)


def test_the_distance_is_to_the_nearest_writer():
    # 40 is written by 0, 3, 6, 9 and read by the instruction after; nothing writes 1 and 25
    stats = describe_instructions(a_loop(4))

    assert (stats.dependent_share, stats.dependence_median, stats.dependence_p90) == (4 / 12, 1, 1)
    assert stats.chained_load_share == 0


def test_an_instruction_does_not_depend_on_itself():
    fields = {
        "branch": [0] * 3,
        "taken": [0] * 3,
        "operation": [0] * 3,
        "n_loads": [0] * 3,
        "n_stores": [0] * 3,
    }
    registers = {"sources": [[7, 0, 0, 0]] * 3, "destinations": [[7, 0]] * 3}

    stats = describe_instructions(
        InstructionTrace(ip=[0, 4, 8], **fields, **registers, address=np.zeros(0, int))
    )

    assert stats.dependent_share == 2 / 3
    assert stats.dependence_median == 1


def test_loads_of_a_chase_are_chained_and_random_ones_are_not():
    assert describe_instructions(chase(2000)).chained_load_share == 999 / 1000
    assert describe_instructions(random(2000)).chained_load_share == 0


def test_a_distance_between_accesses_becomes_one_between_instructions():
    stats = describe_instructions(of_accesses(np.arange(100) * 64, False, gap=4, dependence=3))

    assert (stats.dependence_median, stats.dependence_p90) == (15, 15)
    assert stats.chained_load_share == 0.97


def test_loads_and_stores_of_one_instruction_are_told_apart():
    fields = {"branch": [0], "taken": [0], "operation": [5], "n_loads": [2], "n_stores": [1]}
    registers = {"sources": [[0] * 4], "destinations": [[0] * 2]}
    stats = describe_instructions(InstructionTrace(ip=[0], **fields, **registers, address=[0, 64, 128]))

    assert (stats.loads, stats.stores, stats.data_lines, stats.data_lines_written) == (2, 1, 3, 1)
    assert stats.operations == {"float_divide": 1}
    assert (stats.taken_share, stats.dependence_median, stats.dependent_share) == (0, 0, 0)


def test_the_taken_share_is_that_of_the_program():
    stats = describe_instructions(branchy(60_000, taken_probability=0.25))

    assert stats.taken_share == pytest.approx((0.25 + 1) / 2, abs=0.01)  # of two branches one closes the loop
    assert stats.to_dict()["taken_share"] == stats.taken_share
