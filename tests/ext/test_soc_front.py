"""The parts of the front end and of translation against their twins, and both against the oracles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ext.soc_front import PredictorAlone, TlbAlone, WalkerAlone
from simulators.soc.twin.branch import PREDICTORS, BranchPredictor, Outcome, PredictorConfig, Tage
from simulators.soc.twin.tlb import WALK_CACHES, Tlb, Walker
from tests.oracles import soc_front as oracle
from traces.instructions import Branch

SIZES = st.fixed_dictionaries(
    {
        "btb_sets": st.sampled_from([1, 2, 8]),
        "btb_ways": st.integers(1, 4),
        "indirect_targets": st.sampled_from([1, 4, 64, 4096]),
        "return_addresses": st.integers(1, 5),
    }
)


def branches(seed, n, n_places=40):
    """Columns (ip, target, kind, taken) of a program that goes round, in part regular, in part random.

    Some returns go behind the last call, others anywhere; a few indirect branches change their target.
    """
    rng = np.random.default_rng(seed)
    place = np.where(rng.random(n) < 0.8, np.arange(n) % n_places, rng.integers(0, n_places, n))
    ips = np.unique(rng.integers(0x400000, 0x400000 + 8 * n_places, n_places)).astype(np.uint64)
    place %= len(ips)
    kinds = rng.choice([1, 2, 3, 3, 3, 3, 4, 4, 5, 6, 6, 6, 7], len(ips))
    period = rng.integers(1, 9, len(ips))
    kind, ip = kinds[place], ips[place]
    taken = np.where(rng.random(n) < 0.2, rng.random(n) < 0.5, np.arange(n) // n_places % period[place] > 0)
    target = ip + np.uint64(64) * (1 + rng.integers(0, 2, n).astype(np.uint64) * (rng.random(n) < 0.1))
    calls = []
    for i in range(n):
        if kind[i] in (Branch.CALL, Branch.INDIRECT_CALL):
            calls.append(int(ip[i]))
        elif kind[i] == Branch.RETURN and calls and rng.random() < 0.9:
            target[i] = calls.pop() + rng.integers(2, 13)
    return ip, target, kind.astype(np.uint8), taken


def twin_outcomes(kind, sizes, columns):
    twin = BranchPredictor(PredictorConfig(PREDICTORS[kind], **sizes))
    return [
        twin.outcome(int(ip), int(target), Branch(kind), bool(taken))
        for ip, target, kind, taken in zip(*columns, strict=True)
    ]


def oracle_outcomes(kind, sizes, columns):
    ip, target, branch, taken = (column.tolist() for column in columns)
    rows = [i for i in range(len(ip)) if branch[i] in oracle.CONDITIONAL]
    guesses = oracle.DIRECTIONS[kind]([ip[i] for i in rows], [taken[i] for i in rows])
    return oracle.outcomes(ip, target, branch, taken, guesses, **sizes)


# ---------------------------------------------------------------------------------------------- prediction


@pytest.mark.parametrize("kind", range(len(PREDICTORS)), ids=PREDICTORS)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32), n=st.integers(0, 400), sizes=SIZES)
def test_engine_twin_and_oracle_agree_on_every_branch(kind, seed, n, sizes):
    columns = branches(seed, n)

    found = PredictorAlone(kind, **sizes).run(*columns).tolist()

    assert found == twin_outcomes(kind, sizes, columns)
    assert found == oracle_outcomes(kind, sizes, columns)


def directions(seed, n):
    """Columns of conditional branches that repeat themselves, follow others or are random, phase by phase.

    Some addresses lie as far apart as tables have entries, so that branches share them.
    """
    rng = np.random.default_rng(seed)
    ips = 0x400000 + np.concatenate([4 * np.arange(10), [163, 1024, 16381, 16384, 32768, 10 * 163]])
    ip, taken = np.empty(n, np.uint64), np.zeros(n, bool)
    for first in range(0, n, 700):
        used, period = rng.choice(ips, rng.integers(1, 7)), rng.integers(2, 60)
        back, noise, kind = rng.integers(1, 140), rng.choice([0, 0.02, 0.2]), rng.integers(0, 4)
        for i in range(first, min(first + 700, n)):
            ip[i] = used[i % len(used)]
            rules = (i % period > 0, taken[i - back], not taken[i - 1], rng.random() < 0.5)
            taken[i] = rules[kind] ^ (rng.random() < noise)
    return ip, ip + np.uint64(64), np.full(n, Branch.CONDITIONAL, np.uint8), taken


@pytest.mark.parametrize("kind", range(len(PREDICTORS)), ids=PREDICTORS)
def test_long_runs_agree_too(kind):
    sizes = {"btb_sets": 16, "btb_ways": 4, "indirect_targets": 256, "return_addresses": 8}

    for columns in (branches(7, 4000, n_places=600), directions(8, 12_000)):
        found = PredictorAlone(kind, **sizes).run(*columns).tolist()

        assert found == twin_outcomes(kind, sizes, columns)
        assert found == oracle_outcomes(kind, sizes, columns)


def test_weights_stay_within_eight_bits_alike():
    rng = np.random.default_rng(2)
    taken = rng.random(20_000) < 0.5
    for i in range(9, len(taken), 10):  # a function that is separable only by weights that grow without bound
        decided = taken[i - 9]
        for k in range(8, 0, -1):
            decided = decided and taken[i - k] if k % 2 else decided or taken[i - k]
        taken[i] = decided
    ip = (0x400000 + (np.arange(len(taken)) % 10 == 9) * 4).astype(np.uint64)
    columns = ip, ip, np.full(len(ip), Branch.CONDITIONAL, np.uint8), taken

    found = PredictorAlone(PREDICTORS.index("perceptron")).run(*columns) == Outcome.WRONG_UNTIL_EXECUTED

    assert (found != taken).tolist() == oracle.perceptron(ip.tolist(), taken.tolist())


@pytest.mark.slow
def test_entries_lose_their_use_alike_when_they_are_many_and_with_time():
    n, gap = 2 * Tage.USEFUL_PERIOD + 20_000, 50
    rng = np.random.default_rng(1)
    turn, step = np.divmod(np.arange(n), gap + 1)
    taken = np.where((step == 0) | (step == gap), (rng.random(n) < 0.5)[turn], True)
    echoes = 0x400000 + 4 * rng.integers(0, 600, n)  # each repeats what was 50 branches before
    ip = np.where(step == gap, echoes, 0x500000 + 4 * (step == 0)).astype(np.uint64)
    columns = ip, ip, np.full(n, Branch.CONDITIONAL, np.uint8), taken

    found = PredictorAlone(PREDICTORS.index("tage")).run(*columns) == Outcome.WRONG_UNTIL_EXECUTED

    assert (found != taken).tolist() == oracle.tage(ip.tolist(), taken.tolist())


def test_a_run_may_be_cut_anywhere():
    columns = branches(3, 2000)
    whole = PredictorAlone(4).run(*columns)

    part = PredictorAlone(4)
    found = [part.run(*(column[at : at + 77] for column in columns)) for at in range(0, 2000, 77)]

    assert np.concatenate(found).tolist() == whole.tolist()


# --------------------------------------------------------------------------------------------- translation


def pages(seed, n, spread):
    """Pages of a few regions that are walked through with jumps."""
    rng = np.random.default_rng(seed)
    region = rng.choice([0, 1 << 9, 1 << 18, (1 << 27) + 5, (1 << 45) - 40], n)
    return (region + np.where(rng.random(n) < 0.5, np.arange(n) % spread, rng.integers(0, spread, n))).astype(
        np.uint64
    )


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(0, 300),
    sets=st.sampled_from([1, 2, 16]),
    ways=st.integers(1, 5),
)
def test_engine_twin_and_oracle_find_the_same_pages(seed, n, sets, ways):
    wanted = pages(seed, n, 40).tolist()
    spaces = np.random.default_rng(seed).integers(0, 3, n).tolist()
    number = {place: k for k, place in enumerate(dict.fromkeys(zip(spaces, wanted, strict=True)))}
    keys = [number[place] for place in zip(spaces, wanted, strict=True)]
    twin, expected = Tlb(sets, ways), []

    part = TlbAlone(sets, ways)
    found = part.run(keys, wanted).tolist()

    for key, page in zip(keys, wanted, strict=True):
        expected.append(twin.find(key, page))
        twin.insert(key, page)
    assert found == expected
    assert found == oracle.hits(list(zip(keys, wanted, strict=True)), sets, ways, lambda use: use[1])
    assert (part.hits, part.misses) == (sum(found), n - sum(found))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(0, 200),
    spread=st.sampled_from([30, 3000, 300_000]),
    levels=st.sampled_from([4, 5]),
    leaf=st.sampled_from([1, 2]),
    caches=st.one_of(
        st.just(WALK_CACHES),
        st.dictionaries(st.integers(2, 5), st.tuples(st.sampled_from([1, 2]), st.integers(1, 3))),
    ),
)
def test_engine_twin_and_oracle_begin_walks_at_the_same_level(seed, n, spread, levels, leaf, caches):
    wanted = pages(seed, n, spread)
    twin, expected = Walker(levels, leaf, caches), []

    used = [caches.get(level, (0, 0)) if leaf < level <= levels else (0, 0) for level in range(2, 6)]
    found = WalkerAlone(levels, leaf, used).run(wanted).tolist()

    for page in wanted.tolist():
        expected.append(twin.first_level(0, page))
        for level in range(expected[-1], leaf - 1, -1):
            twin.learn(0, page, level)
    assert found == expected
    assert found == oracle.first_levels(wanted.tolist(), levels, leaf, caches)


# ------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PredictorAlone(5), "kind=5: expected 0 to 4"),
        (lambda: PredictorAlone(1, btb_sets=3), "btb_sets=3: expected a power of two"),
        (lambda: PredictorAlone(1, btb_ways=0), "btb_ways=0: expected 1 to 64"),
        (lambda: PredictorAlone(1, indirect_targets=1 << 21), "indirect_targets=2097152: expected 1 to"),
        (lambda: TlbAlone(12, 4), "sets=12: expected a power of two"),
        (lambda: WalkerAlone(3, 1, []), "levels=3: expected 4 to 5"),
        (lambda: WalkerAlone(5, 1, [(1, 1)] * 5), "level=6: expected 2 to 5"),
        (lambda: WalkerAlone(5, 1, []).run([1 << 52]), r"expected less than 2\*\*52"),
        (lambda: WalkerAlone(5, 1, []).run([1], 4096), "space=4096: expected 0 to 4095"),
        (lambda: TlbAlone(16, 4).run([1, 2], [1]), "keys has 2 rows; pages has 1 rows"),
        (lambda: PredictorAlone(1).run([1], [2], [3], [True, False]), "taken has 2 rows"),
    ],
)
def test_impossible_sizes_and_pages_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
