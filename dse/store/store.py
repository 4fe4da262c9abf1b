"""`Store`: the writing side. Creates campaigns, appends trials and design-cache entries, saves snapshots."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dse.metrics import Metrics
from dse.point import DesignPoint
from dse.store.blobs import AttachedFile, attach, detach
from dse.store.connection import connect_writer, place_of
from dse.store.place import Hold, Link, Place, store_errors
from dse.store.reader import StoreReader
from dse.store.records import CampaignHeader, ResultBlock, TrialBlock
from dse.store.trial_rows import create_trial_table, trial_table
from dse.store.writer import Writer, change_front, insert_results, insert_snapshot, insert_trials

_KEYS_AT_ONCE = 500


class Append(Protocol):
    """Appends a block of trials, with what was simulated for them on the campaign's own benches, if anything.

    others: pairs of other benches and what was simulated on those.
    """

    def __call__(
        self,
        block: TrialBlock,
        fresh: ResultBlock | None,
        others: Sequence[tuple[Sequence[int], ResultBlock]] = (),
    ) -> None: ...


class Store:
    """A store open for writing: a file, or `postgresql://...`. Use as a context manager, or call `close`.

    An older store is brought up to date. Raises StoreError when the store is locked, of a newer version, not
    ours, its disk is full or its server is gone; what was flushed before stays.
    """

    def __init__(self, path: Path | str, *, busy_seconds: float | None = None) -> None:
        self.place: Place = place_of(path)
        self.path = self.place.path
        self._writer = Writer(connect_writer(self.place, busy_seconds=busy_seconds), self.place)
        self._lookup: Link = self.place.reader()
        self._owned: list[Hold] = []
        self._last_ids: dict[int, int] = {}
        self.reader = StoreReader(path)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commit what is queued, give campaigns free and close the store."""
        self._lookup.close()
        self.reader.close()
        self._writer.close()  # last: only a connection that may write leaves SQLite's file without a log
        for owned in self._owned:
            owned.release()
        self._owned.clear()

    def flush(self) -> None:
        """Return when everything given so far is committed; raises StoreError if it could not be."""
        self._writer.flush()

    def own(self, campaign: int) -> None:
        """Be the only process that runs this campaign; StoreError if another one does."""
        self._owned.append(self.place.hold(campaign))

    def create_campaign(
        self, header: CampaignHeader, benches: Sequence[int], files: Sequence[AttachedFile] = ()
    ) -> int:
        """Add a campaign with its runs, files and its own trial table, own it, and return its number."""
        numbers: list[int] = []

        def job(link: Link) -> int:
            insert_campaign(link, header, benches, numbers)
            attach(link, numbers[0], files)
            return 1

        self._writer.submit(job)
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

        def job(link: Link) -> int:
            for workload in workloads:
                key = (identity, workload)
                link.execute(
                    "INSERT INTO bench (simulator, workload, metrics) VALUES (?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    (*key, names),
                )
                sql = "SELECT id FROM bench WHERE simulator = ? AND workload = ?"
                found.append(link.execute(sql, key).fetchone()[0])
            return 1

        self._writer.submit(job)
        self.flush()
        return found

    def attach(self, campaign: int, file: AttachedFile) -> None:
        """Keep a content under a name of the campaign's; what had that kind and name is replaced."""

        def job(link: Link) -> int:
            attach(link, campaign, [file])
            return 1

        self._writer.submit(job)

    def set_state(self, campaign: int, state: str) -> None:
        """Note that a campaign is running, finished, interrupted or failed; forget a wish to stop it."""
        sql = "UPDATE campaign SET state = ?, stop_requested = 0 WHERE id = ?"
        self._submit_one(sql, (state, campaign))

    def request_stop(self, campaign: int) -> None:
        """Ask the process that runs the campaign to end it after its current batch."""
        self._submit_one("UPDATE campaign SET stop_requested = 1 WHERE id = ?", (campaign,))
        self.flush()

    def set_front(self, campaign: int, added: Sequence[int], removed: Sequence[int]) -> None:
        """Keep the front of all trials appended so far, given by what changed; called after `appender`'s.

        Without it, or behind it, `StoreReader.front_trials` computes the front from the trials.
        """
        self._writer.submit(change_front(campaign, list(added), list(removed), self._last_ids))

    def remove_campaign(self, campaign: int) -> int:
        """Forget a campaign and its trials, and say how many those were; StoreError while it is run.

        What was simulated for it stays in the design cache, for others.
        """
        record = self.reader.campaign(campaign)
        hold = self.place.hold(record.id)
        try:
            trials = self.reader.n_trials(record.id)
            self._writer.submit(lambda link: _remove(link, record.id))
            self.flush()
        finally:
            hold.release()
        self._last_ids.pop(record.id, None)
        return trials

    def set_scale(self, campaign: int, reference: NDArray[np.float64], ideal: NDArray[np.float64]) -> None:
        """Keep the reference point and the ideal found by the reference sample."""
        text = json.dumps({"reference": reference.tolist(), "ideal": ideal.tolist()})
        self._submit_one("UPDATE campaign SET scale = ? WHERE id = ?", (text, campaign))

    def set_baseline(self, campaign: int, point: DesignPoint, metrics: Metrics, trial: int) -> None:
        """Keep the design that all others are compared with."""
        values = [None if math.isnan(value) else value for value in metrics.values_array.tolist()]
        text = json.dumps({"design": point.to_dict(), "metrics": values, "trial": trial})
        self._submit_one("UPDATE campaign SET baseline = ? WHERE id = ?", (text, campaign))

    def appender(self, campaign: int) -> Append:
        """A function that appends trials, and to the design cache what was simulated for them.

        All is committed together, so that a resumed campaign finds in the cache what an uninterrupted one
        would.
        """
        record = self.reader.campaign(campaign)
        make = insert_trials(campaign, record.space.names, record.schema.names, self._last_ids)
        benches = [workload["bench"] for workload in record.workloads]

        def append(
            block: TrialBlock,
            fresh: ResultBlock | None,
            others: Sequence[tuple[Sequence[int], ResultBlock]] = (),
        ) -> None:
            own = [(benches, fresh)] if fresh is not None else []
            jobs = [insert_results(list(where), found) for where, found in (*own, *others)]
            jobs.append(make(block))
            self._writer.submit(lambda link: sum(job(link) for job in jobs))

        return append

    def keep_results(self, benches: Sequence[int], fresh: ResultBlock) -> None:
        """Add simulations to the design cache that belong to no trial; committed by `flush` or `close`."""
        self._writer.submit(insert_results(list(benches), fresh))

    def add_snapshot(self, campaign: int, run: int, batches: int, state: bytes) -> None:
        """Keep a searcher's state as it is after that many batches of its run."""
        self._writer.submit(insert_snapshot(campaign, run, batches, state))

    def cached(
        self, benches: Sequence[int], designs: Sequence[int | bytes]
    ) -> dict[int | bytes, NDArray[np.float64]]:
        """What the design cache knows: design to (W, M); only designs measured on every workload."""
        known: list[dict[int | bytes, bytes]] = []
        with store_errors(self.place):
            for bench in benches:
                known.append(self._measured(bench, designs))
                designs = [design for design in designs if design in known[-1]]
        if not designs:
            return {}
        data = b"".join([found[design] for design in designs for found in known])
        values = np.frombuffer(data, dtype="<f8").reshape(len(designs), len(benches), -1)
        return dict(zip(designs, values, strict=True))

    def _measured(self, bench: int, designs: Sequence[int | bytes]) -> dict[int | bytes, bytes]:
        """What the design cache has of a bench: design to metrics, as they are kept."""
        found: dict[int | bytes, bytes] = {}
        to_key, from_key = self._lookup.to_key, self._lookup.from_key
        for start in range(0, len(designs), _KEYS_AT_ONCE):
            some = [to_key(key) for key in designs[start : start + _KEYS_AT_ONCE]]
            marks = ",".join("?" * len(some))
            sql = f"SELECT design, metrics FROM result WHERE bench = ? AND design IN ({marks})"
            for value, blob in self._lookup.execute(sql, (bench, *some)).fetchall():
                found[from_key(value)] = blob
        return found

    def has_results(self, benches: Sequence[int]) -> bool:
        """Whether the design cache knows anything about these benches."""
        with store_errors(self.place):
            marks = ",".join("?" * len(benches))
            sql = f"SELECT 1 FROM result WHERE bench IN ({marks}) LIMIT 1"
            return self._lookup.execute(sql, tuple(benches)).fetchone() is not None

    def _submit_one(self, sql: str, values: tuple[Any, ...]) -> None:
        def job(link: Link) -> int:
            link.execute(sql, values)
            return 1

        self._writer.submit(job)


def insert_campaign(link: Link, header: CampaignHeader, benches: Sequence[int], numbers: list[int]) -> int:
    """Within a transaction: add a campaign with its runs and its trial table; `numbers` gets its number."""
    sql = "UPDATE number_in_use SET campaign = campaign + 1 RETURNING campaign"
    campaign = link.execute(sql).fetchone()[0]
    workloads = [{**w, "bench": bench} for w, bench in zip(header.workloads, benches, strict=True)]
    values = {
        "id": campaign,
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
    link.execute(sql, tuple(values.values()))
    link.executemany(
        "INSERT INTO metric VALUES (?, ?, ?, ?, ?, ?)",
        [(campaign, i, s.name, s.unit, s.direction, s.description) for i, s in enumerate(header.schema)],
    )
    link.executemany(
        "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?)",
        [(campaign, r.number, r.agent, r.searcher, r.repetition, json.dumps(r.options)) for r in header.runs],
    )
    create_trial_table(link, campaign, header.space.names, header.schema.names)
    numbers.append(campaign)
    return 1


def _remove(link: Link, campaign: int) -> int:
    link.execute(f"DROP TABLE {trial_table(campaign)}")
    for table in ("metric", "run", "snapshot", "front", "packed", "lease"):
        link.execute(f"DELETE FROM {table} WHERE campaign = ?", (campaign,))
    detach(link, campaign)
    link.execute("DELETE FROM campaign WHERE id = ?", (campaign,))
    return 1
