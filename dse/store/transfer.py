"""Whole campaigns and the design cache, out of one store and into another: what import and merge stand on.

`TransferReader` reads what `StoreReader` has no use for; `TransferWriter` adds campaigns that were run
elsewhere, each in one transaction, so that a store never holds a part of one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import StoreError
from dse.metrics import Metrics
from dse.point import DesignPoint
from dse.store.blobs import AttachedFile, attach
from dse.store.connection import connect_reader, connect_writer, place_of
from dse.store.place import Link, Place, store_errors, transaction
from dse.store.records import CampaignHeader, ResultBlock, TrialBlock
from dse.store.store import insert_campaign
from dse.store.writer import change_front, insert_results, insert_snapshot, insert_trials

_RESULTS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One bench of the design cache: a simulator (hash of all that decides its results) on a workload."""

    id: int
    simulator: str
    workload: str
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CampaignCopy:
    """A campaign that was run elsewhere, all but its trials.

    benches: of its workloads in this store. front: numbers of the feasible, non-dominated trials. snapshots:
    (run, batches, state) of searchers. files: that it names.
    """

    header: CampaignHeader
    benches: tuple[int, ...]
    created: str
    state: str
    reference: NDArray[np.float64] | None
    ideal: NDArray[np.float64] | None
    baseline_point: DesignPoint | None
    baseline: Metrics | None
    baseline_trial: int | None
    front: tuple[int, ...]
    snapshots: tuple[tuple[int, int, bytes], ...] = ()
    files: tuple[AttachedFile, ...] = ()


class _Open:
    """A connection to a place, closed at the end of a `with`."""

    def __init__(self, place: Place, link: Link) -> None:
        self.place = place
        self._link = link

    def close(self) -> None:
        """Give the connection back."""
        self._link.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()


class TransferReader(_Open):
    """A store's design cache and snapshots. Raises LookupFailed and StoreError as `StoreReader` does."""

    def __init__(self, store: Path | str) -> None:
        place = place_of(store)
        super().__init__(place, connect_reader(place))

    def __enter__(self) -> TransferReader:
        return self

    def benches(self) -> list[BenchRow]:
        """All benches of the design cache, the oldest first."""
        rows = self._all("SELECT id, simulator, workload, metrics FROM bench ORDER BY id")
        return [
            BenchRow(id_, simulator, work, tuple(json.loads(names))) for id_, simulator, work, names in rows
        ]

    def n_results(self) -> int:
        """Results in the design cache."""
        found: int = self._all("SELECT count(*) FROM result")[0][0]
        return found

    def results(self, bench: BenchRow, after: int = 0) -> tuple[int, ResultBlock]:
        """(number of the last one, some thousand results numbered above `after`); none at the end."""
        sql = (
            "SELECT id, design, metrics, notes, seconds FROM result WHERE bench = ? AND id > ? "
            f"ORDER BY id LIMIT {_RESULTS_AT_ONCE}"
        )
        rows = self._all(sql, (bench.id, after))
        values = np.frombuffer(b"".join(row[2] for row in rows), dtype="<f8")
        return rows[-1][0] if rows else after, ResultBlock(
            designs=[self._link.from_key(row[1]) for row in rows],
            values=values.reshape(len(rows), 1, len(bench.metrics)),
            seconds=np.array([row[4] for row in rows], dtype=np.float64).reshape(len(rows), 1),
            notes=[(tuple(json.loads(row[3])) if row[3] else (),) for row in rows],
        )

    def snapshots(self, campaign: int) -> tuple[tuple[int, int, bytes], ...]:
        """(run, batches, state) of every saved state of a campaign's searchers."""
        sql = "SELECT run, batches, state FROM snapshot WHERE campaign = ? ORDER BY run, batches"
        return tuple((run, batches, bytes(state)) for run, batches, state in self._all(sql, (campaign,)))

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with store_errors(self.place):
            return self._link.execute(sql, values).fetchall()


class TransferWriter(_Open):
    """A store that takes whole campaigns; it is made if there is none. StoreError as `Store` raises it."""

    def __init__(self, store: Path | str) -> None:
        place = place_of(store)
        super().__init__(place, connect_writer(place))

    def __enter__(self) -> TransferWriter:
        return self

    def add_campaign(self, copy: CampaignCopy, blocks: Iterable[TrialBlock]) -> int:
        """Add a campaign with its trials and return its number: all of it or, after an error, nothing.

        `blocks` is read within the transaction; what it raises comes out as it is. StoreError if the
        campaign's name is taken.
        """
        with store_errors(self.place), transaction(self._link):
            taken = self._link.execute(
                "SELECT id FROM campaign WHERE name = ?", (copy.header.name,)
            ).fetchone()
            if taken is not None:
                raise StoreError(f"store {self.place} has a campaign {copy.header.name!r} already")
            numbers: list[int] = []
            insert_campaign(self._link, copy.header, copy.benches, numbers)
            self._fill(numbers[0], copy, blocks)
            return numbers[0]

    def add_bench(self, simulator: str, workload: str, metrics: Sequence[str]) -> int:
        """Number in this store of a bench that another store calls by these hashes."""
        sql = "INSERT INTO bench (simulator, workload, metrics) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        with store_errors(self.place), transaction(self._link):
            self._link.execute(sql, (simulator, workload, json.dumps(list(metrics))))
            found = self._link.execute(
                "SELECT id FROM bench WHERE simulator = ? AND workload = ?", (simulator, workload)
            ).fetchone()
            number: int = found[0]
            return number

    def add_results(self, bench: int, block: ResultBlock) -> None:
        """Add simulations of one bench to the design cache; what is there already stays as it is."""
        with store_errors(self.place), transaction(self._link):
            insert_results([bench], block)(self._link)

    def _fill(self, campaign: int, copy: CampaignCopy, blocks: Iterable[TrialBlock]) -> None:
        last_ids: dict[int, int] = {}
        make = insert_trials(campaign, copy.header.space.names, copy.header.schema.names, last_ids)
        for block in blocks:
            make(block)(self._link)
        attach(self._link, campaign, copy.files)
        for run, batches, state in copy.snapshots:
            insert_snapshot(campaign, run, batches, state)(self._link)
        change_front(campaign, copy.front, (), last_ids)(self._link)
        self._link.execute(
            "UPDATE campaign SET created = ?, state = ?, scale = ?, baseline = ? WHERE id = ?",
            (copy.created, copy.state, _scale(copy), _baseline(copy), campaign),
        )


def _scale(copy: CampaignCopy) -> str | None:
    if copy.reference is None or copy.ideal is None:
        return None
    return json.dumps({"reference": copy.reference.tolist(), "ideal": copy.ideal.tolist()})


def _baseline(copy: CampaignCopy) -> str | None:
    if copy.baseline_point is None or copy.baseline is None:
        return None
    values = [None if math.isnan(value) else value for value in copy.baseline.values_array.tolist()]
    return json.dumps(
        {"design": copy.baseline_point.to_dict(), "metrics": values, "trial": copy.baseline_trial}
    )
