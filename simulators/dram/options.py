"""Options of the simulator beside its design space: what holds for every design of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from dse.errors import ConfigError, LookupFailed, SpaceError, did_you_mean, listed
from dse.parameter import Value
from dse.space import DesignSpace
from ext import dram_engine
from simulators.dram.memory.devices import Device
from simulators.dram.row_hammer import check_progress, protection
from simulators.dram.space import parameter_names, space
from simulators.dram.stream import BEYOND_CAPACITY

DEFAULTS: dict[str, Any] = {
    "page_policy": "Open",
    "scheduler": "FrFcfs",
    "scheduler_buffer": "Bankwise",
    "request_buffer_size": 8,
    "resp_queue": "Fifo",
    "refresh_policy": "AllBank",
    "refresh_max_postponed": 0,
    "refresh_max_pulledin": 0,
    "arbiter": "Fifo",
    "max_active_transactions": 128,
}
"""Policies of a design whose space leaves them out (the defaults of `ControllerConfig`, by name)."""


@dataclass(frozen=True, slots=True)
class Options:
    """See `DramSimulator`. Raises LookupFailed or ConfigError for what does not exist."""

    channels: int | None = None
    ranks: int | None = None
    temperature_c: float | None = None
    beyond_capacity: str = "refuse"
    mitigation: str = "None"
    row_hammer_threshold: int = 10_000
    controller: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.beyond_capacity not in BEYOND_CAPACITY:
            raise LookupFailed(
                f"beyond_capacity={self.beyond_capacity!r}: expected one of {listed(BEYOND_CAPACITY)}."
                f"{did_you_mean(self.beyond_capacity, BEYOND_CAPACITY)}",
                key="beyond_capacity",
            )
        known = tuple(dram_engine.POLICY_FIELDS)
        for name in self.controller:
            if name.removesuffix("_cycles") not in known:
                raise ConfigError(
                    f"controller option {name!r} does not exist: expected one of {listed(known, 40)}."
                    f"{did_you_mean(name, known)}",
                    key="controller",
                )

    def changed(self) -> dict[str, Any]:
        """Those that are not their default, JSON-able."""
        default = Options()
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(default, name)}

    def policies(self, design: Mapping[str, Value], memory: Device) -> dict[str, Value]:
        """The design, with what every design of this simulator has; the design's own values come first."""
        shared: dict[str, Value] = {"port_width": memory.data_buses}
        shared |= protection(self.mitigation, self.row_hammer_threshold, memory)
        found = {**shared, **self.controller, **design}
        check_progress(found)
        return found


def checked_space(
    chosen: str | DesignSpace, memory: Device, address_mapping: str, options: Options
) -> DesignSpace:
    """The space of that name for `memory`, or `chosen` itself; the simulator's options are its defaults.

    SpaceError for a parameter that the controller does not know or that an option fixes.
    """
    found = space(chosen, memory) if isinstance(chosen, str) else chosen
    for name in found.names:
        if name not in parameter_names():
            raise SpaceError(
                f"design space {found.name!r} has the parameter {name!r}, which the DRAM controller does not "
                f"know: expected some of {listed(sorted(parameter_names()), 40)}"
            )
        if name in options.controller:
            raise SpaceError(
                f"controller option {name!r} is a parameter of design space {found.name!r}: leave one of "
                "them out, or give the parameter one value in [space]",
                key="controller",
            )
    defaults = {
        "memory": memory.id,
        "address_mapping": address_mapping,
        "channels": options.channels,
        "ranks": options.ranks,
    }
    parameters = tuple(
        parameter
        if defaults.get(parameter.name) is None
        else _with_default(parameter, defaults[parameter.name])
        for parameter in found.parameters
    )
    if parameters == found.parameters:
        return found
    return DesignSpace(
        found.name, parameters, found.constraints, found.dead_rules, restricted=found.restricted
    )


def _with_default(parameter: Any, value: Any) -> Any:
    """`parameter` with that default; a mapping written as a text becomes one of its values."""
    values = parameter.values
    if parameter.name == "address_mapping" and value not in values:
        values = (*values, value)
    return replace(parameter, values=values, default=value)
