"""Warm starts: the designs of an earlier campaign with which every run of a new one begins.

They are chosen once, when the campaign starts, and kept with it (in its provenance), so that what happens to
the earlier campaign later changes nothing. What was measured for them on the old workloads only ranks them:
the new campaign simulates them like any other design, and they count in its budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.campaign.config import WarmStartConfig
from dse.campaign.scoring import Scorer, Scores
from dse.errors import ConfigError, LookupFailed, listed
from dse.front import non_dominated
from dse.parameter import Parameter
from dse.space import DesignSpace, IndexMatrix
from dse.store import CampaignRecord, StoreReader, Trials


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Designs to begin with, the best first, as names of parameters and rows of their values.

    campaign: that they come from; created: when that was started; trials: which ones of it. notes: what of it
    does not fit the new space.
    """

    campaign: str
    created: str
    trials: tuple[int, ...]
    parameters: tuple[str, ...]
    designs: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WarmStart:
        """What `to_dict` described."""
        return cls(
            data["campaign"],
            data["created"],
            tuple(data["trials"]),
            tuple(data["parameters"]),
            tuple(tuple(row) for row in data["designs"]),
            tuple(data["notes"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON form, as the provenance of a campaign has it."""
        return {
            "campaign": self.campaign,
            "created": self.created,
            "trials": list(self.trials),
            "parameters": list(self.parameters),
            "designs": [list(row) for row in self.designs],
            "notes": list(self.notes),
        }

    def rows(self, space: DesignSpace) -> IndexMatrix:
        """(n, D) canonical rows of the designs in `space`. SpaceError if it does not have them."""
        return space.rows([dict(zip(self.parameters, row, strict=True)) for row in self.designs])

    @property
    def lines(self) -> tuple[str, ...]:
        """What is taken from where, in words."""
        numbers = ", ".join(map(str, self.trials[:8])) + (", ..." if len(self.trials) > 8 else "")
        taken = f"{len(self.designs)} designs of {self.campaign!r} (trials {numbers})"
        return (taken, *self.notes)


def kept_warm_start(record: CampaignRecord) -> WarmStart | None:
    """What a campaign of a store began with."""
    kept = record.provenance.get("warm_start")
    return WarmStart.from_dict(kept) if kept is not None else None


def find_warm_start(
    wanted: WarmStartConfig,
    store: Path | str | None,
    base: Path,
    simulator: str,
    space: DesignSpace,
    scorer: Scorer,
) -> WarmStart:
    """Choose the designs that `[warm_start]` asks for, now.

    store: that of the new campaign, unless `wanted` names another one (relative to the folder `base`).
    simulator: name of the new campaign's; space: in which it searches.
    Raises LookupFailed if there is no such store or campaign, ConfigError if nothing of it can be used.
    """
    if wanted.store is not None:
        store = wanted.store if "://" in wanted.store else base / wanted.store
    if store is None:
        raise ConfigError(
            "the campaign is looked for in the store of the run, which has none: name its `store`, or run "
            "with one",
            key="store",
        )
    with StoreReader(store) as reader:
        try:
            record = reader.campaign(wanted.campaign)
        except LookupFailed as error:
            raise LookupFailed(error.message, key="campaign") from None
        if record.simulator["name"] != simulator:
            raise ConfigError(
                f"campaign {record.name!r} is of simulator {record.simulator['name']!r}, not {simulator!r}",
                key="campaign",
            )
        trials = reader.trials(record.id)
    return _chosen(wanted, record, trials.taken(trials.fidelity >= 1.0), space, scorer)


def _chosen(
    wanted: WarmStartConfig, record: CampaignRecord, trials: Trials, space: DesignSpace, scorer: Scorer
) -> WarmStart:
    """The best of the measured designs that the space has, each once."""
    trials = trials.taken(np.isfinite(_metrics(record, trials, scorer)[1]))
    if not len(trials):
        raise ConfigError(f"campaign {record.name!r} has no design that was measured", key="campaign")
    rows, fits, notes = _mapped(record.space, space, trials.indices)
    fits &= ~space.violations(rows).any(axis=1)
    if not fits.any():
        raise ConfigError(
            f"no design of campaign {record.name!r} is one of this space: " + "; ".join(notes), key="campaign"
        )
    lost = int((~fits).sum())
    if lost:
        notes.append(f"{lost} of its {len(trials)} trials have values that this space lacks or forbids")
    trials, rows = trials.taken(fits), rows[fits]
    first = np.sort(np.unique(space.keys(rows), return_index=True)[1])
    trials, rows = trials.taken(first), rows[first]
    scores = scorer.score(space.embed(rows, scorer.space), _metrics(record, trials, scorer)[0])
    best = ranked(scores, wanted.designs)
    return WarmStart(
        campaign=record.name,
        created=record.created,
        trials=tuple(trials.id[best].tolist()),
        parameters=space.names,
        designs=tuple(point.values for point in space.points(rows[best])),
        notes=tuple(notes),
    )


def _metrics(
    record: CampaignRecord, trials: Trials, scorer: Scorer
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, M) metrics in the order of the new schema, and (n,) a number that is finite where all are known
    that the new objectives and bounds need."""
    needed = [one.metric for one in (*scorer.objectives, *scorer.bounds)]
    missing = [name for name in needed if name not in record.schema.names]
    if missing:
        raise ConfigError(
            f"campaign {record.name!r} did not measure {listed(missing)}, by which designs are chosen",
            key="campaign",
        )
    found = np.full((len(trials), len(scorer.schema)), np.nan)
    for m, name in enumerate(scorer.schema.names):
        if name in record.schema.names:
            found[:, m] = trials.metrics[:, record.schema.index(name)]
    return found, found[:, [scorer.schema.index(name) for name in needed]].sum(axis=1)


def _mapped(
    old: DesignSpace, new: DesignSpace, indices: IndexMatrix
) -> tuple[IndexMatrix, NDArray[np.bool_], list[str]]:
    """Canonical rows (n, D) in the new space, which of them it has in full, and what had to be said."""
    rows = np.repeat(new.encode({})[None, :], len(indices), axis=0)
    lacking = np.zeros(rows.shape, dtype=np.bool_)
    shared = [name for name in new.names if name in old.names]
    if not shared:
        nothing = f"space {old.name!r} has no parameter of space {new.name!r}"
        return rows, np.zeros(len(rows), dtype=np.bool_), [nothing]
    for name in shared:
        d = new.names.index(name)
        found = _positions(old.parameter(name), new.parameters[d])[indices[:, old.names.index(name)]]
        lacking[:, d] = found < 0
        rows[found >= 0, d] = found[found >= 0]
    rows = new.canonical(rows)
    for clause in new.dead_clauses:  # a value without effect is not missed
        lacking[clause.matches(rows), clause.target] = False
    columns = np.flatnonzero(lacking.all(axis=0)).tolist()
    notes = [f"none has a value of {new.names[d]} that this space has" for d in columns]
    added = [name for name in new.names if name not in old.names]
    if added:
        notes.append(f"completed by the defaults of {', '.join(added)}, which space {old.name!r} lacks")
    dropped = [name for name in old.names if name not in new.names]
    if dropped:
        notes.append(f"without {', '.join(dropped)}, which space {new.name!r} lacks")
    return rows, np.logical_not(lacking.any(axis=1)), notes


def _positions(old: Parameter, new: Parameter) -> NDArray[np.int16]:
    """(number of old values,) their positions among the new ones, -1 where they are none of these."""
    known = {(type(value), value): position for position, value in enumerate(new.values)}
    return np.array([known.get((type(value), value), -1) for value in old.values], dtype=np.int16)


def ranked(scores: Scores, n: int) -> NDArray[np.int64]:
    """Rows of the best n designs, the best first: front by front, within a front by crowding distance.

    Without a feasible design they are those that violate least.
    """
    left = np.flatnonzero(scores.feasible)
    if not len(left):
        return np.argsort(np.maximum(scores.violations, 0.0).sum(axis=1), kind="stable")[:n]
    found: list[int] = []
    while len(left) and len(found) < n:
        on_front = non_dominated(scores.costs[left])
        front = left[on_front]
        found += front[np.argsort(-crowding(scores.costs[front]), kind="stable")].tolist()
        left = left[~on_front]
    return np.array(found[:n], dtype=np.int64)


def crowding(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Crowding distance (n,) of a front (n, M) as in NSGA-II: infinite at the ends of each objective."""
    distance = np.zeros(len(costs))
    for column in costs.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance
