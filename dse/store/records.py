"""What the store takes and gives: blocks of trials, campaigns, columns.

`Origin` of a trial: 0 simulated, 1 answered by the design cache (new to its run), 2 a repeat within its run
(no budget spent), 3 not simulated because it violates a constraint of the space (it has no metrics), 4 not
simulated but predicted by a model.

`fidelity` of a trial: the share of each workload's requests that was simulated, 1.0 all of them and 0.0 only
predicted by a model. `charge`: what it cost its run, in full simulations; 0 for a repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.metrics import Metrics, MetricSchema
from dse.objective import Objective
from dse.point import DesignPoint
from dse.space import DesignSpace, IndexMatrix


class Origin(IntEnum):
    """Where the metrics of a trial come from."""

    SIMULATED = 0
    CACHE = 1
    REPEAT = 2
    FORBIDDEN = 3
    PREDICTED = 4


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of a campaign: an agent with a seed. Number 0 is the baseline and the reference sample."""

    number: int
    agent: str
    searcher: str
    repetition: int
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CampaignHeader:
    """A campaign as it is created.

    config: the campaign file as JSON. config_base: folder of the file, relative to the store's folder.
    simulator: {"name", "options"}. workloads: [{"name", "hash", "weight", "spec"}].
    """

    name: str
    config: dict[str, Any]
    config_base: str
    simulator: dict[str, Any]
    build_id: str
    space: DesignSpace
    search_space: DesignSpace
    schema: MetricSchema
    objectives: tuple[Objective, ...]
    workloads: list[dict[str, Any]]
    provenance: dict[str, Any]
    runs: tuple[RunRow, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TrialBlock:
    """Trials of one batch of one run, in the order in which they were asked; committed together.

    indices: (B, D) rows of the simulator's space. metrics: (B, M) combined over the workloads, NaN if failed.
    fidelity, charge: (B,); left out, everything was simulated in full and every trial but a repeat cost one.
    """

    run: int
    batch: int
    first_step: int
    indices: IndexMatrix
    metrics: NDArray[np.float64]
    feasible: NDArray[np.bool_]
    origin: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    fidelity: NDArray[np.float64] = None  # type: ignore[assignment]  # filled below
    charge: NDArray[np.float64] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        _fill(self)

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, slots=True, eq=False)
class ResultBlock:
    """Simulations for the design cache: designs (R,) keys, values (R, W, M), seconds (R, W)."""

    designs: Sequence[int | bytes]
    values: NDArray[np.float64]
    seconds: NDArray[np.float64]
    notes: Sequence[Sequence[tuple[str, ...]]] = ()


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """One line of the list of campaigns. state: running, finished, interrupted or failed."""

    id: int
    name: str
    created: str
    state: str
    simulator: str
    space: str
    workloads: tuple[str, ...]
    objectives: tuple[str, ...]
    n_runs: int
    n_trials: int
    budget: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class CampaignRecord:
    """Everything about a campaign but its trials.

    space: that of the simulator, in which trials are stored; search_space: what the campaign file left of it.
    objectives: the optimised ones; constraints: the bounded ones. reference, ideal: (number of objectives,)
    in cost units, None until the reference sample is done.
    """

    id: int
    name: str
    created: str
    state: str
    config: dict[str, Any]
    config_base: str
    simulator: dict[str, Any]
    build_id: str
    space: DesignSpace
    search_space: DesignSpace
    schema: MetricSchema
    objectives: tuple[Objective, ...]
    constraints: tuple[Objective, ...]
    workloads: list[dict[str, Any]]
    provenance: dict[str, Any]
    runs: tuple[RunRow, ...]
    reference: NDArray[np.float64] | None
    ideal: NDArray[np.float64] | None
    baseline_point: DesignPoint | None
    baseline: Metrics | None
    baseline_trial: int | None

    @property
    def box(self) -> float | None:
        """Volume between the reference point and the ideal, in which hypervolumes are shown; None without."""
        if self.reference is None or self.ideal is None:
            return None
        volume = float(np.prod(self.reference - self.ideal))
        return volume if volume > 0 else None


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Columns of a campaign's trials, by rising id.

    id, run, batch, step: (n,). indices: (n, D). metrics: (n, number of `metric_names`). origin: see `Origin`.
    fidelity, charge: (n,), as in a `TrialBlock`.
    """

    id: NDArray[np.int64]
    run: NDArray[np.int16]
    batch: NDArray[np.int64]
    step: NDArray[np.int64]
    origin: NDArray[np.uint8]
    feasible: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    indices: IndexMatrix
    metrics: NDArray[np.float64]
    metric_names: tuple[str, ...]
    fidelity: NDArray[np.float64] = None  # type: ignore[assignment]  # filled below
    charge: NDArray[np.float64] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        _fill(self)

    def __len__(self) -> int:
        return len(self.id)

    def extended(self, blocks: Sequence[TrialBlock]) -> Trials:
        """These trials and the blocks appended after them, as the store numbers them."""
        sizes = [len(block) for block in blocks]
        total = sum(sizes)
        steps = [np.arange(block.first_step, block.first_step + len(block)) for block in blocks]
        return Trials(
            id=np.concatenate([self.id, np.arange(self.last_id + 1, self.last_id + 1 + total)]),
            run=np.concatenate([self.run, np.repeat([b.run for b in blocks], sizes)]).astype(np.int16),
            batch=np.concatenate([self.batch, np.repeat([b.batch for b in blocks], sizes)]).astype(np.int64),
            step=np.concatenate([self.step, *steps]).astype(np.int64),
            origin=np.concatenate([self.origin, *(block.origin for block in blocks)]),
            feasible=np.concatenate([self.feasible, *(block.feasible for block in blocks)]),
            seconds=np.concatenate([self.seconds, *(block.seconds for block in blocks)]),
            indices=np.concatenate([self.indices, *(block.indices for block in blocks)]),
            metrics=np.concatenate([self.metrics, *(block.metrics for block in blocks)]),
            metric_names=self.metric_names,
            fidelity=np.concatenate([self.fidelity, *(block.fidelity for block in blocks)]),
            charge=np.concatenate([self.charge, *(block.charge for block in blocks)]),
        )

    def taken(self, which: NDArray[Any]) -> Trials:
        """Only the trials at these positions, or where this mask (n,) is true."""
        names = [f.name for f in fields(self) if f.name != "metric_names"]
        return replace(self, **{name: getattr(self, name)[which] for name in names})

    def followed_by(self, others: Trials) -> Trials:
        """These trials and others of the same campaign after them."""
        names = [f.name for f in fields(self) if f.name != "metric_names"]
        both: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(others, name)]) for name in names
        }
        return replace(self, **both)

    @property
    def last_id(self) -> int:
        """To be given as `after` in the next poll; 0 if there are no trials."""
        return int(self.id[-1]) if len(self.id) else 0


@dataclass(frozen=True, slots=True, eq=False)
class TrialDetail:
    """One trial in full: its design, combined metrics and, for each workload, its own metrics and notes.

    workloads: empty where `fidelity` is less than 1; of an estimate only the combined metrics are kept.
    """

    id: int
    run: RunRow
    step: int
    origin: Origin
    feasible: bool
    seconds: float
    fidelity: float
    charge: float
    point: DesignPoint
    metrics: Metrics
    workloads: tuple[tuple[str, Metrics], ...]


def default_charge(origin: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What trials of these origins cost their run where nothing was simulated in part: one, a repeat none."""
    charged: NDArray[np.bool_] = origin != np.uint8(Origin.REPEAT)
    return charged.astype(np.float64)


def _fill(trials: TrialBlock | Trials) -> None:
    """Set `fidelity` and `charge` where they were left out."""
    for name, made in (("fidelity", np.ones(len(trials.origin))), ("charge", default_charge(trials.origin))):
        if getattr(trials, name) is None:
            object.__setattr__(trials, name, made)
