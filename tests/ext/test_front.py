"""The front archive against moocore (by way of `non_dominated`), which sees all vectors at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.front import non_dominated
from ext.front import FrontArchive

TIES = st.integers(0, 6).map(float) | st.sampled_from([np.inf, -np.inf, -0.0])


@st.composite
def batches(draw, values=TIES):
    """A few batches of cost vectors of 1 to 6 objectives, full of ties, duplicates and infinities."""
    m = draw(st.integers(1, 6))
    row = st.lists(values, min_size=m, max_size=m)
    found = draw(st.lists(st.lists(row, max_size=25), min_size=1, max_size=5))
    return [np.array(batch, dtype=np.float64).reshape(-1, m) for batch in found]


def _front_of(costs):
    """Positions of the front among all vectors; moocore keeps the first of equal ones, as we do."""
    return np.flatnonzero(non_dominated(costs))


def _insert(archive, parts):
    """Insert batch after batch, the ids counted from 0; what each call returned."""
    starts = np.cumsum([0, *map(len, parts)])
    return [
        archive.insert(part, np.arange(start, start + len(part)))
        for part, start in zip(parts, starts, strict=False)
    ]


@given(batches())
@settings(deadline=None, max_examples=300)
def test_the_archive_holds_what_nothing_inserted_dominates(parts):
    costs = np.concatenate(parts)
    archive = FrontArchive(costs.shape[1])

    _insert(archive, parts)

    assert archive.ids.tolist() == _front_of(costs).tolist()
    assert np.array_equal(archive.costs, costs[archive.ids])


@given(batches(TIES | st.just(np.nan)))
@settings(deadline=None)
def test_vectors_with_nan_never_enter(parts):
    costs = np.concatenate(parts)
    archive = FrontArchive(costs.shape[1])

    _insert(archive, parts)

    assert archive.ids.tolist() == _front_of(costs).tolist()


@given(batches())
@settings(deadline=None)
def test_what_was_added_and_removed_leads_from_front_to_front(parts):
    archive = FrontArchive(parts[0].shape[1])
    known: set[int] = set()
    start = 0

    for part in parts:
        before = set(known)
        added, removed = archive.insert(part, np.arange(start, start + len(part)))
        start += len(part)
        known = (known - set(removed.tolist())) | set(added.tolist())

        assert set(removed.tolist()) <= before
        assert not set(added.tolist()) & before
        assert known == set(archive.ids.tolist())


@pytest.mark.parametrize("m", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("shape", ["sphere", "cloud"])
def test_large_fronts_equal_those_of_moocore(m, shape):
    rng = np.random.default_rng(m)
    costs = np.abs(rng.normal(size=(3000, m)))
    if shape == "sphere":
        costs /= np.linalg.norm(costs, axis=1)[:, None] * rng.choice([1.0, 1.001], size=(3000, 1))
    archive = FrontArchive(m)

    _insert(archive, np.array_split(costs, 7))

    assert archive.ids.tolist() == _front_of(costs).tolist()


def test_the_first_of_equal_vectors_stays():
    archive = FrontArchive(2)
    archive.insert([[1.0, 2.0], [1.0, 2.0]], [7, 8])

    added, removed = archive.insert([[1.0, 2.0]], [9])

    assert (archive.ids.tolist(), added.tolist(), removed.tolist()) == ([7], [], [])


def test_a_vector_beaten_within_its_own_batch_was_never_there():
    archive = FrontArchive(2)
    archive.insert([[3.0, 3.0]], [1])

    added, removed = archive.insert([[2.0, 2.0], [1.0, 1.0]], [2, 3])

    assert (added.tolist(), removed.tolist()) == ([3], [1])


def test_what_the_archive_gives_away_is_a_copy():
    archive = FrontArchive(1)
    archive.insert([[3.0]], [1])

    archive.costs[:] = 0.0
    archive.ids[:] = 0

    assert (archive.costs.tolist(), archive.ids.tolist()) == ([[3.0]], [1])


@pytest.mark.parametrize(("costs", "ids"), [(np.zeros((2, 3)), [1, 2]), (np.zeros((2, 2)), [1])])
def test_shapes_that_do_not_fit_are_refused(costs, ids):
    archive = FrontArchive(2)

    with pytest.raises(ValueError, match=r"expected \(B, 2\) and \(B,\)"):
        archive.insert(costs, ids)


def test_an_archive_needs_an_objective():
    with pytest.raises(ValueError, match="expected at least 1"):
        FrontArchive(0)
