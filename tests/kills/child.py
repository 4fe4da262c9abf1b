"""A child process that runs the campaign, and says how many trials it knows to be safe."""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dse.campaign.campaign
from dse.campaign import Campaign
from dse.errors import LookupFailed, StoreError
from dse.fault_points import VARIABLE
from dse.store import Store, StoreReader, TrialBlock
from tests.kills.campaign import NAME

SECONDS_TO_FINISH = 60.0
STORE_FAILED = 5


class Wrong(Exception):
    """Something was lost, doubled or changed, or does not come to an end."""


class AcknowledgingStore(Store):
    """Writes the number of trials that are safe to `acks`, a file descriptor, every so many batches."""

    acks = -1
    batches_per_ack = 3

    def appender(self, campaign: int) -> Callable[..., None]:
        append = super().appender(campaign)
        known = self.reader.n_trials(campaign)
        blocks = 0

        def acknowledged(block: TrialBlock, *simulated: Any) -> None:
            nonlocal known, blocks
            append(block, *simulated)
            known += len(block)
            blocks += 1
            if blocks % self.batches_per_ack == 0:
                self.flush()
                os.write(self.acks, b"%d\n" % known)

        return acknowledged


def run_or_resume(file: Path, store: str, how: dict[str, Any]) -> None:
    """What the child does: go on with the campaign, or begin it if the store does not have it yet."""
    campaign = Campaign.from_file(file)
    if NAME in names_in(store):
        campaign.resume(store=store, **how)
    else:
        campaign.run(store=store, **how)


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
    def start(cls, file: Path, store: str, fault_point: str | None = None, **how: Any) -> Child:
        """Fork: imports are paid for once, and the parent has neither threads nor open stores here.

        how: options of `Campaign.run` (default: one thread).
        """
        theirs, ours = os.pipe()
        pid = os.fork()
        if pid:
            os.close(ours)
            return cls(pid, theirs)
        code = 1
        try:
            faulthandler.enable()
            os.close(theirs)
            AcknowledgingStore.acks = ours
            if how:
                AcknowledgingStore.batches_per_ack = 1
            dse.campaign.campaign.Store = AcknowledgingStore
            if fault_point is not None:
                os.environ[VARIABLE] = fault_point
            run_or_resume(file, store, how or {"threads": 1})
            code = 0
        except StoreError as error:
            if "cannot be reached" not in str(error):  # what a killed server leads to
                sys.stderr.write(f"child: {error}\n")
            code = STORE_FAILED
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
        self.wait()

    def wait(self) -> None:
        """Listen until it has ended; Wrong, and on standard error where it is, if it does not."""
        end = time.monotonic() + SECONDS_TO_FINISH
        while self.listen(end - time.monotonic()):
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGABRT)
                raise Wrong(f"the child did not end within {SECONDS_TO_FINISH:g} s")
