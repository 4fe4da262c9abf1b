"""Recordings written by hand: a few commands on a DDR4 device, in cycles that one can check with a pencil."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simulators.dram.config import ControllerConfig
from simulators.dram.memory.constraints import COMMANDS
from simulators.dram.memory.devices import device
from simulators.dram.memory.mapping import Decoded
from simulators.dram.replay.recording import Recording
from simulators.dram.stream import Stream
from traces.workload import Requests

DEVICE = device("ddr4-2400-8gb-x8")
TCK_NS = DEVICE.tck_ns


def recording(
    *commands, requests=((0, 0, 0, 0),), finish=(60,), counters=None, metrics=None, channels=1, ranks=1
):
    """commands: (cycle, name, bank, row, request[, rank[, channel]]).

    requests: (arrival, is_write, source, channel).
    """
    arranged = replace(DEVICE, channels=channels, ranks=ranks)
    padded = [(*command, 0, 0)[:7] for command in commands]
    cycle, name, bank, row, request, rank, channel = zip(*padded, strict=True) if padded else ((),) * 7
    log = {
        "cycle": np.array(cycle, dtype=np.int64),
        "command": np.array([COMMANDS.index(one) for one in name], dtype=np.int64),
        "channel": np.array(channel, dtype=np.int64),
        "rank": np.array(rank, dtype=np.int64),
        "bank": np.array(bank, dtype=np.int64),
        "row": np.array(row, dtype=np.int64),
        "column": np.full(len(padded), -1, dtype=np.int64),
        "request": np.array(request, dtype=np.int64),
    }
    arrival, is_write, source, of_channel = (np.array(one) for one in zip(*requests, strict=True))
    n = len(requests)
    zeros = np.zeros(n, dtype=np.int64)
    stream = Stream(
        Requests(
            arrival_cycle=arrival.astype(np.int64),
            address=zeros.astype(np.uint64),
            is_write=is_write.astype(np.uint8),
            source=source.astype(np.uint8),
            size_bytes=np.full(n, 64, dtype=np.int32),
            n_sources=int(source.max()) + 1,
        ),
        Decoded(channel=of_channel.astype(np.uint8), bank=zeros, row=zeros, column=zeros),
        0,
    )
    return Recording(
        device=arranged,
        config=ControllerConfig.build(arranged, {}),
        metrics=metrics,
        counters={"elapsed_cycles": int(max(finish)), **(counters or {})},
        stream=stream,
        accept=arrival.astype(np.int64),
        finish=np.array(finish, dtype=np.int64),
        log=log,
    )
