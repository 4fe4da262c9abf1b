"""Modes that mimic other simulators: the same requests, scheduled as Ramulator 2.1, DRAMsim3 or DRAMSys 5.1
do.

Each peer's choices are the fields of a frozen dataclass; its defaults reproduce the peer's command log to
the cycle, and any other value shows what a choice is worth (docs/validation.md). One channel; slow, as the
twin is.

    log = replay("ramulator2", device("ddr4-2400-8gb-x8-ramulator"), arrival, bank, row, column, is_write)
    log = replay("ramulator2", device("ddr4-2400-8gb-x8-ramulator"), ..., slot_release="AtColumn")

Devices whose name ends in a peer's list the timings with which that peer was measured; any other may be used.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dse.errors import InputError, LookupFailed, did_you_mean, listed
from simulators.dram.memory.devices import Device
from simulators.dram.mimic.controller import MimicLog, MimicRequest, drive
from simulators.dram.mimic.dramsim3 import DramSim3
from simulators.dram.mimic.dramsys5 import DramSys5
from simulators.dram.mimic.ramulator2 import Ramulator2

__all__ = ["PEERS", "DramSim3", "DramSys5", "MimicLog", "Ramulator2", "replay"]

Choices = Ramulator2 | DramSim3 | DramSys5
PEERS: dict[str, type[Choices]] = {"ramulator2": Ramulator2, "dramsim3": DramSim3, "dramsys5": DramSys5}


def replay(
    peer: str,
    device: Device,
    arrival: ArrayLike,
    bank: ArrayLike,
    row: ArrayLike,
    column: ArrayLike,
    is_write: ArrayLike,
    **choices: Any,
) -> MimicLog:
    """The command log of `peer` (a key of PEERS) for request arrays (n,) in order of arrival, in clocks of
    `device`.

    bank: flat in the channel; column: in any unit. choices: fields of the peer's dataclass that differ from
    its defaults. LookupFailed for an unknown peer, InputError for a choice that does not exist or several
    channels.
    """
    if peer not in PEERS:
        raise LookupFailed(
            f"peer {peer!r} does not exist: expected one of {listed(PEERS)}.{did_you_mean(peer, PEERS)}"
        )
    if device.channels != 1:
        raise InputError(
            f"{device.id} has {device.channels} channels: expected 1 (replay channel by channel)"
        )
    columns = zip(*(_numbers(a) for a in (arrival, bank, row, column, is_write)), strict=True)
    requests = [MimicRequest(i, a, b, r, c, bool(w)) for i, (a, b, r, c, w) in enumerate(columns)]
    chosen = _choices(peer, choices)
    if isinstance(chosen, DramSys5):
        return chosen.run(device, requests)
    return drive(chosen.controller(device), requests)


def _numbers(values: ArrayLike) -> list[int]:
    numbers: list[int] = np.asarray(values).astype(np.int64).tolist()
    return numbers


def _choices(peer: str, given: dict[str, Any]) -> Choices:
    kind = PEERS[peer]
    known = [field.name for field in fields(kind)]
    for name, value in given.items():
        if name not in known:
            raise InputError(
                f"{peer} has no choice {name!r}: expected one of {listed(known)}.{did_you_mean(name, known)}",
                key=name,
            )
        names = kind.NAMES.get(name)
        if names is not None and value not in names:
            raise InputError(f"{name}={value!r}: expected one of {listed(names)}", key=name)
    return kind(**given)
