"""Reading a store: campaigns, columns of trials, single trials. Never writes, never blocks a campaign.

Every method asks the file anew, so that a campaign that is running is seen as it grows; poll with
`trials(campaign, after=last_id)`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from dse.errors import LookupFailed, did_you_mean, listed
from dse.metrics import Metrics, MetricSchema
from dse.objective import Objective
from dse.point import DesignPoint
from dse.space import DesignSpace
from dse.store.connection import connect_reader
from dse.store.errors import store_errors
from dse.store.ownership import is_owned
from dse.store.records import CampaignRecord, CampaignRow, Origin, RunRow, TrialDetail, Trials
from dse.store.schema import quoted, trial_columns, trial_table

_ROWS_AT_ONCE = 20_000


class StoreReader:
    """Read-only access to a store; safe to share between threads."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._connection = connect_reader(self.path)
        self._lock = threading.Lock()
        self._records: dict[int, tuple[Any, CampaignRecord]] = {}

    def __enter__(self) -> StoreReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def campaigns(self) -> list[CampaignRow]:
        """All campaigns, the newest first."""
        rows = self._all(
            "SELECT id, name, created, state, simulator, space, workloads, objectives, config FROM campaign "
            "ORDER BY id DESC"
        )
        return [self._row(*row) for row in rows]

    def campaign(self, which: int | str) -> CampaignRecord:
        """A campaign by its number or name; LookupFailed with the nearest name if there is none."""
        row = self._find(which)
        runs = self._all(
            "SELECT number, agent, searcher, repetition, options FROM run WHERE campaign = ? ORDER BY number",
            (row["id"],),
        )
        row["state"] = self._live(row["id"], row["state"])
        return _record(
            row,
            tuple(
                RunRow(n, agent, searcher, rep, json.loads(opts)) for n, agent, searcher, rep, opts in runs
            ),
        )

    def n_trials(self, campaign: int) -> int:
        """Trials committed so far."""
        found: int = self._all(f"SELECT coalesce(max(id), 0) FROM {trial_table(campaign)}")[0][0]
        return found

    def trials(self, campaign: int, after: int = 0, *, metrics: Sequence[str] | None = None) -> Trials:
        """Columns of the trials whose id is greater than `after`; only the named metrics if given."""
        record = self.campaign_static(campaign)
        wanted = tuple(metrics) if metrics is not None else record.schema.names
        for name in wanted:
            record.schema.index(name)
        columns = ["id", *trial_columns(record.space.names, wanted)]
        sql = (
            f"SELECT {', '.join(map(quoted, columns))} FROM {trial_table(record.id)} WHERE id > ? ORDER BY id"
        )
        return _trials(self._matrix(sql, (after,), len(columns)), len(record.space), wanted)

    def detail(self, campaign: int, trial: int) -> TrialDetail:
        """One trial with the metrics and notes of each workload; LookupFailed if there is none."""
        record = self.campaign_static(campaign)
        columns = trial_columns(record.space.names, record.schema.names)
        sql = f"SELECT {', '.join(map(quoted, columns))} FROM {trial_table(record.id)} WHERE id = ?"
        matrix = self._matrix(sql, (trial,), len(columns))
        if not len(matrix):
            raise LookupFailed(
                f"campaign {record.name!r} has no trial {trial}: expected 1 to {self.n_trials(record.id)}"
            )
        one = _trials(np.insert(matrix, 0, trial, axis=1), len(record.space), record.schema.names)
        per_workload = self._per_workload(record, one)
        notes = tuple(dict.fromkeys(note for _, metrics in per_workload for note in metrics.notes))
        return TrialDetail(
            id=trial,
            run=record.runs[int(one.run[0])],
            step=int(one.step[0]),
            origin=Origin(int(one.origin[0])),
            feasible=bool(one.feasible[0]),
            seconds=float(one.seconds[0]),
            point=record.space.from_indices(one.indices[0]),
            metrics=Metrics(record.schema, one.metrics[0], notes),
            workloads=per_workload,
        )

    def campaign_static(self, which: int | str) -> CampaignRecord:
        """Like `campaign`, but kept in memory between calls while its state is the same (for polling)."""
        key = self._find(which, "id, state, scale")
        known = self._records.get(key["id"])
        if known is None or known[0] != (key["state"], key["scale"]):
            known = ((key["state"], key["scale"]), self.campaign(key["id"]))
            self._records[key["id"]] = known
        return known[1]

    def snapshot(self, campaign: int, run: int, at_most: int) -> tuple[int, bytes] | None:
        """The last saved state of a run's searcher after at most that many batches: (batches, state)."""
        found = self._all(
            "SELECT batches, state FROM snapshot WHERE campaign = ? AND run = ? AND batches <= ? "
            "ORDER BY batches DESC LIMIT 1",
            (campaign, run, at_most),
        )
        return (found[0][0], found[0][1]) if found else None

    def _per_workload(self, record: CampaignRecord, one: Trials) -> tuple[tuple[str, Metrics], ...]:
        key = record.space.keys(one.indices).tolist()[0]
        found: list[tuple[str, Metrics]] = []
        for workload in record.workloads:
            rows = self._all(
                "SELECT metrics, notes FROM result WHERE bench = ? AND design = ?", (workload["bench"], key)
            )
            values = np.frombuffer(rows[0][0], dtype="<f8") if rows else np.full(len(record.schema), np.nan)
            notes = json.loads(rows[0][1]) if rows and rows[0][1] else ()
            found.append((workload["name"], Metrics(record.schema, values, notes)))
        return tuple(found)

    def _find(self, which: int | str, columns: str = "*") -> dict[str, Any]:
        column = "id" if isinstance(which, int) else "name"
        with self._lock, store_errors(self.path):
            cursor = self._connection.execute(f"SELECT {columns} FROM campaign WHERE {column} = ?", (which,))
            row = cursor.fetchone()
            names = [field[0] for field in cursor.description]
        if row is None:
            known = [name for (name,) in self._all("SELECT name FROM campaign ORDER BY id DESC")]
            hint = did_you_mean(which, known) or (f" It has {listed(known)}." if known else " It is empty.")
            raise LookupFailed(f"store {self.path} has no campaign {which!r}.{hint}")
        return dict(zip(names, row, strict=True))

    def _row(self, id_: int, name: str, created: str, state: str, *texts: str) -> CampaignRow:
        simulator, space, workloads, objectives, config = (json.loads(text) for text in texts)
        n_runs = self._all("SELECT count(*) FROM run WHERE campaign = ? AND number > 0", (id_,))[0][0]
        return CampaignRow(
            id=id_,
            name=name,
            created=created,
            state=self._live(id_, state),
            simulator=simulator["name"],
            space=space["name"],
            workloads=tuple(workload["name"] for workload in workloads),
            objectives=tuple(Objective.from_dict(objective).text for objective in objectives),
            n_runs=n_runs,
            n_trials=self.n_trials(id_),
            budget=config.get("budget", {}),
        )

    def _live(self, campaign: int, state: str) -> str:
        """The state, but a campaign that says `running` and has no process was killed."""
        return "interrupted" if state == "running" and not is_owned(self.path, campaign) else state

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock, store_errors(self.path):
            return self._connection.execute(sql, values).fetchall()

    def _matrix(self, sql: str, values: Sequence[Any], width: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        parts = [np.zeros((0, width))]
        with self._lock, store_errors(self.path):
            cursor = self._connection.execute(sql, values)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                parts.append(np.array(rows, dtype=np.float64))
        return np.concatenate(parts)


def _trials(
    matrix: np.ndarray[Any, np.dtype[np.float64]], n_parameters: int, names: tuple[str, ...]
) -> Trials:
    first_metric = 7 + n_parameters
    return Trials(
        id=matrix[:, 0].astype(np.int64),
        run=matrix[:, 1].astype(np.int16),
        batch=matrix[:, 2].astype(np.int64),
        step=matrix[:, 3].astype(np.int64),
        origin=matrix[:, 4].astype(np.uint8),
        feasible=matrix[:, 5].astype(np.bool_),
        seconds=np.ascontiguousarray(matrix[:, 6]),
        indices=matrix[:, 7:first_metric].astype(np.int16),
        metrics=np.ascontiguousarray(matrix[:, first_metric:]),
        metric_names=names,
    )


def _record(row: dict[str, Any], runs: tuple[RunRow, ...]) -> CampaignRecord:
    texts = (
        "config",
        "simulator",
        "space",
        "search_space",
        "schema",
        "objectives",
        "workloads",
        "provenance",
    )
    data = {name: json.loads(row[name]) for name in texts}
    scale = json.loads(row["scale"]) if row["scale"] else None
    base = json.loads(row["baseline"]) if row["baseline"] else None
    schema = MetricSchema.from_list(data["schema"])
    objectives = tuple(Objective.from_dict(item) for item in data["objectives"])
    return CampaignRecord(
        id=row["id"],
        name=row["name"],
        created=row["created"],
        state=row["state"],
        config=data["config"],
        config_base=row["config_base"],
        simulator=data["simulator"],
        build_id=row["build_id"],
        space=DesignSpace.from_dict(data["space"]),
        search_space=DesignSpace.from_dict(data["search_space"]),
        schema=schema,
        objectives=tuple(o for o in objectives if not o.is_constraint),
        constraints=tuple(o for o in objectives if o.is_constraint),
        workloads=data["workloads"],
        provenance=data["provenance"],
        runs=runs,
        reference=np.array(scale["reference"]) if scale else None,
        ideal=np.array(scale["ideal"]) if scale else None,
        baseline_point=DesignPoint(tuple(base["design"]), tuple(base["design"].values())) if base else None,
        baseline=_metrics(schema, base["metrics"]) if base else None,
        baseline_trial=base["trial"] if base else None,
    )


def _metrics(schema: MetricSchema, values: list[float | None]) -> Metrics:
    return Metrics(schema, np.array(values, dtype=np.float64))
