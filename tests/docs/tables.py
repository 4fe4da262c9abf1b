"""Tables of the guide that are made from the code. `python -m tests.docs.tables` writes them anew."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import fields

from dse.registry import names, resolve
from simulators.dram.memory.constraints import COMMANDS
from simulators.dram.memory.devices import Device, device, device_ids
from simulators.dram.schema import STALLS, dram_schema
from simulators.dram.session import STALL_OWNERS
from tests.docs.pages import ROOT

Row = tuple[str, ...]
COMBINES = {"sum": "sum", "mean": "weighted mean", "max": "worst", "min": "least"}


def metric_rows(group: str) -> Iterator[Row]:
    """One row a metric of the group: name, unit, better, over workloads, what it is."""
    for spec in dram_schema():
        over = f"{spec.numerator} / {spec.denominator}" if spec.combine == "ratio" else COMBINES[spec.combine]
        better = {"min": "less", "max": "more", "none": ""}[spec.direction]
        if spec.group == group:
            yield (f"`{spec.name}`", spec.unit, better, over, spec.description)


def metric_groups() -> list[str]:
    return list(dict.fromkeys(spec.group for spec in dram_schema()))


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


def tables() -> dict[tuple[str, str], list[Row]]:
    """Rows by page and heading."""
    found = {("metrics.md", group): list(metric_rows(group)) for group in metric_groups()}
    found |= {("searchers.md", searcher): list(option_rows(searcher)) for searcher in names("searcher")}
    found |= {
        ("dram-model.md", "Standards"): list(standard_rows()),
        ("dram-model.md", "Devices"): list(device_rows()),
        ("dram-model.md", "Stall attribution"): list(stall_rows()),
    }
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
