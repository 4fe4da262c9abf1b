"""Reading a store: campaigns, columns of trials, single trials. Never writes, never blocks a campaign.

Every method asks the database anew, so that a campaign that is running is seen as it grows; poll with
`trials(campaign, after=last_id)`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dse.errors import LookupFailed, did_you_mean, listed
from dse.front import costs_of, non_dominated
from dse.metrics import Metrics, MetricSchema
from dse.objective import Objective
from dse.point import DesignPoint
from dse.space import DesignSpace, IndexMatrix
from dse.store.blobs import AttachedFile, Attachment, attached, attachments
from dse.store.connection import connect_reader, place_of
from dse.store.packed import Packed, joined, packed_type, unpack
from dse.store.place import Link, Place, store_errors
from dse.store.records import CampaignRecord, CampaignRow, Origin, RunRow, TrialDetail, Trials
from dse.store.schema import SCHEMA_VERSION
from dse.store.trial_rows import WITH_CHARGE, selected, trial_columns, trial_table, trials_of

Answer = TypeVar("Answer")
_PART = 10_000  # trials; more do not fit the processor's cache
_KEYS_AT_ONCE = 500
_WITH_FRONT = 2  # the version of the tables that brought the front, the arrays and the wish to stop
_WITH_BLOBS = 3


class StoreReader:
    """Read-only access to a store; safe to share between threads."""

    def __init__(self, path: Path | str) -> None:
        self.place: Place = place_of(path)
        self.path = self.place.path
        self._link = connect_reader(self.place)
        self._lock = threading.Lock()
        self._known_version = 0
        self._records: dict[int, tuple[Any, CampaignRecord]] = {}

    def __enter__(self) -> StoreReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the store."""
        self._link.close()

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

    def names(self) -> list[str]:
        """Names of all campaigns, the newest first; one quick query."""
        return [name for (name,) in self._all("SELECT name FROM campaign ORDER BY id DESC")]

    def spent(self, campaign: int, at_most: int | None = None) -> float:
        """What the agents' trials with an id up to `at_most` cost, in full simulations; repeats are free."""
        last = self.n_trials(campaign) if at_most is None else at_most
        sql = f"SELECT {self._selected(['charge'])} FROM {trial_table(campaign)} WHERE run > 0 AND id <= ?"
        found = self._all(f"SELECT coalesce(sum(charge), 0) FROM ({sql}) AS charges", (last,))
        return float(found[0][0])

    def written_state(self, campaign: int) -> str:
        """The state as the last process wrote it: still `running` after that process was killed."""
        found = self._all("SELECT state FROM campaign WHERE id = ?", (campaign,))
        return str(found[0][0]) if found else str(self.campaign(campaign).state)

    def trials(self, campaign: int, after: int = 0, *, metrics: Sequence[str] | None = None) -> Trials:
        """Columns of the trials whose id is greater than `after`; only the named metrics if given."""
        record = self.campaign_static(campaign)
        wanted = tuple(metrics) if metrics is not None else record.schema.names
        which = [record.schema.index(name) for name in wanted]
        packed = self._packed(record, after)
        if not len(packed):
            return self.rows(record.id, after, wanted)
        found = unpack(packed, after, which, wanted)
        rest = self.rows(record.id, found.last_id, wanted)
        return found.followed_by(rest) if len(rest) else found

    def parts(
        self, campaign: int, *, after: int = 0, metrics: Sequence[str] | None = None
    ) -> Iterator[Trials]:
        """What `trials` gives, in parts of about ten thousand, so that not all need be held at once."""
        record = self.campaign_static(campaign)
        wanted = tuple(metrics) if metrics is not None else record.schema.names
        which = [record.schema.index(name) for name in wanted]
        while len(packed := self._packed(record, after, _PART)):
            part = unpack(packed, after, which, wanted)
            after = part.last_id
            yield part
        rest = self.rows(record.id, after, wanted)
        if len(rest):
            yield rest

    def rows(self, campaign: int, after: int, metrics: Sequence[str]) -> Trials:
        """What `trials` gives, from the table of the trials, which other programs see."""
        record = self.campaign_static(campaign)
        columns = ["id", *trial_columns(record.space.names, metrics)]
        sql = f"SELECT {self._selected(columns)} FROM {trial_table(record.id)} WHERE id > ? ORDER BY id"
        return trials_of(self._matrix(sql, (after,), len(columns)), len(record.space), tuple(metrics))

    def _packed(self, record: CampaignRecord, after: int, about: int | None = None) -> Packed:
        """The trials after `after` as the arrays that were kept of them, as far as they reach.

        about: so many of them, or the next block where that is larger.
        """
        version = self._version()
        kind = packed_type(len(record.space), len(record.schema), charges=version >= WITH_CHARGE)
        if version < _WITH_FRONT:
            return np.empty(0, dtype=kind)
        sql = "SELECT first, last, data FROM packed WHERE campaign = ? AND last > ? {} ORDER BY last {}"
        if about is None:
            return joined(self._all(sql.format("", ""), (record.id, after)), after, kind)
        found = self._all(sql.format("AND last <= ?", ""), (record.id, after, after + about))
        if not found:
            found = self._all(sql.format("", "LIMIT 1"), (record.id, after))
        return joined(found, after, kind)

    def front_trials(self, campaign: int) -> Trials:
        """The feasible, non-dominated trials with all metrics, by rising id.

        From the front that the campaign keeps; trials that are not in it yet are compared with it.
        """
        record = self.campaign_static(campaign)
        columns = ["id", *trial_columns(record.space.names, record.schema.names)]
        rows = f"SELECT {self._selected(columns)} FROM {trial_table(record.id)} WHERE feasible = 1"
        found, upto = np.zeros((0, len(columns))), 0
        if self._version() >= _WITH_FRONT:
            upto = self._all("SELECT front_upto FROM campaign WHERE id = ?", (record.id,))[0][0]
            sql = f"{rows} AND id IN (SELECT trial FROM front WHERE campaign = ?) AND id <= ? ORDER BY id"
            found = self._matrix(sql, (record.id, upto), len(columns))
        fresh = self._matrix(f"{rows} AND id > ? ORDER BY id", (upto,), len(columns))
        trials = trials_of(np.concatenate([found, fresh]), len(record.space), record.schema.names)
        if not len(fresh):
            return trials
        return trials.taken(non_dominated(costs_of(record.objectives, record.schema, trials.metrics)))

    def stop_requested(self, campaign: int) -> bool:
        """Whether somebody wants the campaign to end after its current batch; cheap, for every batch."""
        if self._version() < _WITH_FRONT:
            return False
        found = self._all("SELECT stop_requested FROM campaign WHERE id = ?", (campaign,))
        return bool(found and found[0][0])

    def detail(self, campaign: int, trial: int) -> TrialDetail:
        """One trial with the metrics and notes of each workload; LookupFailed if there is none."""
        record = self.campaign_static(campaign)
        columns = trial_columns(record.space.names, record.schema.names)
        sql = f"SELECT {self._selected(columns)} FROM {trial_table(record.id)} WHERE id = ?"
        matrix = self._matrix(sql, (trial,), len(columns))
        if not len(matrix):
            raise LookupFailed(
                f"campaign {record.name!r} has no trial {trial}: expected 1 to {self.n_trials(record.id)}"
            )
        one = trials_of(np.insert(matrix, 0, trial, axis=1), len(record.space), record.schema.names)
        per_workload = self._per_workload(record, one) if one.fidelity[0] == 1.0 else ()
        notes = tuple(dict.fromkeys(note for _, metrics in per_workload for note in metrics.notes))
        return TrialDetail(
            id=trial,
            run=record.runs[int(one.run[0])],
            step=int(one.step[0]),
            origin=Origin(int(one.origin[0])),
            feasible=bool(one.feasible[0]),
            seconds=float(one.seconds[0]),
            fidelity=float(one.fidelity[0]),
            charge=float(one.charge[0]),
            point=record.space.from_indices(one.indices[0]),
            metrics=Metrics(record.schema, one.metrics[0], notes),
            workloads=per_workload,
        )

    def workload_metrics(self, campaign: int, indices: IndexMatrix) -> NDArray[np.float64]:
        """(n, number of workloads, number of metrics) of these designs, simulated in full on each workload.

        NaN where the design cache does not have them.
        """
        record = self.campaign_static(campaign)
        keys = record.space.keys(indices).tolist()
        missing = np.full(len(record.schema), np.nan)
        found = np.empty((len(keys), len(record.workloads), len(record.schema)))
        for w, workload in enumerate(record.workloads):
            known = self._measured(workload["bench"], list(dict.fromkeys(keys)))
            for i, key in enumerate(keys):
                found[i, w] = known.get(key, missing)
        return found

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

    def attachments(self, campaign: int) -> list[Attachment]:
        """What the campaign names besides its trials, by kind and name; none in an older store."""
        if self._version() < _WITH_BLOBS:
            return []
        return self._ask(lambda link: attachments(link, campaign))

    def attached(self, campaign: int, kind: str, name: str) -> AttachedFile | None:
        """One of them with its content; None if there is none. StoreError if the content is damaged."""
        if self._version() < _WITH_BLOBS:
            return None
        return self._ask(lambda link: attached(link, self.place, campaign, kind, name))

    def _per_workload(self, record: CampaignRecord, one: Trials) -> tuple[tuple[str, Metrics], ...]:
        key = record.space.keys(one.indices).tolist()[0]
        found: list[tuple[str, Metrics]] = []
        for workload in record.workloads:
            rows = self._all(
                "SELECT metrics, notes FROM result WHERE bench = ? AND design = ?",
                (workload["bench"], self._link.to_key(key)),
            )
            values = np.frombuffer(rows[0][0], dtype="<f8") if rows else np.full(len(record.schema), np.nan)
            notes = json.loads(rows[0][1]) if rows and rows[0][1] else ()
            found.append((workload["name"], Metrics(record.schema, values, notes)))
        return tuple(found)

    def _measured(self, bench: int, designs: Sequence[int | bytes]) -> dict[int | bytes, NDArray[np.float64]]:
        known: dict[int | bytes, NDArray[np.float64]] = {}
        for start in range(0, len(designs), _KEYS_AT_ONCE):
            some = [self._link.to_key(key) for key in designs[start : start + _KEYS_AT_ONCE]]
            marks = ",".join("?" * len(some))
            sql = f"SELECT design, metrics FROM result WHERE bench = ? AND design IN ({marks})"
            for key, metrics in self._all(sql, (bench, *some)):
                known[self._link.from_key(key)] = np.frombuffer(metrics, dtype="<f8")
        return known

    def _find(self, which: int | str, columns: str = "*") -> dict[str, Any]:
        column = "id" if isinstance(which, int) else "name"
        sql = f"SELECT {columns} FROM campaign WHERE {column} = ?"
        names, rows = self._ask(lambda link: link.columns(sql, (which,)))
        if not rows:
            known = [name for (name,) in self._all("SELECT name FROM campaign ORDER BY id DESC")]
            hint = did_you_mean(which, known) or (f" It has {listed(known)}." if known else " It is empty.")
            raise LookupFailed(f"store {self.place} has no campaign {which!r}.{hint}")
        return dict(zip(names, rows[0], strict=True))

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
        if state != "running":
            return state
        held = self._ask(lambda link: self.place.is_held(campaign, link))
        return state if held else "interrupted"

    def _version(self) -> int:
        """Version of the tables; an old store may be brought up to date while it is open here."""
        if self._known_version < SCHEMA_VERSION:
            self._known_version = self._ask(lambda link: link.version())
        return self._known_version

    def _selected(self, columns: Sequence[str]) -> str:
        version = self._version()
        return self._ask(lambda link: selected(link, version, columns))

    def _ask(self, work: Callable[[Link], Answer]) -> Answer:
        """Do `work` with the connection, once more with a new one if the server was restarted meanwhile."""
        with self._lock, store_errors(self.place):
            try:
                return work(self._link)
            except Exception:
                if not self._link.lost:
                    raise
            self._link = connect_reader(self.place)
            return work(self._link)

    def _all(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._ask(lambda link: link.execute(sql, values).fetchall())

    def _matrix(self, sql: str, values: Sequence[int], width: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        return self._ask(lambda link: link.matrix(sql, values, width))


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
