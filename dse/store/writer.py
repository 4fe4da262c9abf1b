"""The one thread that writes to a store: it takes work from a queue and commits it in batches.

A commit holds whole blocks of trials, at least every 256 rows or 50 ms, so a run's log always ends at the
end of one of its batches. What `flush` has acknowledged is on disk even if the process is killed at once.
"""

from __future__ import annotations

import json
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from itertools import count, repeat
from pathlib import Path

import numpy as np

from dse.errors import StoreError
from dse.fault_points import reach
from dse.store.errors import explained
from dse.store.records import ResultBlock, TrialBlock
from dse.store.schema import quoted, trial_columns, trial_table

_ROWS_PER_COMMIT = 256
_SECONDS_PER_COMMIT = 0.05
_QUEUE_LENGTH = 256
_KEPT_SNAPSHOTS = 2

Job = Callable[[sqlite3.Connection], int]


class Writer:
    """Runs jobs, functions of the connection that return how many rows they wrote, in order in one thread."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._jobs: queue.Queue[Job | threading.Event | None] = queue.Queue(_QUEUE_LENGTH)
        self._failure: StoreError | None = None
        self._thread = threading.Thread(target=self._work, name="dse-store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job; raises the StoreError of an earlier one that failed."""
        self._put(job)

    def flush(self) -> None:
        """Return when everything submitted is committed. Raises StoreError if it could not be."""
        done = threading.Event()
        self._put(done)
        done.wait()
        self.check()

    def close(self) -> None:
        """Commit what is queued and close the connection."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()
        self._connection.close()

    def check(self) -> None:
        """Raise the StoreError that stopped the thread, if one did."""
        if self._failure is not None:
            raise self._failure

    def _put(self, item: Job | threading.Event) -> None:
        self.check()
        self._jobs.put(item)

    def _work(self) -> None:
        open_ = True
        while open_:
            item = self._jobs.get()
            waiting: list[threading.Event] = []
            open_ = self._transaction(item, waiting) if self._failure is None else self._refuse(item, waiting)
            for event in waiting:
                event.set()

    def _refuse(self, item: Job | threading.Event | None, waiting: list[threading.Event]) -> bool:
        if isinstance(item, threading.Event):
            waiting.append(item)
        return item is not None

    def _transaction(self, item: Job | threading.Event | None, waiting: list[threading.Event]) -> bool:
        """Work from `item` on until it is time to commit; False when the queue is closed."""
        try:
            return self._commit_some(item, waiting)
        except sqlite3.Error as error:
            self._failure = explained(error, self._path)
        except Exception as error:
            self._failure = StoreError(f"store {self._path}: {type(error).__name__}: {error}")
        self._rollback()
        return True

    def _commit_some(self, item: Job | threading.Event | None, waiting: list[threading.Event]) -> bool:
        rows = 0
        begun = False
        deadline = time.monotonic() + _SECONDS_PER_COMMIT
        while item is not None:
            if isinstance(item, threading.Event):
                waiting.append(item)
                break
            if not begun:
                self._connection.execute("BEGIN IMMEDIATE")
                begun = True
            rows += item(self._connection)
            reach("append")
            left = deadline - time.monotonic()
            if rows >= _ROWS_PER_COMMIT or left <= 0:
                break
            try:
                item = self._jobs.get(timeout=left)
            except queue.Empty:
                break
        if begun:
            reach("commit")
            self._connection.execute("COMMIT")
            reach("committed")
        return item is not None

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as error:
                self._failure = explained(error, self._path)


def insert_trials(
    campaign: int, parameters: tuple[str, ...], metrics: tuple[str, ...]
) -> Callable[[TrialBlock], Job]:
    """A maker of jobs that append a block of trials to the campaign's table."""
    columns = trial_columns(parameters, metrics)
    names = ", ".join(quoted(name) for name in columns)
    marks = ", ".join("?" * len(columns))
    sql = f"INSERT INTO {trial_table(campaign)} ({names}) VALUES ({marks})"

    def make(block: TrialBlock) -> Job:
        def job(connection: sqlite3.Connection) -> int:
            rows = zip(
                repeat(block.run, len(block)),
                repeat(block.batch),
                count(block.first_step),
                block.origin.tolist(),
                block.feasible.astype(np.int8).tolist(),
                block.seconds.tolist(),
                *block.indices.T.tolist(),
                *block.metrics.T.tolist(),
                strict=False,
            )
            connection.executemany(sql, rows)
            return len(block)

        return job

    return make


def insert_results(benches: list[int], block: ResultBlock) -> Job:
    """A job that adds simulations to the design cache; one that is there already is left as it is."""

    def job(connection: sqlite3.Connection) -> int:
        sql = "INSERT OR IGNORE INTO result (bench, design, metrics, notes, seconds) VALUES (?, ?, ?, ?, ?)"
        values = np.ascontiguousarray(block.values, dtype="<f8")
        for w, bench in enumerate(benches):
            blobs = [row.tobytes() for row in values[:, w]]
            remarks = (
                [json.dumps(n[w]) if n[w] else None for n in block.notes] if block.notes else repeat(None)
            )
            seconds = block.seconds[:, w].tolist()
            connection.executemany(
                sql, zip(repeat(bench), block.designs, blobs, remarks, seconds, strict=False)
            )
        return 0

    return job


def insert_snapshot(campaign: int, run: int, batches: int, state: bytes) -> Job:
    """A job that keeps a searcher's state after `batches` batches, and forgets all but the last ones."""

    def job(connection: sqlite3.Connection) -> int:
        key = (campaign, run)
        connection.execute(
            "INSERT OR REPLACE INTO snapshot (campaign, run, batches, state) VALUES (?, ?, ?, ?)",
            (*key, batches, state),
        )
        connection.execute(
            "DELETE FROM snapshot WHERE campaign = ? AND run = ? AND batches NOT IN "
            "(SELECT batches FROM snapshot WHERE campaign = ? AND run = ? ORDER BY batches DESC LIMIT ?)",
            (*key, *key, _KEPT_SNAPSHOTS),
        )
        return 1

    return job
