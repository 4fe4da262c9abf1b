"""Trials of older stores brought up to date: new columns, and their arrays made again from the rows."""

from __future__ import annotations

import json

import numpy as np

from dse.store.packed import pack
from dse.store.place import Link
from dse.store.trial_rows import WITH_CHARGE, add_charge, selected, trial_columns, trial_table, trials_of

_TRIALS_AT_ONCE = 20_000


def charge_and_repack(link: Link) -> None:
    """Within a transaction: columns `fidelity` and `charge` for every campaign, in rows and arrays."""
    link.execute("DELETE FROM packed")
    for campaign, space, schema in link.execute("SELECT id, space, schema FROM campaign").fetchall():
        if link.has_table(
            trial_table(campaign)
        ):  # without it the store is damaged: `dse store check` says so
            add_charge(link, campaign)
            try:
                parameters = [parameter["name"] for parameter in json.loads(space)["parameters"]]
                metrics = [metric["name"] for metric in json.loads(schema)]
            except (ValueError, KeyError, TypeError):
                continue  # damaged, too; the rows stay
            _pack_rows(link, campaign, parameters, metrics)


def _pack_rows(link: Link, campaign: int, parameters: list[str], metrics: list[str]) -> None:
    """The arrays of a campaign, as far as its trials are numbered without a gap."""
    columns = ["id", *trial_columns(parameters, metrics)]
    sql = (
        f"SELECT {selected(link, WITH_CHARGE, columns)} FROM {trial_table(campaign)} "
        "WHERE id > ? AND id <= ? ORDER BY id"
    )
    last = 0
    while len(matrix := link.matrix(sql, (last, last + _TRIALS_AT_ONCE), len(columns))):
        trials = trials_of(matrix, len(parameters), tuple(metrics))
        if not np.array_equal(trials.id, np.arange(last + 1, last + 1 + len(trials))):
            return
        link.execute(
            "INSERT INTO packed (campaign, last, first, data) VALUES (?, ?, ?, ?)",
            (campaign, trials.last_id, last + 1, pack(trials)),
        )
        last = trials.last_id
