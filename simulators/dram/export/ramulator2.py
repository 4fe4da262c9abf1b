"""Export to Ramulator 2: a Python configuration for 2.1, a YAML file for 2.0.

Schemas: the Python package of Ramulator 2.1 at c5b1c3a (component classes, presets, timing overrides) and the
readers of 2.0a. Ramulator replays without arrival times and has a controller of its own; every timing of the
device carries over by overriding the preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dse.export import Plan, exporter_of
from dse.point import DesignPoint
from simulators.dram.export.subject import (
    Account,
    Subject,
    chosen_version,
    folded,
    trace_file_name,
    trace_losses,
)
from traces.trace import Trace

VERSIONS = ("2.1", "2.0")
_PRESETS = {
    "ddr3-1600-1gb-x8-dimm": ("DDR3_1Gb_x8", "DDR3_1600J"),
    "ddr4-2400-8gb-x8": ("DDR4_8Gb_x8", "DDR4_2400U"),
    "ddr4-3200-8gb-x8": ("DDR4_8Gb_x8", "DDR4_3200AA"),
}
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
    account = Account(subject)
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
    account.lost_unless(0, "batching_window_cycles", "the first request of an idle rank is served at once")
    account.lost("power_down_policy", "there is no power-down")
    account.lost("power_down_timeout_cycles", "there is no power-down")
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
    if policy == "OpenAdaptive":
        account.lost("page_policy", "no policy looks at what is queued", "Open")
    if policy.startswith("Open"):
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
    nearest = "FRFCFSRowHit" if chosen != "Fifo" and version == "2.1" else "FRFCFS"
    account.wrote("scheduler", nearest)
    if chosen == "Fifo":
        account.lost("scheduler", "the scheduler always looks for requests that are ready", nearest)
    elif chosen == "FrFcfsGrp":
        account.lost(
            "scheduler", "requests are not grouped by direction; writes are drained in batches", nearest
        )
    else:
        account.lost("scheduler", "row hits first over all banks, writes drained in batches", nearest)
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
    name, groups = subject.mapping.name, subject.device.bank_groups
    mapper = {"bank-row-column": "ChRaBaRoCo", "row-column-bank": "MOP4CLXOR"}.get(name, "RoBaRaCoCh")
    account.wrote("address_mapping", mapper)
    if name == "bank-row-column" and groups > 1:
        account.lost("address_mapping", "its bank group bits are above the bank bits", mapper, value=name)
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
    if organisation != "ReadWrite":
        account.lost("scheduler_buffer", "a read and a write buffer over all banks", f"{entries} of each")
    return entries


def _python(subject: Subject, parts: _Parts, trace_path: str) -> str:
    org, timing = _PRESETS[subject.device.id]
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
    org, timing = _PRESETS[subject.device.id]
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
      channel: 1
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
