from __future__ import annotations

import pytest

from dse.errors import SpaceError
from dse.parameter import Parameter


def test_powers_of_two_include_both_ends():
    parameter = Parameter.power_of_two("size", 1, 8, 2, "queue")

    assert parameter.values == (1, 2, 4, 8)


def test_real_levels_are_evenly_spaced_in_the_logarithm():
    parameter = Parameter.real("rate", 1, 100, 3, 10.0, "queue", log=True)

    assert parameter.values == (1.0, 10.0, 100.0)


def test_only_a_choice_has_no_order():
    assert not Parameter.choice("mode", ["a", "b"], "a", "core").ordinal
    assert Parameter.integer("depth", 1, 3, 1, "core").ordinal


def test_a_wrong_text_names_the_nearest_value():
    parameter = Parameter.choice("policy", ["Open", "OpenAdaptive", "Closed"], "Open", "page")

    with pytest.raises(SpaceError, match=r"policy='opn' is outside.*'Open', .*Did you mean 'Open'\?"):
        parameter.index("opn")


def test_a_wrong_number_names_the_nearest_value():
    parameter = Parameter.power_of_two("size", 1, 128, 8, "queue")

    with pytest.raises(SpaceError, match=r"size=100 .* The nearest is 128\."):
        parameter.index(100)


def test_true_is_not_one():
    parameter = Parameter.integer("depth", 0, 1, 0, "core")

    with pytest.raises(SpaceError):
        parameter.index(True)


@pytest.mark.parametrize(("text", "value"), [("8", 8), ("8.0", 8), ("1", 1)])
def test_a_number_is_read_from_text(text, value):
    assert Parameter.power_of_two("size", 1, 128, 8, "queue").parse(text) == value


@pytest.mark.parametrize(
    "make",
    [
        lambda: Parameter.choice("mode", [], "a", "core"),
        lambda: Parameter.choice("mode", ["a", "a"], "a", "core"),
        lambda: Parameter.choice("mode", ["a"], "b", "core"),
        lambda: Parameter.choice("my mode", ["a"], "a", "core"),
        lambda: Parameter.power_of_two("size", 3, 8, 8, "queue"),
        lambda: Parameter.integer("depth", 3, 1, 1, "core"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(make):
    with pytest.raises(SpaceError):
        make()


def test_a_parameter_survives_its_json_form():
    parameter = Parameter.real("rate", 0.5, 2.0, 4, 0.5, "queue", unit="GHz")

    assert Parameter.from_dict(parameter.to_dict()) == parameter
