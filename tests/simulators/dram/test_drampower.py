"""Energy against the published equations of DRAMPower, written down anew from the paper, to 0.1 %.

Chandrasekar, Akesson, Goossens, "Improved Power Modeling of DDR SDRAMs", DSD 2011, and the model of
DRAMPower 4 that follows it: energy of a command = VDD x (current of its IDD loop - background current) x its
duration; energy of a state = VDD x current x time; a refresh keeps the rank active for tRFC - tRP. All in V,
A and s here, from the currents and the times of the device, so that no unit and no sum is shared with the
code under test.
"""

from __future__ import annotations

import numpy as np
import pytest

from simulators.dram.memory.devices import device, device_ids
from simulators.dram.power import Activity, EventEnergy, energy_pj

COUNTERS = (
    "elapsed_cycles", "n_act", "n_pre", "n_prea_banks", "n_rd", "n_rda", "n_wr", "n_wra", "n_ref", "n_refpb",
    "n_refsb", "n_vrr", "n_rfm", "n_rfmsb", "active_cycles", "active_pd_cycles", "precharge_pd_cycles",
    "sr_cycles", "refreshes_owed",
)  # fmt: skip
CURRENTS = (
    "idd0", "idd2n", "idd2p", "idd3n", "idd3p", "idd4r", "idd4w", "idd5b", "idd6", "ipp0", "ipp3n",
)  # fmt: skip


def counts(seed):
    """Random counts of one rank that could have happened: the states fit into the run."""
    rng = np.random.default_rng(seed)
    found = dict.fromkeys(COUNTERS, 0)
    found["elapsed_cycles"] = int(rng.integers(1, 10) * 100_000)
    for name in ("n_act", "n_pre", "n_prea_banks", "n_rd", "n_rda", "n_wr", "n_wra", "n_vrr"):
        found[name] = int(rng.integers(0, 4000))
    found["n_ref"] = int(rng.integers(1, 20))
    sixth = found["elapsed_cycles"] // 6
    for name in ("active_pd_cycles", "precharge_pd_cycles", "sr_cycles"):
        found[name] = int(rng.integers(0, sixth))
    found["active_cycles"] = found["active_pd_cycles"] + int(rng.integers(0, sixth))
    return found


def drampower_joules(c, memory):
    """The sum of the published equations over one rank, VDD and (where there is one) VPP domain."""
    i = {name: getattr(memory.currents_ma, name) * 1e-3 for name in CURRENTS}
    t = {name: cycles * memory.tck_ps * 1e-12 for name, cycles in memory.timings.items()}
    tck, vdd, vpp = memory.tck_ps * 1e-12, memory.currents_ma.vdd_v, memory.currents_ma.vpp_v

    act = ((i["idd0"] - i["idd3n"]) * vdd + (i["ipp0"] - i["ipp3n"]) * vpp) * t["ras"]
    pre = ((i["idd0"] - i["idd2n"]) * vdd + (i["ipp0"] - i["ipp3n"]) * vpp) * (t["rc"] - t["ras"])
    commands = (c["n_act"] + 2 * c["n_vrr"]) * act
    commands += (c["n_pre"] + c["n_prea_banks"] + c["n_rda"] + c["n_wra"] + 2 * c["n_vrr"]) * pre
    commands += (c["n_rd"] + c["n_rda"]) * (i["idd4r"] - i["idd3n"]) * t["burst"] * vdd
    commands += (c["n_wr"] + c["n_wra"]) * (i["idd4w"] - i["idd3n"]) * t["burst"] * vdd
    commands += c["n_ref"] * (i["idd5b"] - i["idd3n"]) * t["rfc"] * vdd

    total = c["elapsed_cycles"] * tck
    refreshing = c["n_ref"] * (t["rfc"] - t["rp"])
    asleep = {"idd3p": c["active_pd_cycles"], "idd2p": c["precharge_pd_cycles"], "idd6": c["sr_cycles"]}
    active = (c["active_cycles"] - c["active_pd_cycles"]) * tck + refreshing
    states = active * i["idd3n"] * vdd
    states += (total - active - sum(asleep.values()) * tck) * i["idd2n"] * vdd
    states += sum(cycles * tck * i[name] * vdd for name, cycles in asleep.items())
    states += total * i["ipp3n"] * vpp
    return memory.devices_per_rank * (commands + states)


@pytest.mark.parametrize("device_id", device_ids())
@pytest.mark.parametrize("seed", range(3))
def test_energy_is_that_of_the_published_equations(device_id, seed):
    memory = device(device_id)
    found = counts(seed)
    if not memory.currents_ma.idd6:  # without a current of its own our estimate is not DRAMPower's
        found["sr_cycles"] = 0

    ours_pj = energy_pj(EventEnergy.of(memory), Activity.of(found))["total"]

    assert ours_pj * 1e-12 == pytest.approx(drampower_joules(found, memory), rel=1e-3)


LISTED = [
    (name, kind, duration)
    for name in device_ids()
    for kind, duration in (("n_refpb", "rfcpb"), ("n_refsb", "rfcsb"))
    if device(name).currents_ma.idd5pb and duration in device(name).timings
]


@pytest.mark.parametrize(("device_id", "kind", "duration"), LISTED)
def test_a_refresh_of_some_banks_is_its_own_loop_above_active_standby(device_id, kind, duration):
    memory = device(device_id)
    amps = memory.currents_ma
    none = dict.fromkeys(COUNTERS, 0) | {"elapsed_cycles": 100_000, "active_cycles": 100_000}
    events = EventEnergy.of(memory)

    before = energy_pj(events, Activity.of(none))["total"]
    after = energy_pj(events, Activity.of(none | {kind: 10}))["total"]

    seconds = memory.timings[duration] * memory.tck_ps * 1e-12
    joules = 10 * amps.vdd_v * (amps.idd5pb - amps.idd3n) * 1e-3 * seconds * memory.devices_per_rank
    assert (after - before) * 1e-12 == pytest.approx(joules, rel=1e-3)
