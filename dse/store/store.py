"""`Store`: the writing side. Creates campaigns, appends trials and design-cache entries, saves snapshots."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.metrics import Metrics
from dse.point import DesignPoint
from dse.store.connection import connect_writer
from dse.store.errors import store_errors
from dse.store.ownership import Ownership
from dse.store.reader import StoreReader
from dse.store.records import CampaignHeader, ResultBlock, TrialBlock
from dse.store.schema import create_trial_table
from dse.store.writer import Writer, insert_results, insert_snapshot, insert_trials

_KEYS_AT_ONCE = 500


class Store:
    """A store open for writing. Use as a context manager, or call `close`.

    Raises StoreError when the file is locked, of a newer version, not ours, or its disk is full; what was
    flushed before stays.
    """

    def __init__(self, path: Path | str, *, busy_seconds: float | None = None) -> None:
        self.path = Path(path)
        self._lookup = connect_writer(self.path, busy_seconds=busy_seconds)
        self._lookup.execute("PRAGMA query_only=ON")
        self._writer = Writer(connect_writer(self.path, busy_seconds=busy_seconds), self.path)
        self._owned: list[Ownership] = []
        self.reader = StoreReader(self.path)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commit what is queued, give campaigns free and close the file."""
        self._writer.close()
        self._lookup.close()
        self.reader.close()
        for owned in self._owned:
            owned.release()
        self._owned.clear()

    def flush(self) -> None:
        """Return when everything given so far is committed; raises StoreError if it could not be."""
        self._writer.flush()

    def own(self, campaign: int) -> None:
        """Be the only process that runs this campaign; StoreError if another one does."""
        self._owned.append(Ownership(self.path, campaign))

    def create_campaign(self, header: CampaignHeader, benches: Sequence[int]) -> int:
        """Add a campaign with its runs and its own trial table, own it, and return its number."""
        numbers: list[int] = []
        self._writer.submit(lambda connection: _create(connection, header, benches, numbers))
        self.flush()
        self.own(numbers[0])
        return numbers[0]

    def benches(
        self, simulator: dict[str, Any], metrics: Sequence[str], workloads: Sequence[str]
    ) -> list[int]:
        """Numbers in the design cache of a simulator (all that decides its results) on each workload."""
        identity = hashlib.blake2b(json.dumps(simulator, sort_keys=True).encode(), digest_size=16).hexdigest()
        names = json.dumps(list(metrics))
        found: list[int] = []

        def job(connection: sqlite3.Connection) -> int:
            for workload in workloads:
                key = (identity, workload)
                connection.execute(
                    "INSERT OR IGNORE INTO bench (simulator, workload, metrics) VALUES (?, ?, ?)",
                    (*key, names),
                )
                sql = "SELECT id FROM bench WHERE simulator = ? AND workload = ?"
                found.append(connection.execute(sql, key).fetchone()[0])
            return 1

        self._writer.submit(job)
        self.flush()
        return found

    def set_state(self, campaign: int, state: str) -> None:
        """Note that a campaign is running, finished, interrupted or failed."""
        self._submit_one("UPDATE campaign SET state = ? WHERE id = ?", (state, campaign))

    def set_scale(self, campaign: int, reference: NDArray[np.float64], ideal: NDArray[np.float64]) -> None:
        """Keep the reference point and the ideal found by the reference sample."""
        text = json.dumps({"reference": reference.tolist(), "ideal": ideal.tolist()})
        self._submit_one("UPDATE campaign SET scale = ? WHERE id = ?", (text, campaign))

    def set_baseline(self, campaign: int, point: DesignPoint, metrics: Metrics, trial: int) -> None:
        """Keep the design that all others are compared with."""
        values = [None if math.isnan(value) else value for value in metrics.values_array.tolist()]
        text = json.dumps({"design": point.to_dict(), "metrics": values, "trial": trial})
        self._submit_one("UPDATE campaign SET baseline = ? WHERE id = ?", (text, campaign))

    def appender(self, campaign: int) -> Callable[[TrialBlock, ResultBlock | None], None]:
        """A function that appends trials, and to the design cache what was simulated for them.

        Both are committed together, so that a resumed campaign finds in the cache what an uninterrupted
        one would.
        """
        record = self.reader.campaign(campaign)
        make = insert_trials(campaign, record.space.names, record.schema.names)
        benches = [workload["bench"] for workload in record.workloads]

        def append(block: TrialBlock, fresh: ResultBlock | None) -> None:
            trials = make(block)
            if fresh is None:
                self._writer.submit(trials)
                return
            results = insert_results(benches, fresh)
            self._writer.submit(lambda connection: results(connection) + trials(connection))

        return append

    def add_snapshot(self, campaign: int, run: int, batches: int, state: bytes) -> None:
        """Keep a searcher's state as it is after that many batches of its run."""
        self._writer.submit(insert_snapshot(campaign, run, batches, state))

    def cached(
        self, benches: Sequence[int], designs: Sequence[int | bytes]
    ) -> dict[int | bytes, NDArray[np.float64]]:
        """What the design cache knows: design to (W, M); only designs measured on every workload."""
        rows: dict[int | bytes, list[bytes]] = {}
        with store_errors(self.path):
            for w, bench in enumerate(benches):
                for start in range(0, len(designs), _KEYS_AT_ONCE):
                    some = designs[start : start + _KEYS_AT_ONCE]
                    marks = ",".join("?" * len(some))
                    sql = f"SELECT design, metrics FROM result WHERE bench = ? AND design IN ({marks})"
                    for design, blob in self._lookup.execute(sql, (bench, *some)):
                        if len(rows.setdefault(design, [])) == w:
                            rows[design].append(blob)
        return {
            design: np.frombuffer(b"".join(blobs), dtype="<f8").reshape(len(benches), -1)
            for design, blobs in rows.items()
            if len(blobs) == len(benches)
        }

    def has_results(self, benches: Sequence[int]) -> bool:
        """Whether the design cache knows anything about these benches."""
        with store_errors(self.path):
            marks = ",".join("?" * len(benches))
            sql = f"SELECT 1 FROM result WHERE bench IN ({marks}) LIMIT 1"
            return self._lookup.execute(sql, tuple(benches)).fetchone() is not None

    def _submit_one(self, sql: str, values: tuple[Any, ...]) -> None:
        def job(connection: sqlite3.Connection) -> int:
            connection.execute(sql, values)
            return 1

        self._writer.submit(job)


def _create(
    connection: sqlite3.Connection, header: CampaignHeader, benches: Sequence[int], numbers: list[int]
) -> int:
    workloads = [{**w, "bench": bench} for w, bench in zip(header.workloads, benches, strict=True)]
    values = {
        "name": header.name,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "state": "running",
        "config": json.dumps(header.config),
        "config_base": header.config_base,
        "simulator": json.dumps(header.simulator),
        "build_id": header.build_id,
        "space": json.dumps(header.space.to_dict()),
        "space_hash": header.space.hash,
        "search_space": json.dumps(header.search_space.to_dict()),
        "schema": json.dumps(header.schema.to_list()),
        "objectives": json.dumps([objective.to_dict() for objective in header.objectives]),
        "workloads": json.dumps(workloads),
        "provenance": json.dumps(header.provenance),
    }
    sql = f"INSERT INTO campaign ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
    campaign = connection.execute(sql, tuple(values.values())).lastrowid
    if campaign is None:
        raise AssertionError("SQLite gave no row number")
    connection.executemany(
        "INSERT INTO metric VALUES (?, ?, ?, ?, ?, ?)",
        [(campaign, i, s.name, s.unit, s.direction, s.description) for i, s in enumerate(header.schema)],
    )
    connection.executemany(
        "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?)",
        [(campaign, r.number, r.agent, r.searcher, r.repetition, json.dumps(r.options)) for r in header.runs],
    )
    create_trial_table(connection, campaign, header.space.names, header.schema.names)
    numbers.append(campaign)
    return 1
