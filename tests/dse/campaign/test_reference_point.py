"""The reference point of the hypervolume is set by good designs, not by the worst of a random sample."""

from __future__ import annotations

import numpy as np
import pytest

from dse.campaign.scoring import Scores, reference_and_ideal


def _scores(costs, feasible=None):
    costs = np.asarray(costs, dtype=np.float64)
    allowed = np.ones(len(costs), dtype=bool) if feasible is None else np.asarray(feasible)
    return Scores(costs, np.zeros((len(costs), 0)), allowed)


def test_a_throttled_design_does_not_move_the_reference_point():
    line = [(k, 20 - k) for k in range(12)]

    plain, _ = reference_and_ideal([_scores(line)])
    throttled, _ = reference_and_ideal([_scores([*line, (1e6, 1e6)])])

    assert plain == pytest.approx([12.1, 21.1])
    assert throttled == pytest.approx(plain)


def test_a_single_best_design_does_not_shrink_the_box_to_nothing():
    reference, ideal = reference_and_ideal([_scores([(1, 1), (2, 5), (5, 2), (9, 9)])])

    assert ideal.tolist() == [1, 1]
    assert reference == pytest.approx([9.8, 9.8])


def test_infeasible_and_failed_designs_do_not_count_while_others_are_there():
    costs = [(1, 2), (2, 1), (0, 0), (np.nan, np.nan)]

    _, ideal = reference_and_ideal([_scores(costs, [True, True, False, False])])

    assert ideal.tolist() == [1, 1]


def test_a_sample_without_any_measurement_is_refused():
    with pytest.raises(ValueError, match="no design"):
        reference_and_ideal([_scores([(np.nan, np.nan)])])
