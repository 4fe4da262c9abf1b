"""The table that holds one campaign's trials: its name, its columns, and rows of it as `Trials`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dse.errors import StoreError
from dse.store.place import Link
from dse.store.records import Origin, Trials

WITH_CHARGE = 3  # the version of the tables that brought `fidelity` and `charge`
_FIXED = {
    "run": "{whole} NOT NULL",
    "batch": "{long} NOT NULL",
    "step": "{long} NOT NULL",
    "origin": "{whole} NOT NULL",
    "feasible": "{whole} NOT NULL",
    "seconds": "{real} NOT NULL",
    "fidelity": "{real} NOT NULL DEFAULT 1",
    "charge": "{real} NOT NULL DEFAULT 1",
}
_IN_OLD_STORES = {
    "fidelity": "CAST(1 AS {real})",
    "charge": f"CAST(CASE WHEN origin = {int(Origin.REPEAT)} THEN 0 ELSE 1 END AS {{real}})",
}


def trial_table(campaign: int) -> str:
    """Name of the table with a campaign's trials."""
    return f"trial_{int(campaign)}"


def trial_columns(parameters: Sequence[str], metrics: Sequence[str]) -> list[str]:
    """Columns of a trial table after `id`, in order."""
    return [*_FIXED, *(f"p_{name}" for name in parameters), *(f"m_{name}" for name in metrics)]


def create_trial_table(link: Link, campaign: int, parameters: Sequence[str], metrics: Sequence[str]) -> None:
    """The table of one campaign's trials; names come from the space and the schema and are identifiers."""
    kinds = [*_FIXED.values(), *["{whole} NOT NULL"] * len(parameters), *["{real}"] * len(metrics)]
    names = trial_columns(parameters, metrics)
    columns = [f"{quoted(name)} {kind}" for name, kind in zip(names, kinds, strict=True)]
    text = f"CREATE TABLE {trial_table(campaign)} (id {{number}}, {', '.join(columns)})"
    link.execute(text.format_map(link.types))


def add_charge(link: Link, campaign: int) -> None:
    """Give the trial table of an older store the columns `fidelity` and `charge`."""
    table = trial_table(campaign)
    for name in _IN_OLD_STORES:
        link.execute(f"ALTER TABLE {table} ADD COLUMN {name} {_FIXED[name]}".format_map(link.types))
    link.execute(f"UPDATE {table} SET charge = 0 WHERE origin = ?", (int(Origin.REPEAT),))


def selected(link: Link, version: int, columns: Sequence[str]) -> str:
    """The columns for a SELECT, in a store of that version: what an older one has not is computed."""
    made = [
        f"{_IN_OLD_STORES[name]} AS {name}".format_map(link.types)
        if version < WITH_CHARGE and name in _IN_OLD_STORES
        else quoted(name)
        for name in columns
    ]
    return ", ".join(made)


def trials_of(matrix: NDArray[np.float64], n_parameters: int, names: tuple[str, ...]) -> Trials:
    """Rows of `id` and `trial_columns` as trials."""
    first_parameter = 1 + len(_FIXED)
    first_metric = first_parameter + n_parameters
    return Trials(
        id=matrix[:, 0].astype(np.int64),
        run=matrix[:, 1].astype(np.int16),
        batch=matrix[:, 2].astype(np.int64),
        step=matrix[:, 3].astype(np.int64),
        origin=matrix[:, 4].astype(np.uint8),
        feasible=matrix[:, 5].astype(np.bool_),
        seconds=np.ascontiguousarray(matrix[:, 6]),
        fidelity=np.ascontiguousarray(matrix[:, 7]),
        charge=np.ascontiguousarray(matrix[:, 8]),
        indices=matrix[:, first_parameter:first_metric].astype(np.int16),
        metrics=np.ascontiguousarray(matrix[:, first_metric:]),
        metric_names=names,
    )


def quoted(name: str) -> str:
    """A column name for SQL; only plain identifiers are accepted."""
    if not (name.isidentifier() and name.isascii()):
        raise StoreError(f"{name!r} cannot be a column of the store: use letters, digits and _")
    return f'"{name}"'
