"""Design spaces of an SoC.

* `soc`: everything that the simulator can be built with, by subsystem: core, L1, L2, last-level cache,
  interconnect, memory and its controller, operating points, number of cores.
* `soc-small`: the twenty parameters with which to begin, of one core a program.
* `soc-software`: the same, and how the program was compiled: the versions of the matrix product that ship.
* `soc-accelerator`: those of `soc-small`, and systolic arrays for the network that an option names.

What a preset leaves out has the default of `soc`, follows from the other parameters (`parameters.DERIVED`),
or is fixed by the simulator's option of that name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from dse.errors import LookupFailed, SpaceError, did_you_mean
from dse.parameter import Parameter, Value
from dse.rules import Condition
from dse.space import Constraint, DeadRule, DesignSpace
from simulators.soc.parameters import (
    ACCELERATOR_PARAMETERS,
    DEFAULT_DEVICE,
    DERIVED,
    SOFTWARE_PARAMETERS,
    constraints,
    dead_rules,
    parameters,
)

Values = Mapping[str, tuple[Value, ...]]

_SMALL: Values = {
    "width": (2, 4, 6, 8),
    "rob": (64, 128, 256, 512),
    "branch_predictor": ("bimodal", "gshare", "perceptron", "tage"),
    "l1d_kib": (),
    "l1d_prefetcher": (),
    "l2_kib": (256, 512, 1024, 2048),
    "l2_mshrs": (),
    "l2_prefetcher": (),
    "l2_prefetch_degree": (),
    "llc_mib": (0, 1, 2, 4, 8, 16),
    "llc_replacement": ("lru", "srrip", "drrip", "ship"),
    "llc_banks": (1, 2, 4, 8),
    "llc_inclusion": (),
    "noc_topology": (),
    "noc_width_bits": (),
    "channels": (1, 2, 4),
    "address_mapping": (),
    "scheduler": ("FrFcfs", "FrFcfsGrp", "GrpFrFcfs"),
    "page_policy": ("Open", "OpenAdaptive", "Closed", "ClosedAdaptive"),
    "core_point": (),
}
"""By name, the values of a parameter; none: all that it has."""
_SOFTWARE: Values = dict.fromkeys(SOFTWARE_PARAMETERS, ())
_ACCELERATOR: Values = dict.fromkeys(ACCELERATOR_PARAMETERS, ())


def space(
    name: str,
    device_id: str = DEFAULT_DEVICE,
    page_bytes: int | None = 4096,
    fixed: Mapping[str, Value] | None = None,
) -> DesignSpace:
    """The preset of that name; LookupFailed lists what exists.

    device_id: default of `memory`. page_bytes: that a way of an L1 cache must fit into; None: it need not.
    fixed: values of every design that the preset leaves out; SpaceError where they break a constraint.
    """
    if name not in _presets():
        raise LookupFailed(
            f"design space {name!r} does not exist: expected one of {', '.join(_presets())}."
            f"{did_you_mean(name, _presets())}"
        )
    chosen = tuple(_chosen(_presets()[name], device_id))
    kept = _Kept(chosen, {**_left_out(chosen, device_id), **(fixed or {})})
    return DesignSpace(
        name,
        chosen,
        tuple(kept.constraints(constraints(page_bytes))),
        tuple(kept.dead_rules(dead_rules())),
    )


def space_names() -> tuple[str, ...]:
    """The names of the presets."""
    return tuple(_presets())


@cache
def _presets() -> Mapping[str, Values]:
    whole: Values = {name: () for name in parameters() if name not in {**_SOFTWARE, **_ACCELERATOR}}
    return {
        "soc": whole,
        "soc-small": _SMALL,
        "soc-software": {**_SMALL, **_SOFTWARE},
        "soc-accelerator": {**_SMALL, **_ACCELERATOR},
    }


def _chosen(values: Values, device_id: str) -> Iterator[Parameter]:
    known = parameters(device_id)
    for name, wanted in values.items():
        parameter = known[name]
        default = parameter.default
        if wanted and default not in wanted:
            default = min(wanted, key=lambda value: abs(parameter.index(value) - parameter.index(default)))
        yield replace(parameter, values=wanted or parameter.values, default=default)


def _left_out(chosen: Iterable[Parameter], device_id: str) -> dict[str, Value]:
    """Defaults of what is neither chosen nor follows from others."""
    there = {parameter.name for parameter in chosen}.union(DERIVED)
    return {name: one.default for name, one in parameters(device_id).items() if name not in there}


class _Kept:
    """The rules that say something about a choice of parameters, all others having the values `given`."""

    def __init__(self, chosen: Iterable[Parameter], given: Mapping[str, Value]) -> None:
        self._chosen = {parameter.name: parameter for parameter in chosen}
        self._given = {name: value for name, value in given.items() if name not in self._chosen}

    def constraints(self, rules: Iterable[Constraint]) -> Iterator[Constraint]:
        for rule in rules:
            left = self._narrowed(rule.forbids)
            if left == {}:
                said = {name: self._given[name] for name in rule.forbids}
                raise SpaceError(
                    f"{said}: {rule.why} (constraint {rule.name}); fix other values", key="fixed"
                )
            if left is not None:
                yield replace(rule, forbids=left)

    def dead_rules(self, rules: Iterable[DeadRule]) -> Iterator[DeadRule]:
        for rule in rules:
            left = self._narrowed(rule.when) if rule.parameter in self._chosen else None
            if left == {}:
                raise SpaceError(f"{rule.parameter} has no effect: {rule.why}; fix other values", key="fixed")
            if left is not None:
                yield replace(rule, when=left)

    def _narrowed(self, condition: Condition) -> dict[str, tuple[Value, ...]] | None:
        """The condition on the parameters of the choice, with values that they have; None: it never holds.

        What follows from the others keeps to the rules by itself.
        """
        left: dict[str, tuple[Value, ...]] = {}
        for name, values in condition.items():
            if name in self._chosen:
                left[name] = tuple(value for value in values if value in self._chosen[name].values)
                if not left[name]:
                    return None
            elif name not in self._given or self._given[name] not in values:
                return None
        return left
