"""What the registry builds: environments over the simulators of the house."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dse.env.base import BaseEnv
from dse.env.continuous import ContinuousEnv
from dse.env.core import Core
from dse.env.design import DesignCore, DesignEnv
from dse.env.live import LiveCore, LiveEnv
from dse.env.problem import DesignProblem
from dse.env.refine import RefineCore, RefineEnv
from dse.env.single import SingleAgent
from dse.env.vector import VectorEnv
from dse.errors import ConfigError, did_you_mean, listed
from dse.objective import Objective
from dse.registry import make_simulator, resolve
from traces.instruction_workload import AnyWorkload, InstructionWorkload
from traces.instructions import InstructionTrace
from traces.spec import load
from traces.trace import Trace
from traces.workload import Workload

Work = str | Trace | InstructionTrace | AnyWorkload
DRAM_OBJECTIVES = ("read_latency_p95_ns", "energy_per_bit_pj", "served_load >= 0.95")
SOC_OBJECTIVES = ("time_us", "energy_uj", "area_mm2")
DRAM_LIVE_OBJECTIVES = ("read_latency_mean_ns", "energy_per_bit_pj")
SOC_LIVE_OBJECTIVES = ("time_us", "energy_uj")
SOC_EPOCH_NS = 20_000.0
"""Longer than a domain takes to change its voltage."""
_SET_HERE = ("self", "problem", "acting", "n", "n_steps", "n_held_out", "live", "options")
_ASKED_HERE: dict[str, Any] = {
    "single": False,
    "n_envs": None,
    "threads": 1,
    "held_out": (),
    "baseline": None,
    "simulator": None,
    "binning": None,
    "render_mode": None,
}
"""Options of every environment, and what they are unless given."""


Made = BaseEnv | SingleAgent | VectorEnv
_KINDS: dict[str, tuple[type[BaseEnv], type[Core]]] = {
    "design": (DesignEnv, DesignCore),
    "refine": (RefineEnv, RefineCore),
    "live": (LiveEnv, LiveCore),
}


def dram_design(
    workload: Work | Sequence[Work],
    objectives: Sequence[str | Objective] = DRAM_OBJECTIVES,
    **options: Any,
) -> Made:
    """`dse.make("dram/design-v0", workload="sample:sort", objectives=[...], device="ddr4-2400-8gb-x8")`.

    workload: one, or several of which each episode draws one. options: held_out (workloads that are never
    drawn unless asked for), baseline (the reference design), single (True: a `SingleAgent`), n_envs (a
    `VectorEnv` of so many), binning (with n_envs: a `ContinuousEnv`), threads (of the simulator), simulator
    (one that is made already, such as a `dse.tabulated.Tabulated`; then there are no options of one), those
    of the environment (`Core`, `WholeRuns`, `DesignCore`, `RefineCore`, `LiveCore`) and those of the
    simulator. ConfigError for another one.
    """
    return _made("dram", "design", workload, objectives, options)


def dram_refine(
    workload: Work | Sequence[Work],
    objectives: Sequence[str | Objective] = DRAM_OBJECTIVES,
    **options: Any,
) -> Made:
    """`dse.make("dram/refine-v0", workload="sample:sort", steps=8)`; the rest as `dram_design`."""
    return _made("dram", "refine", workload, objectives, options)


def dram_live(
    workload: Work | Sequence[Work],
    objectives: Sequence[str | Objective] = DRAM_LIVE_OBJECTIVES,
    **options: Any,
) -> Made:
    """`dse.make("dram/live-v0", workload="synthetic:phases", epoch_ns=1000)`; the rest as `dram_design`."""
    return _made("dram", "live", workload, objectives, options)


def soc_design(
    workload: Work | Sequence[Work],
    objectives: Sequence[str | Objective] = SOC_OBJECTIVES,
    **options: Any,
) -> Made:
    """`dse.make("soc/design-v0", workload="sample:quicksort", space="soc-small")`; the rest as `dram_design`.

    workload: a text names a program, or all threads of one.
    """
    return _made("soc", "design", workload, objectives, options)


def soc_refine(
    workload: Work | Sequence[Work],
    objectives: Sequence[str | Objective] = SOC_OBJECTIVES,
    **options: Any,
) -> Made:
    """`dse.make("soc/refine-v0", workload="sample:quicksort", moves="nudge")`; the rest as `soc_design`."""
    return _made("soc", "refine", workload, objectives, options)


def soc_live(
    workload: Work | Sequence[Work],
    objectives: Sequence[str | Objective] = SOC_LIVE_OBJECTIVES,
    **options: Any,
) -> Made:
    """`dse.make("soc/live-v0", workload="sample:quicksort", epoch_ns=20000)`; the rest as `soc_design`."""
    return _made("soc", "live", workload, objectives, {"epoch_ns": SOC_EPOCH_NS, **options})


def _made(
    family: str,
    kind: str,
    workload: Work | Sequence[Work],
    objectives: Sequence[str | Objective],
    options: dict[str, Any],
) -> Made:
    face, core = _KINDS[kind]
    name = f"{family}_{kind}_v0"
    known_here = environment_options(core)
    made_already = options.get("simulator") is not None
    known_there = [] if made_already else _keywords(resolve("simulator", family))
    own = {key: value for key, value in options.items() if key in known_here}
    rest = {key: value for key, value in options.items() if key not in known_here}
    asked = {key: rest.pop(key, usual) for key, usual in _ASKED_HERE.items()}
    _check(name, rest, [*known_here, *_ASKED_HERE], known_there)
    held_out = _listed(asked["held_out"])
    works = [_READERS[family](work) for work in (*_listed(workload), *held_out)]
    simulator = make_simulator(family, **rest) if asked["simulator"] is None else asked["simulator"]
    problem = DesignProblem(simulator, works, objectives, asked["baseline"], threads=asked["threads"])
    own["n_held_out"] = len(held_out)
    if asked["n_envs"] is not None:
        return _vector(problem, core, name, asked, own)
    if asked["binning"] is not None:
        raise ConfigError("binning goes with n_envs: say how many environments there are", key="binning")
    if asked["single"]:
        _want_one_agent(own)
    env = face(problem, name=name, render_mode=asked["render_mode"], **own)
    return SingleAgent(env) if asked["single"] else env


def _vector(
    problem: DesignProblem, core: type[Core], name: str, asked: Mapping[str, Any], own: Mapping[str, Any]
) -> VectorEnv:
    n = asked["n_envs"]
    if type(n) is not int or n < 1:
        raise ConfigError(f"n_envs={n!r}: expected a whole number from 1 on", key="n_envs")
    for key in ("single", "render_mode"):
        if asked[key]:
            raise ConfigError(f"{key}={asked[key]!r} does not go with n_envs={n}", key=key)
    build: Callable[..., Core] = core
    if asked["binning"] is not None:
        return ContinuousEnv(build(problem, n, **own), name=name, binning=asked["binning"])
    return VectorEnv(build(problem, n, **own), name=name)


def _want_one_agent(own: dict[str, Any]) -> None:
    if own.setdefault("granularity", "all") != "all":
        raise ConfigError(
            f"single=True makes one agent: granularity must be 'all', not {own['granularity']!r}",
            key="granularity",
        )


def environment_options(core: type[Core]) -> list[str]:
    """Names of the options that a core and what it is made of take."""
    return _keywords(*(kind for kind in core.__mro__ if issubclass(kind, Core)))


def _check(name: str, rest: Mapping[str, Any], here: Sequence[str], there: Sequence[str]) -> None:
    for option in rest:
        if option not in there:
            known = [*here, *there]
            hint = did_you_mean(option, known) or f" The options are {listed(known, 60)}."
            raise ConfigError(f"environment {name}: unknown option {option!r}.{hint}", key=option)


def _keywords(*builders: Callable[..., Any]) -> list[str]:
    """Names of the options that the builders take."""
    names = [name for build in builders for name in inspect.signature(build).parameters]
    return [name for name in dict.fromkeys(names) if name not in _SET_HERE]


def _requests(work: Work) -> AnyWorkload:
    return Workload.of(load(work) if isinstance(work, str) else work)


def _programs(work: Work) -> AnyWorkload:
    from traces.instruction_spec import load_threads  # many readers: for who needs them

    threads = load_threads(work) if isinstance(work, str) else None
    return InstructionWorkload(threads, (0,) * len(threads)) if threads else InstructionWorkload.of(work)


_READERS: dict[str, Callable[[Work], AnyWorkload]] = {"dram": _requests, "soc": _programs}


def _listed(workload: Work | Sequence[Work]) -> Sequence[Work]:
    return workload if isinstance(workload, Sequence) and not isinstance(workload, str) else [workload]
