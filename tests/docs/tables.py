"""Tables of the guide that are made from the code. `python -m tests.docs.tables` writes them anew."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import fields

from dse.metrics import MetricSchema
from dse.parameter import Value
from dse.registry import names, resolve
from simulators.dram.memory.constraints import COMMANDS
from simulators.dram.memory.devices import Device, device, device_ids
from simulators.dram.schema import STALLS, dram_schema
from simulators.dram.session import STALL_OWNERS
from simulators.soc.parameters import constraints, dead_rules, parameters
from simulators.soc.schema import soc_schema
from simulators.soc.space import space, space_names
from tests.docs.pages import ROOT

Row = tuple[str, ...]
COMBINES = {"sum": "sum", "mean": "weighted mean", "max": "worst", "min": "least"}


def metric_rows(group: str, schema: MetricSchema) -> Iterator[Row]:
    """One row a metric of the group: name, unit, better, over workloads, what it is."""
    for spec in schema:
        over = f"{spec.numerator} / {spec.denominator}" if spec.combine == "ratio" else COMBINES[spec.combine]
        better = {"min": "less", "max": "more", "none": ""}[spec.direction]
        if spec.group == group:
            yield (f"`{spec.name}`", spec.unit, better, over, spec.description)


def metric_tables(page: str, schema: MetricSchema) -> dict[tuple[str, str], list[Row]]:
    """The table of each group."""
    groups = dict.fromkeys(spec.group for spec in schema)
    return {(page, group): list(metric_rows(group, schema)) for group in groups}


def option_rows(searcher: str) -> Iterator[Row]:
    """One row an option of the searcher: name, default, meaning."""
    options = sys.modules[resolve("searcher", searcher).__module__].Options
    for item in fields(options):
        yield (f"`{item.name}`", f"{item.default}", item.metadata["meaning"])


def device_rows() -> Iterator[Row]:
    """One row a device: id, what it is, GB/s over all its channels, how it is refreshed, what stands in."""
    for one in map(device, device_ids()):
        refresh = ", ".join(one.refresh)
        yield (
            f"`{one.id}`", one.description, f"{one.peak_bandwidth_gbps:.1f}", refresh,
            ", ".join(_stand_ins(one)),
        )  # fmt: skip


_STAND_IN = "stand-in: "


def _stand_ins(one: Device) -> Iterator[str]:
    """What its file says is no number of its own: the parts of its source that begin so."""
    parts = one.source.split("; ")
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        if part.startswith(_STAND_IN):
            text = part.removeprefix(_STAND_IN)
            text = following if text == "no list is public" else text
            yield f"currents: {text}" if one.currents_ma.source.startswith(part) else text


def standard_rows() -> Iterator[Row]:
    """One row a standard: name, source, devices, refresh policies, refreshes put off, commands of several
    clocks, command buses."""
    devices = [device(name) for name in device_ids()]
    for name in dict.fromkeys(one.standard for one in devices):
        those = [one for one in devices if one.standard == name]
        one = next(one for one in those if "-dramsim3" not in one.id)
        long = [
            f"{command} {clocks}"
            for command, clocks in zip(COMMANDS, one.lengths, strict=True)
            if clocks > 1 and command in one.commands and command != "VRR"
        ]
        source = one.source.partition(";")[0]
        yield (
            name, source, f"{len(those)}", ", ".join(one.refresh), f"{one.most_postponed}",
            ", ".join(long) or "none", f"{one.command_buses}",
        )  # fmt: skip


def stall_rows() -> Iterator[Row]:
    """One row a cause: name, what it means, which subsystem learns from it."""
    texts = {spec.name: spec.description for spec in dram_schema()}
    owners = {cause: owner for owner, causes in STALL_OWNERS.items() for cause in causes}
    for cause in STALLS:
        yield (f"`{cause}`", texts[f"stall_{cause}_fraction"], f"`{owners[cause]}`")


def soc_preset_rows() -> Iterator[Row]:
    """One row a preset of the SoC: name, parameters, designs that differ and can be built."""
    for name in space_names():
        found = space(name)
        mantissa, _, exponent = f"{found.feasible_size:.1e}".partition("e+")
        yield (f"`{name}`", f"{len(found)}", f"{mantissa} x 10^{int(exponent)}")


def soc_parameter_rows(subsystem: str) -> Iterator[Row]:
    """One row a parameter: name, values, unit, default, whether `soc-small` has it, what it decides."""
    for one in parameters().values():
        if one.subsystem == subsystem:
            values = "the devices" if one.name == "memory" else ", ".join(map(str, one.values))
            presets = ("soc-software", "soc-accelerator")
            small = "yes" if any(one.name in space(preset).names for preset in presets) else ""
            yield (f"`{one.name}`", values, one.unit, f"{one.default}", small, one.description)


def soc_mask_rows() -> Iterator[Row]:
    """One row a reason: the parameters, and why a design is masked."""
    by_reason: dict[str, dict[str, None]] = {}
    for rule in constraints():
        by_reason.setdefault(rule.why, {}).update(dict.fromkeys(rule.forbids))
    for why, named in by_reason.items():
        yield (", ".join(f"`{name}`" for name in named), why)


def soc_dead_rows() -> Iterator[Row]:
    """One row a condition: the parameters, when they have no effect, and why."""
    by_condition: dict[tuple[str, str], list[str]] = {}
    for rule in dead_rules():
        when = " and ".join(_condition(name, values) for name, values in rule.when.items())
        by_condition.setdefault((when, rule.why), []).append(rule.parameter)
    for (when, why), named in by_condition.items():
        yield (", ".join(f"`{name}`" for name in named), when, why)


def _condition(name: str, values: tuple[Value, ...]) -> str:
    """As one would say it: the shorter of what a parameter is and what it is not."""
    others = [value for value in parameters()[name].values if value not in values]
    if len(others) < len(values):
        return f"`{name}` is not {' or '.join(map(str, others))}"
    return f"`{name}` is {' or '.join(map(str, values))}"


def tables() -> dict[tuple[str, str], list[Row]]:
    """Rows by page and heading."""
    found = metric_tables("metrics.md", dram_schema()) | metric_tables("soc.md", soc_schema())
    found |= {("searchers.md", searcher): list(option_rows(searcher)) for searcher in names("searcher")}
    found |= {
        ("dram-model.md", "Standards"): list(standard_rows()),
        ("dram-model.md", "Devices"): list(device_rows()),
        ("dram-model.md", "Stall attribution"): list(stall_rows()),
        ("soc-space.md", "Presets"): list(soc_preset_rows()),
        ("soc-space.md", "What is masked"): list(soc_mask_rows()),
        ("soc-space.md", "What has no effect"): list(soc_dead_rows()),
    }
    for subsystem in dict.fromkeys(one.subsystem for one in parameters().values()):
        found["soc-space.md", subsystem] = list(soc_parameter_rows(subsystem))
    return {place: rows for place, rows in found.items() if rows}


def rendered(rows: list[Row]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def with_table(text: str, heading: str, rows: list[Row]) -> str:
    """The page with the rows of the first table under `heading` replaced."""
    begin = rf"(^## {re.escape(heading)}\b.*?\n\|-[-|]*\n)"
    place = re.compile(begin + r"((?:\|[^\n]*\n)*)", re.MULTILINE | re.DOTALL | re.IGNORECASE)
    return place.sub(lambda match: match[1] + rendered(rows), text, count=1)


def feature_table() -> dict[tuple[str, str], list[Row]]:
    """The table that runs a simulation or two for each row; `tests.timing.test_every_feature` checks it."""
    from tests.timing.feature_table import FEATURES
    from tests.timing.features import row_of

    return {("validation.md", "Features"): [row_of(feature) for feature in FEATURES]}


def main() -> None:
    for (name, heading), rows in {**tables(), **feature_table()}.items():
        (ROOT / "docs" / name).write_text(with_table(page(name), heading, rows))


if __name__ == "__main__":
    main()
