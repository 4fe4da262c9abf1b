"""Kill a campaign again and again, resume it each time, and check that nothing is lost and nothing is twice.

    python -m tests.kills --rounds 200 --seed 1             kills of the process that runs the campaign
    python -m tests.kills --rounds 50 --seed 1 --server     kills of the PostgreSQL server under it

A round is one kill -9: half of them at a named fault point (dse/fault_points.py) at a random arrival, half at
a random moment; with --server all at random moments. The child commits after every third batch and then
writes to a pipe how many trials it knows to be safe. After each round, and while the child runs,

- the log holds at least what was acknowledged, and is the beginning of the log of an uninterrupted run, bit
  for bit: nothing lost, nothing twice, nothing else;
- the front table gives the front of that log, and the dashboard's reader sees the same;
- SQLite's integrity_check finds nothing;
- now and then, a second process asks to run the same campaign, and is refused.

When a campaign has come to its end it is compared once more, and the next one starts in a fresh store.
Prints one JSON object; exits with 1 and what is wrong at the first finding.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import dse.campaign
from dashboards.source import CampaignSource, Unavailable
from dse import registry
from dse.campaign import Campaign
from dse.errors import LookupFailed, StoreError
from dse.fault_points import FAULT_POINTS, VARIABLE
from dse.front import costs_of, non_dominated
from dse.store import ResultBlock, Store, StoreReader, TrialBlock, Trials
from tests.dse.postgres import PostgresServer

NAME = "killed"
CAMPAIGN = f"""
name = "{NAME}"
seed = 7
[simulator]
name = "fake"
[[workloads]]
trace = "synthetic:stream?n=500&seed=1"
[[objectives]]
metric = "time_ns"
[[objectives]]
metric = "energy_pj"
[[objectives]]
metric = "served"
at_least = 0.8
[[agents]]
name = "random"
[[agents]]
name = "nsga2"
[[agents]]
name = "local"
[budget]
unique = 150
batch = 4
"""
_BATCHES_PER_ACK = 3
_ARRIVALS = {"snapshot": 6}  # the latest arrival at a fault point that is asked for
_OTHER_ARRIVALS = 40
_ROUNDS_PER_SECOND_PROCESS = 5
_SECONDS_TO_FINISH = 60.0
_SECONDS_BETWEEN_LOOKS = 0.03


_STORE_FAILED = 5


class Wrong(Exception):
    """Something was lost, doubled or changed."""


# ----------------------------------------------------------------------------------------------- the child


class AcknowledgingStore(Store):
    """Writes the number of trials that are safe to `acks`, a file descriptor, after every third batch."""

    acks = -1

    def appender(self, campaign: int) -> Callable[[TrialBlock, ResultBlock | None], None]:
        append = super().appender(campaign)
        known = self.reader.n_trials(campaign)
        blocks = 0

        def acknowledged(block: TrialBlock, fresh: ResultBlock | None) -> None:
            nonlocal known, blocks
            append(block, fresh)
            known += len(block)
            blocks += 1
            if blocks % _BATCHES_PER_ACK == 0:
                self.flush()
                os.write(self.acks, b"%d\n" % known)

        return acknowledged


def run_or_resume(file: Path, store: str) -> None:
    """What the child does: go on with the campaign, or begin it if the store does not have it yet."""
    campaign = Campaign.from_file(file)
    if NAME in names_in(store):
        campaign.resume(store=store, threads=1)
    else:
        campaign.run(store=store, threads=1)


def names_in(store: str) -> list[str]:
    """Campaigns of the store; none where a kill came before it was made."""
    try:
        with StoreReader(store) as reader:
            return reader.names()
    except (LookupFailed, StoreError):
        return []


@dataclass(slots=True)
class Child:
    """A process of its own that runs the campaign; `acknowledged` trials it has reported as safe."""

    pid: int
    pipe: int
    acknowledged: int = 0
    status: int | None = None
    _text: bytes = b""

    @classmethod
    def start(cls, file: Path, store: str, fault_point: str | None) -> Child:
        """Fork: imports are paid for once, and the parent has neither threads nor open stores here."""
        theirs, ours = os.pipe()
        pid = os.fork()
        if pid:
            os.close(ours)
            return cls(pid, theirs)
        code = 1
        try:
            os.close(theirs)
            AcknowledgingStore.acks = ours
            dse.campaign.Store = AcknowledgingStore
            if fault_point is not None:
                os.environ[VARIABLE] = fault_point
            run_or_resume(file, store)
            code = 0
        except StoreError as error:
            if "cannot be reached" not in str(error):  # what a killed server leads to
                sys.stderr.write(f"child: {error}\n")
            code = _STORE_FAILED
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def listen(self, seconds: float) -> bool:
        """Read acknowledgements for at most that long; False when the child has ended."""
        if self.status is not None:
            return False
        ready, _, _ = select.select([self.pipe], [], [], max(seconds, 0.0))
        if not ready:
            return True
        text = os.read(self.pipe, 65536)
        self._text += text
        *lines, self._text = self._text.split(b"\n")
        if lines:
            self.acknowledged = int(lines[-1])
        if text:
            return True
        os.close(self.pipe)
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return False

    def kill(self) -> None:
        """kill -9, and take note of everything that it acknowledged before."""
        os.kill(self.pid, signal.SIGKILL)
        while self.listen(_SECONDS_TO_FINISH):
            pass


# ----------------------------------------------------------------------------------------------- the judge


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
        for name in ("id", "run", "batch", "step", "origin", "feasible", "indices", "metrics"):
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


# ---------------------------------------------------------------------------------------------- the rounds


@dataclass(slots=True)
class Tally:
    """What happened in all rounds."""

    kills: Counter[str] = field(default_factory=Counter)
    campaigns_finished: int = 0
    acknowledged: int = 0
    refused: int = 0

    @property
    def rounds(self) -> int:
        return sum(self.kills.values())


@dataclass(slots=True)
class Executioner:
    """Carries out rounds on one store after another until `rounds` kills are reached.

    duration: seconds of an uninterrupted run. server: kill this one instead of the child.
    """

    file: Path
    whole: Trials
    rng: np.random.Generator
    duration: float
    server: PostgresServer | None = None
    tally: Tally = field(default_factory=Tally)

    def campaign(self, store: str, rounds: int) -> None:
        """Kill and resume the campaign in this store until it has finished, or often enough."""
        judge = Judge(self.whole, store)
        while self.tally.rounds < rounds:
            child, wanted = self._round(judge)
            judge.acknowledged = max(judge.acknowledged, child.acknowledged)
            judge.look()
            if child.status == 0:
                judge.judge_finished()
                self.tally.campaigns_finished += 1
                break
            if wanted is None:
                raise Wrong(f"{store}: the child ended by itself with {child.status}")
            self.tally.kills[wanted] += 1
            judge.judge()
        self.tally.acknowledged += judge.acknowledged

    def _round(self, judge: Judge) -> tuple[Child, str | None]:
        """One child; what killed it, None if nothing did."""
        at_fault_point = self.server is None and self.rng.random() < 0.5
        place = str(self.rng.choice(list(FAULT_POINTS))) if at_fault_point else None
        nth = int(self.rng.integers(1, _ARRIVALS.get(place or "", _OTHER_ARRIVALS), endpoint=True))
        child = Child.start(self.file, judge.store, f"{place}:{nth}" if place else None)
        end = time.monotonic() + (_SECONDS_TO_FINISH if place else self.rng.uniform(0.0, self.duration))
        second = self.tally.rounds >= _ROUNDS_PER_SECOND_PROCESS * self.tally.refused
        while child.listen(
            _SECONDS_BETWEEN_LOOKS if second else min(_SECONDS_BETWEEN_LOOKS, end - time.monotonic())
        ):
            if second and child.acknowledged:
                self.tally.refused += check_second_process(self.file, judge.store, child)
                second = False  # refused, or the child has just ended
            judge.look()
            if time.monotonic() >= end and not second:  # on a slow machine it has nothing to show yet
                killed = self._kill(child)
                return child, killed if child.status != 0 else None
        died = place is not None and child.status == -signal.SIGKILL
        return child, place if died else None

    def _kill(self, child: Child) -> str:
        """Kill now, and say what; a child whose server is gone ends by itself."""
        if self.server is None:
            child.kill()
            return "random"
        self.server.kill()
        while child.listen(_SECONDS_TO_FINISH):
            pass
        self.server.start()
        if child.status not in (0, _STORE_FAILED):
            raise Wrong(f"with its server killed, the child ended with {child.status}")
        return "server"


@contextlib.contextmanager
def registered() -> Iterator[None]:
    """The fake simulator under its name."""
    before = registry.SIMULATORS.get("fake")
    registry.SIMULATORS["fake"] = "tests.dse.fake:FakeSimulator"
    yield
    if before is None:
        del registry.SIMULATORS["fake"]


def kill_rounds(rounds: int, seed: int, folder: Path, server: PostgresServer | None = None) -> dict[str, Any]:
    """Kill that often, the server if one is given; what happened. Raises Wrong at the first finding."""
    file = folder / "campaign.toml"
    file.write_text(CAMPAIGN)
    with registered():
        Campaign.from_file(file).run()  # imports what is imported late
        started = time.monotonic()
        store = server.fresh_url() if server else str(folder / "whole.sqlite")
        whole = Campaign.from_file(file).run(store=store).trials
        duration = time.monotonic() - started
        work = Executioner(file, whole, np.random.default_rng(seed), duration, server)
        number = 0
        while work.tally.rounds < rounds:
            number += 1
            work.campaign(server.fresh_url() if server else str(folder / f"killed{number}.sqlite"), rounds)
    tally = work.tally
    return {
        "kills": tally.rounds,
        "at": dict(sorted(tally.kills.items())),
        "campaigns": number,
        "finished": tally.campaigns_finished,
        "trials_acknowledged": tally.acknowledged,
        "second_process_refused": tally.refused,
        "lost": 0,
        "twice": 0,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--server", action="store_true", help="kill the PostgreSQL server instead")
    asked = parser.parse_args()
    started = time.monotonic()
    os.environ["DSE_STORE_WAIT_S"] = "0.5"  # for the second process: the one held still may be writing
    with tempfile.TemporaryDirectory(prefix="dse-kills-") as folder, contextlib.ExitStack() as at_the_end:
        server = PostgresServer() if asked.server else None
        if server is not None:
            at_the_end.callback(server.stop)
        try:
            found = kill_rounds(asked.rounds, asked.seed, Path(folder), server)
        except Wrong as wrong:
            sys.stderr.write(f"seed {asked.seed}: {wrong}\n")
            return 1
    sys.stdout.write(json.dumps({**found, "seconds": round(time.monotonic() - started, 1)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
