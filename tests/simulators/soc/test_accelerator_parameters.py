"""Every parameter of accelerators moves a metric of a shipped network, as docs/soc-accelerators.md says."""

from __future__ import annotations

import pytest

from simulators.soc.parameters import ACCELERATOR_PARAMETERS
from tests.docs.tables import page
from tests.simulators.soc.accelerator_effects import (
    CONTENTION_HEADER,
    EFFECTS,
    HEADER,
    contention_rows,
    row,
)


def _said(header: str) -> list[str]:
    return page("soc-accelerators.md").partition(header)[2].partition("\n\n")[0].splitlines()


def test_every_parameter_has_a_network_on_which_it_matters():
    assert sorted(effect.parameter for effect in EFFECTS) == sorted(ACCELERATOR_PARAMETERS)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.parameter)
def test_a_parameter_does_what_the_page_says(effect):
    measured = row(effect)

    assert measured.strip() in _said(HEADER)
    assert abs(effect.percent()) > 5


def test_programs_and_accelerators_slow_each_other_down_as_the_page_says():
    assert [line.strip() for line in contention_rows()] == _said(CONTENTION_HEADER)
