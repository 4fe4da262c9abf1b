"""The one thread that writes to a store: it takes work from a queue and commits it in batches.

A commit holds whole blocks of trials, at least every 4,096 rows or 50 ms, so a run's log always ends at the
end of one of its batches. What `flush` has acknowledged is on disk even if the process is killed at once.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Sequence
from itertools import repeat

import numpy as np

from dse.errors import StoreError
from dse.fault_points import reach
from dse.store.packed import pack
from dse.store.place import Link, Place
from dse.store.records import ResultBlock, TrialBlock
from dse.store.trial_rows import quoted, trial_columns, trial_table

_ROWS_PER_COMMIT = 4096
_SECONDS_PER_COMMIT = 0.05
_QUEUE_LENGTH = 256
_KEPT_SNAPSHOTS = 2

Job = Callable[[Link], int]


class Writer:
    """Runs jobs, functions of the link that return how many rows they wrote, in order in one thread."""

    def __init__(self, link: Link, place: Place) -> None:
        self._link = link
        self._place = place
        self._jobs: queue.Queue[Job | threading.Event | None] = queue.Queue(_QUEUE_LENGTH)
        self._failure: StoreError | None = None
        self._open = True
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
        """Commit what is queued and close the link."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join()
        self._link.close()

    def check(self) -> None:
        """Raise the StoreError that stopped the thread, if one did."""
        if self._failure is not None:
            raise self._failure

    def _put(self, item: Job | threading.Event) -> None:
        self.check()
        self._jobs.put(item)

    def _work(self) -> None:
        while self._open:
            item = self._next()
            waiting: list[threading.Event] = []
            if self._failure is None:
                self._transaction(item, waiting)
            elif isinstance(item, threading.Event):
                waiting.append(item)
            for event in waiting:
                event.set()

    def _next(self, seconds: float | None = None) -> Job | threading.Event | None:
        """What comes next; None when the queue is closed. Raises queue.Empty after so many seconds."""
        item = self._jobs.get(timeout=seconds)
        if item is None:
            self._open = False  # noted at once: what is under way may fail, and nothing comes after it
        return item

    def _transaction(self, item: Job | threading.Event | None, waiting: list[threading.Event]) -> None:
        """Work from `item` on until it is time to commit; a failure is noted."""
        try:
            self._commit_some(item, waiting)
        except Exception as error:
            self._failure = self._meaning(error)
            self._rollback()

    def _commit_some(self, item: Job | threading.Event | None, waiting: list[threading.Event]) -> None:
        rows = 0
        begun = False
        deadline = time.monotonic() + _SECONDS_PER_COMMIT
        while item is not None:
            if isinstance(item, threading.Event):
                waiting.append(item)
                break
            if not begun:
                self._link.begin()
                begun = True
            rows += item(self._link)
            reach("append")
            left = deadline - time.monotonic()
            if rows >= _ROWS_PER_COMMIT or left <= 0:
                break
            try:
                item = self._next(left)
            except queue.Empty:
                break
        if begun:
            reach("commit")
            self._link.commit()
            reach("committed")

    def _rollback(self) -> None:
        try:
            if not self._link.lost and self._link.in_transaction:
                self._link.rollback()
        except Exception as error:
            self._failure = self._meaning(error)

    def _meaning(self, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        known = self._place.explained(error)
        return known or StoreError(f"store {self._place}: {type(error).__name__}: {error}")


def insert_trials(
    campaign: int, parameters: tuple[str, ...], metrics: tuple[str, ...], last_ids: dict[int, int]
) -> Callable[[TrialBlock], Job]:
    """A maker of jobs that append a block of trials to the campaign's table.

    last_ids: campaign to the number of its last trial, filled and used by the writing thread alone.
    """
    names = ["id", *(quoted(name) for name in trial_columns(parameters, metrics))]
    table = trial_table(campaign)

    def make(block: TrialBlock) -> Job:
        def job(link: Link) -> int:
            n = len(block)
            if not n:
                return 0
            last = last_ids.get(campaign)
            if last is None:
                last = link.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
            columns = [
                np.arange(last + 1, last + 1 + n),
                np.full(n, block.run, dtype=np.int32),
                np.full(n, block.batch),
                np.arange(block.first_step, block.first_step + n),
                block.origin.astype(np.int32),
                block.feasible.astype(np.int32),
                block.seconds,
                np.asarray(block.fidelity, dtype=np.float64),
                np.asarray(block.charge, dtype=np.float64),
                *block.indices.T.astype(np.int32),
                *block.metrics.T,
            ]
            link.append(table, names, columns)
            link.execute(
                "INSERT INTO packed (campaign, last, first, data) VALUES (?, ?, ?, ?)",
                (campaign, last + n, last + 1, pack(block)),
            )
            last_ids[campaign] = last + n
            return n

        return job

    return make


def insert_results(benches: list[int], block: ResultBlock) -> Job:
    """A job that adds simulations to the design cache; one that is there already is left as it is."""

    def job(link: Link) -> int:
        sql = (
            "INSERT INTO result (bench, design, metrics, notes, seconds) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING"
        )
        designs = [link.to_key(design) for design in block.designs]
        values = np.ascontiguousarray(block.values, dtype="<f8")
        for w, bench in enumerate(benches):
            blobs = [row.tobytes() for row in values[:, w]]
            remarks = (
                [json.dumps(n[w]) if n[w] else None for n in block.notes] if block.notes else repeat(None)
            )
            seconds = block.seconds[:, w].tolist()
            link.executemany(sql, zip(repeat(bench), designs, blobs, remarks, seconds, strict=False))
        return 0

    return job


def insert_snapshot(campaign: int, run: int, batches: int, state: bytes) -> Job:
    """A job that keeps a searcher's state after `batches` batches, and forgets all but the last ones."""

    def job(link: Link) -> int:
        key = (campaign, run)
        link.execute(
            "INSERT INTO snapshot (campaign, run, batches, state) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (campaign, run, batches) DO UPDATE SET state = excluded.state",
            (*key, batches, state),
        )
        link.execute(
            "DELETE FROM snapshot WHERE campaign = ? AND run = ? AND batches NOT IN "
            "(SELECT batches FROM snapshot WHERE campaign = ? AND run = ? ORDER BY batches DESC LIMIT ?)",
            (*key, *key, _KEPT_SNAPSHOTS),
        )
        return 1

    return job


def change_front(
    campaign: int, added: Sequence[int], removed: Sequence[int], last_ids: dict[int, int]
) -> Job:
    """A job that changes the front and notes that it is that of all trials appended so far."""

    def job(link: Link) -> int:
        last = last_ids.get(campaign)
        if last is None:
            sql = f"SELECT coalesce(max(id), 0) FROM {trial_table(campaign)}"
            last = link.execute(sql).fetchone()[0]
        if removed:
            sql = "DELETE FROM front WHERE campaign = ? AND trial = ?"
            link.executemany(sql, [(campaign, trial) for trial in removed])
        if added:
            sql = "INSERT INTO front (campaign, trial) VALUES (?, ?) ON CONFLICT DO NOTHING"
            link.executemany(sql, [(campaign, trial) for trial in added])
        link.execute("UPDATE campaign SET front_upto = ? WHERE id = ?", (last, campaign))
        return 0

    return job
