"""Export to DRAMsim3: one complete INI file, and the trace.

Schema: the configuration reader of DRAMsim3 at 2981759, which ignores keys it does not know without a word,
so only keys that it reads are written. Every timing of the device carries over; the controller is another one
(a fixed FR-FCFS over two levels of queues), so most policies are losses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dse.export import Plan, exporter_of
from dse.point import DesignPoint
from simulators.dram.export.subject import (
    Account,
    Subject,
    chosen_version,
    folded,
    in_clock,
    lose_the_rest,
    trace_file_name,
    trace_losses,
    write_memory,
)
from traces.trace import Trace

VERSIONS = ("2981759",)
_NEVER_CYCLES = 2_000_000_000
_BUS_TURNAROUND = 2
_FIELD_ORDERS = {
    "row-bank-column": "rorababgcoch",
    "row-column-bank": "roracobabgch",
    "bank-row-column": "chrababgroco",
}
_LETTERS = {"row": "ro", "rank": "ra", "bank": "ba", "bank_group": "bg", "column": "co", "channel": "ch"}


def plan_export(
    point: DesignPoint,
    description: Mapping[str, Any],
    *,
    trace: Trace | None = None,
    version: str | None = None,
) -> Plan:
    """What `export` writes for DRAMsim3. version: one of `VERSIONS`."""
    subject = Subject.of(point, description)
    subject.need_standard("DRAMsim3", ("DDR3", "DDR4"))
    account = Account(subject)
    write_memory(subject, account)
    commit = chosen_version(version, VERSIONS, "DRAMsim3")
    moved = None
    if trace is not None:
        trace_losses(account, trace)
        moved = in_clock(folded(trace, subject.device.capacity_bytes), subject.device.tck_fs)
    name = trace_file_name(trace, ".trc")
    sections = {
        "dram_structure": _structure(subject),
        "timing": _timing(subject, account),
        "power": _power(subject),
        "system": _system(subject, account),
        "other": {"epoch_period": 1_000_000, "output_level": 1, "output_prefix": "dramsim3"},
    }
    _lose_the_rest(subject, account)
    return Plan(
        target="dramsim3",
        version=commit,
        texts={"dramsim3.ini": _ini(sections, subject.device.id)},
        written=account.written,
        losses=account.losses,
        trace=None if moved is None else (f"traces/{name}", "dramsim3", moved),
        notes=(
            f"run: dramsim3main dramsim3.ini -c CYCLES -t traces/{name} -o .",
            "energies that DRAMsim3 prints are V x mA x cycles: multiply them by the clock period for pJ",
        ),
    )


export = exporter_of(plan_export)


def _structure(subject: Subject) -> dict[str, Any]:
    device = subject.device
    return {
        "protocol": device.standard,
        "bankgroups": device.bank_groups,
        "banks_per_group": device.banks_per_group,
        "bankgroup_enable": "true" if device.bank_groups > 1 else "false",
        "rows": device.rows,
        "columns": device.columns,
        "device_width": device.device_width_bits,
        "BL": device.burst_length,
    }


def _timing(subject: Subject, account: Account) -> dict[str, Any]:
    """Clocks. tRTRS is the turnaround of the bus with one rank; tRC is tRAS + tRP in DRAMsim3."""
    t = subject.device.timings
    if t.rc != t.ras + t.rp:
        account.lost(
            "device", f"tRC is {t.rc}, DRAMsim3 has tRAS + tRP", str(t.ras + t.rp), subject.device.id
        )
    never = subject.design["refresh_policy"] == "NoRefresh"
    return {
        "tCK": subject.device.tck_ns,
        "AL": 0,
        "CL": t.cl,
        "CWL": t.cwl,
        "tRCD": t.rcd,
        "tRP": t.rp,
        "tRAS": t.ras,
        "tRFC": t.rfc,
        "tREFI": _NEVER_CYCLES if never else t.refi,
        "tFAW": t.faw,
        "tRRD_S": t.rrd_s,
        "tRRD_L": t.rrd_l,
        "tWTR_S": t.wtr_s,
        "tWTR_L": t.wtr_l,
        "tRTP": t.rtp,
        "tWR": t.wr,
        "tCCD_S": t.ccd_s,
        "tCCD_L": t.ccd_l,
        "tCKE": t.cke,
        "tCKESR": t.cke + 1,
        "tXS": t.rfc + 8,
        "tXP": t.xp,
        "tRTRS": _BUS_TURNAROUND if subject.device.ranks == 1 else t.rtrs,
    }


def _power(subject: Subject) -> dict[str, float]:
    amps = subject.device.currents_ma
    return {
        "VDD": amps.vdd_v,
        "IDD0": amps.idd0,
        "IDD2P": amps.idd2p,
        "IDD2N": amps.idd2n,
        "IDD3P": amps.idd3p,
        "IDD3N": amps.idd3n,
        "IDD4W": amps.idd4w,
        "IDD4R": amps.idd4r,
        "IDD5AB": amps.idd5b,
    }


def _system(subject: Subject, account: Account) -> dict[str, Any]:
    return {
        "channel_size": subject.device.capacity_bytes // subject.device.channels >> 20,
        "channels": subject.device.channels,
        "bus_width": subject.device.bus_width_bits,
        "address_mapping": _mapping(subject, account),
        **_queues(subject, account),
        "row_buf_policy": _page_policy(subject, account),
        "refresh_policy": _refresh(subject, account),
        "enable_self_refresh": "false",
        "aggressive_precharging_enabled": "false",
    }


def _mapping(subject: Subject, account: Account) -> str:
    """Six fields of two letters, in the order of the mapping's text; no XOR, no field in parts."""
    name = subject.mapping.name
    written = _FIELD_ORDERS.get(subject.named_mapping) or _letters(name.partition(";")[0])
    if written is None:
        plain = _FIELD_ORDERS["row-bank-column"]
        account.lost("address_mapping", "its fields stay in one piece", plain, value=name)
        return plain
    account.wrote("address_mapping", f"address_mapping = {written}")
    if subject.mapping.folds:
        account.lost("address_mapping", "DRAMsim3 has no XOR of address bits", written, value=name)
    return written


def _letters(order: str) -> str | None:
    """`row:rank:bank:bank_group:column:channel` as "rorababgcoch"; None for any other form."""
    fields = order.replace(" ", "").split(":")
    return "".join(_LETTERS[name] for name in fields) if sorted(fields) == sorted(_LETTERS) else None


def _queues(subject: Subject, account: Account) -> dict[str, Any]:
    """The nearest of its two levels: command queues a bank or a rank behind transaction queues."""
    design = subject.design
    buffer, size = design["scheduler_buffer"], design["request_buffer_size"]
    structure = "PER_BANK" if buffer == "Bankwise" else "PER_RANK"
    unified = "false" if buffer in ("ReadWrite", "SplitReadWrite") else "true"
    behind = "its command queues stand behind transaction queues of their own"
    account.lost("scheduler_buffer", behind, f"queue_structure = {structure}, unified_queue = {unified}")
    account.wrote("request_buffer_size", f"cmd_queue_size = {size}")
    limited = design["arbiter"] != "Simple"
    waiting = design["max_active_transactions"] if limited else 1
    account.wrote(
        "max_active_transactions", f"trans_queue_size = {waiting}" if limited else "no effect (Simple)"
    )
    if limited:
        accepts = "limits what waits for the command queues, not what is in flight"
        account.lost("max_active_transactions", accepts, f"trans_queue_size = {waiting}")
    return {
        "queue_structure": structure,
        "unified_queue": unified,
        "cmd_queue_size": size,
        "trans_queue_size": waiting,
    }


def _page_policy(subject: Subject, account: Account) -> str:
    policy = str(subject.design["page_policy"])
    nearest = "OPEN_PAGE" if policy.startswith("Open") else "CLOSE_PAGE"
    account.wrote("page_policy", f"row_buf_policy = {nearest}")
    if policy not in ("Open", "Closed"):
        account.lost(
            "page_policy", "rows stay open, or close with each access", f"row_buf_policy = {nearest}"
        )
    return nearest


def _refresh(subject: Subject, account: Account) -> str:
    policy = subject.design["refresh_policy"]
    if policy == "NoRefresh":
        account.wrote("refresh_policy", f"tREFI = {_NEVER_CYCLES}: no refresh falls into a run")
        for limit in ("refresh_max_postponed", "refresh_max_pulledin"):
            account.wrote(limit, "no effect without refresh")
    else:
        account.wrote("refresh_policy", "refresh_policy = RANK_LEVEL_STAGGERED")
        account.lost("refresh_max_postponed", "refreshes are never postponed")
        account.lost("refresh_max_pulledin", "refreshes are never pulled in")
    return "RANK_LEVEL_STAGGERED"


def _lose_the_rest(subject: Subject, account: Account) -> None:
    account.lost("scheduler", "always first-ready by queue, at most four row hits while another row waits")
    account.lost("resp_queue", "responses leave when their data arrives")
    account.lost("arbiter", "one source hands over a request a cycle while a queue has room")
    account.lost("power_down_policy", "there is self-refresh only, and it is left off")
    account.lost("power_down_timeout_cycles", "there is no power-down")
    lose_the_rest(subject, account)


def _ini(sections: Mapping[str, Mapping[str, Any]], device_id: str) -> str:
    lines = [
        f"; DRAMsim3 ({VERSIONS[0]}) configuration of {device_id}, written by marl-dse; losses in export.json"
    ]
    for name, values in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {value}" for key, value in values.items())]
    return "\n".join(lines) + "\n"
