"""Drawing designs group by group: as likely as when whole rows are drawn until one is kept."""

from __future__ import annotations

import numpy as np
import pytest

from dse.errors import InfeasibleError
from dse.parameter import Parameter
from dse.sampling import GroupSampler
from dse.space import Constraint, DeadRule, DesignSpace


def _wide(n_pairs: int, constraint: Constraint | None = None) -> DesignSpace:
    """Pairs of a switch and what it kills, most designs of which are the same."""
    parameters, dead = [], []
    for k in range(n_pairs):
        parameters.append(Parameter(f"kind{k}", tuple(range(8)), 0, "s"))
        parameters.append(Parameter(f"depth{k}", tuple(range(16)), 0, "s", "integer"))
        dead.append(DeadRule(f"depth{k}", {f"kind{k}": (0, 1, 2, 3, 4, 5, 6)}))
    return DesignSpace("wide", parameters, [constraint] if constraint else [], dead)


def test_every_design_of_a_group_is_equally_likely():
    space = _wide(1)
    sampler = GroupSampler(space.n_values, space._rules(space._dead))

    rows = sampler.draw(23_000, np.random.default_rng(1))

    keys, counts = np.unique(space.keys(rows), return_counts=True)
    assert len(keys) == space.distinct_size == 7 + 16
    assert abs(counts - 1000).max() < 5 * 1000**0.5


def test_the_share_is_that_of_the_exact_count():
    space = _wide(4)

    share = GroupSampler(space.n_values, space._rules(space._dead)).share

    assert share == pytest.approx(space.distinct_size / space.raw_size)


def test_a_large_space_with_few_distinct_designs_is_sampled_at_once():
    space = _wide(12)
    assert space.distinct_size / space.raw_size < 1e-8

    rows = space.sample(1000, np.random.default_rng(2))

    assert (space.canonical(rows) == rows).all()
    assert len(np.unique(rows, axis=0)) == 1000


def test_constraints_hold_in_feasible_samples_of_a_large_space():
    constraint = Constraint("not_two", {"kind0": (7,), "kind1": (7,)})
    space = _wide(12, constraint)

    rows = space.sample(4000, np.random.default_rng(3), feasible=True)

    assert not space.violations(rows).any()
    assert space.violations(space.sample(4000, np.random.default_rng(3))).any()


def test_a_large_space_without_a_feasible_design_says_so():
    impossible = Constraint("nothing", {"kind0": tuple(range(8))})

    with pytest.raises(InfeasibleError, match="nothing"):
        _wide(12, impossible).sample(1, np.random.default_rng(4), feasible=True)


def test_a_small_space_is_sampled_as_it_always_was():
    """Campaigns of earlier versions go on with the same designs."""
    rows = _wide(2).sample(3, np.random.default_rng(5))

    assert rows.tolist() == [[7, 8, 7, 4], [7, 13, 2, 0], [7, 9, 7, 11]]


def test_the_one_feasible_design_of_a_small_space_is_found():
    """One in 16 million: more than whole rows drawn at random ever meet."""
    parameters = [Parameter(f"p{k}", tuple(range(64)), 0, "s", "integer") for k in range(4)]
    only = [Constraint(f"p{k}_is_5", requires=f"p{k} == 5") for k in range(4)]
    space = DesignSpace("rare", parameters, only)

    rows = space.sample(3, np.random.default_rng(6), feasible=True)

    assert rows.tolist() == [[5, 5, 5, 5]] * 3
