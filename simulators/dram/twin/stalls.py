"""Where the cycles of a channel go: each cycle without a command is put down to what held it up.

The question is asked of the state at the start of the cycle: nothing to do (`idle`), requests that gather
(`batching`), or else the constraint that the most urgent command still waits for; when every bank with
requests is held, what holds it. So the counters stall_* add up to the cycles of all channels.
"""

from __future__ import annotations

from simulators.dram.memory.constraints import CAUSES
from simulators.dram.twin.channel import Channel


def stall_of(channel: Channel) -> str:
    """What the cycle `channel.now` will be lost to if no command is issued in it; before phase A."""
    if channel.listed == 0:
        return "idle"
    if channel.is_gathering:
        return "batching"
    offers = [
        offer
        for offer in channel.bank_offers()
        if channel.banks[offer.bank].queue and not channel.is_held(channel.banks[offer.bank])
    ]
    if not offers:
        return _held_by(channel)
    urgent = min(offers, key=lambda offer: (max(offer.bound[0], channel.now), offer.order))
    cycle, cause = urgent.bound
    return CAUSES[cause] if cycle > channel.now and cause else "command_bus"


def _held_by(channel: Channel) -> str:
    bank = next((bank for bank in channel.banks if bank.queue and channel.is_held(bank)), None)
    if bank is None:
        return "batching"  # by the decision of a user's scheduler
    rank = channel.ranks[bank.rank]
    if rank.in_self_refresh:
        return "self_refresh"
    if rank.powered_down:
        return "power_down"
    return "refresh" if channel.refresh[bank.rank].blocks(bank, channel.now) else "row_hammer"
