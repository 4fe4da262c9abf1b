from __future__ import annotations

import numpy as np
import pytest

from dse.testing.searcher import drive
from dse.testing.toys import make_toy


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_the_search_does_not_depend_on_the_batch_size(batch, build):
    toy = make_toy(2)

    expected = drive(build("nsga2", toy.problem), toy, 200, batch=20).indices
    found = drive(build("nsga2", toy.problem), toy, 200, batch=batch).indices

    assert np.array_equal(found, expected)


def test_parameters_with_one_value_stay_where_they_are(build):
    toy = make_toy(2)
    fixed = toy.problem.space.restrict({"p4": 3, "p6": 2})
    toy = make_toy(2, space=fixed)

    log = drive(build("nsga2", toy.problem), toy, 120)

    assert (log.indices[:, [4, 6]] == 0).all()
