"""`CampaignArchive`: a whole campaign outside any store, as every format writes and reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import StoreError
from dse.front import costs_of, non_dominated
from dse.metrics import Metrics
from dse.point import DesignPoint
from dse.store import (
    CampaignHeader,
    CampaignRecord,
    StoreReader,
    TransferReader,
    TrialBlock,
    Trials,
    place_of,
)


@dataclass(frozen=True, slots=True, eq=False)
class CampaignArchive:
    """Everything about a campaign and its trials.

    header: as it was created, without a store's own numbers. cached_as: for each workload the identity of the
    simulator under which the design cache keeps its results, and the workload's. reference, ideal: (number
    of objectives,) in cost units, None before the reference sample is done.
    """

    header: CampaignHeader
    cached_as: tuple[tuple[str, str], ...]
    created: str
    state: str
    reference: NDArray[np.float64] | None
    ideal: NDArray[np.float64] | None
    baseline_point: DesignPoint | None
    baseline: Metrics | None
    baseline_trial: int | None
    trials: Trials

    @classmethod
    def load(cls, store: Path | str, which: int | str) -> CampaignArchive:
        """A campaign of a store by number or name, as it is now; LookupFailed if there is none.

        One that is running is taken up to its last commit, and is `interrupted` outside its store.
        """
        with StoreReader(store) as reader:
            record = reader.campaign(which)
            trials = reader.trials(record.id)
        return cls(
            header=_header(record),
            cached_as=_cached_as(store, record),
            created=record.created,
            state="interrupted" if record.state == "running" else record.state,
            reference=record.reference,
            ideal=record.ideal,
            baseline_point=record.baseline_point,
            baseline=record.baseline,
            baseline_trial=record.baseline_trial,
            trials=trials,
        )

    @property
    def front(self) -> NDArray[np.int64]:
        """Numbers of the feasible, non-dominated trials."""
        aims = tuple(o for o in self.header.objectives if not o.is_constraint)
        costs = costs_of(aims, self.header.schema, self.trials.metrics)
        costs[~self.trials.feasible] = np.nan
        found: NDArray[np.int64] = self.trials.id[non_dominated(costs)]
        return found

    @property
    def content(self) -> str:
        """32 hexadecimal digits over every number of every trial."""
        return content_hash(self.trials)

    def named(self, name: str, config_base: str) -> CampaignHeader:
        """The header under another name, with another folder of its campaign file."""
        return replace(self.header, name=name, config_base=config_base)

    def blocks(self) -> Iterator[TrialBlock]:
        """The trials in the blocks in which they can be appended to a store."""
        t = self.trials
        if not len(t):
            return
        same = (np.diff(t.run) == 0) & (np.diff(t.batch) == 0) & (np.diff(t.step) == 1)
        for rows in np.split(np.arange(len(t)), np.flatnonzero(~same) + 1):
            cut = slice(int(rows[0]), int(rows[-1]) + 1)
            yield TrialBlock(
                run=int(t.run[cut.start]),
                batch=int(t.batch[cut.start]),
                first_step=int(t.step[cut.start]),
                indices=t.indices[cut],
                metrics=t.metrics[cut],
                feasible=t.feasible[cut],
                origin=t.origin[cut],
                seconds=t.seconds[cut],
                fidelity=t.fidelity[cut],
                charge=t.charge[cut],
            )


def content_hash(trials: Trials, *, charges: bool = True) -> str:
    """32 hexadecimal digits over the trials; equal on every machine, and for every kind of store.

    charges: with `fidelity` and `charge`, which files of the first version do not have.
    """
    found = hashlib.blake2b(digest_size=16)
    for name, kind in (
        ("id", "<i8"),
        ("run", "<i2"),
        ("batch", "<i8"),
        ("step", "<i8"),
        ("origin", "u1"),
        ("feasible", "u1"),
        ("seconds", "<f8"),
        ("indices", "<i2"),
        *((("fidelity", "<f8"), ("charge", "<f8")) if charges else ()),
    ):
        found.update(np.ascontiguousarray(getattr(trials, name), dtype=kind).data)
    metrics = np.array(trials.metrics, dtype="<f8", order="C")
    metrics[np.isnan(metrics)] = np.nan  # one NaN of the many
    metrics += 0.0  # -0.0 becomes 0.0: a database may not tell them apart
    found.update(metrics.data)
    return found.hexdigest()


def origin_hash(header: CampaignHeader, created: str) -> str:
    """32 hexadecimal digits over where a campaign comes from: its file, build, machine, moment; not its name.

    Neither its state nor a store's own numbers count, so that a copy under another name is recognised.
    """
    data: dict[str, Any] = {
        "created": created,
        "config": header.config,
        "simulator": header.simulator,
        "build_id": header.build_id,
        "space": header.space.hash,
        "search_space": header.search_space.hash,
        "schema": header.schema.hash,
        "objectives": [objective.to_dict() for objective in header.objectives],
        "workloads": [_without_number(workload) for workload in header.workloads],
        "provenance": header.provenance,
        "runs": [[r.number, r.agent, r.searcher, r.repetition, r.options] for r in header.runs],
    }
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def origin_of(record: CampaignRecord) -> str:
    """`origin_hash` of a campaign in a store."""
    return origin_hash(_header(record), record.created)


def _header(record: CampaignRecord) -> CampaignHeader:
    return CampaignHeader(
        name=record.name,
        config=record.config,
        config_base=record.config_base,
        simulator=record.simulator,
        build_id=record.build_id,
        space=record.space,
        search_space=record.search_space,
        schema=record.schema,
        objectives=(*record.objectives, *record.constraints),
        workloads=[_without_number(workload) for workload in record.workloads],
        provenance=record.provenance,
        runs=record.runs,
    )


def _without_number(workload: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in workload.items() if key != "bench"}


def _cached_as(store: Path | str, record: CampaignRecord) -> tuple[tuple[str, str], ...]:
    with TransferReader(store) as reader:
        known = {bench.id: (bench.simulator, bench.workload) for bench in reader.benches()}
    lost = [workload["name"] for workload in record.workloads if workload["bench"] not in known]
    if lost:
        raise StoreError(
            f"store {place_of(store)} is damaged: its design cache does not know workload {lost[0]!r} of "
            f"campaign {record.name!r}; restore a copy"
        )
    return tuple(known[workload["bench"]] for workload in record.workloads)
