"""Energy of a memory from what its controller did: the JEDEC IDD method, by command and by state.

A command costs the difference between the current of its IDD loop and the background current meanwhile, times
the supply voltage and the duration that the loop gives it; the background is charged for every cycle by the
state of each rank. Truth: the definitions of the IDD loops in JESD79-3 and JESD79-4 (chapter on IDD
specification), and the split into commands and states of Chandrasekar et al., "Improved Power Modeling of DDR
SDRAMs", DSD 2011, which DRAMPower 4 follows. Checked against 348 results of DRAMSys 4.0 in tests/oracles.

* A refresh of one bank or of one bank of each group draws idd5pb (a burst of such refreshes) above active
  standby; where that is not listed, the share of an all-bank refresh that matches the banks refreshed.
* Self-refresh draws idd6, which includes the refreshes that the memory does by itself; where that is not
  listed, precharge power-down and the average of an all-bank refresh every tREFI.
* A refresh of the neighbours of a row (VRR) is two activates and two precharges; RFM costs what the refresh
  of as many banks costs in tRFM.

1 V x 1 mA x 1 ns = 1 pJ and 1 pJ / 1 ns = 1 mW.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

from simulators.dram.memory.devices import Currents, Device

_STATES = ("active_standby", "precharge_standby", "active_power_down", "precharge_power_down", "self_refresh")
_powers_mw = attrgetter(*(f"{state}_mw" for state in _STATES))
COMPONENTS = ("activate", "precharge", "read", "write", "refresh", "mitigation", *_STATES)


@dataclass(frozen=True, slots=True)
class EventEnergy:
    """What one event costs on one rank (all its chips), above the background.

    activate_pj .. rfm_set_pj: pJ a command; precharge_pj is for one bank closed, however it was closed;
    *_bank_pj, *_set_pj: of one bank, of one bank in each group. *_standby_mw, *_power_down_mw,
    self_refresh_mw: power of the rank in that state. *_active_cycles: cycles of one such command during which
    the rank draws active standby (its duration but for tRP).
    """

    activate_pj: float
    precharge_pj: float
    read_pj: float
    write_pj: float
    refresh_pj: float
    refresh_bank_pj: float
    refresh_set_pj: float
    victims_pj: float
    rfm_pj: float
    rfm_set_pj: float
    active_standby_mw: float
    precharge_standby_mw: float
    active_power_down_mw: float
    precharge_power_down_mw: float
    self_refresh_mw: float
    refresh_active_cycles: int
    refresh_bank_active_cycles: int
    refresh_set_active_cycles: int
    rfm_active_cycles: int
    rfm_set_active_cycles: int
    tck_ns: float

    @classmethod
    def of(cls, device: Device) -> EventEnergy:
        """The costs of `device`, from its currents and timings."""
        amps, t, chips = device.currents_ma, device.timings, device.devices_per_rank
        supply = chips * amps.vdd_v
        pump = chips * amps.vpp_v * amps.ipp3n
        per_cycle = supply * device.tck_ns
        pumped = (
            chips * amps.vpp_v * (amps.ipp0 - amps.ipp3n) * device.tck_ns
        )  # the same in both parts of tRC
        activate = (per_cycle * (amps.idd0 - amps.idd3n) + pumped) * t.ras
        precharge = (per_cycle * (amps.idd0 - amps.idd2n) + pumped) * (t.rc - t.ras)
        bank, group_set = t.get("rfcpb", t.rfc), t.get("rfcsb", t.rfc)
        rfm, rfm_set = t.get("rfm", t.rfc), t.get("rfmsb", group_set)
        full = per_cycle * (amps.idd5b - amps.idd3n)
        part = per_cycle * (amps.idd5pb - amps.idd3n) if amps.idd5pb else 0.0
        return cls(
            activate_pj=activate,
            precharge_pj=precharge,
            read_pj=per_cycle * (amps.idd4r - amps.idd3n) * t.burst,
            write_pj=per_cycle * (amps.idd4w - amps.idd3n) * t.burst,
            refresh_pj=full * t.rfc,
            refresh_bank_pj=part * bank if part else full * t.rfc / device.banks,
            refresh_set_pj=part * group_set if part else full * t.rfc / device.banks_per_group,
            victims_pj=2 * (activate + precharge),
            rfm_pj=full * rfm,
            rfm_set_pj=part * rfm_set if part else full * rfm / device.banks_per_group,
            active_standby_mw=supply * amps.idd3n + pump,
            precharge_standby_mw=supply * amps.idd2n + pump,
            active_power_down_mw=supply * amps.idd3p + pump,
            precharge_power_down_mw=supply * amps.idd2p + pump,
            self_refresh_mw=supply * _self_refresh_ma(amps, device) + pump,
            refresh_active_cycles=t.rfc - t.rp,
            refresh_bank_active_cycles=max(0, bank - t.rp),
            refresh_set_active_cycles=max(0, group_set - t.rp),
            rfm_active_cycles=max(0, rfm - t.rp),
            rfm_set_active_cycles=max(0, rfm_set - t.rp),
            tck_ns=device.tck_ns,
        )


def _self_refresh_ma(amps: Currents, device: Device) -> float:
    if amps.idd6:
        return amps.idd6
    return amps.idd2p + (amps.idd5b - amps.idd3n) * device.timings.rfc / device.timings.refi


@dataclass(frozen=True, slots=True)
class Activity:
    """What all ranks did. Commands are counts, the rest are cycles of the device clock, summed over ranks.

    rank_cycles: cycles of the run times ranks times channels. precharges: banks closed, by PRE, by PREA (each
    open bank counts) and by auto-precharge. active_cycles: cycles with at least one bank open, power-down
    included, refresh not included. refreshes_owed: refresh commands of `refresh_policy` that were due and not
    issued when the run ended. rfms, rfm_sets: refresh management of all banks, of one bank in each group.
    """

    rank_cycles: int
    activates: int
    precharges: int
    reads: int
    writes: int
    refreshes: int
    refreshes_owed: int
    active_cycles: int
    active_power_down_cycles: int = 0
    precharge_power_down_cycles: int = 0
    self_refresh_cycles: int = 0
    bank_refreshes: int = 0
    set_refreshes: int = 0
    victim_refreshes: int = 0
    rfms: int = 0
    rfm_sets: int = 0
    refresh_policy: str = "AllBank"

    @classmethod
    def of(cls, counters: Mapping[str, int], ranks: int = 1, refresh_policy: str = "AllBank") -> Activity:
        """From the counters of the engine or of the twin (`n_act`, `n_prea_banks`, ...).

        ranks: over all channels.
        """
        auto_precharges = counters["n_rda"] + counters["n_wra"]
        return cls(
            rank_cycles=counters["elapsed_cycles"] * ranks,
            activates=counters["n_act"],
            precharges=counters["n_pre"] + counters["n_prea_banks"] + auto_precharges,
            reads=counters["n_rd"] + counters["n_rda"],
            writes=counters["n_wr"] + counters["n_wra"],
            refreshes=counters["n_ref"],
            refreshes_owed=counters["refreshes_owed"],
            active_cycles=counters["active_cycles"],
            active_power_down_cycles=counters["active_pd_cycles"],
            precharge_power_down_cycles=counters["precharge_pd_cycles"],
            self_refresh_cycles=counters["sr_cycles"],
            bank_refreshes=counters["n_refpb"],
            set_refreshes=counters["n_refsb"],
            victim_refreshes=counters["n_vrr"],
            rfms=counters["n_rfm"],
            rfm_sets=counters["n_rfmsb"],
            refresh_policy=refresh_policy,
        )


def state_cycles(event: EventEnergy, activity: Activity) -> dict[str, int]:
    """Cycles in each background state, summed over ranks; they add up to `rank_cycles`.

    A refresh counts as active but for its last tRP; one that outlasts the run is cut. A refresh of some banks
    adds active time only while no other bank is open, which is expected in the same share of it as of the
    rest of the run.
    """
    asleep = (
        activity.active_power_down_cycles
        + activity.precharge_power_down_cycles
        + activity.self_refresh_cycles
    )
    standby = activity.rank_cycles - asleep
    active = activity.active_cycles - activity.active_power_down_cycles
    whole = activity.refreshes * event.refresh_active_cycles + activity.rfms * event.rfm_active_cycles
    active = min(active + whole, standby)
    partly = activity.bank_refreshes * event.refresh_bank_active_cycles
    partly += activity.set_refreshes * event.refresh_set_active_cycles
    partly += activity.rfm_sets * event.rfm_set_active_cycles
    if partly and standby:
        active = min(active + round(partly * (standby - active) / standby), standby)
    return {
        "active_standby": active,
        "precharge_standby": standby - active,
        "active_power_down": activity.active_power_down_cycles,
        "precharge_power_down": activity.precharge_power_down_cycles,
        "self_refresh": activity.self_refresh_cycles,
    }


def energy_pj(event: EventEnergy, activity: Activity) -> dict[str, float]:
    """What the memory drew in pJ, by each of `COMPONENTS`, and the sum under "total"."""
    parts = {
        "activate": activity.activates * event.activate_pj,
        "precharge": activity.precharges * event.precharge_pj,
        "read": activity.reads * event.read_pj,
        "write": activity.writes * event.write_pj,
        "refresh": activity.refreshes * event.refresh_pj
        + activity.bank_refreshes * event.refresh_bank_pj
        + activity.set_refreshes * event.refresh_set_pj,
        "mitigation": activity.victim_refreshes * event.victims_pj
        + activity.rfms * event.rfm_pj
        + activity.rfm_sets * event.rfm_set_pj,
    }
    cycles = state_cycles(event, activity)
    for state, power_mw in zip(_STATES, _powers_mw(event), strict=True):
        parts[state] = cycles[state] * event.tck_ns * power_mw
    parts["total"] = sum(parts.values())
    return parts


def refresh_owed_pj(event: EventEnergy, activity: Activity) -> float:
    """What the refreshes that are still owed at the end will cost, so that putting them off is not free.

    It is charged to the design beside what it drew. It takes no time, so no background goes with it.
    """
    each = {"PerBank": event.refresh_bank_pj, "SameBank": event.refresh_set_pj}
    return activity.refreshes_owed * each.get(activity.refresh_policy, event.refresh_pj)
