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
from dse.campaign_file import Source
from dse.config import CampaignConfig, WorkloadConfig
from dse.errors import ConfigError, InfeasibleError
from dse.objective import Objective, check_objectives
from dse.point import DesignPoint
from dse.registry import make_simulator, resolve
from dse.scoring import Scorer
from dse.simulator import Simulator
from dse.space import DesignSpace
from dse.store import RunRow
from traces.trace import Trace
from traces.workload import Workload

REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Setup:
    """A campaign ready to run.

    space: what the file left of the simulator's space, in which agents search. runs: number 0 is the baseline
    and the reference sample. weights: (W,) of the workloads.
    """

    config: CampaignConfig
    source: Source
    simulator: Simulator
    workloads: tuple[Workload, ...]
    weights: NDArray[np.float64]
    space: DesignSpace
    scorer: Scorer
    baseline: DesignPoint
    runs: tuple[RunRow, ...]

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
    if simulator is None:
        with source.at("simulator"):
            simulator = make_simulator(config.simulator.name, **config.simulator.options)
    with source.at("space"):
        space = simulator.space.restrict(config.space) if config.space else simulator.space
    if space.feasible_size == 0:
        names = ", ".join(constraint.name for constraint in space.constraints)
        raise InfeasibleError(
            f"{source.path or config.name}: no design of the space satisfies {names}; "
            "widen the overrides in [space]"
        )
    objectives = _objectives(config, source, simulator)
    workloads = tuple(_workload(item, base, source, i) for i, item in enumerate(config.workloads))
    return Setup(
        config=config,
        source=source,
        simulator=simulator,
        workloads=workloads,
        weights=np.array([item.weight for item in config.workloads]),
        space=space,
        scorer=Scorer(
            space=simulator.space,
            schema=simulator.schema,
            objectives=tuple(o for o in objectives if not o.is_constraint),
            bounds=tuple(o for o in objectives if o.is_constraint),
        ),
        baseline=_baseline(config.baseline, base, simulator.space, source),
        runs=_runs(config, source),
    )


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


def _workload(item: WorkloadConfig, base: Path, source: Source, number: int) -> Workload:
    with source.at("workloads", number, "trace"):
        parts = tuple(_trace(spec, item, base) for spec in item.specs)
    with source.at("workloads", number):
        return Workload(
            traces=parts,
            name=item.name,
            arrival_scale=item.arrival_scale,
            length=item.length,
            warmup=item.warmup,
        )


def _trace(spec: str, item: WorkloadConfig, base: Path) -> Trace:
    if item.clock_mhz is None and item.clock_ns is None:
        return traces.load(spec, base)
    if spec.startswith(("sample:", "synthetic:")):
        raise ConfigError(f"{spec} has a clock of its own: remove clock_mhz and clock_ns", key="clock_mhz")
    return traces.read(base / spec, clock_mhz=item.clock_mhz, clock_ns=item.clock_ns)


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


def _runs(config: CampaignConfig, source: Source) -> tuple[RunRow, ...]:
    runs = [RunRow(0, REFERENCE, REFERENCE, 0)]
    for i, agent in enumerate(config.agents):
        with source.at("agents", i, "name"):
            resolve("searcher", agent.name)
        for repetition in range(agent.seeds):
            runs.append(RunRow(len(runs), agent.title, agent.name, repetition, dict(agent.options)))
    return tuple(runs)
