"""`live`: the simulation runs on while agents re-tune it; what they are paid adds up to what the run cost."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.env.live_costs import Costs
from dse.errors import ConfigError
from dse.objective import Objective
from dse.testing.environment import sampled
from dse.testing.vector import check_vector
from tests.dse.env.problems import problem

WORKLOADS = ["synthetic:bursty?n=1500&seed=1", "synthetic:uniform_random?n=900&seed=2"]


def _live(workload=WORKLOADS[0], **options):
    return dse.make("dram/live-v0", workload=workload, **options)


def _keep(env):
    """The action that keeps every parameter."""
    return {agent: env.core.actions.spaces[agent].nvec - 1 for agent in env.agents}


def _played(env, choose, seed=0):
    """Rewards of the first agent (epochs, R), and its last infos."""
    env.reset(seed=seed)
    for position, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(position)
    rewards = []
    while env.agents:
        first = env.agents[0]
        _, paid, terminated, truncated, infos = env.step(choose(env))
        rewards.append(paid[first])
    return np.array(rewards), infos[first], terminated[first], truncated[first]


def test_who_keeps_the_baseline_saves_nothing():
    rewards, info, terminated, truncated = _played(_live(), _keep)

    assert np.abs(rewards).max() < 1e-6
    assert (terminated, truncated) == (True, False)
    assert info["metrics"]["requests"] == 1500


@pytest.mark.parametrize("epoch_ns", [317.0, 5000.0])
def test_rewards_add_up_to_the_share_of_each_cost_that_the_run_saved(epoch_ns):
    env = _live(epoch_ns=epoch_ns)

    rewards, info, *_ = _played(env, sampled)

    before = env.problem.baseline_metrics(0)
    names = [objective.metric for objective in env.problem.objectives]
    saved = [1 - info["metrics"][name] / before[name] for name in names]
    assert rewards.sum(axis=0) == pytest.approx(saved, abs=1e-4)
    assert np.abs(saved).max() > 0.01


def test_a_metric_to_maximise_is_paid_by_what_the_workload_leaves_open():
    env = _live("synthetic:stream?n=3000", objectives=["bandwidth_gbps"])

    rewards, info, *_ = _played(env, sampled)

    before = env.problem.baseline_metrics(0)
    assert rewards.sum() == pytest.approx(
        1 - before["bandwidth_gbps"] / info["metrics"]["bandwidth_gbps"], abs=1e-4
    )


def test_linear_weights_what_is_saved():
    vector, *_ = _played(_live(), sampled)
    env = _live(reward="linear", preferences="even")

    number, *_ = _played(env, sampled)

    assert number[:, 0] == pytest.approx(vector.mean(axis=1), abs=1e-6)


def test_agents_own_what_can_change_while_it_runs():
    env = _live(space="dram-full")

    owned = {name for part in env.owned.values() for name in part.parameters}

    assert owned == set(env.problem.simulator.live_parameters)
    assert "memory" not in owned


@pytest.mark.parametrize("granularity", ["parameter", "all"])
def test_the_same_actions_do_the_same_whoever_owns_them(granularity):
    env, other = _live(), _live(granularity=granularity)
    env.reset(seed=0)
    other.reset(seed=0)
    rng = np.random.default_rng(3)
    for _ in range(5):
        row = rng.integers(0, env.problem.space.n_values)
        for one in (env, other):
            one.step({a: row[list(p.indices)] for a, p in one.owned.items()})

    assert dict(zip(env.state_names(), env.state(), strict=True)) == dict(
        zip(other.state_names(), other.state(), strict=True)
    )


def test_every_member_goes_as_an_environment_of_its_own():
    options = {"workload": WORKLOADS, "max_epochs": 9, "preferences": "drawn"}
    check_vector(
        lambda: dse.make("dram/live-v0", **options),
        lambda n: dse.make_vec("dram/live-v0", n, threads=2, **options),
        steps=25,
    )


def test_from_a_snapshot_everything_comes_again():
    env, other = _live(), _live()
    env.reset(seed=1)
    for _ in range(4):
        env.step(sampled(env))
    kept = env.snapshot()
    actions = [sampled(env) for _ in range(6)]
    first = [env.step(one)[1]["scheduler"].tolist() for one in actions]

    other.restore(kept)
    env.restore(kept)

    assert [env.step(one)[1]["scheduler"].tolist() for one in actions] == first
    assert [other.step(one)[1]["scheduler"].tolist() for one in actions] == first


def test_a_design_that_a_rule_forbids_is_not_taken():
    env = _live(space="dramgym")
    rules = env.problem.space
    rows = rules.sample(2000, np.random.default_rng(0))
    fixed = [
        rules.names.index(name) for name in rules.names if name not in env.problem.simulator.live_parameters
    ]
    rows[:, fixed] = env.problem.baseline_row[fixed]
    forbidden = rows[rules.violations(rules.canonical(rows)).any(axis=1)]
    if not len(forbidden):
        pytest.fail("the space has no rule over live parameters: choose another for this test")
    env.reset(seed=0)

    *_, infos = env.step({a: forbidden[0][list(p.indices)] for a, p in env.owned.items()})

    info = infos[env.possible_agents[0]]
    assert info["refused"]
    assert info["design"] == rules.from_indices(env.problem.baseline_row).to_dict()


def test_bounds_are_judged_when_the_run_is_over():
    aims = ["read_latency_mean_ns"]
    free, bound = (
        _live("synthetic:stream?n=2000", objectives=[*aims, *more], penalty=3.0)
        for more in ((), ("bandwidth_gbps >= 1000",))
    )

    without, *_ = _played(free, sampled)
    under, info, *_ = _played(bound, sampled)

    missed = 1 - info["metrics"]["bandwidth_gbps"] / 1000
    assert under[:-1] == pytest.approx(without[:-1])
    assert without[-1] - under[-1] == pytest.approx(3.0 * missed, rel=1e-5)


def test_max_epochs_cuts_an_episode_off():
    rewards, info, terminated, truncated = _played(_live(max_epochs=3), _keep)

    assert (len(rewards), terminated, truncated, info["metrics"]) == (3, False, True, {})


def test_agents_see_the_epoch_that_they_made():
    env = _live("synthetic:stream?n=4000")
    first, _ = env.reset(seed=0)
    names = env.observation_names("power_down")

    for _ in range(3):
        observations, _, _, _, infos = env.step(_keep(env))

    seen = dict(zip(names, observations["power_down"].tolist(), strict=True))
    assert seen["epoch:row_hit_rate"] == pytest.approx(infos["power_down"]["epoch"]["row_hit_rate"])
    assert 0 < seen["progress"] < 1
    assert dict(zip(names, first["power_down"].tolist(), strict=True))["epoch:row_hit_rate"] == 0.0


def test_it_is_drawn_as_text():
    env = _live(render_mode="ansi")
    env.reset(seed=0)

    env.step({**_keep(env), "refresh": np.zeros(len(env.owned["refresh"]), dtype=int)})

    shown = env.render()
    assert "% done" in shown
    assert "min read_latency_mean_ns  " in shown


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("read_latency_p95_ns", "an epoch cannot tell it"),
        ("average_power_mw", "improved by doing less"),
    ],
)
def test_objectives_that_epochs_do_not_add_up_to_are_refused(objective, expected):
    with pytest.raises(ConfigError, match=expected):
        _live(objectives=[objective])


def test_a_simulator_that_cannot_be_retuned_is_refused():
    from dse.env.live import LiveEnv

    with pytest.raises(ConfigError, match="cannot be re-tuned while it runs"):
        LiveEnv(problem())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"epoch_ns": 0}, "a time above 0"),
        ({"max_epochs": 0}, "from 1 on"),
        ({"reward": "chebyshev"}, "'saved'"),
        ({"penalty": -1}, "from 0 on"),
        ({"moves": "shift"}, "'nudge'"),
    ],
)
def test_unknown_options_are_refused(options, expected):
    with pytest.raises(ConfigError, match=expected):
        _live(**options)


def test_every_objective_of_an_epoch_that_is_offered_can_be_paid():
    simulator = dse.make_simulator("dram")
    schema = simulator.live_schema
    paid = 0
    for spec in schema:
        try:
            costs = Costs(simulator, (Objective(spec.name, "min"),))
        except ConfigError:
            continue
        assert costs.of(np.ones((1, len(schema)))).shape == (1, 1)
        paid += 1

    assert paid > len(schema) // 2


def test_a_chip_that_is_re_tuned_until_it_stands_still_is_cut_off():
    env = dse.make("soc/live-v0", workload="synthetic:chase?n=500", epoch_ns=1000, moves="nudge")
    points = [(np.zeros(len(part), int), np.full(len(part), 2)) for part in env.owned.values()]

    def to_and_fro(env):
        return {agent: pair[env.core.steps[0] % 2] for agent, pair in zip(env.agents, points, strict=True)}

    rewards, _, terminated, truncated = _played(env, to_and_fro)

    assert (terminated, truncated) == (False, True)
    assert len(rewards) == env.core.longest == 10 * env.core.profile(0).epochs
    assert rewards.sum(axis=0).max() < 0
