"""Every parameter of `soc` moves a metric of a shipped program, as docs/soc-parameters.md says."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.soc.space import space
from tests.simulators.soc.parameter_effects import EFFECTS, HEADER, Effect, row

_PAGE = Path(__file__).parents[3] / "docs" / "soc-parameters.md"
_LEAST_PERCENT = 1.0
_QUICK = ("rob", "l1d_mshrs", "l2_prefetcher", "noc_width_bits", "page_policy", "core_point")


def _said() -> dict[str, tuple[str, float]]:
    """By parameter: the line of the page without its last column, and the percentage in that."""
    rows = _PAGE.read_text().partition(HEADER)[2].partition("\n\n")[0].splitlines()
    return {line.split("`")[1]: (_key(line), float(line.split("|")[-2].strip(" %"))) for line in rows}


def _key(line: str) -> str:
    return line.rstrip("|\n ").rpartition("|")[0]


def _named(effect: Effect) -> str:
    return effect.parameter


def _check(effect: Effect) -> None:
    line, percent = _said()[effect.parameter]

    measured = row(effect)

    assert _key(measured) == line
    found = float(measured.split("|")[-2].strip(" %"))
    assert found * percent > 0
    assert abs(found) >= _LEAST_PERCENT
    assert abs(found - percent) <= abs(percent) / 2


def test_every_parameter_has_a_program_on_which_it_matters():
    names = [effect.parameter for effect in EFFECTS]

    assert sorted(names) == sorted(space("soc").names)
    assert sorted(_said()) == sorted(names)


def test_no_effect_that_the_page_names_is_small():
    assert min(abs(percent) for _, percent in _said().values()) >= _LEAST_PERCENT


@pytest.mark.parametrize("effect", [one for one in EFFECTS if one.parameter in _QUICK], ids=_named)
def test_a_parameter_does_what_the_page_says(effect):
    _check(effect)


@pytest.mark.slow
@pytest.mark.parametrize("effect", [one for one in EFFECTS if one.parameter not in _QUICK], ids=_named)
def test_every_other_parameter_does_what_the_page_says(effect):
    _check(effect)
