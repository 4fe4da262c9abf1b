"""Export to Ramulator 2: a Python configuration for 2.1, a YAML file for 2.0.

Schemas: the Python package of Ramulator 2.1 at c5b1c3a (component classes, presets, timing overrides) and the
readers of 2.0a. Ramulator replays without arrival times and has a controller of its own; every timing of the
device carries over by overriding the preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dse.errors import InputError, listed
from dse.export import Plan, exporter_of
from dse.point import DesignPoint
from simulators.dram.export.subject import (
    Account,
    Subject,
    chosen_version,
    folded,
    lose_the_rest,
    trace_file_name,
    trace_losses,
    write_memory,
)
from simulators.dram.memory.mapping import MAPPINGS
from traces.trace import Trace

VERSIONS = ("2.1", "2.0")
# The timing presets by clock in ps: every timing is overridden, so only the clock of a preset counts.
_SPEEDS = {"DDR3": {1250: "DDR3_1600J"}, "DDR4": {833: "DDR4_2400U", 625: "DDR4_3200AA"}}
_FIXED_BUFFER = 32


@dataclass(frozen=True, slots=True)
class _Parts:
    """The components that both versions choose, in the names of 2.1 ("Open", "ClosedCAP", ...)."""

    timings: Mapping[str, int]
    row_policy: str
    cap: int | None
    scheduler: str
    refresh: str
    mapper: str
    buffer_size: int


def plan_export(
    point: DesignPoint,
    description: Mapping[str, Any],
    *,
    trace: Trace | None = None,
    version: str | None = None,
) -> Plan:
    """What `export` writes for Ramulator 2. version: "2.1" (default) or "2.0"."""
    subject = Subject.of(point, description)
    subject.need_standard("Ramulator", tuple(_SPEEDS))
    account = Account(subject)
    write_memory(subject, account)
    wanted = chosen_version(version, VERSIONS, "Ramulator")
    parts = _parts(subject, account, wanted)
    name = trace_file_name(trace, ".lst")
    if trace is not None:
        trace_losses(account, trace)
        account.lost(
            "trace", "requests are sent as fast as they are accepted: no arrival times", value=trace.name
        )
    python = wanted == "2.1"
    file, text = ("ramulator-2.1.py", _python) if python else ("ramulator-2.0.yaml", _yaml)
    run = f"python {file}" if python else f"ramulator2 -f {file}"
    return Plan(
        target="ramulator2",
        version=wanted,
        texts={file: text(subject, parts, f"traces/{name}")},
        written=account.written,
        losses=account.losses,
        trace=None
        if trace is None
        else (f"traces/{name}", "load-store", folded(trace, subject.device.capacity_bytes)),
        notes=(f"run in this folder: {run}",)
        + (() if trace is not None else (f"put a trace at traces/{name}, or export with one",)),
    )


export = exporter_of(plan_export)


def _parts(subject: Subject, account: Account, version: str) -> _Parts:
    row_policy, cap = _row_policy(subject, account)
    parts = _Parts(
        timings=_timings(subject),
        row_policy=row_policy,
        cap=cap,
        scheduler=_scheduler(subject, account, version),
        refresh=_refresh(subject, account, version),
        mapper=_mapper(subject, account),
        buffer_size=_buffers(subject, account, version),
    )
    account.lost("resp_queue", "responses leave when their data arrives")
    account.lost("arbiter", "a trace has one source, which sends when a buffer has room")
    account.lost("max_active_transactions", "only the buffers limit what is in flight")
    account.lost("power_down_policy", "there is no power-down")
    account.lost("power_down_timeout_cycles", "there is no power-down")
    if subject.device.channels > 1 and version == "2.1":
        reason = "several controllers were not verified: one channel is written"
        account.lost("channels", reason, "1", value=subject.device.channels)
    if row_policy == "ClosedCAP" and subject.design["page_policy"] == "ClosedCap":
        account.wrote("row_hit_cap", f"cap = {cap}")
    lose_the_rest(
        subject,
        account,
        write_high_watermark="it drains writes above 80 % of its write buffer",
        write_low_watermark="it drains writes down to 20 % of its write buffer",
    )
    return parts


def _timings(subject: Subject) -> dict[str, int]:
    """Overrides of the preset, in clocks."""
    t = subject.device.timings
    shared = {"nCL": t.cl, "nRCD": t.rcd, "nRP": t.rp, "nRAS": t.ras, "nRC": t.rc, "nWR": t.wr, "nRTP": t.rtp}
    shared |= {"nCWL": t.cwl, "nFAW": t.faw, "nRFC": t.rfc, "nREFI": t.refi}
    if subject.device.standard == "DDR3":
        return shared | {"nCCD": t.ccd_s, "nRRD": t.rrd_s, "nWTR": t.wtr_s}
    groups = {"nCCDS": t.ccd_s, "nCCDL": t.ccd_l, "nRRDS": t.rrd_s, "nRRDL": t.rrd_l}
    return shared | groups | {"nWTRS": t.wtr_s, "nWTRL": t.wtr_l}


def _row_policy(subject: Subject, account: Account) -> tuple[str, int | None]:
    policy = str(subject.design["page_policy"])
    account.wrote("page_policy", "Open")
    if policy == "ClosedCap":
        account.wrote("page_policy", "ClosedCAP")
        return "ClosedCAP", int(subject.design.get("row_hit_cap", 4))
    if policy in ("OpenAdaptive", "Timeout"):
        account.lost("page_policy", "no policy looks at what is queued or at the time", "Open", value=policy)
    if not policy.startswith("Closed"):
        return "Open", None
    cap = 1 if policy == "Closed" else 4
    reason = (
        "rows close after a number of accesses, not with each one"
        if cap == 1
        else "no policy looks at the queue"
    )
    account.lost("page_policy", reason, f"closed after {cap} accesses")
    return "ClosedCAP", cap


def _scheduler(subject: Subject, account: Account, version: str) -> str:
    chosen = subject.design["scheduler"]
    nearest = "FRFCFSRowHit" if chosen not in ("Fifo", "Fcfs") and version == "2.1" else "FRFCFS"
    account.wrote("scheduler", nearest)
    reasons = {
        "Fifo": "the scheduler always looks for requests that are ready",
        "Fcfs": "the scheduler always looks for requests that are ready",
        "FrFcfsGrp": "requests are not grouped by direction; writes are drained in batches",
        "GrpFrFcfs": "requests are not grouped by direction; writes are drained in batches",
        "FrFcfsCap": "row hits are not capped; writes are drained in batches",
        "Bliss": "sources are not told apart; writes are drained in batches",
    }
    usual = "row hits first over all banks, writes drained in batches"
    account.lost("scheduler", reasons.get(str(chosen), usual), nearest, value=chosen)
    return nearest


def _refresh(subject: Subject, account: Account, version: str) -> str:
    if subject.design["refresh_policy"] == "NoRefresh":
        for limit in ("refresh_max_postponed", "refresh_max_pulledin"):
            account.wrote(limit, "no effect without refresh")
        if version == "2.1":
            account.wrote("refresh_policy", "NoRefresh")
            return "NoRefresh"
        account.lost("refresh_policy", "2.0 always refreshes", "AllBank")
        return "AllBank"
    account.wrote("refresh_policy", "AllBank")
    account.lost("refresh_max_postponed", "refreshes are never postponed")
    account.lost("refresh_max_pulledin", "refreshes are never pulled in")
    return "AllBank"


def _mapper(subject: Subject, account: Account) -> str:
    """RoBaRaCoCh is row, bank, bank group, column; ChRaBaRoCo is bank group, bank, row, column."""
    name, device = subject.mapping.name, subject.device
    mapper = {"bank-row-column": "ChRaBaRoCo", "row-column-bank": "MOP4CLXOR"}.get(name, "RoBaRaCoCh")
    account.wrote("address_mapping", mapper)
    if name == "bank-row-column" and device.bank_groups > 1:
        account.lost("address_mapping", "its bank group bits are above the bank bits", mapper, value=name)
    elif name == "row-bank-column" and device.ranks > 1:
        account.lost("address_mapping", "its rank bits are below the bank bits", mapper, value=name)
    elif name not in MAPPINGS:
        account.lost("address_mapping", "it has a few orders of fields by name", mapper, value=name)
    if name == "row-column-bank":
        reason = "it keeps four bursts in a row together and folds column bits into the bank bits"
        account.lost("address_mapping", reason, mapper, value=name)
    if name.endswith("-xor"):
        account.lost("address_mapping", "no mapper folds row bits into bank bits", mapper, value=name)
    return mapper


def _buffers(subject: Subject, account: Account, version: str) -> int:
    """Ramulator has a read and a write buffer."""
    size = int(subject.design["request_buffer_size"])
    organisation = subject.design["scheduler_buffer"]
    if version == "2.0":
        account.lost(
            "request_buffer_size", "its buffers are fixed", f"{_FIXED_BUFFER} reads, {_FIXED_BUFFER} writes"
        )
        account.lost("scheduler_buffer", "a read and a write buffer", "ReadWrite")
        return _FIXED_BUFFER
    entries = size * subject.device.banks if organisation == "Bankwise" else size
    account.wrote("request_buffer_size", f"read_buffer_size = write_buffer_size = {entries}")
    account.wrote("scheduler_buffer", "read and write buffer")
    if organisation not in ("ReadWrite", "SplitReadWrite"):
        account.lost("scheduler_buffer", "a read and a write buffer over all banks", f"{entries} of each")
    return entries


def _presets(subject: Subject) -> tuple[str, str]:
    """Names of its organisation and of a timing with the same clock; InputError if none is known."""
    device = subject.device
    speeds = _SPEEDS[device.standard]
    if device.tck_ps not in speeds:
        raise InputError(
            f"{device.id}: no timing preset of Ramulator with a clock of {device.tck_ps} ps is known here: "
            f"expected one of {listed(speeds)} ps",
            key="device",
        )
    size = f"{device.device_density_mbit // 1024}Gb_x{device.device_width_bits}"
    return f"{device.standard}_{size}", speeds[device.tck_ps]


def _python(subject: Subject, parts: _Parts, trace_path: str) -> str:
    org, timing = _presets(subject)
    cap = "" if parts.cap is None else f"cap={parts.cap}"
    overrides = "".join(f"    {name}={value},\n" for name, value in parts.timings.items())
    return f'''"""Ramulator 2.1 configuration of {subject.device.id} by marl-dse; losses: export.json.

Run: python ramulator-2.1.py    Check: python -m ramulator export ramulator-2.1.py -o check.yaml
"""

from pathlib import Path

import ramulator

TRACE = str(Path(__file__).resolve().parent / "{trace_path}")

dram = ramulator.dram.{subject.device.standard}(
    org_preset="{org}",
    timing_preset="{timing}",
    rank={subject.device.ranks},
{overrides})
controller = ramulator.controller.GenericDDR(
    dram=dram,
    scheduler=ramulator.scheduler.{parts.scheduler}(),
    refresh_manager=ramulator.refresh_manager.{parts.refresh}(),
    row_policy=ramulator.row_policy.{parts.row_policy}({cap}),
    addr_mapper=ramulator.addr_mapper.{parts.mapper}(),
    read_buffer_size={parts.buffer_size},
    write_buffer_size={parts.buffer_size},
    wr_low_watermark=0.2,
    wr_high_watermark=0.8,
)
memory = ramulator.memory_system.GenericDRAM(
    clock_ratio=1,
    controllers=[controller],
    channel_mapper=ramulator.channel_mapper.CacheLineInterleave(),
)
frontend = ramulator.frontend.LoadStoreTrace(clock_ratio=1, path=TRACE)

simulation = ramulator.Simulation(frontend, memory)
simulation.run()
'''


def _yaml(subject: Subject, parts: _Parts, trace_path: str) -> str:
    org, timing = _presets(subject)
    closed = "ClosedRowPolicy" if parts.cap is not None else "OpenRowPolicy"
    cap = "" if parts.cap is None else f"\n      cap: {parts.cap}"
    overrides = "".join(f"\n      {name}: {value}" for name, value in parts.timings.items())
    return f"""# Ramulator 2.0 configuration of {subject.device.id} by marl-dse; losses: export.json
Frontend:
  impl: LoadStoreTrace
  path: {trace_path}
  clock_ratio: 1

MemorySystem:
  impl: GenericDRAM
  clock_ratio: 1
  DRAM:
    impl: {subject.device.standard}
    org:
      preset: {org}
      channel: {subject.device.channels}
      rank: {subject.device.ranks}
    timing:
      preset: {timing}{overrides}
  Controller:
    impl: Generic
    Scheduler:
      impl: FRFCFS
    RefreshManager:
      impl: {parts.refresh}
    RowPolicy:
      impl: {closed}{cap}
    plugins:
  AddrMapper:
    impl: {parts.mapper}
"""
