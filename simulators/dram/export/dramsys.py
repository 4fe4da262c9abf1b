"""Export to DRAMSys: one nested simulation JSON for 5.5, the resource folder of 4.0.

Our semantics are those of DRAMSys 4.0, so almost every parameter carries over by name. Schemas:
the configuration readers and stock files of DRAMSys at 2107966 (after 5.5.0) and of its 4.0 release (the
simulator of DRAMGym).
"""

from __future__ import annotations

import json
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

VERSIONS = ("5.5", "4.0")
_MHZ_FS = 10**9
_NS_CLOCK_FS = 10**6
_CONTROLLER_KEYS = {
    "page_policy": "PagePolicy",
    "scheduler": "Scheduler",
    "scheduler_buffer": "SchedulerBuffer",
    "request_buffer_size": "RequestBufferSize",
    "resp_queue": "RespQueue",
    "refresh_policy": "RefreshPolicy",
    "refresh_max_postponed": "RefreshMaxPostponed",
    "refresh_max_pulledin": "RefreshMaxPulledin",
    "arbiter": "Arbiter",
    "max_active_transactions": "MaxActiveTransactions",
}
_STOCK_DDR4 = "MICRON_4Gb_DDR4-2400_8bit_A"
_STOCK_DDR4_ROW_BITS = 15


def plan_export(
    point: DesignPoint,
    description: Mapping[str, Any],
    *,
    trace: Trace | None = None,
    version: str | None = None,
) -> Plan:
    """What `export` writes for DRAMSys. version: one of `VERSIONS`, by default the first."""
    subject = Subject.of(point, description)
    subject.need_standard("DRAMSys", ("DDR3", "DDR4"))
    account = Account(subject)
    write_memory(subject, account)
    wanted = chosen_version(version, VERSIONS, "DRAMSys")
    if trace is not None:
        trace_losses(account, trace)
        trace = folded(trace, subject.device.capacity_bytes, _dropped_bits(subject, wanted))
    return _plan_4(subject, account, trace) if wanted == "4.0" else _plan_5(subject, account, trace)


export = exporter_of(plan_export)


def _plan_5(subject: Subject, account: Account, trace: Trace | None) -> Plan:
    name = trace_file_name(trace, ".stl")
    moved = None if trace is None else _in_whole_mhz(trace)
    controller = _controller(subject, account, "5.5")
    if controller["SchedulerBuffer"] == "ReadWrite":
        size = controller["RequestBufferSize"]
        controller |= {"RequestBufferSizeRead": size, "RequestBufferSizeWrite": size}
        account.wrote("request_buffer_size", f"RequestBufferSizeRead, RequestBufferSizeWrite = {size}")
    simulation = {
        "simulationid": "marl-dse",
        "addressmapping": _address_bits(subject, account, "5.5"),
        "memspec": _memspec_5(subject, account),
        "simconfig": {**_SIMCONFIG, "SimulationName": "marl-dse"},
        "mcconfig": controller,
        "tracesetup": [{"type": "player", "clkMhz": _mhz(moved), "name": f"traces/{name}", "dataLength": 64}],
    }
    return Plan(
        target="dramsys",
        version="5.5",
        texts={"dramsys-5.5.json": _text({"simulation": simulation})},
        written=account.written,
        losses=account.losses,
        trace=None if moved is None else (f"traces/{name}", "stl", moved),
        notes=(
            "run: DRAMSys dramsys-5.5.json",
            *(() if subject.device.standard == "DDR3" else (_STOCK_NOTE,)),
            *(() if trace is not None else (f"put a trace at traces/{name}, or export with one",)),
        ),
    )


def _plan_4(subject: Subject, account: Account, trace: Trace | None) -> Plan:
    name = trace_file_name(trace, ".stl")
    moved = None if trace is None else _in_whole_mhz(trace)
    memspec = f"{subject.device.id}.json"
    simulation = {
        "addressmapping": "marl-dse.json",
        "mcconfig": "marl-dse.json",
        "memspec": memspec,
        "simconfig": "marl-dse.json",
        "simulationid": "marl-dse",
        "thermalconfig": "config.json",
        "tracesetup": [{"clkMhz": _mhz(moved), "name": name}],
    }
    files: dict[str, Mapping[str, Any]] = {
        "simulations/dramsys-4.0.json": {"simulation": simulation},
        "configs/amconfigs/marl-dse.json": {"CONGEN": _address_bits(subject, account, "4.0")},
        "configs/mcconfigs/marl-dse.json": {"mcconfig": _controller(subject, account, "4.0")},
        f"configs/memspecs/{memspec}": {"memspec": _memspec_4(subject)},
        "configs/simulator/marl-dse.json": {"simconfig": {**_SIMCONFIG_4, "SimulationName": "marl-dse"}},
    }
    return Plan(
        target="dramsys",
        version="4.0",
        texts={path: _text(content) for path, content in files.items()},
        written=account.written,
        losses=account.losses,
        trace=None if moved is None else (f"traces/{name}", "stl", moved),
        notes=(
            "copy the folders over DRAMSys/library/resources, then run: DRAMSys simulations/dramsys-4.0.json",
            "configs/thermalsimconfig/config.json is the stock file",
        ),
    )


def _controller(subject: Subject, account: Account, version: str) -> dict[str, Any]:
    """The block mcconfig with the keys that the version reads."""
    block: dict[str, Any] = {"CmdMux": "Oldest"}
    for parameter, key in _CONTROLLER_KEYS.items():
        block[key] = subject.design[parameter]
        account.wrote(parameter, f"{key} = {block[key]}")
    block["PowerDownPolicy"] = "Staggered" if subject.powers_down else "NoPowerDown"
    account.wrote("power_down_policy", f"PowerDownPolicy = {block['PowerDownPolicy']}")
    account.wrote("power_down_timeout_cycles", "no effect without power-down")
    _nearest_policies(subject, account, block, version)
    if subject.powers_down:
        staggered = (
            "Staggered powers down as soon as a rank is idle, first with its rows, then to self-refresh"
        )
        account.lost("power_down_policy", staggered, "PowerDownPolicy = Staggered")
        account.lost("power_down_timeout_cycles", "DRAMSys waits for nothing before it powers down")
    lose_the_rest(subject, account)
    return block


def _nearest_policies(subject: Subject, account: Account, block: dict[str, Any], version: str) -> None:
    """Policies that DRAMSys does not have, or has by another rule."""
    design = subject.design
    page, scheduler = design["page_policy"], design["scheduler"]
    if page in _NEAREST_PAGE_POLICY:
        block["PagePolicy"] = _NEAREST_PAGE_POLICY[page]
        account.lost(
            "page_policy", "no timers and no caps", f"PagePolicy = {block['PagePolicy']}", value=page
        )
    if design["scheduler_buffer"] == "SplitReadWrite":
        block["SchedulerBuffer"] = "ReadWrite"
        reason = "a request waits until both directions have room"
        account.lost("scheduler_buffer", reason, "SchedulerBuffer = ReadWrite", value="SplitReadWrite")
    if scheduler in ("GrpFrFcfs", "GrpFrFcfsWm") and version == "5.5":
        reason = "it does not keep the order of a read and a write of one line"
        account.lost("scheduler", reason, f"Scheduler = {scheduler}", value=scheduler)
        if scheduler == "GrpFrFcfsWm":
            for name, key in (
                ("write_high_watermark", "HighWatermark"),
                ("write_low_watermark", "LowWatermark"),
            ):
                block[key] = int(design.get(name, _WATERMARKS[name]))
                account.wrote(name, f"{key} = {block[key]}")
    elif scheduler in _NEAREST_SCHEDULER:
        block["Scheduler"] = _NEAREST_SCHEDULER[scheduler]
        account.lost(
            "scheduler",
            "4.0 has no such scheduler" if version == "4.0" else "there is no such one",
            f"Scheduler = {block['Scheduler']}",
            value=scheduler,
        )
    if design["refresh_policy"] not in ("NoRefresh", "AllBank"):
        block["RefreshPolicy"] = "AllBank"
        reason = f"{subject.device.standard} refreshes all banks"
        account.lost("refresh_policy", reason, "RefreshPolicy = AllBank", value=design["refresh_policy"])


_NEAREST_PAGE_POLICY = {"Timeout": "OpenAdaptive", "ClosedCap": "OpenAdaptive"}
_NEAREST_SCHEDULER = {
    "Fcfs": "Fifo",
    "FrFcfsCap": "FrFcfs",
    "GrpFrFcfs": "FrFcfsGrp",
    "GrpFrFcfsWm": "FrFcfsGrp",
    "Bliss": "FrFcfs",
}
_WATERMARKS = {"write_high_watermark": 24, "write_low_watermark": 8}


def _address_bits(subject: Subject, account: Account, version: str) -> dict[str, list[Any]]:
    """Address bits of each field. In 5.5 a list in place of a bit is an XOR; 4.0 gets the plain mapping."""
    mapping, bits = subject.mapping, subject.mapping.bits
    dropped = _dropped_bits(subject, version)

    def packed(field: str) -> list[Any]:
        return [bit - sum(gone < bit for gone in dropped) for bit in bits[field] if bit not in dropped]

    plain = {name: packed(name) for name in bits}
    lists = {name: list(values) for name, values in plain.items()}
    account.wrote("address_mapping", f"bit lists of {mapping.name}")
    if mapping.folds and version == "5.5":
        for target, low, source, source_low, width in mapping.folds:
            for i in range(min(width, len(plain[source]) - source_low)):
                before = lists[target][low + i]
                terms = before if isinstance(before, list) else [before]
                lists[target][low + i] = [*terms, plain[source][source_low + i]]
    elif mapping.folds:
        reason = "whether 4.0 reads an XOR of bits was not verified"
        account.lost("address_mapping", reason, "the same without XOR", value=mapping.name)
    return {key: lists[name] for name, key in _BIT_LISTS.items() if lists[name]}


_BIT_LISTS = {
    "byte": "BYTE_BIT",
    "column": "COLUMN_BIT",
    "bank": "BANK_BIT",
    "bank_group": "BANKGROUP_BIT",
    "row": "ROW_BIT",
    "rank": "RANK_BIT",
    "channel": "CHANNEL_BIT",
}


def _is_stock(subject: Subject, version: str) -> bool:
    return version == "5.5" and subject.device.standard != "DDR3"


def _dropped_bits(subject: Subject, version: str) -> tuple[int, ...]:
    """Address bits that the memory of the stock file lacks: the uppermost row bits."""
    return subject.mapping.bits["row"][_STOCK_DDR4_ROW_BITS:] if _is_stock(subject, version) else ()


def _memspec_5(subject: Subject, account: Account) -> Any:
    """DDR3: the block itself. DDR4: the nearest stock file, as its schema changes with the power library."""
    device, t, amps = subject.device, subject.device.timings, subject.device.currents_ma
    if _is_stock(subject, "5.5"):
        reason = "the DDR4 schema changes with the version of DRAMUtils; the nearest stock file is used"
        account.lost("device", reason, f"memspec/{_STOCK_DDR4}.json", value=device.id)
        return f"memspec/{_STOCK_DDR4}.json"
    ampere = {name: value / 1000 for name, value in _currents(amps, rail_2=False).items()}
    return {
        "memarchitecturespec": {
            **_organisation(subject),
            "nbrOfDevices": device.devices_per_rank,
            "maxBurstLength": 8,
        },
        "memoryId": device.id,
        "memoryType": device.standard,
        "mempowerspec": {**ampere, "vdd": amps.vdd_v},
        "memtimingspec": {**_ddr3_timings(t), "tCK": device.tck_ps * 1e-12},
    }


def _memspec_4(subject: Subject) -> dict[str, Any]:
    device, t, amps = subject.device, subject.device.timings, subject.device.currents_ma
    is_ddr4 = device.standard == "DDR4"
    organisation = {**_organisation(subject), "nbrOfDevicesOnDIMM": device.devices_per_rank}
    rails = {"vdd": amps.vdd_v, **({"vdd2": amps.vpp_v} if is_ddr4 else {})}
    timings = _ddr4_timings(t) if is_ddr4 else _ddr3_timings(t)
    return {
        "memarchitecturespec": organisation,
        "memoryId": device.id,
        "memoryType": device.standard,
        "mempowerspec": {**_currents(amps, rail_2=is_ddr4), **rails},
        "memtimingspec": {**timings, "clkMhz": round(1e6 / device.tck_ps)},
    }


def _organisation(subject: Subject) -> dict[str, int]:
    device = subject.device
    groups = {"nbrOfBankGroups": device.bank_groups} if device.standard == "DDR4" else {}
    return {
        "burstLength": device.burst_length,
        "dataRate": 2,
        **groups,
        "nbrOfBanks": device.banks,
        "nbrOfColumns": device.columns,
        "nbrOfRanks": device.ranks,
        "nbrOfRows": device.rows,
        "width": device.device_width_bits,
        "nbrOfChannels": device.channels,
    }


def _currents(amps: Any, *, rail_2: bool) -> dict[str, float]:
    """In mA. Slow and fast exit from power-down draw the same; self-refresh (not used) as power-down."""
    table = {
        "idd0": amps.idd0,
        "idd2n": amps.idd2n,
        "idd2p0": amps.idd2p,
        "idd2p1": amps.idd2p,
        "idd3n": amps.idd3n,
        "idd3p0": amps.idd3p,
        "idd3p1": amps.idd3p,
        "idd4r": amps.idd4r,
        "idd4w": amps.idd4w,
        "idd5": amps.idd5b,
        "idd6": amps.idd2p,
    }
    return table | ({"idd02": amps.ipp0, "idd62": amps.ipp3n} if rail_2 else {})


def _ddr3_timings(t: Any) -> dict[str, int]:
    return {**_shared_timings(t), "CCD": t.ccd_s, "RRD": t.rrd_s, "WTR": t.wtr_s, "XPDLL": max(20, t.xp)}


def _ddr4_timings(t: Any) -> dict[str, int]:
    groups = {"CCD_S": t.ccd_s, "CCD_L": t.ccd_l, "RRD_S": t.rrd_s, "RRD_L": t.rrd_l}
    groups |= {"WTR_S": t.wtr_s, "WTR_L": t.wtr_l, "XPDLL": t.rfc + 12}
    return {**_shared_timings(t), **groups, "REFM": 1, "RFC2": t.rfc, "RFC4": t.rfc}


def _shared_timings(t: Any) -> dict[str, int]:
    """In clocks. Self-refresh (never entered) has the JEDEC minima that follow from tRFC and tCKE."""
    return {
        "AL": 0,
        "CKE": t.cke,
        "CKESR": t.cke + 1,
        "CL": t.cl,
        "DQSCK": 0,
        "FAW": t.faw,
        "RAS": t.ras,
        "RC": t.rc,
        "RCD": t.rcd,
        "REFI": t.refi,
        "RFC": t.rfc,
        "RL": t.cl,
        "RP": t.rp,
        "RTP": t.rtp,
        "WL": t.cwl,
        "WR": t.wr,
        "XP": t.xp,
        "XS": t.rfc + 8,
        "XSDLL": 512,
        "ACTPDEN": 1,
        "PRPDEN": 1,
        "REFPDEN": 1,
        "RTRS": 1,
    }


def _in_whole_mhz(trace: Trace) -> Trace:
    """DRAMSys counts arrivals in a clock of whole MHz; any other clock is converted to nanoseconds."""
    return trace if _MHZ_FS % trace.clock_fs == 0 else in_clock(trace, _NS_CLOCK_FS)


def _mhz(trace: Trace | None) -> int:
    return 1000 if trace is None else _MHZ_FS // trace.clock_fs


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=4) + "\n"


_SIMCONFIG: dict[str, Any] = {
    "AddressOffset": 0,
    "DatabaseRecording": False,
    "Debug": False,
    "EnableWindowing": False,
    "PowerAnalysis": False,
    "SimulationProgressBar": False,
    "StoreMode": "NoStorage",
    "WindowSize": 1000,
}
_SIMCONFIG_4: dict[str, Any] = {
    **_SIMCONFIG,
    "CheckTLM2Protocol": False,
    "ECCControllerMode": "Disabled",
    "ErrorCSVFile": "",
    "ErrorChipSeed": 42,
    "PowerAnalysis": True,
    "ThermalSimulation": False,
    "UseMalloc": False,
}
_STOCK_NOTE = (
    "the memspec is a stock file: copy this folder into DRAMSys/configs or link its memspec folder here; "
    "the files for 4.0 carry the memory itself"
)
