"""`make_executor`: an executor by its name, with only the options that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dse.errors import ConfigError, LookupFailed, did_you_mean, listed
from dse.executors.protocol import Executor
from dse.executors.threads import ThreadExecutor
from dse.provenance import usable_cores
from dse.simulator import Simulator
from traces.instruction_workload import AnyWorkload

if TYPE_CHECKING:
    from dse.executors.leases import CampaignPlace

# Name: what it is, for help texts and errors.
EXECUTORS = {
    "threads": "threads of this process (the simulator releases Python's lock while it runs)",
    "inline": "this thread alone",
    "processes": "processes of this machine, which may be given limits of time and memory",
    "dask": "workers of a Dask cluster, here or on many machines",
    "leases": "whoever runs `dse worker` on the same store",
}
_WITH_LIMITS = ("processes", "dask")


def make_executor(
    simulator: Simulator,
    workloads: Sequence[AnyWorkload],
    *,
    executor: str = "threads",
    threads: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    time_limit_s: float | None = None,
    memory_limit_mib: int | None = None,
    place: CampaignPlace | None = None,
) -> Executor:
    """Build the executor of that name (see `ExecutorOptions`); `threads` is another word for its workers.

    place: of the campaign, for executor "leases". Raises LookupFailed for an unknown name or a library that
    is missing, ConfigError for an option that the executor has no use for, and DseError if no scheduler
    answers at the address.
    """
    check_options(executor, threads, workers, scheduler, time_limit_s, memory_limit_mib)
    count = workers or threads or usable_cores()
    if executor == "processes":
        from dse.executors.processes import ProcessExecutor

        return ProcessExecutor(
            simulator, workloads, count, time_limit_s=time_limit_s, memory_limit_mib=memory_limit_mib
        )
    if executor == "dask":
        return _dask(simulator, workloads, count, scheduler, time_limit_s, memory_limit_mib)
    if executor == "leases":
        return _leases(simulator, workloads, count, place)
    return ThreadExecutor(simulator, workloads, 1 if executor == "inline" else count)


def _dask(
    simulator: Simulator,
    workloads: Sequence[AnyWorkload],
    workers: int,
    scheduler: str | None,
    time_limit_s: float | None,
    memory_limit_mib: int | None,
) -> Executor:
    try:
        from dse.executors.dask_cluster import DaskExecutor
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("dask", "distributed"):
            raise
        raise LookupFailed(
            f"executor 'dask' needs {error.name}, which is not installed: pip install 'marl-dse[dask]'"
        ) from error
    return DaskExecutor(
        simulator,
        workloads,
        workers,
        scheduler=scheduler,
        time_limit_s=time_limit_s,
        memory_limit_mib=memory_limit_mib,
    )


def _leases(
    simulator: Simulator, workloads: Sequence[AnyWorkload], workers: int, place: CampaignPlace | None
) -> Executor:
    from dse.executors.leases import LeaseExecutor

    if place is None:
        raise ConfigError(
            "executor 'leases' needs a campaign in a store that others can open", key="executor"
        )
    return LeaseExecutor(simulator, workloads, workers, place)


def check_options(
    executor: str = "threads",
    threads: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    time_limit_s: float | None = None,
    memory_limit_mib: int | None = None,
) -> None:
    """Raise what `make_executor` would for a name or option that cannot be, without starting anything."""
    if executor not in EXECUTORS:
        hint = did_you_mean(executor, EXECUTORS) or f" There are {listed(EXECUTORS)}."
        raise LookupFailed(f"no executor is called {executor!r}.{hint}", key="executor")
    if threads is not None and (workers is not None or executor not in ("threads", "inline")):
        raise ConfigError("threads are the workers of executor 'threads': give `workers`", key="threads")
    if workers is not None and workers < 1:
        raise ConfigError(f"workers={workers} is out of range: expected at least 1", key="workers")
    if executor == "inline" and workers not in (None, 1):
        raise ConfigError(f"executor 'inline' has one worker, not {workers}: use 'threads'", key="workers")
    if scheduler is not None and executor != "dask":
        raise ConfigError(f"executor {executor!r} has no scheduler: use executor 'dask'", key="scheduler")
    for key, limit in (("time_limit_s", time_limit_s), ("memory_limit_mib", memory_limit_mib)):
        if limit is not None and executor not in _WITH_LIMITS:
            raise ConfigError(
                f"executor {executor!r} cannot stop a simulation: use executor 'processes' or 'dask'"
                + (", or give the limit to `dse worker`" if executor == "leases" else ""),
                key=key,
            )
        if limit is not None and not limit > 0:
            raise ConfigError(f"{key}={limit} is out of range: expected more than 0", key=key)
