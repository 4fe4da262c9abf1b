"""Metrics of a step in `infos`: a mapping that stands for a dict."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import dse
from dse.env.measured import Measured
from dse.env.single import SingleAgent
from dse.metrics import MetricSchema, MetricSpec
from tests.dse.env.problems import design_of, environment

SCHEMA = MetricSchema([MetricSpec(name, "", "none") for name in "abc"])


@pytest.fixture
def measured():
    return Measured(SCHEMA, np.array([1.5, np.nan, -2.0]))


def test_what_was_not_measured_is_left_out(measured):
    assert measured == {"a": 1.5, "c": -2.0}
    assert list(measured) == ["a", "c"]
    assert repr(measured) == "{'a': 1.5, 'c': -2.0}"
    with pytest.raises(KeyError):
        measured["b"]


@pytest.mark.parametrize("again", [copy.deepcopy, copy.copy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_are_dicts(measured, again):
    copied = again(measured)

    assert type(copied) is dict
    assert copied == measured


def test_an_epoch_keeps_its_numbers_when_the_next_episode_begins():
    env = dse.make("dram/live-v0", workload="synthetic:stream?n=400", epoch_ns=200.0)
    env.reset(seed=0)
    *_, infos = env.step({agent: env.action_space(agent).sample() for agent in env.agents})

    env.reset()

    assert infos["scheduler"]["epoch"]["requests"] > 0


def test_a_single_agent_is_told_dicts():
    env = SingleAgent(environment(granularity="all"))
    env.reset(seed=0)

    *_, info = env.step(design_of(env.env)["designer"])

    assert type(info["metrics"]) is dict
    assert info["metrics"]["time_ns"] > 0
