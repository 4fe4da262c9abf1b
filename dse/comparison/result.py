"""`Comparison`: the tables of a comparison, with what has to be said beside them."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dse.comparison.rows import (
    AlgorithmRow,
    BudgetRow,
    CellRow,
    CurveRow,
    EffortRow,
    EntryRow,
    ImprovementRow,
    ProfileRow,
    Row,
    TargetRow,
    WinRow,
)
from dse.errors import LookupFailed, StoreError, did_you_mean, listed
from dse.registry import resolve
from dse.safe_output import safe_cell, strict

if TYPE_CHECKING:
    import pandas

_ROWS: dict[str, type[Row]] = {
    "cells": CellRow,
    "budgets": BudgetRow,
    "improvement": ImprovementRow,
    "wins": WinRow,
    "targets": TargetRow,
    "effort": EffortRow,
    "algorithms": AlgorithmRow,
    "entries": EntryRow,
    "profiles": ProfileRow,
    "curves": CurveRow,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Searchers compared, as tables of rows (see `dse.comparison.rows`).

    agents: labels in the order of the file. warnings: what a reader of any number of it must know. notes: how
    it was measured. entries, algorithms: empty unless entries of one algorithm were asked for.
    """

    name: str
    agents: tuple[str, ...]
    control: str
    budgets_compared: tuple[int, ...]
    targets_compared: tuple[float, ...]
    seed: int
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    cells: tuple[CellRow, ...]
    budgets: tuple[BudgetRow, ...]
    improvement: tuple[ImprovementRow, ...]
    wins: tuple[WinRow, ...]
    targets: tuple[TargetRow, ...]
    effort: tuple[EffortRow, ...]
    algorithms: tuple[AlgorithmRow, ...]
    entries: tuple[EntryRow, ...]
    profiles: tuple[ProfileRow, ...]
    curves: tuple[CurveRow, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(_ROWS)

    def rows(self, table: str) -> tuple[Row, ...]:
        """The rows of a table; LookupFailed if there is none of that name."""
        if table not in _ROWS:
            hint = did_you_mean(table, _ROWS) or f" There are {listed(_ROWS)}."
            raise LookupFailed(f"a comparison has no table {table!r}.{hint}")
        found: tuple[Row, ...] = getattr(self, table)
        return found

    def frame(self, table: str = "budgets") -> pandas.DataFrame:
        """A table as a pandas frame; `tables` has the names."""
        import pandas

        return pandas.DataFrame([asdict(row) for row in self.rows(table)], columns=columns_of(table))

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    def plot(self, kind: str = "anytime", **options: Any) -> Any:
        """A plotly figure: "anytime", "intervals", "profiles", "improvement", "targets" or "entries"."""
        return resolve("figure", "comparison")(self, kind, **options)

    def save(self, folder: Path | str) -> list[Path]:
        """Write report.html (all of it, readable without a network), report.json and a CSV a table.

        The folder is made; returns the files. Raises StoreError if they cannot be written.
        """
        target = Path(folder)
        page = resolve("figure", "comparison_page")(self)
        data = json.dumps(strict(self.to_dict()), indent=2, allow_nan=False)
        try:
            target.mkdir(parents=True, exist_ok=True)
            (target / "report.html").write_text(page, encoding="utf-8")
            (target / "report.json").write_text(data + "\n", encoding="utf-8")
            written = [target / "report.html", target / "report.json"]
            for table in self.tables:
                rows = self.rows(table)
                if rows:
                    written.append(target / f"{table}.csv")
                    _write_csv(written[-1], columns_of(table), rows)
        except OSError as error:
            raise StoreError(f"{target} cannot be written: {error.strerror}") from None
        return written

    def _repr_html_(self) -> str:
        shown: str = self.frame("budgets").to_html(index=False, escape=True)
        return shown


def columns_of(table: str) -> list[str]:
    """Names of the columns of a table."""
    return [field.name for field in fields(_ROWS[table])]


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([safe_cell(value) for value in asdict(row).values()] for row in rows)
