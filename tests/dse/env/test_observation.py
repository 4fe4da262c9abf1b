"""What agents see, number by number."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.env.descriptor import FEATURES
from dse.env.design import DesignEnv
from dse.env.own_metrics import OWN_METRICS, Shares
from dse.errors import ConfigError
from dse.metrics import MetricSchema, MetricSpec
from simulators.dram.session import STALL_OWNERS as DRAM_STALL_OWNERS
from simulators.soc.session import STALL_OWNERS as SOC_STALL_OWNERS
from tests.dse.env.problems import design_of, environment, problem

OWN = {"core": ["energy_pj / time_ns"], "queue": ["served"]}


def _seen(env, agent, actions):
    env.reset(seed=0)
    observations, *_ = env.step(actions)
    return dict(zip(env.observation_names(agent), observations[agent].tolist(), strict=True))


def test_every_number_of_an_observation_has_a_name():
    env = environment(own_metrics=OWN)

    observations, _ = env.reset(seed=0)

    for agent, seen in observations.items():
        assert len(env.observation_names(agent)) == len(seen)
    assert len(env.state_names()) == len(env.state())


def test_an_observation_is_context_then_outcome_then_what_is_the_agents_own():
    assert environment(own_metrics=OWN).observation_names("core") == (
        *(f"workload:{name}" for name in FEATURES),
        "weight:time_ns",
        "weight:energy_pj",
        "budget:served",
        "improvement:time_ns",
        "improvement:energy_pj",
        "violation:safe",
        "violation:served >= 0.5",
        "own:energy_pj / time_ns",
        "position:mode",
        "position:colour",
    )


def test_agents_see_their_own_metrics_and_not_those_of_others():
    env = environment(own_metrics=OWN)
    chosen = design_of(env, buffers=1)

    core, queue = _seen(env, "core", chosen), _seen(env, "queue", chosen)

    assert queue["own:served"] == pytest.approx(0.6)
    assert "own:served" not in core
    assert 0.0 < core["own:energy_pj / time_ns"] < 1.0


def test_an_agent_of_one_parameter_sees_the_metrics_of_its_subsystem():
    env = environment(own_metrics=OWN, granularity="parameter")

    seen = _seen(env, "depth", design_of(env, buffers=1))

    assert [name for name in seen if name.startswith("own:")] == ["own:served"]
    assert [name for name in seen if name.startswith("position:")] == ["position:depth"]


def test_what_was_not_simulated_shows_no_metrics():
    env = environment(own_metrics=OWN)

    assert _seen(env, "queue", design_of(env, mode="unsafe"))["own:served"] == 0.0


def test_the_first_observation_is_the_baselines_own_outcome():
    env = environment(objectives=("time_ns", "energy_pj", "served >= 1.0"), own_metrics=OWN)

    observations, _ = env.reset(seed=0)
    seen = dict(zip(env.observation_names("queue"), observations["queue"].tolist(), strict=True))

    baseline = env.problem.baseline_metrics(0)["served"]
    assert seen["own:served"] == pytest.approx(baseline)
    assert seen["violation:served >= 1"] == pytest.approx(1.0 - baseline)
    assert seen["improvement:time_ns"] == 0.0


def test_shares_stay_between_0_and_1_whatever_is_measured():
    specs = [MetricSpec(name, "", "none") for name in ("a", "b")]
    shares = Shares(MetricSchema(specs), {"part": ["a", "a / b"]}, ["part"])

    def read(a, b):
        found = shares.values(np.array([[a, b]]))[0].tolist()
        assert shares.of_one([a, b]) == found
        return found

    assert read(0.25, 0.5) == [0.25, 0.5]
    assert read(3.0, 1.0) == [1.0, 1.0]
    assert read(-1.0, 1.0) == [0.0, 0.0]
    assert read(0.5, 0.0) == [0.5, 0.0]
    assert read(np.nan, 1.0) == [0.0, 0.0]
    assert read(np.inf, 1.0) == [1.0, 1.0]
    assert read(1.0, np.nan) == [1.0, 0.0]


def test_own_metrics_of_an_unknown_subsystem_are_refused():
    with pytest.raises(ConfigError, match="'queue'"):
        environment(own_metrics={"queues": ["served"]})


@pytest.mark.parametrize(("named", "expected"), [("servd", "'served'"), ("served /", "METRIC / METRIC")])
def test_an_own_metric_that_does_not_exist_is_refused(named, expected):
    with pytest.raises(ConfigError, match=expected):
        environment(own_metrics={"core": [named]})


@pytest.mark.parametrize(
    ("simulator", "owners", "metric"),
    [("dram", DRAM_STALL_OWNERS, "stall_{}_fraction"), ("soc", SOC_STALL_OWNERS, "cpi_{}_fraction")],
)
def test_lost_cycles_are_seen_by_the_subsystem_that_the_sessions_name(simulator, owners, metric):
    causes = {subsystem: {metric.format(cause) for cause in known} for subsystem, known in owners.items()}
    known = {name for names in causes.values() for name in names}

    seen = {subsystem: set(names) & known for subsystem, names in OWN_METRICS[simulator].items()}

    assert {subsystem: names for subsystem, names in seen.items() if names} == causes


@pytest.mark.parametrize("simulator", OWN_METRICS)
def test_own_metrics_are_metrics_of_the_simulator(simulator):
    schema = dse.make_simulator(simulator).schema

    shares = Shares(schema, OWN_METRICS[simulator], list(OWN_METRICS[simulator]))

    assert len(shares) == sum(map(len, OWN_METRICS[simulator].values()))


def test_every_subsystem_of_the_dram_space_sees_something_of_its_own():
    env = dse.make("dram/design-v0", workload="synthetic:bursty?n=2000&seed=1")
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    seen = {agent: set() for agent in env.possible_agents}
    for row in env.problem.space.sample(12, rng, feasible=True):
        env.reset()
        observations, *_ = env.step({a: row[list(p.indices)] for a, p in env.owned.items()})
        for agent, observed in observations.items():
            names = env.observation_names(agent)
            own = tuple(v for n, v in zip(names, observed.tolist(), strict=True) if n.startswith("own:"))
            seen[agent].add(own)

    assert all(len(found) > 1 for found in seen.values())


def test_environments_that_share_a_problem_see_the_same_of_its_metrics():
    shared = problem()
    first = DesignEnv(shared, own_metrics={"core": ["served"]})
    second = DesignEnv(shared, own_metrics={"core": ["served"]})
    seen = []
    for env in (first, second):
        env.reset(seed=0)
        seen.append(env.step(design_of(env, buffers=4))[0]["core"].tolist())

    assert seen[0] == seen[1]
    assert shared.simulations == 2
    with pytest.raises(ConfigError, match="shows 'served' to another environment"):
        DesignEnv(shared, own_metrics={"queue": ["served", "served"]})


def test_agents_see_only_what_matches():
    env = environment(own_metrics=OWN, observe=["position:*", "improvement:time_ns"])
    whole = environment(own_metrics=OWN)
    chosen = design_of(env, buffers=1)

    for agent in env.possible_agents:
        names = [name for name in whole.observation_names(agent) if name in env.observation_names(agent)]
        assert env.observation_names(agent) == tuple(names)
        assert all(name.startswith("position:") or name == "improvement:time_ns" for name in names)
        everything = _seen(whole, agent, chosen)
        assert _seen(env, agent, chosen) == {name: everything[name] for name in names}
    assert env.state_names() == whole.state_names()


def test_agents_may_see_nothing():
    env = environment(observe=[])

    observations, _ = env.reset(seed=0)

    assert all(seen.shape == (0,) for seen in observations.values())
    assert env.state().size


@pytest.mark.parametrize(
    ("observe", "message"),
    [
        (["work:*"], r"observe: no number of an observation matches 'work:\*'"),
        (["improvement:time"], r"'improvement:time'.*improvement:time_ns"),
        ("position:*", r"observe='position:\*': expected a list of patterns"),
    ],
)
def test_patterns_that_match_nothing_are_refused(observe, message):
    with pytest.raises(ConfigError, match=message):
        environment(observe=observe)


def test_what_may_be_seen_is_an_option_of_every_environment():
    env = dse.make("dram/live-v0", workload="synthetic:query?n=300", observe=["epoch:*", "progress"])

    names = env.observation_names("scheduler")
    assert names[-1] == "progress"
    assert all(name.startswith("epoch:") for name in names[:-1])
