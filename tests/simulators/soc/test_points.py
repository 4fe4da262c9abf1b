"""Which recording a design runs."""

from __future__ import annotations

import pytest

from dse.errors import InputError
from simulators.soc.points import software_choice
from simulators.soc.space import space
from traces.catalog import INSTRUCTION_CATALOG


def test_a_space_without_software_runs_what_the_workload_says():
    assert software_choice(space("soc").default()) is None


def test_each_version_of_the_program_is_one_design_away():
    found = space("soc-software")
    levels, tiles = found.parameter("optimisation").values, found.parameter("tile").values

    chosen = {software_choice(found.point(optimisation=a, tile=b)) for a in levels for b in tiles}

    assert chosen == {row.name for row in INSTRUCTION_CATALOG.values() if row.program == "product"}


def test_one_choice_alone_leaves_the_other_at_its_default():
    assert software_choice({"tile": 8}) == "product-o2-tile8"


def test_a_version_that_was_not_recorded_is_refused():
    with pytest.raises(InputError, match="'product' was not recorded with"):
        software_choice({"optimisation": "o1"})
