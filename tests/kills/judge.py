"""What must hold of the store after every kill, and what is wrong if it does not."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from dashboards.source import CampaignSource, Unavailable
from dse.campaign import Campaign
from dse.errors import StoreError
from dse.front import costs_of, non_dominated
from dse.store import StoreReader, Trials
from tests.kills.campaign import NAME
from tests.kills.child import Child, Wrong, names_in

_MEASURED = ("seconds", "metric_names")  # times differ from run to run
_COLUMNS = [column.name for column in fields(Trials) if column.name not in _MEASURED]


@dataclass(slots=True)
class Judge:
    """Knows the log of the uninterrupted run, and what was acknowledged of this one."""

    whole: Trials
    store: str
    acknowledged: int = 0
    seen: int = 0
    dashboard: CampaignSource = field(init=False)

    def __post_init__(self) -> None:
        self.dashboard = CampaignSource(Path(self.store))

    def judge(self) -> int:
        """Check the store as it is now, and say how many trials it has."""
        if NAME not in names_in(self.store):
            self._expect(self.acknowledged == 0, "the campaign is gone")
            return 0
        with StoreReader(self.store) as reader:
            record = reader.campaign(NAME)
            log = reader.rows(record.id, 0, record.schema.names)
            arrays, front = reader.trials(record.id), reader.front_trials(record.id)
            self._expect(reader.names() == [NAME], f"campaigns {reader.names()}")
        n = len(log)
        self._expect(n >= self.acknowledged, f"{n} trials, but {self.acknowledged} were acknowledged")
        self._expect(n >= self.seen, f"{n} trials, but {self.seen} were there before")
        steps = np.stack([log.run, log.step], axis=1)
        self._expect(len(np.unique(steps, axis=0)) == n, "a step of a run is there twice")
        for name in _COLUMNS:
            found, wanted = getattr(log, name), getattr(self.whole, name)[:n]
            self._expect(found.tobytes() == wanted.tobytes(), f"{name} is not that of the uninterrupted run")
            self._expect(getattr(arrays, name).tobytes() == found.tobytes(), f"{name} has another array")
        rows = np.flatnonzero(log.feasible)
        costs = costs_of(record.objectives, record.schema, log.metrics[rows])
        best = log.id[rows[non_dominated(costs)]]
        self._expect(sorted(front.id.tolist()) == best.tolist(), "the front is not that of the log")
        if "://" not in self.store:
            self._expect(integrity(self.store) == "ok", f"integrity_check: {integrity(self.store)}")
        self.seen = n
        return n

    def look(self) -> None:
        """Read as the dashboard does, while the campaign runs or after it died."""
        try:
            frame = self.dashboard.frame("1")
        except Unavailable:
            return
        n = len(frame.trial)
        same = np.array_equal(frame.indices, self.whole.indices[:n])
        self._expect(same and n <= len(self.whole), "the dashboard reads other trials")

    def judge_finished(self) -> None:
        """The same, for a campaign that came to its end."""
        n = self.judge()
        self._expect(n == len(self.whole), f"finished with {n} trials instead of {len(self.whole)}")
        with StoreReader(self.store) as reader:
            state = reader.campaign(NAME).state
        self._expect(state == "finished", f"state {state!r} at the end")

    def _expect(self, held: bool, what: str) -> None:
        if not held:
            raise Wrong(f"{self.store}: {what}")


def integrity(store: str) -> str:
    """What SQLite itself thinks of the file, opened for reading so that its log is left to the next child."""
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def check_second_process(file: Path, store: str, child: Child) -> bool:
    """Ask for the campaign that the child is running, held still meanwhile; False if it has just ended."""
    os.kill(child.pid, signal.SIGSTOP)
    now = os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # it runs on for a moment
    if now is None or now.si_code != os.CLD_STOPPED:
        return False  # its fault point came first
    try:
        with StoreReader(store) as reader:
            if reader.written_state(reader.campaign(NAME).id) == "finished":
                return False
        Campaign.from_file(file).resume(store=store, threads=1)
    except StoreError as error:
        if "locked" not in str(error):
            raise Wrong(f"a second process was refused with: {error}") from error
        return True
    finally:
        os.kill(child.pid, signal.SIGCONT)
    raise Wrong(f"{store}: a second process ran the campaign while the first was at it")
