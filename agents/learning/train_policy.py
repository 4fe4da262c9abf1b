"""Learn one policy for many workloads and preferences, and save it.

    policy = train_policy("dram", workloads, seed=1, objectives=["read_latency_mean_ns", ...])
    policy.write("policy.npz")

The learner is MAPPO (`agents.learning.ppo` with `critic="state"`) in the environment `design`: each episode
draws a workload and a preference, and is one design. Agents see what the workload is like and the preference;
the critic also what the default design measures on it. The searcher `policy` starts from what is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import dse
from agents.learning.layout import TeamLayout
from agents.learning.ppo import Ppo
from agents.learning.saved_policy import SavedPolicy
from dse.env.descriptor import workload_descriptor
from dse.env.rollout import Rollout, train
from dse.env.vector import VectorEnv
from dse.errors import ConfigError
from dse.seeding import seed_sequence

_LEARNER: dict[str, Any] = {"critic": "state", "entropy": 0.003}


def train_policy(
    simulator: str,
    workloads: Sequence[Any],
    *,
    steps: int = 20_480,
    seed: int = 0,
    blind: bool = False,
    n_envs: int = 256,
    learner: dict[str, Any] | None = None,
    told: Callable[[int, Rollout], None] | None = None,
    **options: Any,
) -> SavedPolicy:
    """A policy of `steps` designs on workloads drawn from these, as many an update as `n_envs`.

    simulator: "dram" or "soc". blind: agents see the preference only. learner: options of `Ppo`. options:
    those of `dse.make` (objectives, space, ...); the same seed gives the same policy. told: as for `train`.
    Raises ConfigError for an option that the training decides itself, and what `dse.make` raises.
    """
    decided = {"reward": "linear", "preferences": "drawn", "observe": ["weight:*"]}
    if not blind:
        decided["observe"] = ["workload:*", "weight:*"]
    for key in decided:
        if key in options:
            raise ConfigError(f"{key}={options[key]!r}: train_policy decides it ({decided[key]!r})", key=key)
    env = dse.make_vec(f"{simulator}/design-v0", n_envs, workload=workloads, **decided, **options)
    ppo = Ppo(env, seed_sequence(seed, "policy"), **{**_LEARNER, **(learner or {})})
    train(env, ppo, steps, seed=1_000_000 * seed, horizon=1, told=told)
    trained = {
        "simulator": simulator,
        "workloads": len(env.problem.workloads),
        "names": sorted({workload.name for workload in env.problem.workloads}),
        "steps": steps,
        "simulations": env.problem.simulations,
        "seed": seed,
        "release": dse.__version__,
    }
    return saved_policy(env, ppo, trained)


def saved_policy(env: VectorEnv, learner: Ppo, trained: dict[str, Any] | None = None) -> SavedPolicy:
    """What `learner` does in `env`, which shows its agents workload and preference (or the latter) alone.

    ConfigError if agents see anything else: a searcher could not show it.
    """
    agents, space = env.possible_agents, env.problem.space
    sees = env.core.view.names_of(agents[0])
    for name in sees:
        if not name.startswith(("workload:", "weight:")):
            raise ConfigError(f"a saved policy may not see {name!r}: observe only workload:* and weight:*")
    state, layout = learner.state(), TeamLayout(env)
    env.reset(seed=0)
    scale = state["scales"][0]
    learnt_from = env.problem.workloads[: len(env.problem.workloads) - len(env.contexts.held_out)]
    described = np.array([workload_descriptor(one) for one in learnt_from], dtype=np.float64)
    n_weights = len(env.problem.objectives)
    low, high = (np.zeros(n_weights), np.ones(n_weights))
    if len(sees) > n_weights:
        low, high = (np.concatenate(two) for two in ((described.min(0), low), (described.max(0), high)))
    networks = state["networks"]
    spread = np.sqrt(scale["squares"][0, 0] / max(scale["count"], 1))
    return SavedPolicy(
        space=space.name,
        parameters={one.name: list(one.values) for one in space.parameters},
        agents={agent: [space.names[d] for d in env.owned[agent].indices] for agent in agents},
        metrics=[one.metric for one in env.problem.objectives],
        sees=list(sees),
        networks=networks[: len(networks) // 2],
        mean=scale["mean"][0, 0],
        spread=np.maximum(spread, 1e-4),
        low=low,
        high=high,
        allowed=layout.masks(env.action_masks())[:, 0].numpy(),
        trained=trained or {},
    )
