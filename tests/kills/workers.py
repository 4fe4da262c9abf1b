"""Kills of workers: those of the executor "processes", and `dse worker` processes on the store.

No worker is killed twice before the campaign has acknowledged another batch, because three deaths over one
part of a batch end it, and are meant to: a design may be what kills.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import dse.executors.leases
from dse.campaign import Campaign
from dse.cli.main import run_command_line
from dse.store import StoreReader, Trials
from tests.dse.postgres import PostgresServer
from tests.kills.campaign import NAME, SLEEPY_CAMPAIGN, registered
from tests.kills.child import Child, Wrong, names_in
from tests.kills.judge import Judge
from tests.kills.rounds import Tally

_WORKERS = 2
_LEASE_SECONDS = 0.5
_SECONDS_BEFORE_A_KILL = 0.3
_SECONDS_BETWEEN_LOOKS = 0.02
_SECONDS_WITHOUT_A_TRIAL = 60.0
_SHARE_OF_THE_CAMPAIGN = 0.15  # of the kills in a store with lease workers


@dataclass(slots=True)
class WorkerKiller:
    """Runs one campaign after another and kills their workers until `rounds` kills are reached.

    lent: workers of the store instead of workers of the campaign's process.
    """

    file: Path
    whole: Trials
    rng: np.random.Generator
    lent: bool
    tally: Tally = field(default_factory=Tally)
    _workers: list[int] = field(default_factory=list)

    def campaign(self, store: str, rounds: int) -> None:
        """One campaign, from its beginning to its end, whatever dies."""
        judge = Judge(self.whole, store)
        try:
            while (child := self._session(judge, rounds)).status == -signal.SIGKILL:
                judge.judge()
        finally:
            for pid in self._workers:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            self._workers = []
        if child.status != 0:
            raise Wrong(f"{store}: with a worker killed, the campaign ended with {child.status}")
        judge.judge_finished()
        self.tally.campaigns_finished += 1
        self.tally.acknowledged += judge.acknowledged

    def _session(self, judge: Judge, rounds: int) -> Child:
        """A child until it ends, by itself or because its turn has come."""
        executor = "leases" if self.lent else "processes"
        child = Child.start(self.file, judge.store, executor=executor, workers=_WORKERS)
        killed_at, due = -1, time.monotonic() + self._pause()
        known, last_news = child.acknowledged, time.monotonic()
        while child.listen(_SECONDS_BETWEEN_LOOKS):
            now = time.monotonic()
            if child.acknowledged > known:
                known, last_news = child.acknowledged, now
                judge.acknowledged = max(judge.acknowledged, known)
            if now > last_news + _SECONDS_WITHOUT_A_TRIAL:
                child.kill()
                raise Wrong(f"{judge.store}: nothing happened for {_SECONDS_WITHOUT_A_TRIAL:g} s")
            if self.lent:
                self._staff(judge.store)
            if known > killed_at and now > due and self.tally.rounds < rounds:
                judge.look()
                if self._kill_one(child):
                    child.listen(0.0)  # on a busy machine there may be old news, which must not count as new
                    killed_at, due = child.acknowledged, now + self._pause()
        judge.acknowledged = max(judge.acknowledged, child.acknowledged)
        return child

    def _pause(self) -> float:
        return float(self.rng.uniform(0.0, _SECONDS_BEFORE_A_KILL))

    def _kill_one(self, child: Child) -> bool:
        """Kill a worker, or the campaign of lease workers; False if there is none at the moment."""
        victims = list(self._workers) if self.lent else list(children_of(child.pid))
        if not victims:
            return False
        if self.lent and self.rng.random() < _SHARE_OF_THE_CAMPAIGN:
            child.kill()
            if child.status == 0:
                return False  # it was just done
            self.tally.kills["campaign"] += 1
            return True
        victim = victims[int(self.rng.integers(len(victims)))]
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.tally.kills["lease worker" if self.lent else "worker"] += 1
        return True

    def _staff(self, store: str) -> None:
        """Replace the lease workers that have ended, if there is a campaign to work for."""
        self._workers = [pid for pid in self._workers if not _ended(pid)]
        if len(self._workers) < _WORKERS and is_running(store):
            self._workers.append(start_worker(store))


def is_running(store: str) -> bool:
    """Whether the campaign is there, and runs."""
    if NAME not in names_in(store):
        return False
    with StoreReader(store) as reader:
        return reader.campaign(NAME).state == "running"


def start_worker(store: str) -> int:
    """Fork a `dse worker`; its process number. Its leases are short, so that the next worker waits little."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for stream in (1, 2):  # what it says is not asked for: it may come when the campaign has just died
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        dse.executors.leases._LEASE_SECONDS = _LEASE_SECONDS
        code = run_command_line(["worker", NAME, "--store", store, "--workers", "1"])
    finally:
        os._exit(code)


def children_of(pid: int) -> Iterator[int]:
    """Processes that this one has started, whichever of its threads did."""
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            yield from map(int, (thread / "children").read_text().split())
    except OSError:
        return  # it has ended


def _ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def kill_workers(
    rounds: int, seed: int, folder: Path, server: PostgresServer | None = None, *, lent: bool
) -> dict[str, Any]:
    """Kill workers that often; what happened. Raises Wrong at the first finding."""
    file = folder / "campaign.toml"
    file.write_text(SLEEPY_CAMPAIGN)
    with registered():
        whole = Campaign.from_file(file).run(store=folder / "whole.sqlite", threads=1).trials
        work = WorkerKiller(file, whole, np.random.default_rng(seed), lent)
        number = 0
        while work.tally.rounds < rounds:
            number += 1
            work.campaign(server.fresh_url() if server else str(folder / f"killed{number}.sqlite"), rounds)
    return work.tally.report(number)
