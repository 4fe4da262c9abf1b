"""A design beside the reference, as text."""

from __future__ import annotations

import pytest
from pettingzoo.test import render_test
from pettingzoo.utils import parallel_to_aec

from dse.errors import ConfigError
from dse.testing.environment import scalarised
from tests.dse.env.problems import design_of, environment, refining


def _rows(env):
    return [line.split() for line in env.render().splitlines() if line]


def test_parameters_that_differ_from_the_reference_are_marked():
    env = environment(render_mode="ansi")
    env.reset(seed=0)
    env.step(design_of(env, buffers=4))

    rows = _rows(env)

    assert ["buffers", "4", "16", "*"] in rows
    assert ["depth", "2", "2"] in rows


def test_objectives_are_shown_with_how_many_times_better_they_are():
    env = environment(render_mode="ansi")
    env.reset(seed=0)
    *_, infos = env.step(design_of(env, buffers=4))
    here = infos["core"]["metrics"]["energy_pj"]
    there = env.problem.baseline_metrics(0)["energy_pj"]

    assert ["min", "energy_pj", f"{here:g}", f"{there:g}", f"{there / here:.3g}"] in _rows(env)


def test_a_design_that_was_not_simulated_says_so():
    env = environment(render_mode="ansi")
    env.reset(seed=0)
    env.step(design_of(env, mode="unsafe"))

    shown = env.render()

    assert shown.splitlines()[0] == "workload load 0: infeasible"
    assert "not simulated" in shown
    assert ["safe", "1", "broken"] in _rows(env)


def test_nothing_is_rendered_without_a_mode():
    env = environment()
    env.reset(seed=0)

    assert env.render() is None


@pytest.mark.parametrize("make", [environment, refining])
def test_pettingzoos_render_test_passes(make):
    def rendering(render_mode):
        wanted = None if render_mode == "human" else render_mode  # the test begins with it, offered or not
        return parallel_to_aec(scalarised(make(render_mode=wanted)))

    render_test(rendering)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ConfigError, match="None or one of 'ansi', 'rgb_array'"):
        environment(render_mode="human")
