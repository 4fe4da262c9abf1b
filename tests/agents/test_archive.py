from __future__ import annotations

import numpy as np
import pytest

from agents.search.archive import Archive, Seen
from dse.errors import InfeasibleError
from dse.parameter import Parameter
from dse.space import Constraint, DesignSpace
from dse.testing.toys import tiny_toy, toy_space


def wide_space():
    """More raw designs than an int64 can number, so that keys are bytes."""
    return DesignSpace("wide", [Parameter.integer(f"p{d}", 0, 99, 0, "all") for d in range(12)])


@pytest.mark.parametrize("space", [toy_space(), wide_space()], ids=["small", "wide"])
def test_drawn_designs_are_new_canonical_and_allowed(space):
    seen, rng = Seen(space), np.random.default_rng(0)

    rows = np.concatenate([seen.draw(n, rng) for n in (1, 50, 200)])

    assert len(np.unique(rows, axis=0)) == 251
    assert (space.canonical(rows) == rows).all()
    assert not space.violations(rows).any()


def test_drawing_ends_exactly_when_every_feasible_design_was_drawn():
    space = tiny_toy().problem.space
    seen, rng = Seen(space), np.random.default_rng(0)

    sizes = [len(seen.draw(5, rng)) for _ in range(5)]

    assert sizes == [5, 5, 5, 3, 0]


def test_every_design_is_as_likely_as_any_other():
    space = tiny_toy().problem.space
    rng = np.random.default_rng(1)

    drawn = np.concatenate([Seen(space).draw(4, rng) for _ in range(1800)])

    counts = np.unique(space.keys(drawn), return_counts=True)[1]
    assert len(counts) == 18
    assert counts.min() > 330  # expected 400, standard deviation 18
    assert counts.max() < 470


def test_a_space_without_a_feasible_design_says_so():
    space = DesignSpace("none", [Parameter("p", (0, 1), 0, "all")], (Constraint("all", {"p": (0, 1)}),))

    with pytest.raises(InfeasibleError):
        Seen(space).draw(1, np.random.default_rng(0))


def test_repeats_inside_one_matrix_are_not_fresh():
    space = toy_space()
    row = space.encode({})

    assert Seen(space).fresh(np.stack([row, row])).tolist() == [True, False]


def test_an_archive_keeps_the_first_result_of_a_design():
    space = toy_space()
    archive = Archive(space, 1)
    row = space.encode({})[None, :]

    archive.add(row, np.array([[1.0]]), np.zeros((1, 1)))
    archive.add(row, np.array([[2.0]]), np.zeros((1, 1)))

    assert archive.costs.tolist() == [[1.0]]


def test_an_archive_grows_and_finds_its_rows():
    space, rng = toy_space(), np.random.default_rng(0)
    archive, rows = Archive(space, 2), Seen(space).draw(1500, rng)

    archive.add(rows[:700], rng.random((700, 2)), np.zeros((700, 1)))
    archive.add(rows[700:1400], rng.random((700, 2)), np.zeros((700, 1)))

    assert archive.find(rows).tolist() == [*range(1400), *[-1] * 100]
    assert (archive.designs == rows[:1400]).all()


def test_a_failed_design_counts_as_infinitely_violated():
    space = toy_space()
    archive = Archive(space, 1)

    archive.add(space.encode({})[None, :], np.array([[np.nan]]), np.array([[0.0]]))

    assert archive.violation.tolist() == [np.inf]
