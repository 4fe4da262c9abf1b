"""What each predictor can learn and what it cannot, in closed form, and what ChampSim measured."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ext.soc_front import PredictorAlone
from simulators.soc.twin.branch import PREDICTORS, Gshare, Outcome, Perceptron, Tage
from traces.instructions import Branch
from traces.synthetic_instructions import branchy, code

HISTORIES = {"gshare": Gshare.HISTORY, "perceptron": Perceptron.HISTORY, "tage": Tage.HISTORIES[-1]}
LEARNERS = tuple(HISTORIES)


def wrong(kind, ip, taken):
    """Which directions of conditional branches are guessed wrong."""
    ip = np.broadcast_to(np.asarray(ip, np.uint64), len(taken))
    kinds = np.full(len(taken), Branch.CONDITIONAL)
    return PredictorAlone(PREDICTORS.index(kind)).run(ip, ip, kinds, taken) == Outcome.WRONG_UNTIL_EXECUTED


def outcomes(columns, kind="bimodal", **sizes):
    """What becomes of branches (ip, target, kind), all taken."""
    ip, target, kinds = np.array(columns, np.uint64).T
    return PredictorAlone(PREDICTORS.index(kind), **sizes).run(ip, target, kinds, np.ones(len(ip), bool))


# ----------------------------------------------------------------------------------------------- direction


def test_not_taken_is_wrong_on_every_taken_branch():
    taken = np.random.default_rng(1).random(1000) < 0.6

    assert wrong("not-taken", 0x400000, taken).tolist() == taken.tolist()


def test_bimodal_is_at_most_half_right_on_an_alternating_branch():
    taken = np.arange(1000) % 2 == 0

    assert wrong("bimodal", 0x400000, taken).mean() >= 0.5


@pytest.mark.parametrize("kind", LEARNERS)
def test_predictors_with_history_learn_an_alternating_branch(kind):
    taken = np.arange(1000) % 2 == 0

    assert not wrong(kind, 0x400000, taken)[200:].any()


def test_bimodal_pays_once_for_each_round_of_a_loop():
    taken = np.arange(1000) % 10 < 9

    assert wrong("bimodal", 0x400000, taken)[20:].tolist() == (~taken)[20:].tolist()


@pytest.mark.parametrize("kind", LEARNERS)
def test_the_exit_of_a_loop_within_the_history_is_learnt(kind):
    n = 100 * HISTORIES[kind]
    taken = np.arange(n) % HISTORIES[kind] < HISTORIES[kind] - 1

    assert not wrong(kind, 0x400000, taken)[n // 2 :].any()


@pytest.mark.parametrize("kind", LEARNERS)
def test_the_exit_of_a_loop_beyond_the_history_is_missed_every_time(kind):
    period = HISTORIES[kind] + 2
    taken = np.arange(100 * period) % period < period - 1

    found = wrong(kind, 0x400000, taken)[50 * period :]

    assert found.reshape(-1, period).any(axis=1).all()


def _echo(distance, n):
    """A random outcome, then branches that are taken, then one that repeats it `distance` branches later."""
    turn, step = np.divmod(np.arange(n), distance + 1)
    bits = np.random.default_rng(distance).random(n) < 0.5
    taken = np.where((step == 0) | (step == distance), bits[turn], True)
    ip = 0x400000 + 4 * ((step == 0) + 2 * (step == distance))
    return ip, taken, step == distance


@pytest.mark.parametrize("kind", LEARNERS)
def test_an_outcome_is_remembered_for_exactly_the_length_of_the_history(kind):
    errors = []

    for distance in (HISTORIES[kind], HISTORIES[kind] + 1):
        ip, taken, is_echo = _echo(distance, 800 * distance)
        errors.append(wrong(kind, ip, taken)[is_echo][400:].mean())

    assert errors[0] < 0.02
    assert 0.4 < errors[1] < 0.6


def _function_of_two(function, n=240_000):
    """Two random branches and a third that is a function of them."""
    taken = np.random.default_rng(5).random(n) < 0.5
    taken[2::3] = function(taken[0::3], taken[1::3])
    return 0x400000 + 5 * (np.arange(n) % 3), taken


@pytest.mark.parametrize("function", [np.logical_and, np.logical_or], ids=["and", "or"])
@pytest.mark.parametrize("kind", LEARNERS)
def test_functions_that_a_line_separates_are_learnt_by_all(kind, function):
    ip, taken = _function_of_two(function)

    assert wrong(kind, ip, taken)[2::3][-10_000:].mean() < 0.02


def test_a_perceptron_does_not_learn_exclusive_or_and_gshare_does():
    ip, taken = _function_of_two(np.logical_xor)

    assert wrong("perceptron", ip, taken)[2::3][-10_000:].mean() > 0.4
    assert wrong("gshare", ip, taken)[2::3][-10_000:].mean() < 0.02


# ------------------------------------------------------------------------------------------------- targets


def test_a_direct_branch_is_wrong_once_and_until_it_is_decoded():
    found = outcomes([(0x400000, 0x400100, Branch.JUMP)] * 3)

    assert found.tolist() == [Outcome.WRONG_UNTIL_DECODED, Outcome.RIGHT, Outcome.RIGHT]


@pytest.mark.parametrize("ways", [1, 2, 8])
def test_the_target_buffer_holds_as_many_branches_as_it_has_places(ways):
    places = 64 * ways

    errors = []
    for n in (places, places + 64):  # 64 sets; with one more branch in each set, LRU keeps none of a round
        rounds = [(0x400000 + 4 * k, 0x500000, Branch.JUMP) for k in range(n)] * 3
        errors.append((outcomes(rounds, btb_sets=64, btb_ways=ways)[n:] != Outcome.RIGHT).mean())

    assert errors == [0, 1]


def _descents(depth, n):
    """Calls `depth` deep, each of 5 bytes and from a place of its own, and the returns; n times."""
    calls = [(0x400000 + 64 * k, 0x400000 + 64 * (k + 1), Branch.CALL) for k in range(depth)]
    returns = [(0x500000 + 64 * k, ip + 5, Branch.RETURN) for k, (ip, _, _) in enumerate(reversed(calls))]
    return (calls + returns) * n


@pytest.mark.parametrize(("places", "depth"), [(8, 8), (8, 11), (64, 64), (64, 100)])
def test_returns_deeper_than_the_stack_are_wrong(places, depth):
    found = outcomes(_descents(depth, 3), return_addresses=places).reshape(3, 2, depth)

    returns = found[2, 1] == Outcome.WRONG_UNTIL_EXECUTED
    assert returns.tolist() == [False] * min(depth, places) + [True] * max(depth - places, 0)
    assert not found[2, 0].any()


def test_an_indirect_branch_is_told_apart_by_the_outcomes_before_it():
    rng = np.random.default_rng(3)
    bits = rng.random(2000) < 0.5
    ip = np.tile([0x400000, 0x400010], 2000).astype(np.uint64)
    target = np.where(np.arange(4000) % 2, 0x500000 + 64 * np.repeat(bits, 2), 0x400010).astype(np.uint64)
    kind = np.tile([Branch.CONDITIONAL, Branch.INDIRECT], 2000)

    errors = {}
    for size in (1, 2, 16):
        found = PredictorAlone(1, indirect_targets=size).run(ip, target, kind, np.repeat(bits, 2))
        errors[size] = (found[1::2][1000:] != Outcome.RIGHT).mean()

    assert 0.4 < errors[1] < 0.6  # the last target, whatever came before
    assert errors[2] == errors[16] == 0


def test_branches_that_are_not_conditional_are_taken_whatever_the_flag_says():
    ip = np.full(4, 0x400000, np.uint64)
    kind = np.full(4, Branch.JUMP)

    found = [PredictorAlone(1).run(ip, ip + 64, kind, np.full(4, flag)).tolist() for flag in (False, True)]

    assert found[0] == found[1]


# -------------------------------------------------------------------------------------------------- traces


def _outcomes_of(trace, kind, **sizes):
    """What becomes of the branches of a trace, the last instruction left out."""
    at = np.flatnonzero(trace.branch[:-1])
    part = PredictorAlone(PREDICTORS.index(kind), **sizes)
    return part.run(trace.ip[at], trace.ip[at + 1], trace.branch[at], trace.taken[at])


def test_every_size_of_target_buffer_decides_about_a_large_program():
    trace = code(300_000)

    errors = [(_outcomes_of(trace, "bimodal", btb_sets=sets) > 0).mean() for sets in (64, 128, 512, 1024)]

    assert all(small > 1.3 * large for small, large in pairwise(errors[1:]))
    assert errors[0] > 1.1 * errors[1]


def test_a_return_stack_as_deep_as_the_calls_is_enough():
    trace = code(300_000, depth=8)
    deep = [np.count_nonzero(_outcomes_of(trace, "bimodal", return_addresses=n)) for n in (7, 8, 64)]

    turns = np.count_nonzero(trace.branch == Branch.INDIRECT_CALL)
    assert deep[1] == deep[2]
    assert 0.8 * turns < deep[0] - deep[1] <= turns  # the outermost return of each, once it is known


@pytest.mark.parametrize(("p", "measured_mpki"), [(0.5, 90.395), (0.9, 21.42)])
def test_bimodal_mispredicts_as_often_as_champsim(p, measured_mpki):
    trace = branchy(1_500_000, taken_probability=p)  # the very one that was measured
    number = np.flatnonzero(trace.branch[:-1])

    found = _outcomes_of(trace, "bimodal") != Outcome.RIGHT

    # ChampSim counts when it fetches, over 400,000 instructions after the first 100,000 have retired: up to
    # 480 have then been fetched already (buffers of 64, 32 and 32 instructions, and 352 in flight).
    ahead = [np.flatnonzero(found & (number >= k) & (number < k + 480)).size for k in (100_000, 500_000)]
    counted = np.flatnonzero(found & (number >= 100_000) & (number < 500_000)).size
    assert counted - ahead[0] <= round(measured_mpki * 400) <= counted + ahead[1]
    assert counted / 400 == pytest.approx(measured_mpki, rel=0.0011)
