"""Kills of the process that runs the campaign, and of the server under it."""

from __future__ import annotations

import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dse.campaign import Campaign
from dse.fault_points import FAULT_POINTS
from dse.store import Trials
from tests.dse.postgres import PostgresServer
from tests.kills.campaign import CAMPAIGN, registered
from tests.kills.child import SECONDS_TO_FINISH, STORE_FAILED, Child, Wrong
from tests.kills.judge import Judge, check_second_process

_ARRIVALS = {"snapshot": 6}  # the latest arrival at a fault point that is asked for
_OTHER_ARRIVALS = 40
_ROUNDS_PER_SECOND_PROCESS = 5
_SECONDS_BETWEEN_LOOKS = 0.03


@dataclass(slots=True)
class Tally:
    """What happened in all rounds."""

    kills: Counter[str] = field(default_factory=Counter)
    campaigns_finished: int = 0
    acknowledged: int = 0
    refused: int = 0

    @property
    def rounds(self) -> int:
        """Kills so far."""
        return sum(self.kills.values())

    def report(self, campaigns: int) -> dict[str, Any]:
        """All of it, for a run in which nothing was wrong."""
        return {
            "kills": self.rounds,
            "at": dict(sorted(self.kills.items())),
            "campaigns": campaigns,
            "finished": self.campaigns_finished,
            "trials_acknowledged": self.acknowledged,
            "second_process_refused": self.refused,
            "lost": 0,
            "twice": 0,
        }


@dataclass(slots=True)
class Executioner:
    """Carries out rounds on one store after another until `rounds` kills are reached.

    duration: seconds of an uninterrupted run. server: that has the stores, if they are no files; with
    kill_server it is killed instead of the child.
    """

    file: Path
    whole: Trials
    rng: np.random.Generator
    duration: float
    server: PostgresServer | None = None
    kill_server: bool = False
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
        at_fault_point = not self.kill_server and self.rng.random() < 0.5
        place = str(self.rng.choice(list(FAULT_POINTS))) if at_fault_point else None
        nth = int(self.rng.integers(1, _ARRIVALS.get(place or "", _OTHER_ARRIVALS), endpoint=True))
        child = Child.start(self.file, judge.store, f"{place}:{nth}" if place else None)
        end = time.monotonic() + (SECONDS_TO_FINISH if place else self.rng.uniform(0.0, self.duration))
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
        if self.server is None or not self.kill_server:
            child.kill()
            return "random"
        self.server.kill()
        child.wait()
        self.server.start()
        if child.status not in (0, STORE_FAILED):
            raise Wrong(f"with its server killed, the child ended with {child.status}")
        return "server"


def kill_rounds(
    rounds: int, seed: int, folder: Path, server: PostgresServer | None = None, *, kill_server: bool = False
) -> dict[str, Any]:
    """Kill the campaign's process or the server that often; what happened. Raises Wrong at the first finding.

    server: where the stores are (default: files in the folder).
    """
    file = folder / "campaign.toml"
    file.write_text(CAMPAIGN)
    with registered():
        Campaign.from_file(file).run()  # imports what is imported late
        started = time.monotonic()
        store = server.fresh_url() if server else str(folder / "whole.sqlite")
        whole = Campaign.from_file(file).run(store=store).trials
        duration = time.monotonic() - started
        work = Executioner(file, whole, np.random.default_rng(seed), duration, server, kill_server)
        number = 0
        while work.tally.rounds < rounds:
            number += 1
            work.campaign(server.fresh_url() if server else str(folder / f"killed{number}.sqlite"), rounds)
    return work.tally.report(number)
