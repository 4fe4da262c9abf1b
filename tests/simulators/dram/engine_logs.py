"""Random designs on random requests through the engine, and their logs: `random_case`, `run`, `limits_of`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ext.dram_engine import COMMANDS, DramEngine
from simulators.dram import config as c
from simulators.dram.audit import CommandLog, Limits, Served
from simulators.dram.memory.devices import Device, device, device_ids

CHOICES = {
    "page_policy": c.PAGE_POLICIES,
    "scheduler": c.SCHEDULERS,
    "scheduler_buffer": c.SCHEDULER_BUFFERS,
    "resp_queue": c.RESPONSE_QUEUES,
    "arbiter": c.ARBITERS,
    "power_down_policy": c.POWER_DOWN_POLICIES,
    "command_mux": c.COMMAND_MUXES,
    "slot_release": c.SLOT_RELEASES,
    "first_ready": c.SWITCHES,
    "write_forwarding": c.SWITCHES,
    "write_coalescing": c.SWITCHES,
    "request_buffer_size": (1, 2, 4, 8, 32, 128),
    "max_active_transactions": (4, 64, 128),
    "power_down_timeout": (0, 16, 100),
    "batching_window": (0, 0, 50),
    "row_hit_cap": (1, 4, 16),
    "page_timeout": (0, 30, 200),
    "write_high_watermark": (4, 24),
    "write_low_watermark": (1, 8),
    "self_refresh_timeout": (0, 0, 300, 2000),
    "port_width": (1, 2, 4),
    "bliss_clear": (100, 10_000),
    "para_threshold": (0, 20_000, 300_000),
    "graphene_threshold": (2, 8),
    "graphene_entries": (2, 16),
    "raa_initial": (4, 16),
    "raa_maximum": (16, 48),
    "prac_threshold": (4, 16),
    "refresh_window": (0, 5000),
}


# Another simulator's memories turn the bus round in one clock, where JEDEC asks for two.
PEERS_FAULTS = {"read-to-write"}


def is_of_a_peer(device_id):
    return device_id.endswith("-dramsim3")


ONE_OF_EACH = tuple({device(name).standard: name for name in device_ids() if not is_of_a_peer(name)}.values())


@dataclass(frozen=True)
class Case:
    """One simulation: the memory, a design, and requests as arrays (n,)."""

    device: Device
    design: dict[str, Any]
    arrival: np.ndarray
    channel: np.ndarray
    bank: np.ndarray
    row: np.ndarray
    column: np.ndarray
    is_write: np.ndarray
    source: np.ndarray

    @property
    def requests(self):
        return self.arrival, self.channel, self.bank, self.row, self.column, self.is_write, self.source

    @property
    def served(self):
        forwards = "On" in (self.design["write_forwarding"], self.design["write_coalescing"])
        return Served(
            self.bank, self.row, self.column, self.is_write, self.arrival, self.channel, forwards=forwards
        )


def random_case(device_id, rng, most_requests=1500):
    """Bursts or long gaps, few rows and banks or many, reads and writes, one or two channels, any ranks."""
    memory = device(device_id)
    few = [ranks for ranks in (1, 2, 4) if ranks <= memory.most_ranks and ranks * memory.banks <= 64]
    memory = memory.arranged(
        channels=int(rng.choice([1, 2])),
        ranks=memory.ranks if memory.pseudo_channels else int(rng.choice(few)),
    )
    n, banks = int(rng.integers(50, most_requests)), memory.ranks * memory.banks
    gaps = rng.integers(0, rng.choice([1, 4, 20, 200, 3000]), n) * (rng.random(n) < rng.choice([1.0, 0.1]))
    used = rng.permutation(banks)[: int(rng.choice([1, 4, banks]))]
    return Case(
        memory,
        random_design(memory, rng),
        arrival=np.cumsum(gaps).astype(np.int64),
        channel=rng.integers(0, memory.channels, n).astype(np.uint8),
        bank=rng.choice(used, n).astype(np.uint8),
        row=rng.integers(0, rng.choice([1, 3, 1000]), n).astype(np.int32),
        column=rng.integers(0, rng.choice([2, 32]), n).astype(np.int32),
        is_write=(rng.random(n) < rng.choice([0.0, 0.3, 0.5, 1.0])).astype(np.uint8),
        source=rng.integers(0, 3, n).astype(np.uint8),
    )


def random_design(memory, rng):
    """Every policy that the memory can follow is as likely as the others."""
    design = {name: values[int(rng.integers(len(values)))] for name, values in CHOICES.items()}
    needs = {"Rfm": "RFMSB", "Prac": "RFM"}
    known = [name for name in c.MITIGATIONS if needs.get(name, "ACT") in memory.commands]
    return {
        **design,
        "refresh_policy": str(rng.choice(("NoRefresh", *memory.refresh, *memory.refresh))),
        "refresh_max_postponed": int(rng.integers(0, memory.most_postponed + 1)),
        "refresh_max_pulledin": int(rng.integers(0, memory.most_postponed + 1)),
        "mitigation": str(rng.choice(known)),
        "mitigation_seed": int(rng.integers(100)),
    }


def engine_of(case, *, temperature_c=None):
    config = c.ControllerConfig.build(case.device, case.design, temperature_c=temperature_c)
    return DramEngine(config.vector(), config.row_array(), config.length_array(), *case.requests, log=True)


def log_of_engine(engine):
    found = engine.command_log()
    names = np.array(COMMANDS)[found["command"]]
    return CommandLog.of(command=names, **{name: found[name] for name in found if name != "command"})


def limits_of(case, **options):
    """What the case has to keep to."""
    design = case.design
    return Limits.of(
        case.device,
        refresh=design["refresh_policy"],
        postponed=design["refresh_max_postponed"],
        pulledin=design["refresh_max_pulledin"],
        **options,
    )
