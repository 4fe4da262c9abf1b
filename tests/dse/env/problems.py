"""Small problems for tests of the environments, over the fake simulator."""

from __future__ import annotations

from dse.env.design import DesignEnv
from dse.env.problem import DesignProblem
from tests.dse.fake import FakeSimulator
from traces import Trace, Workload, synthetic

OBJECTIVES = ("time_ns", "energy_pj", "served >= 0.5")


def workload(n: int = 200, seed: int = 1) -> Workload:
    return Workload.of(synthetic.uniform_random(n, seed=seed))


def problem(objectives=OBJECTIVES, n_workloads: int = 1, **options) -> DesignProblem:
    works = [workload(200 + 100 * k, seed=k) for k in range(n_workloads)]
    return DesignProblem(FakeSimulator(**options), works, objectives)


def environment(n_workloads: int = 1, granularity: str = "subsystem", **options) -> DesignEnv:
    return DesignEnv(problem(n_workloads=n_workloads, **options), granularity=granularity)


def trace(n: int = 200) -> Trace:
    return synthetic.uniform_random(n, seed=1)
