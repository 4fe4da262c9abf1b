"""Tables of the guide that are made from the code. `python -m tests.docs.tables` writes them anew."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import fields

from dse.registry import names, resolve
from simulators.dram.schema import dram_schema
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


def tables() -> dict[tuple[str, str], list[Row]]:
    """Rows by page and heading."""
    found = {("metrics.md", group): list(metric_rows(group)) for group in metric_groups()}
    found |= {("searchers.md", searcher): list(option_rows(searcher)) for searcher in names("searcher")}
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


def main() -> None:
    for (name, heading), rows in tables().items():
        (ROOT / "docs" / name).write_text(with_table(page(name), heading, rows))


if __name__ == "__main__":
    main()
