"""Power-down and self-refresh of one rank: when it falls asleep and what wakes it.

A rank without work falls asleep after a timeout, its rows open (active power-down) or closed first (precharge
power-down), and after another one refreshes itself. Semantics of power-down: DRAMSys 4.0.
"""

from __future__ import annotations

from simulators.dram.config import ControllerConfig
from simulators.dram.twin.policies import NO_POWER_DOWN, PRECHARGE_POWER_DOWN
from simulators.dram.twin.rank import Rank


def power_command(
    config: ControllerConfig, rank: Rank, now: int, *, is_waiting: bool, is_due: bool
) -> str | None:
    """The command that power management wants for the rank in this cycle.

    is_waiting: requests for the rank are listed, or next to be; is_due: a refresh is, or a forced RFM.
    """
    wants_self_refresh = (
        config.self_refresh_timeout > 0
        and not (is_waiting or is_due)
        and now >= rank.quiet_since + config.self_refresh_timeout
    )
    if rank.in_self_refresh:
        return "SRX" if is_waiting or config.self_refresh_timeout <= 0 else None
    if rank.powered_down:
        is_disturbed = is_waiting or is_due or wants_self_refresh
        return "PDX" if is_disturbed or config.power_down_policy == NO_POWER_DOWN else None
    if wants_self_refresh:
        return "PREA" if rank.open_banks else "SRE"
    if config.power_down_policy == NO_POWER_DOWN or is_waiting or is_due:
        return None
    if now < rank.idle_since + config.power_down_timeout:
        return None
    if rank.open_banks and config.power_down_policy == PRECHARGE_POWER_DOWN:
        return "PREA"
    return "PDE"
