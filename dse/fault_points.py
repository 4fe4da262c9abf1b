"""Places where a test kills this process, to prove that nothing is lost: `reach(name)`.

Nothing happens unless the environment variable DSE_FAULT_POINT names the place: `commit` kills at its first
arrival, `commit:3` at its third. The process dies by SIGKILL, as it would for lack of memory: nothing is
flushed, no handler runs. tests/kills uses it.
"""

from __future__ import annotations

import os
import signal
from itertools import count

from dse.errors import InputError

VARIABLE = "DSE_FAULT_POINT"

FAULT_POINTS = {
    "ask": "the searcher has proposed a batch; nothing of it is known elsewhere",
    "evaluate": "the batch is simulated; nothing of it is stored",
    "append": "rows were handed to the database, inside a transaction",
    "commit": "just before the transaction is committed",
    "committed": "just after it, before anyone is told",
    "tell": "the batch is queued for the store; the searcher has been told",
    "snapshot": "a searcher's state is queued for the store",
}

_arrivals = {name: count(1) for name in FAULT_POINTS}


def reach(name: str) -> None:
    """Kill this process here if DSE_FAULT_POINT says so. InputError if it names no fault point."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    place, nth = _parse(wanted)
    if place == name and next(_arrivals[name]) == nth:
        os.kill(os.getpid(), signal.SIGKILL)


def _parse(wanted: str) -> tuple[str, int]:
    place, _, nth = wanted.partition(":")
    if place not in FAULT_POINTS or (nth and not (nth.isdecimal() and int(nth) > 0)):
        raise InputError(
            f"{VARIABLE}={wanted!r}: expected one of {', '.join(FAULT_POINTS)}, "
            "alone or with the number of the arrival, as in commit:3"
        )
    return place, int(nth or 1)
