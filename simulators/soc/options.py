"""Options of the simulator beside its design space: what holds for every design of it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, get_args

from dse.errors import ConfigError, LookupFailed, SpaceError, did_you_mean, listed
from dse.parameter import Parameter, Value
from dse.space import DesignSpace
from simulators.dram.memory.devices import Device, device, device_ids
from simulators.dram.space import space as dram_space
from simulators.soc.graphs.network import Network, network, network_names
from simulators.soc.pages import POLICIES
from simulators.soc.parameters import ACCELERATOR_PARAMETERS, DEFAULT_DEVICE, SOFTWARE_PARAMETERS, parameters
from simulators.soc.power.accelerator import MULTIPLY_ADD_PJ
from simulators.soc.power.technology import NODES_NM, Style
from simulators.soc.power.thermal import Package
from simulators.soc.space import space

ZERO_CELSIUS_K = 273.15
PACKAGES = {"server": 0.1, "phone": 8.0}
"""K/W from the package to the surroundings: a heat sink with a fan, the case of a phone
(`simulators.soc.power.thermal`)."""
PAGES_KIB = {4: 12, 2048: 21}
"""Bits of the offset in a page."""
L1_WAYS = ("within-page", "any")


@dataclass(frozen=True, slots=True)
class Options:
    """What every design of a simulator has. Raises LookupFailed or ConfigError for what cannot be.

    node_nm: of the silicon, 22 to 65. core_style: logic drawn for speed ("performance") or small
    ("embedded"). ambient_c: around the package; package: one of PACKAGES. page_kib: 4 or 2048;
    page_placement: one of `pages.POLICIES`, page_seed: of the scattered one. translation: whether look-ups
    and walks take time. l1_ways: "within-page", or "any" where the cache resolves aliases itself. device: the
    memory of spaces without `memory`, and its default; shipped, or "FILE#name" for spaces without.
    temperature_c: of the case of the memory. instructions: most that are run of each program; None: as many
    as the workload says. governor_us: an epoch of the governors (`simulators.soc.governor`). network: what
    runs on the accelerators, shipped or a TOML file; None: the chip has none. number_format: of its numbers.
    fixed: parameters of `soc`, or policies of the memory controller, that the space leaves out. memory: the
    device of that name; accelerated: the network of that name.
    """

    node_nm: float = 22
    core_style: str = "performance"
    ambient_c: float = 45.0
    package: str = "server"
    page_kib: int = 4
    page_placement: str = "first-touch"
    page_seed: int = 0
    translation: bool = True
    l1_ways: str = "within-page"
    device: str = DEFAULT_DEVICE
    temperature_c: float | None = None
    instructions: int | None = None
    governor_us: float = 100.0
    network: str | None = None
    number_format: str = "int8"
    fixed: Mapping[str, Value] = field(default_factory=dict)
    memory: Device = field(init=False, repr=False)
    accelerated: Network | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, choices in (
            ("core_style", get_args(Style)),
            ("package", tuple(PACKAGES)),
            ("page_kib", tuple(PAGES_KIB)),
            ("page_placement", POLICIES),
            ("l1_ways", L1_WAYS),
            ("number_format", tuple(MULTIPLY_ADD_PJ)),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise LookupFailed(
                    f"{name}={value!r}: expected one of {listed(choices)}.{did_you_mean(value, choices)}",
                    key=name,
                )
        for name, low, high in (
            ("node_nm", NODES_NM[0], NODES_NM[-1]),
            ("ambient_c", -55, 125),
            ("page_seed", 0, (1 << 62) - 1),
            ("governor_us", 1, 1e6),
        ):
            _check_number(name, getattr(self, name), low, high)
        if not isinstance(self.translation, bool):
            raise ConfigError(f"translation={self.translation!r}: expected true or false", key="translation")
        if self.instructions is not None:
            _check_number("instructions", self.instructions, 1, (1 << 62) - 1)
        # Once: files may be given for now only.
        object.__setattr__(self, "memory", device(self.device))
        object.__setattr__(self, "accelerated", None if self.network is None else network(self.network))
        for name, value in self.fixed.items():
            parameter = _fixable(name)
            if name != "address_mapping" or ":" not in str(value):
                parameter.index(value)

    @property
    def page_bits(self) -> int:
        return PAGES_KIB[self.page_kib]

    @property
    def largest_way_bytes(self) -> int | None:
        """That an L1 cache may have; None: any."""
        return self.page_kib << 10 if self.l1_ways == "within-page" else None

    @property
    def epoch_fs(self) -> int:
        """Of a governor."""
        return round(self.governor_us * 1e9)

    @property
    def thermal(self) -> Package:
        """What the chip is mounted in."""
        return Package(sink_k_per_w=PACKAGES[self.package], ambient_k=self.ambient_c + ZERO_CELSIUS_K)

    def changed(self) -> dict[str, Any]:
        """Those that are not their default, JSON-able."""
        default = Options()
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.init}
        return {
            name: dict(value) if name == "fixed" else value
            for name, value in values.items()
            if value != getattr(default, name)
        }


def checked_space(chosen: str | DesignSpace, options: Options) -> DesignSpace:
    """The preset of that name for the options, or `chosen` itself.

    SpaceError for a parameter that an SoC does not have, or that `fixed` fixes.
    """
    found = chosen
    if isinstance(found, str):
        found = space(found, options.device, options.largest_way_bytes, options.fixed)
    if "memory" in found.names and options.device not in device_ids():
        raise SpaceError(
            f"device={options.device!r}: design space {found.name!r} chooses among shipped memories; take "
            "a space without `memory` for one of your own",
            key="device",
        )
    known = parameters()
    for name in found.names:
        if name not in known:
            raise SpaceError(
                f"design space {found.name!r} has the parameter {name!r}, which the SoC does not know: "
                f"expected some of {listed(known, 80)}.{did_you_mean(name, known)}"
            )
        if name in options.fixed:
            raise SpaceError(
                f"{name!r} is a parameter of design space {found.name!r}, and fixed: leave one of them out, "
                "or give the parameter one value in [space]",
                key="fixed",
            )
    _check_network({*found.names, *options.fixed}, options)
    return found


def _check_network(named: Set[str], options: Options) -> None:
    """ConfigError where accelerators have nothing to run, or a network nothing to run on."""
    has_accelerators = not named.isdisjoint(ACCELERATOR_PARAMETERS)
    if has_accelerators and options.network is None:
        raise ConfigError(
            "the chip has accelerators, and nothing for them to run: expected network = one of "
            f"{listed(network_names())}, or a TOML file",
            key="network",
        )
    for name in ("network", "number_format"):
        if not has_accelerators and name in options.changed():
            raise ConfigError(
                f"{name}={getattr(options, name)!r}: the chip has no accelerators; take the space "
                "'soc-accelerator', or fix `accelerators` where the space leaves it out",
                key=name,
            )


@cache
def _policies() -> Mapping[str, Parameter]:
    """Policies of the memory controller that are no parameter of `soc`."""
    full = dram_space("dram-full")
    return {name: full.parameter(name) for name in full.names if name not in parameters()}


def _fixable(name: str) -> Parameter:
    known = {**parameters(), **_policies()}
    found = None if name in SOFTWARE_PARAMETERS else known.get(name)
    if found is None:
        hint = did_you_mean(name, known) or f" Expected some of {listed(known, len(known))}."
        raise ConfigError(
            f"{name!r} is no parameter of an SoC's chip, nor a policy of its memory controller.{hint}",
            key="fixed",
        )
    return found


def _check_number(name: str, value: object, low: float, high: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and low <= value <= high):  # type: ignore[operator]
        raise ConfigError(f"{name}={value!r}: expected {low} to {high}", key=name)
