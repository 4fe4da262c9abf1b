"""Small problems for tests of the environments, over the fake simulator."""

from __future__ import annotations

from typing import Any

from dse.env.base import BaseEnv
from dse.env.design import DesignCore, DesignEnv
from dse.env.problem import DesignProblem
from dse.env.refine import RefineCore, RefineEnv
from dse.env.vector import VectorEnv
from tests.dse.fake import FakeSimulator
from traces import Trace, Workload, synthetic

OBJECTIVES = ("time_ns", "energy_pj", "served >= 0.5")


def workload(n: int = 200, seed: int = 1) -> Workload:
    return Workload((synthetic.uniform_random(n, seed=seed),), name=f"load {seed}")


def problem(objectives=OBJECTIVES, n_workloads: int = 1, baseline=None, **options) -> DesignProblem:
    works = [workload(200 + 100 * k, seed=k) for k in range(n_workloads)]
    return DesignProblem(FakeSimulator(**options), works, objectives, baseline)


def environment(
    n_workloads: int = 1, granularity: str = "subsystem", poison=(), objectives=OBJECTIVES, **options
) -> DesignEnv:
    asked = problem(objectives, n_workloads, poison=poison)
    return DesignEnv(asked, granularity=granularity, **options)


def refining(n_workloads: int = 1, poison=(), **options) -> RefineEnv:
    return RefineEnv(problem(n_workloads=n_workloads, poison=poison), **options)


def vector(kind: str, n_envs: int, n_workloads: int = 1, poison=(), **options) -> VectorEnv:
    core = {"design": DesignCore, "refine": RefineCore}[kind]
    return VectorEnv(core(problem(n_workloads=n_workloads, poison=poison), n_envs, **options), name=kind)


def trace(n: int = 200) -> Trace:
    return synthetic.uniform_random(n, seed=1)


def actions_for(env: BaseEnv, row: Any) -> dict[str, Any]:
    """The actions of `design`, or of `refine` by setting, that make up a row."""
    return {agent: row[list(part.indices)] for agent, part in env.owned.items()}


def design_of(env: BaseEnv, **values: Any) -> dict[str, Any]:
    """The actions that make up the default design with these values."""
    return actions_for(env, env.problem.space.encode(values))
