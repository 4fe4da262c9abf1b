"""`Setup`: what a campaign file names, found and checked: simulator, workloads, space, objectives."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import traces
from dse.campaign.aggregation import COMBINED, Aggregation, Rule
from dse.campaign.config import CampaignConfig, ConstraintConfig, WorkloadConfig
from dse.campaign.fidelity import Ladder, check_budget, make_ladder
from dse.campaign.file import Source
from dse.campaign.programs import INSTRUCTIONS, check_keys, kind_of, program_workload, read_programs
from dse.campaign.scoring import Scorer
from dse.campaign.stop_rules import StopRules
from dse.env.descriptor import workload_descriptor
from dse.errors import ConfigError, InfeasibleError, SpaceError
from dse.objective import Objective, check_objectives
from dse.option_files import contents, given
from dse.point import DesignPoint
from dse.registry import make_simulator, resolve
from dse.rules import Constraint
from dse.simulator import Simulator
from dse.space import DesignSpace
from dse.store import RunRow
from traces.instruction_workload import AnyWorkload
from traces.trace import Trace
from traces.workload import Workload

REFERENCE = "reference"
_MOST_COUNTED = 50_000_000


@dataclass(frozen=True, slots=True)
class Setup:
    """A campaign ready to run.

    full_space: the simulator's, with the constraints of the file; trials are rows of it. space: what the file
    left of it, in which agents search. option_files: contents of the files that options name. context: what
    the workloads are like, for agents that ask (`SearchProblem.context`). runs: number 0 is the baseline and
    the reference sample. weights: (W,) of the workloads; aggregation: how metrics combine over them. ladder:
    of `[fidelity]`.
    """

    config: CampaignConfig
    source: Source
    simulator: Simulator
    option_files: dict[str, bytes]
    workloads: tuple[AnyWorkload, ...]
    weights: NDArray[np.float64]
    aggregation: Aggregation
    full_space: DesignSpace
    space: DesignSpace
    scorer: Scorer
    stop: StopRules
    baseline: DesignPoint
    runs: tuple[RunRow, ...]
    ladder: Ladder | None
    context: NDArray[np.float64] | None

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Those to optimise, then the bounded ones."""
        return (*self.scorer.objectives, *self.scorer.bounds)

    @property
    def identity(self) -> dict[str, Any]:
        """Everything about the simulator that decides its results."""
        simulator = self.simulator
        return {
            "name": simulator.name,
            "options": simulator.describe(),
            "build": simulator.build_id,
            "space": simulator.space.hash,
            "schema": simulator.schema.hash,
        }


def set_up(config: CampaignConfig, source: Source, base: Path, simulator: Simulator | None = None) -> Setup:
    """Find and check what the configuration names; relative paths start at `base`.

    Raises InputError with file, line and key for anything unknown or contradictory, InfeasibleError if no
    design satisfies the constraints of the space.
    """
    option_files = contents([config.simulator.options, *(one.options for one in config.agents)], base)
    if simulator is None:
        with source.at("simulator"), given(option_files):
            simulator = make_simulator(config.simulator.name, **config.simulator.options)
    full_space = _constrained(config, source, simulator.space)
    with source.at("space"):
        space = full_space.restrict(config.space) if config.space else full_space
    _check_feasible(space, config, source)
    objectives = _objectives(config, source, simulator)
    stop = _stop(config, source, simulator)
    weights = np.array([item.weight for item in config.workloads])
    kind = kind_of(simulator)
    workloads = tuple(_workload(item, base, source, i, kind) for i, item in enumerate(config.workloads))
    ladder = _ladder(config, source, workloads)
    baseline = _baseline(config.baseline, base, simulator.space, source)
    _check_workloads(source, simulator, workloads, baseline, ladder)
    return Setup(
        config=config,
        source=source,
        simulator=simulator,
        option_files=option_files,
        workloads=workloads,
        weights=weights,
        aggregation=_aggregation(config, source, simulator, weights, objectives),
        full_space=full_space,
        space=space,
        scorer=Scorer(
            space=full_space,
            schema=simulator.schema,
            objectives=tuple(o for o in objectives if not o.is_constraint),
            bounds=tuple(o for o in objectives if o.is_constraint),
        ),
        stop=stop,
        baseline=baseline,
        runs=_runs(config, source),
        ladder=ladder,
        context=_context(config, workloads, weights),
    )


def _constrained(config: CampaignConfig, source: Source, space: DesignSpace) -> DesignSpace:
    """The space with the constraints of the campaign file, each checked in its place."""
    found: list[Constraint] = []
    for i, item in enumerate(config.constraints):
        with source.at("constraints", i):
            for name, values in item.forbids.items():
                for value in values if isinstance(values, list) else [values]:
                    space.parameter(name).index(value)
            one = Constraint(_title(item, i), _listed(item), item.why, item.requires)
            space.with_constraints([*found, one])
            found.append(one)
    return space.with_constraints(found)


def _title(item: ConstraintConfig, number: int) -> str:
    return item.name or item.requires or f"constraint {number + 1}"


def _listed(item: ConstraintConfig) -> dict[str, tuple[Any, ...]]:
    pairs = item.forbids.items()
    return {name: tuple(values) if isinstance(values, list) else (values,) for name, values in pairs}


def _check_feasible(space: DesignSpace, config: CampaignConfig, source: Source) -> None:
    if config.constraints and space.most_counted > _MOST_COUNTED:
        raise source.located(
            SpaceError(
                f"the constraints tie {space.most_counted:,} combinations together, more than can be "
                f"counted ({_MOST_COUNTED:,}): name fewer parameters in them, or restrict these in [space]"
            ),
            ("constraints",),
        )
    if space.feasible_size == 0:
        names = ", ".join(constraint.name for constraint in space.constraints)
        raise InfeasibleError(
            f"{source.path or config.name}: no design of the space satisfies {names}; "
            "widen the overrides in [space]"
        )


def _ladder(config: CampaignConfig, source: Source, workloads: tuple[AnyWorkload, ...]) -> Ladder | None:
    """The steps of `[fidelity]`, checked against the budget."""
    if config.fidelity is None:
        return None
    with source.at("fidelity"):
        if config.fidelity.surrogate is not None:
            with source.at("fidelity", "surrogate"):
                resolve("surrogate", config.fidelity.surrogate)
        ladder = make_ladder(config.fidelity, workloads)
    with source.at("budget"):
        check_budget(ladder, config.budget)
    return ladder


def _check_workloads(
    source: Source,
    simulator: Simulator,
    workloads: tuple[AnyWorkload, ...],
    baseline: DesignPoint,
    ladder: Ladder | None,
) -> None:
    """What no design, or not the baseline, could run is refused before the first one is tried."""
    check = getattr(simulator, "check_workload", None)
    if check is None:
        return
    for i, workload in enumerate(workloads):
        with source.at("workloads", i):
            check(workload, baseline)
    with source.at("fidelity"):
        for piece in ladder.workloads if ladder is not None else ():
            check(piece, baseline)


def _stop(config: CampaignConfig, source: Source, simulator: Simulator) -> StopRules:
    target: list[Objective] = []
    for i, item in enumerate(config.stop.target):
        with source.at("stop", "target", i):
            simulator.schema.index(item.metric)
            target.append(Objective(item.metric, "min", item.at_most, item.at_least))
    return StopRules(
        simulator.schema, tuple(target), config.stop.stalled_designs or 0, config.stop.stalled_percent
    )


def _aggregation(
    config: CampaignConfig,
    source: Source,
    simulator: Simulator,
    weights: NDArray[np.float64],
    objectives: tuple[Objective, ...],
) -> Aggregation:
    """The rule of every metric that an objective, a bound or a target names."""
    named: dict[str, Rule] = {}
    for i, (item, objective) in enumerate(zip(config.objectives, objectives, strict=True)):
        name = item.aggregate or config.aggregate
        known = named.setdefault(objective.metric, Rule(name, _maximised(objective)))
        if known.name != name:
            raise source.located(
                ConfigError(f"{objective.metric} has the aggregate {known.name!r} already, not {name!r}"),
                ("objectives", i, "aggregate"),
            )
    for bound in config.stop.target:
        named.setdefault(bound.metric, Rule(config.aggregate, bound.at_most is None))
    rules = {metric: rule for metric, rule in named.items() if rule.name != COMBINED}
    return Aggregation(simulator.schema, weights, rules)


def _maximised(objective: Objective) -> bool:
    """Whether more is better: of a metric with one bound, as that bound has it."""
    if (objective.at_most is None) != (objective.at_least is None):
        return objective.at_most is None
    return objective.direction == "max"


def _objectives(config: CampaignConfig, source: Source, simulator: Simulator) -> tuple[Objective, ...]:
    given: list[Objective] = []
    for i, item in enumerate(config.objectives):
        with source.at("objectives", i):
            objective = Objective(item.metric, item.direction, item.at_most, item.at_least)
            with source.at("objectives", i, "metric"):
                simulator.schema.index(item.metric)
            given.append(objective.resolved(simulator.schema))
    try:
        return check_objectives(tuple(given), simulator.schema)
    except ConfigError as error:
        named = [i for i, objective in enumerate(given) if objective.metric == error.key]
        raise source.located(error, ("objectives", *named[:1])) from error


def _workload(item: WorkloadConfig, base: Path, source: Source, number: int, kind: str) -> AnyWorkload:
    with source.at("workloads", number):
        check_keys(item, kind)
    if kind == INSTRUCTIONS:
        with source.at("workloads", number, "trace"):
            programs = read_programs(item, base)
        with source.at("workloads", number):
            return program_workload(item, programs)
    with source.at("workloads", number, "trace"):
        parts = read_traces(item, base)
    with source.at("workloads", number):
        return workload_of(item, parts)


def read_traces(item: WorkloadConfig, base: Path) -> tuple[Trace, ...]:
    """The traces of a workload; relative paths start at `base`. Raises InputError."""
    return tuple(_trace(spec, item, base) for spec in item.specs)


def workload_of(item: WorkloadConfig, parts: tuple[Trace, ...]) -> Workload:
    """Those traces run together as the configuration says. Raises TraceError."""
    return Workload(
        traces=parts,
        name=item.name,
        arrival_scale=item.arrival_scale,
        start=item.start,
        length=item.length,
        warmup=item.warmup,
    )


def _trace(spec: str, item: WorkloadConfig, base: Path) -> Trace:
    has_clock = item.clock_mhz is not None or item.clock_ns is not None
    if has_clock and spec.startswith(("sample:", "synthetic:")):
        raise ConfigError(f"{spec} has a clock of its own: remove clock_mhz and clock_ns", key="clock_mhz")
    return traces.load(spec, base, clock_mhz=item.clock_mhz, clock_ns=item.clock_ns)


def _baseline(
    given: str | Mapping[str, Any] | None, base: Path, space: DesignSpace, source: Source
) -> DesignPoint:
    """The default design, one written in the campaign file, or one from a JSON or TOML file."""
    if given is None:
        return space.default()
    with source.at("baseline"):
        values = read_design(base / given) if isinstance(given, str) else given
        return space.point(**values)


def read_design(path: Path) -> dict[str, Any]:
    """Parameter values from a JSON or TOML file: the file itself, or its table `design`.

    Raises ConfigError if the file cannot be read or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=str(path)) from None
    except ValueError as error:
        raise ConfigError(f"is neither JSON nor TOML (by its suffix): {error}", path=str(path)) from None
    design = data.get("design", data) if isinstance(data, dict) else data
    if not isinstance(design, dict):
        raise ConfigError("expected a table of parameters and values", path=str(path))
    return design


def _context(
    config: CampaignConfig, workloads: tuple[AnyWorkload, ...], weights: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Described only if an agent asks: it reads through the traces."""
    if not any(resolve("searcher", agent.name).capabilities.workloads for agent in config.agents):
        return None
    described = [workload_descriptor(workload) for workload in workloads]
    return np.average(np.asarray(described, dtype=np.float64), axis=0, weights=weights)


def _runs(config: CampaignConfig, source: Source) -> tuple[RunRow, ...]:
    runs = [RunRow(0, REFERENCE, REFERENCE, 0)]
    for i, agent in enumerate(config.agents):
        with source.at("agents", i, "name"):
            resolve("searcher", agent.name)
        for repetition in range(agent.seeds):
            runs.append(RunRow(len(runs), agent.title, agent.name, repetition, dict(agent.options)))
    return tuple(runs)
