"""Work that is lent: a queue in the store from which workers take batches, knowing nothing but the database.

The process that runs a campaign puts parts of batches in and collects their results; workers claim one part
at a time, for so many seconds, renew the lease while they work and finish it. A part whose owner died is lent
again when its lease ran out. Every claim counts as an attempt, and a result is only taken from the last one,
so that a part never has two results.

Only the clock of the database counts, and it may jump: a lease holds while the clock is between its end and
its length before that, so a jump ahead or back ends leases early and never makes one last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from dse.errors import StoreError
from dse.store.connection import connect_writer, place_of
from dse.store.place import store_errors, transaction

MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Lease:
    """A part of a batch in the hands of `owner`. payload: what its giver wrote."""

    id: int
    run: int
    batch: int
    part: int
    payload: bytes
    owner: str
    attempts: int


class LeaseQueue:
    """The parts of one campaign's batches. Use as a context manager, one object a thread.

    store: a file or `postgresql://...`; campaign: its number.
    """

    def __init__(self, store: Path | str, campaign: int) -> None:
        self.place = place_of(store)
        self.campaign = campaign
        self._link = connect_writer(self.place)
        self._live = (
            f"owner IS NOT NULL AND {self._link.clock} < expires AND expires <= {self._link.clock} + seconds"
        )

    def __enter__(self) -> LeaseQueue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; leases go on until they end."""
        self._link.close()

    # for the process that runs the campaign

    def put(self, run: int, batch: int, payloads: Sequence[bytes]) -> None:
        """Offer the parts of a batch; one that is there already, from before a restart, is left as it is."""
        sql = (
            "INSERT INTO lease (campaign, run, batch, part, payload) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING"
        )
        with store_errors(self.place), transaction(self._link):
            self._link.executemany(
                sql, [(self.campaign, run, batch, part, payload) for part, payload in enumerate(payloads)]
            )

    def collect(self, run: int, batch: int) -> list[bytes] | None:
        """The results of a batch by its parts, which are then forgotten; None while one is missing.

        Raises StoreError if a part was lent `MAX_ATTEMPTS` times and never finished.
        """
        key = (self.campaign, run, batch)
        where = "campaign = ? AND run = ? AND batch = ?"
        with store_errors(self.place), transaction(self._link):
            sql = f"SELECT part, result, attempts, ({self._live}) FROM lease WHERE {where} ORDER BY part"
            rows = self._link.execute(sql, key).fetchall()
            missing = [(part, n, live) for part, result, n, live in rows if result is None]
            lost = [part for part, n, live in missing if n >= MAX_ATTEMPTS and not live]
            if lost:
                raise StoreError(
                    f"part {lost[0]} of batch {batch} of run {run} was given to {MAX_ATTEMPTS} workers and "
                    "came back from none: look at their messages; every finished trial is kept, use "
                    "`dse resume`"
                )
            if missing or not rows:
                return None
            self._link.execute(f"DELETE FROM lease WHERE {where}", key)
        return [bytes(result) for _, result, _, _ in rows]

    def clear(self) -> None:
        """Forget all parts, lent or not: for a campaign that starts anew from its log."""
        with store_errors(self.place):
            self._link.execute("DELETE FROM lease WHERE campaign = ?", (self.campaign,))

    def expire(self) -> int:
        """Take back the parts whose leases ran out, and say how many; `claim` finds them by itself, too."""
        sql = (
            "UPDATE lease SET owner = NULL, expires = NULL "
            f"WHERE campaign = ? AND result IS NULL AND owner IS NOT NULL AND NOT ({self._live})"
        )
        with store_errors(self.place):
            return self._link.execute(sql, (self.campaign,)).rowcount

    # for workers

    def claim(self, owner: str, seconds: float) -> Lease | None:
        """Take the first part that nobody has, for so long; None if there is none."""
        sql = (
            "SELECT id, run, batch, part, payload, attempts FROM lease WHERE campaign = ? AND result IS NULL "
            f"AND attempts < ? AND NOT ({self._live}) ORDER BY id LIMIT 1{self._link.skip_locked}"
        )
        with store_errors(self.place), transaction(self._link):
            row = self._link.execute(sql, (self.campaign, MAX_ATTEMPTS)).fetchone()
            if row is None:
                return None
            lease = Lease(row[0], row[1], row[2], row[3], bytes(row[4]), owner, row[5] + 1)
            self._link.execute(
                f"UPDATE lease SET owner = ?, attempts = ?, seconds = ?, expires = {self._link.clock} + ? "
                "WHERE id = ?",
                (owner, lease.attempts, float(seconds), float(seconds), lease.id),
            )
        return lease

    def renew(self, lease: Lease, seconds: float) -> bool:
        """Keep the part for so long from now; False if it is somebody else's by now: drop it."""
        return self._change(
            lease, f"seconds = ?, expires = {self._link.clock} + ?", (float(seconds), float(seconds))
        )

    def finish(self, lease: Lease, result: bytes) -> bool:
        """Hand in the result; False if the part is somebody else's by now, and the result is not taken."""
        return self._change(lease, "result = ?, owner = NULL, expires = NULL", (result,))

    def release(self, lease: Lease) -> bool:
        """Give the part back unfinished, as if it had never been taken; False if it was not ours any more."""
        return self._change(lease, "owner = NULL, expires = NULL, attempts = attempts - 1", ())

    def _change(self, lease: Lease, what: str, values: tuple[float | bytes, ...]) -> bool:
        sql = f"UPDATE lease SET {what} WHERE id = ? AND owner = ? AND attempts = ? AND result IS NULL"
        with store_errors(self.place):
            found = self._link.execute(sql, (*values, lease.id, lease.owner, lease.attempts))
            return found.rowcount == 1
