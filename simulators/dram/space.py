"""Design spaces of the DRAM controller.

* `dramgym`: the 442,368 designs of the public DRAMGym benchmark (ten parameters, powers of two), of which
  166,464 are distinct. A design that never refreshes loses data and is infeasible.
* `dramgym-published`: the same without that constraint, as the benchmark was published.
* `dram`: ours. The same policies, plus a batching window, address mapping and power-down, so that latency and
  energy really conflict; without the buffers and limits so small that they only throttle.

Parameter names and values are those of DRAMSys; `simulators.dram.reference` states what each of them does.
"""

from __future__ import annotations

from collections.abc import Callable

from dse.errors import LookupFailed, did_you_mean
from dse.parameter import Parameter, Value
from dse.space import Constraint, DeadRule, DesignSpace
from simulators.dram import config
from simulators.dram.mapping import MAPPINGS

_RETENTION = Constraint(
    "retention_safe_refresh",
    {"refresh_policy": ("NoRefresh",)},
    "without refresh the cells lose their data within milliseconds",
)
_DEAD_RULES = (
    DeadRule(
        "max_active_transactions", {"arbiter": ("Simple",)}, "the simple arbiter has one handshake a source"
    ),
    DeadRule("refresh_max_postponed", {"refresh_policy": ("NoRefresh",)}, "nothing is refreshed"),
    DeadRule("refresh_max_pulledin", {"refresh_policy": ("NoRefresh",)}, "nothing is refreshed"),
)
_TIMEOUT_RULE = DeadRule(
    "power_down_timeout_cycles", {"power_down_policy": ("NoPowerDown",)}, "the clock enable stays high"
)
_TIMEOUTS = (0, 16, 64, 256, 1024)
_WINDOWS = (0, 16, 32, 64, 128, 256, 512, 1024)


def space(name: str) -> DesignSpace:
    """The preset of that name; `LookupFailed` lists what exists."""
    if name not in _PRESETS:
        raise LookupFailed(
            f"design space {name!r} does not exist: expected one of {', '.join(_PRESETS)}."
            f"{did_you_mean(name, _PRESETS)}"
        )
    return _PRESETS[name]()


def space_names() -> tuple[str, ...]:
    """The names of the presets."""
    return tuple(_PRESETS)


def _dramgym() -> DesignSpace:
    return DesignSpace("dramgym", _controller((1, 128), (1, 128), (1, 2, 4, 8)), (_RETENTION,), _DEAD_RULES)


def _dramgym_published() -> DesignSpace:
    return DesignSpace("dramgym-published", _controller((1, 128), (1, 128), (1, 2, 4, 8)), (), _DEAD_RULES)


def _dram() -> DesignSpace:
    parameters = (*_controller((4, 64), (8, 128), (0, 1, 2, 4, 8)), *_batching_placement_and_power())
    return DesignSpace("dram", parameters, (_RETENTION,), (*_DEAD_RULES, _TIMEOUT_RULE))


def _controller(
    buffer: tuple[int, int], transactions: tuple[int, int], refresh_limits: tuple[int, ...]
) -> tuple[Parameter, ...]:
    """The ten parameters of DRAMGym; `buffer` and `transactions` are the least and the most of each."""
    return (
        _choice("page_policy", config.PAGE_POLICIES, "Open", "page_policy", "when a row is closed"),
        _choice("scheduler", config.SCHEDULERS, "FrFcfs", "scheduler", "which request of a bank is next"),
        _choice(
            "scheduler_buffer", config.SCHEDULER_BUFFERS, "Bankwise", "scheduler",
            "how the request buffer is divided",
        ),
        Parameter.power_of_two(
            "request_buffer_size", *buffer, 8, "scheduler", unit="requests",
            description="places in each part of the request buffer",
        ),
        _choice("resp_queue", config.RESPONSE_QUEUES, "Fifo", "front_end", "order in which responses leave"),
        _choice("refresh_policy", config.REFRESH_POLICIES, "AllBank", "refresh", "how rows are refreshed"),
        _limit("refresh_max_postponed", refresh_limits, "refreshes that may be put off"),
        _limit("refresh_max_pulledin", refresh_limits, "refreshes that may be done in advance"),
        _choice("arbiter", config.ARBITERS, "Fifo", "front_end", "how sources enter and responses return"),
        Parameter.power_of_two(
            "max_active_transactions", *transactions, 128, "front_end", unit="requests",
            description="requests of one source in flight",
        ),
    )  # fmt: skip


def _batching_placement_and_power() -> tuple[Parameter, ...]:
    return (
        Parameter(
            "batching_window_cycles", _WINDOWS, 0, "scheduler", "integer", "cycles",
            "cycles for which requests gather at an idle rank before the first is served",
        ),
        _choice("address_mapping", MAPPINGS, MAPPINGS[0], "address_mapping", "which bits select the bank"),
        _choice(
            "power_down_policy", config.POWER_DOWN_POLICIES, "NoPowerDown", "power_down",
            "whether an idle rank powers down, and with its rows open or closed",
        ),
        Parameter(
            "power_down_timeout_cycles", _TIMEOUTS, 64, "power_down", "integer", "cycles",
            "idle cycles before power-down",
        ),
    )  # fmt: skip


def _choice(
    name: str, values: tuple[Value, ...], default: Value, subsystem: str, description: str
) -> Parameter:
    return Parameter.choice(name, values, default, subsystem, description=description)


def _limit(name: str, values: tuple[int, ...], description: str) -> Parameter:
    return Parameter(name, values, 1, "refresh", "integer", "intervals", description)


_PRESETS: dict[str, Callable[[], DesignSpace]] = {
    "dram": _dram,
    "dramgym": _dramgym,
    "dramgym-published": _dramgym_published,
}
