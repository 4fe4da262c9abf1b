"""Energy of a memory from what its controller did: the JEDEC IDD method, by command and by state.

A command costs the difference between the current of its IDD loop and the background current meanwhile, times
the supply voltage and the duration that the loop gives it; the background is charged for every cycle by the
state of the rank. Truth: the definitions of the IDD loops in JESD79-3 and JESD79-4 (chapter on IDD
specification), and the split into commands and states of Chandrasekar et al., "Improved Power Modeling of DDR
SDRAMs", DSD 2011, which DRAMPower 4 follows. Checked against 348 results of DRAMSys 4.0 in tests/oracles.

1 V x 1 mA x 1 ns = 1 pJ and 1 pJ / 1 ns = 1 mW.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simulators.dram.devices import Device

_BACKGROUND = ("active_standby", "precharge_standby", "active_power_down", "precharge_power_down")
COMPONENTS = ("activate", "precharge", "read", "write", "refresh", *_BACKGROUND)


@dataclass(frozen=True, slots=True)
class EventEnergy:
    """What one event costs on one rank (all its chips), above the background.

    activate_pj .. refresh_pj: pJ a command; precharge_pj is for one bank closed, however it was closed.
    *_standby_mw, *_power_down_mw: power of the rank in that state.
    refresh_active_cycles: cycles of one refresh during which the rank draws active standby (tRFC - tRP).
    """

    activate_pj: float
    precharge_pj: float
    read_pj: float
    write_pj: float
    refresh_pj: float
    active_standby_mw: float
    precharge_standby_mw: float
    active_power_down_mw: float
    precharge_power_down_mw: float
    refresh_active_cycles: int
    tck_ns: float

    @classmethod
    def of(cls, device: Device) -> EventEnergy:
        """The costs of `device`, from its currents and timings."""
        amps, t, chips = device.currents_ma, device.timings, device.devices_per_rank
        supply = chips * amps.vdd_v
        pump = chips * amps.vpp_v * amps.ipp3n
        per_cycle = supply * device.tck_ns
        pump_activate = chips * amps.vpp_v * (amps.ipp0 - amps.ipp3n) * t.rc * device.tck_ns
        return cls(
            activate_pj=per_cycle * (amps.idd0 - amps.idd3n) * t.ras + pump_activate,
            precharge_pj=per_cycle * (amps.idd0 - amps.idd2n) * (t.rc - t.ras),
            read_pj=per_cycle * (amps.idd4r - amps.idd3n) * t.burst,
            write_pj=per_cycle * (amps.idd4w - amps.idd3n) * t.burst,
            refresh_pj=per_cycle * (amps.idd5b - amps.idd3n) * t.rfc,
            active_standby_mw=supply * amps.idd3n + pump,
            precharge_standby_mw=supply * amps.idd2n + pump,
            active_power_down_mw=supply * amps.idd3p + pump,
            precharge_power_down_mw=supply * amps.idd2p + pump,
            refresh_active_cycles=t.rfc - t.rp,
            tck_ns=device.tck_ns,
        )


@dataclass(frozen=True, slots=True)
class Activity:
    """What a rank did. Commands are counts, the rest are cycles of the device clock.

    precharges: banks closed, by PRE, by PREA (each open bank counts) and by auto-precharge.
    active_cycles: cycles with at least one bank open, power-down included, refresh not included.
    refreshes_owed: intervals of refresh that were due and not issued when the run ended.
    """

    elapsed_cycles: int
    activates: int
    precharges: int
    reads: int
    writes: int
    refreshes: int
    refreshes_owed: int
    active_cycles: int
    active_power_down_cycles: int = 0
    precharge_power_down_cycles: int = 0

    @classmethod
    def of(cls, counters: Mapping[str, int], elapsed_cycles: int, refreshes_owed: int) -> Activity:
        """From the counters of the engine or of the twin (their names: `n_act`, `n_prea_banks`, ...)."""
        auto_precharges = counters["n_rda"] + counters["n_wra"]
        return cls(
            elapsed_cycles=elapsed_cycles,
            activates=counters["n_act"],
            precharges=counters["n_pre"] + counters["n_prea_banks"] + auto_precharges,
            reads=counters["n_rd"] + counters["n_rda"],
            writes=counters["n_wr"] + counters["n_wra"],
            refreshes=counters["n_ref"],
            refreshes_owed=refreshes_owed,
            active_cycles=counters["active_cycles"],
            active_power_down_cycles=counters["active_pd_cycles"],
            precharge_power_down_cycles=counters["precharge_pd_cycles"],
        )


def state_cycles(event: EventEnergy, activity: Activity) -> dict[str, int]:
    """Cycles in each background state; they add up to `elapsed_cycles`.

    A refresh counts as active for tRFC - tRP and as precharged for tRP; one that outlasts the run is cut.
    """
    powered_down = activity.active_power_down_cycles + activity.precharge_power_down_cycles
    standby = activity.elapsed_cycles - powered_down
    active = activity.active_cycles - activity.active_power_down_cycles
    active = min(active + activity.refreshes * event.refresh_active_cycles, standby)
    return {
        "active_standby": active,
        "precharge_standby": standby - active,
        "active_power_down": activity.active_power_down_cycles,
        "precharge_power_down": activity.precharge_power_down_cycles,
    }


def energy_pj(event: EventEnergy, activity: Activity) -> dict[str, float]:
    """What the memory drew in pJ, by each of `COMPONENTS`, and the sum under "total"."""
    parts = {
        "activate": activity.activates * event.activate_pj,
        "precharge": activity.precharges * event.precharge_pj,
        "read": activity.reads * event.read_pj,
        "write": activity.writes * event.write_pj,
        "refresh": activity.refreshes * event.refresh_pj,
    }
    cycles = state_cycles(event, activity)
    for state in _BACKGROUND:
        parts[state] = cycles[state] * event.tck_ns * float(getattr(event, f"{state}_mw"))
    parts["total"] = sum(parts.values())
    return parts


def refresh_owed_pj(event: EventEnergy, activity: Activity) -> float:
    """What the refreshes that are still owed at the end will cost, so that putting them off is not free.

    It is charged to the design beside what it drew. It takes no time, so no background goes with it.
    """
    return activity.refreshes_owed * event.refresh_pj
