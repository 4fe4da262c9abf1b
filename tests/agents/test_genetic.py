from __future__ import annotations

import numpy as np

from dse.search import Results
from dse.testing.toys import make_toy


def told(searcher, costs, over):
    """Ask for a generation and tell these costs (n,) and this violation (n,)."""
    proposal = searcher.ask(len(costs))
    forbidden = searcher.space.violations(proposal.indices)
    blank = np.zeros(len(costs), dtype=np.bool_)
    searcher.tell(proposal, Results(costs[:, None], np.column_stack([forbidden, over]), blank))
    return proposal.indices


def population(searcher):
    state = searcher.state()
    return state["archive"]["designs"][state["population"]]


def rows(designs):
    return {tuple(row) for row in designs.tolist()}


def test_without_elites_the_children_replace_their_parents(build):
    searcher = build("genetic", make_toy(0, n_objectives=1).problem, population=6, elites=0.0)
    told(searcher, np.zeros(6), np.zeros(6))

    children = told(searcher, np.ones(6), np.zeros(6))

    assert rows(population(searcher)) == rows(children)


def test_elites_live_on_while_they_are_better(build):
    searcher = build("genetic", make_toy(0, n_objectives=1).problem, population=6, elites=0.5)
    parents = told(searcher, np.arange(6.0), np.zeros(6))

    children = told(searcher, np.arange(6.0) + 10.0, np.zeros(6))

    assert rows(population(searcher)) == rows(parents[:3]) | rows(children[:3])


def test_a_dear_feasible_design_comes_before_a_cheap_infeasible_one(build):
    searcher = build("genetic", make_toy(0, n_objectives=1).problem, population=6, elites=1.0)
    over = np.array([0.0, 2.0, 0.0, 1.0, 0.0, 3.0])
    first = told(searcher, np.where(over > 0, 0.0, 9.0), over)

    second = told(searcher, np.zeros(6), np.array([0.5, 5, 5, 5, 5, 5]))

    assert rows(population(searcher)) == rows(first[[0, 2, 4, 3, 1]]) | rows(second[[0]])


def test_children_without_mutation_are_made_of_their_parents_values(build):
    toy = make_toy(0, n_objectives=1)
    fixed = make_toy(0, n_objectives=1, space=toy.problem.space.restrict({"p0": [1, 2, 3, 4], "p1": [0, 1]}))
    searcher = build("genetic", fixed.problem, population=4, mutation=1e-12)
    parents = told(searcher, np.arange(4.0), np.zeros(4))

    child = searcher.ask(1).indices[0]

    assert all(child[d] in parents[:, d] for d in range(len(child)))
