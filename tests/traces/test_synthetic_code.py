"""The generator `code`: how large its program is, and that its branches go where they say."""

from __future__ import annotations

import numpy as np
import pytest

from traces import TraceError
from traces.instructions import Branch
from traces.synthetic_instructions import CODE, HEAP, code

OPTIONS = [(512, 8, 8), (12, 3, 2), (4, 1, 1), (6, 6, 5)]


@pytest.mark.parametrize(("functions", "depth", "blocks"), OPTIONS)
def test_the_program_has_the_branches_and_bytes_that_the_options_say(functions, depth, blocks):
    trace = code(1_000_000, functions=functions, depth=depth, blocks=blocks)

    sites = np.unique(trace.ip[trace.branch != Branch.NONE])
    assert len(sites) == functions // depth * (depth * (blocks + 2) - 1) + 2  # and two of the loop that calls
    assert int(trace.ip.max()) + 4 - (CODE + 4096) == functions * (28 * blocks + 12)


@pytest.mark.parametrize(("functions", "depth", "blocks"), OPTIONS)
def test_every_return_goes_behind_its_call_and_every_other_step_to_the_next_word(functions, depth, blocks):
    trace = code(50_000, functions=functions, depth=depth, blocks=blocks)

    calls = []
    steps = zip(trace.ip.tolist(), trace.ip[1:].tolist(), trace.branch.tolist(), strict=False)
    for ip, target, branch in steps:
        if branch in (Branch.CALL, Branch.INDIRECT_CALL):
            calls.append(ip)
        elif branch == Branch.RETURN:
            assert target == calls.pop() + 4
        elif branch == Branch.JUMP:
            assert 0 < target - ip <= 12
        elif branch == Branch.NONE:
            assert target == ip + 4
        else:
            assert (branch, target) == (Branch.CONDITIONAL, CODE)
    assert calls == []


def test_all_branches_are_taken_but_the_last():
    trace = code(10_000)

    assert (trace.taken == (trace.branch != Branch.NONE))[:-1].all()
    assert (trace.branch[-1], trace.taken[-1]) == (Branch.CONDITIONAL, False)


def test_its_data_are_4_kib():
    trace = code(100_000)

    assert int(trace.address.min()) == HEAP
    assert int(trace.address.max()) < HEAP + 4096


def test_another_seed_calls_in_another_order():
    assert code(5000, seed=1).hash != code(5000, seed=2).hash


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"functions": 10, "depth": 4}, "functions=10 is no multiple of depth=4"),
        ({"depth": 0}, "depth=0 is out of range: expected 1 to 512"),
        ({"blocks": 65}, "blocks=65 is out of range: expected 1 to 64"),
        ({"n": 100}, "n=100 is out of range"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(TraceError, match=message):
        code(**options)
