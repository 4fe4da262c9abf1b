"""Design spaces of the DRAM controller.

* `dramgym`: the 442,368 designs of the public DRAMGym benchmark (ten parameters, powers of two), of which
  166,464 are distinct. A design that never refreshes loses data and is infeasible.
* `dramgym-published`: the same without that constraint, as the benchmark was published.
* `dram`: ours, for one memory. More policies of each kind, a batching window, write drain, address mapping,
  power-down and self-refresh, so that latency and energy really conflict; without the buffers and limits so
  small that they only throttle, and with few values of each timer, so that a policy with a timer does not
  crowd out one without. The refresh policies and limits are those of the memory.
* `dram-full`: everything that the controller can do: all values, strict order, fairness between sources,
  matching of buffered writes, and the choices in which the peers differ.
* `dram-system`: which memory at all? Device, channels and ranks are parameters beside the policies that every
  standard knows; what a memory cannot do is a constraint or has no effect.

Parameter names and values are those of DRAMSys where it has them; `simulators.dram.reference` states what
each of them does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from dse.errors import LookupFailed, did_you_mean
from dse.parameter import Parameter, Value
from dse.rules import Condition
from dse.space import Constraint, DeadRule, DesignSpace
from simulators.dram import config
from simulators.dram.memory.devices import Device, device, device_ids
from simulators.dram.memory.mapping import MAPPINGS

_GYM_PAGE_POLICIES = ("Open", "OpenAdaptive", "Closed", "ClosedAdaptive")
_GYM_SCHEDULERS = ("Fifo", "FrFcfsGrp", "FrFcfs")
_GYM_BUFFERS = ("Bankwise", "ReadWrite", "Shared")
_GYM_REFRESH = ("NoRefresh", "AllBank")
_SCHEDULERS = ("Fifo", "FrFcfsGrp", "FrFcfs", "FrFcfsCap", "GrpFrFcfs", "GrpFrFcfsWm")
_SYSTEM_SCHEDULERS = ("FrFcfs", "FrFcfsGrp", "FrFcfsCap", "GrpFrFcfs", "GrpFrFcfsWm")
_SYSTEM_PAGE_POLICIES = ("Open", "OpenAdaptive", "Closed", "ClosedAdaptive", "Timeout")

_PAGE_TIMEOUTS = (16, 32, 64, 128, 256, 512)
_ROW_HIT_CAPS = (1, 2, 4, 8, 16, 32)
_WATERMARKS = {"write_high_watermark": (8, 16, 24, 32, 48), "write_low_watermark": (0, 4, 8)}
_POWER_DOWN_TIMEOUTS = (0, 16, 64, 256, 1024)
_SELF_REFRESH_TIMEOUTS = (0, 1024, 4096, 16_384, 65_536)
_WINDOWS = (0, 16, 32, 64, 128, 256, 512, 1024)
_REFRESH_LIMITS = (0, 1, 2, 4, 8)
_RANKS = (1, 2, 4)
_OF_PEERS = ("-dramsim3", "-ramulator")  # the same memories with the roundings of other simulators
_MOST_BANKS_OF_A_CHANNEL = 64
_DEFAULT_MEMORY = "ddr4-2400-8gb-x8"

_RETENTION = Constraint(
    "retention_safe_refresh",
    {"refresh_policy": ("NoRefresh",)},
    "without refresh the cells lose their data within milliseconds",
)


def space(name: str, memory: Device | None = None) -> DesignSpace:
    """The preset of that name; `LookupFailed` lists what exists.

    memory: the device for which `dram` and `dram-full` list refresh policies and limits; without one, what
    every standard knows. The other presets do not depend on it.
    """
    if name not in _PRESETS:
        raise LookupFailed(
            f"design space {name!r} does not exist: expected one of {', '.join(_PRESETS)}."
            f"{did_you_mean(name, _PRESETS)}"
        )
    return _PRESETS[name](memory)


def space_names() -> tuple[str, ...]:
    """The names of the presets."""
    return tuple(_PRESETS)


def parameter_names() -> frozenset[str]:
    """Every parameter that some preset has; the controller and the memory know what to do with each."""
    return frozenset(name for preset in _PRESETS for name in space(preset).names)


def _dramgym(memory: Device | None) -> DesignSpace:
    del memory
    return DesignSpace("dramgym", _gym(), (_RETENTION,), _GYM_RULES)


def _dramgym_published(memory: Device | None) -> DesignSpace:
    del memory
    return DesignSpace("dramgym-published", _gym(), (), _GYM_RULES)


def _dram(memory: Device | None) -> DesignSpace:
    rules = (*_GYM_RULES, *_policy_rules(config.PAGE_POLICIES, _SCHEDULERS, ("write_high_watermark",)))
    few = (*_power((0, 4096)), *_counters((64, 256), (4, 16), {"write_high_watermark": (12, 24)}))
    return DesignSpace("dram", (*_own(memory, _SCHEDULERS), *few), tuple(_safe(memory)), rules)


def _dram_full(memory: Device | None) -> DesignSpace:
    all_values = (*_power(_SELF_REFRESH_TIMEOUTS), *_counters(_PAGE_TIMEOUTS, _ROW_HIT_CAPS, _WATERMARKS))
    parameters = (*_own(memory, config.SCHEDULERS), *all_values, *_fairness(), *_matching_and_peers())
    rules = (*_GYM_RULES, *_policy_rules(config.PAGE_POLICIES, config.SCHEDULERS))
    return DesignSpace("dram-full", parameters, tuple(_safe(memory)), rules)


def _dram_system(memory: Device | None) -> DesignSpace:
    default = _DEFAULT_MEMORY if memory is None else memory.id
    names = [name for name in device_ids() if not name.endswith(_OF_PEERS) or name == default]
    memories = [device(name) for name in names]
    refresh = tuple(dict.fromkeys(policy for one in memories for policy in one.refresh))
    parameters = (
        *_memory(tuple(names), default),
        _mapping(),
        _choice("page_policy", _SYSTEM_PAGE_POLICIES, "Open", "page_policy", _WHEN_CLOSED),
        _choice("scheduler", _SYSTEM_SCHEDULERS, "FrFcfs", "scheduler", _WHICH_NEXT),
        _choice("scheduler_buffer", _GYM_BUFFERS, "Bankwise", "scheduler", _HOW_DIVIDED),
        _buffer_size(4, 64),
        *_counters(_PAGE_TIMEOUTS, _ROW_HIT_CAPS, _WATERMARKS),
        _choice("refresh_policy", refresh, "AllBank", "refresh", _HOW_REFRESHED),
        *_limits(_REFRESH_LIMITS),
        _transactions(32, 1024, 256),
        *_power(_SELF_REFRESH_TIMEOUTS),
    )
    rules = (*_policy_rules(_SYSTEM_PAGE_POLICIES, _SYSTEM_SCHEDULERS), *_dead_ranks(memories))
    return DesignSpace("dram-system", parameters, tuple(_impossible(memories, refresh)), rules)


def _gym() -> tuple[Parameter, ...]:
    """The ten parameters of DRAMGym."""
    return tuple(
        _controller(
            _GYM_PAGE_POLICIES, _GYM_SCHEDULERS, _GYM_BUFFERS, _GYM_REFRESH, (1, 128), (1, 128), (1, 2, 4, 8)
        )
    )


def _own(memory: Device | None, schedulers: tuple[str, ...]) -> Iterator[Parameter]:
    """Parameters that `dram` and `dram-full` share, with those schedulers."""
    refresh = ("AllBank",) if memory is None else memory.refresh
    limits = tuple(limit for limit in _REFRESH_LIMITS if limit <= _most_postponed(memory))
    yield from _controller(
        config.PAGE_POLICIES, schedulers, config.SCHEDULER_BUFFERS, ("NoRefresh", *refresh), (4, 64),
        (8, 128), limits,
    )  # fmt: skip
    yield Parameter(
        "batching_window_cycles", _WINDOWS, 0, "scheduler", "integer", "cycles",
        "cycles for which requests gather at an idle rank before the first is served",
    )  # fmt: skip
    yield _mapping()


def _most_postponed(memory: Device | None) -> int:
    return _REFRESH_LIMITS[-1] if memory is None else memory.most_postponed


def _safe(memory: Device | None) -> Iterator[Constraint]:
    """What keeps the data: refresh at all, and often enough."""
    yield _RETENTION
    yield from _refresh_intervals(_most_postponed(memory))


def _refresh_intervals(most: int, memories: tuple[str, ...] = (), name: str = "") -> Iterator[Constraint]:
    """Refreshes put off after others were pulled in leave `most` + 1 intervals without one, at most."""
    limits = [limit for limit in _REFRESH_LIMITS if limit <= most]
    too_many = {put_off: tuple(n for n in limits if put_off + n > most) for put_off in limits}
    for number, pulled_in in enumerate(dict.fromkeys(n for n in too_many.values() if n), start=1):
        forbids: dict[str, tuple[Value, ...]] = {
            "refresh_max_postponed": tuple(put_off for put_off, n in too_many.items() if n == pulled_in),
            "refresh_max_pulledin": pulled_in,
        }
        if memories:
            forbids["memory"] = memories
        why = f"at most {most + 1} intervals lie between two refreshes (JESD79, refresh command)"
        yield Constraint(f"jedec_refresh_interval{name}_{number}", forbids, why)


def _controller(
    page_policies: tuple[str, ...],
    schedulers: tuple[str, ...],
    buffers: tuple[str, ...],
    refresh: tuple[str, ...],
    size: tuple[int, int],
    transactions: tuple[int, int],
    refresh_limits: tuple[int, ...],
) -> Iterator[Parameter]:
    """The ten parameters that DRAMGym has; size, transactions: the least and the most of each."""
    yield _choice("page_policy", page_policies, "Open", "page_policy", _WHEN_CLOSED)
    yield _choice("scheduler", schedulers, "FrFcfs", "scheduler", _WHICH_NEXT)
    yield _choice("scheduler_buffer", buffers, "Bankwise", "scheduler", _HOW_DIVIDED)
    yield _buffer_size(*size)
    yield _choice("resp_queue", config.RESPONSE_QUEUES, "Fifo", "front_end", "order in which responses leave")
    yield _choice("refresh_policy", refresh, "AllBank", "refresh", _HOW_REFRESHED)
    yield from _limits(refresh_limits)
    yield _choice("arbiter", config.ARBITERS, "Fifo", "front_end", "how sources enter and responses return")
    yield _transactions(*transactions, 128)


_WHEN_CLOSED = "when a row is closed"
_WHICH_NEXT = "which request of a bank is next"
_HOW_DIVIDED = "how the request buffer is divided"
_HOW_REFRESHED = "how rows are refreshed"


def _memory(names: tuple[str, ...], default: str) -> Iterator[Parameter]:
    yield _choice("memory", names, default, "memory", "device: standard, speed bin, width and organisation")
    yield Parameter.power_of_two("channels", 1, 16, 1, "memory", description="channels, each with its bus")
    yield Parameter("ranks", _RANKS, 1, "memory", "power_of_two", "", "ranks that share a channel")


def _mapping() -> Parameter:
    return _choice("address_mapping", MAPPINGS, MAPPINGS[0], "address_mapping", "which bits select the bank")


def _buffer_size(least: int, most: int) -> Parameter:
    return Parameter.power_of_two(
        "request_buffer_size", least, most, 8, "scheduler", unit="requests",
        description="places in each part of the request buffer",
    )  # fmt: skip


def _transactions(least: int, most: int, default: int) -> Parameter:
    return Parameter.power_of_two(
        "max_active_transactions", least, most, default, "front_end", unit="requests",
        description="requests of one source in flight",
    )  # fmt: skip


def _limits(values: tuple[int, ...]) -> Iterator[Parameter]:
    for name, text in (
        ("refresh_max_postponed", "refreshes that may be put off"),
        ("refresh_max_pulledin", "refreshes that may be done in advance"),
    ):
        yield Parameter(name, values, 1, "refresh", "integer", "intervals", text)


def _counters(
    page_timeouts: tuple[int, ...], row_hit_caps: tuple[int, ...], watermarks: Mapping[str, tuple[int, ...]]
) -> Iterator[Parameter]:
    """What the policies that count and time are set to."""
    yield _cycles(
        "page_timeout_cycles", page_timeouts, 64, "page_policy", "quiet cycles before a row is closed"
    )
    yield Parameter(
        "row_hit_cap", row_hit_caps, 4, "page_policy", "power_of_two", "accesses", "accesses a row may have"
    )
    for name, default, text in (
        ("write_high_watermark", 24, "more buffered writes than this are drained"),
        ("write_low_watermark", 8, "until so many are left"),
    ):
        if name in watermarks:
            yield Parameter(name, watermarks[name], default, "scheduler", "integer", "requests", text)


def _power(self_refresh_timeouts: tuple[int, ...]) -> Iterator[Parameter]:
    yield _choice(
        "power_down_policy", config.POWER_DOWN_POLICIES, "NoPowerDown", "power_down",
        "whether an idle rank powers down, and with its rows open or closed",
    )  # fmt: skip
    yield _cycles(
        "power_down_timeout_cycles", _POWER_DOWN_TIMEOUTS, 64, "power_down", "idle cycles before power-down"
    )
    yield _cycles(
        "self_refresh_timeout_cycles", self_refresh_timeouts, 0, "power_down",
        "quiet cycles before self-refresh (0: never)",
    )  # fmt: skip


def _fairness() -> Iterator[Parameter]:
    """Several sources: when one is put behind the others, and for how long."""
    yield Parameter(
        "bliss_streak", (2, 4, 8, 16), 4, "scheduler", "power_of_two", "requests",
        "requests in a row after which a source waits behind the others",
    )  # fmt: skip
    yield _cycles(
        "bliss_clear_cycles", (1000, 3000, 10_000, 30_000), 10_000, "scheduler",
        "cycles after which all sources are equal again",
    )  # fmt: skip


def _matching_and_peers() -> Iterator[Parameter]:
    """Buffered writes that answer and absorb requests; choices in which the simulators differ."""
    for name, values, subsystem, text in (
        ("write_forwarding", config.SWITCHES, "write_buffer", "buffered writes answer reads"),
        ("write_coalescing", config.SWITCHES, "write_buffer", "buffered writes absorb writes"),
        ("first_ready", config.SWITCHES, "scheduler", "a row may be closed while its hit is not ready"),
        ("command_mux", config.COMMAND_MUXES, "scheduler", "which of the banks' commands goes first"),
        ("slot_release", config.SLOT_RELEASES, "scheduler", "when a request leaves its place in the buffer"),
    ):
        yield _choice(name, values, values[0], subsystem, text)


_GYM_RULES = (
    DeadRule(
        "max_active_transactions", {"arbiter": ("Simple",)}, "the simple arbiter has one handshake a source"
    ),
    DeadRule("refresh_max_postponed", {"refresh_policy": ("NoRefresh",)}, "nothing is refreshed"),
    DeadRule("refresh_max_pulledin", {"refresh_policy": ("NoRefresh",)}, "nothing is refreshed"),
)


def _policy_rules(
    page_policies: tuple[str, ...], schedulers: tuple[str, ...], watermarks: Iterable[str] = _WATERMARKS
) -> Iterator[DeadRule]:
    """Timers, caps and watermarks of policies that the design does not have."""
    yield DeadRule(
        "power_down_timeout_cycles", {"power_down_policy": ("NoPowerDown",)}, "the clock enable stays high"
    )
    other_pages = tuple(name for name in page_policies if name != "Timeout")
    yield DeadRule("page_timeout_cycles", {"page_policy": other_pages}, "no row is closed by a timer")
    uncapped = {
        "page_policy": tuple(name for name in page_policies if name != "ClosedCap"),
        "scheduler": tuple(name for name in schedulers if name != "FrFcfsCap"),
    }
    yield DeadRule("row_hit_cap", uncapped, "accesses to a row are not counted")
    undrained: Condition = {"scheduler": tuple(name for name in schedulers if name != "GrpFrFcfsWm")}
    for watermark in watermarks:
        yield DeadRule(watermark, undrained, "writes are not drained by watermarks")
    if "Bliss" in schedulers:
        others = {"scheduler": tuple(name for name in schedulers if name != "Bliss")}
        for counter in ("bliss_streak", "bliss_clear_cycles"):
            yield DeadRule(counter, others, "sources are not counted")


def _dead_ranks(memories: Iterable[Device]) -> Iterator[DeadRule]:
    paired = tuple(one.id for one in memories if one.pseudo_channels)
    if paired:
        yield DeadRule("ranks", {"memory": paired}, "its ranks are its pseudo channels: it has all of them")


def _impossible(memories: Iterable[Device], refresh: Iterable[str]) -> Iterator[Constraint]:
    """What one of the memories cannot do or be."""
    memories = list(memories)
    for policy in refresh:
        without = tuple(one.id for one in memories if policy not in one.refresh)
        if without:
            forbids: Condition = {"refresh_policy": (policy,), "memory": without}
            yield Constraint(f"{policy}_refresh_exists", forbids, "this memory has no such refresh command")
    for limit in ("refresh_max_postponed", "refresh_max_pulledin"):
        for most in _REFRESH_LIMITS:
            without = tuple(one.id for one in memories if one.most_postponed < most)
            if without:
                forbids = {limit: (most,), "memory": without}
                yield Constraint(f"{limit}_of_{most}_allowed", forbids, "this memory allows fewer")
    for most in sorted({one.most_postponed for one in memories}):
        with_it = tuple(one.id for one in memories if one.most_postponed == most)
        yield from _refresh_intervals(most, with_it, f"_of_{most}")
    for ranks in _RANKS:
        without = tuple(one.id for one in memories if not _fits(one, ranks))
        if without:
            forbids = {"ranks": (ranks,), "memory": without}
            yield Constraint(f"ranks_of_{ranks}_fit", forbids, "so many ranks do not fit on its channel")


def _fits(memory: Device, ranks: int) -> bool:
    most_banks = ranks * memory.banks <= _MOST_BANKS_OF_A_CHANNEL
    return memory.pseudo_channels or (ranks <= memory.most_ranks and most_banks)


def _choice(
    name: str, values: tuple[Value, ...], default: Value, subsystem: str, description: str
) -> Parameter:
    return Parameter.choice(name, values, default, subsystem, description=description)


def _cycles(name: str, values: tuple[int, ...], default: int, subsystem: str, description: str) -> Parameter:
    return Parameter(name, values, default, subsystem, "integer", "cycles", description)


_PRESETS: dict[str, Callable[[Device | None], DesignSpace]] = {
    "dram": _dram,
    "dram-full": _dram_full,
    "dram-system": _dram_system,
    "dramgym": _dramgym,
    "dramgym-published": _dramgym_published,
}
