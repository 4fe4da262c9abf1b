"""The store behind the dashboard: frames that grow by their tail, kept for the campaigns looked at last.

Every poll opens the store for reading, asks for the trials after the last one it has, and closes it: a poll
of an idle campaign costs a few milliseconds, a writer is never held up, and a store that is moved or
replaced is noticed.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dashboards.data import (
    REFERENCE_RUN,
    Curve,
    Detail,
    Flags,
    Frame,
    Run,
    Summary,
    budget_of,
    front_rows,
    objective_costs,
    paid,
    runs_of,
)  # fmt: skip
from dashboards.progress import CampaignProgress
from dashboards.summaries import Rate, Totals
from dse.campaign.digest import in_full
from dse.errors import DseError, LookupFailed
from dse.store import StoreReader, open_reader, place_of
from dse.store.records import CampaignRecord, CampaignRow, Trials
from dse.store.sqlite import SqlitePlace

KEPT_CAMPAIGNS = 8


class Unavailable(Exception):
    """Something that was asked for is not there. title: in three words; command: what may help."""

    def __init__(self, title: str, text: str, command: str | None = None) -> None:
        super().__init__(text)
        self.title = title
        self.command = command


class NoStore(Unavailable):
    """There is no store yet."""


class Columns:
    """Rows that are appended and, for a reader, never moved: a block that doubles when it is full."""

    def __init__(self, width: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._block: npt.NDArray[Any] = np.empty((256, *width), dtype=dtype)
        self._count = 0

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Copy the rows behind those already here."""
        wanted = self._count + len(rows)
        if wanted > len(self._block):
            block = np.empty(
                (max(wanted, 2 * len(self._block)), *self._block.shape[1:]), dtype=self._block.dtype
            )
            block[: self._count] = self._block[: self._count]
            self._block = block
        self._block[self._count : wanted] = rows
        self._count = wanted

    @property
    def view(self) -> npt.NDArray[Any]:
        """All rows so far, read-only."""
        view = self._block[: self._count]
        view.flags.writeable = False
        return view


class CampaignSource:
    """Frames, summaries and details of one store. Safe to use from several threads."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._place = place_of(path)
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Growing] = OrderedDict()
        self._summaries: dict[int, tuple[tuple[Any, ...], Summary]] = {}
        self._totals: dict[int, Totals] = {}

    @property
    def name(self) -> str:
        """The file name of the store, without its folder; the address of one on a server."""
        return self._path.name if isinstance(self._place, SqlitePlace) else str(self._place)

    def frame(self, campaign_id: str) -> Frame:
        """The campaign as it is now. Raises Unavailable when there is no such campaign or no store."""
        with self._lock, self._reader() as reader:
            return self._grown(reader, campaign_id).frame()

    def detail(self, campaign_id: str, trial: int) -> Detail:
        """Remarks and per-workload metrics of one trial."""
        with self._lock, self._reader() as reader:
            found = reader.detail(self._number(campaign_id), trial)
        notes = dict.fromkeys(note for _, metrics in found.workloads for note in metrics.notes)
        return Detail(tuple(notes), tuple((name, metrics.to_dict()) for name, metrics in found.workloads))

    def summaries(self) -> list[Summary]:
        """All campaigns, the newest first. Lines of campaigns that stand still are remembered."""
        try:
            with self._lock, self._reader() as reader:
                return [self._summary(reader, row) for row in sorted(reader.campaigns(), key=lambda r: -r.id)]
        except NoStore:
            return []

    def _summary(self, reader: StoreReader, row: CampaignRow) -> Summary:
        seen = (row.created, row.state, row.n_trials)
        known = self._summaries.get(row.id)
        if known is not None and known[0] == seen and row.state != "running":
            return known[1]
        record = reader.campaign(row.id)
        totals = self._totals.get(row.id)
        if totals is None or totals.created != row.created:
            totals = self._totals[row.id] = Totals(record, self._clock)
        totals.extend(record, reader)
        summary = totals.summary(record, row)
        self._summaries[row.id] = (seen, summary)
        return summary

    def _grown(self, reader: StoreReader, campaign_id: str) -> _Growing:
        record = reader.campaign(self._number(campaign_id))
        growing = self._kept.pop(record.id, None)
        if growing is None or growing.created != record.created:
            growing = _Growing(record, self._clock)
        self._kept[record.id] = growing
        while len(self._kept) > KEPT_CAMPAIGNS:
            self._kept.popitem(last=False)
        growing.extend(record, reader.parts(record.id, after=growing.last_id))
        return growing

    def _number(self, campaign_id: object) -> int:
        text = campaign_id if isinstance(campaign_id, str) else ""
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise Unavailable("No such campaign", "Campaigns are numbered; this address holds no number.")
        return int(text)

    @contextmanager
    def _reader(self) -> Iterator[StoreReader]:
        try:
            if not self._place.exists():
                raise NoStore(
                    "No store yet",
                    f"{self.name} does not exist. Run a campaign and it appears here:",
                    "dse run campaign.toml",
                )
            with open_reader(self._path) as reader:
                yield reader
        except LookupFailed as problem:
            raise Unavailable("Not in this store", str(problem)) from problem
        except DseError as problem:
            raise Unavailable("The store cannot be read", str(problem)) from problem


class _Growing:
    """The columns of one campaign while they grow, and the curves that grow with them."""

    def __init__(self, record: CampaignRecord, clock: Callable[[], float]) -> None:
        self.created = record.created
        self.last_id = 0
        self._record = record
        self._columns = {
            "trial": Columns((), np.int64),
            "run": Columns((), np.int16),
            "unique": Columns((), np.bool_),
            "indices": Columns((len(record.space),), np.int16),
            "values": Columns((len(record.schema),), np.float64),
            "feasible": Columns((), np.bool_),
            "fidelity": Columns((), np.float64),
            "charge": Columns((), np.float64),
            "agent_of_row": Columns((), np.int64),
        }
        self._progress = CampaignProgress(len(record.objectives), REFERENCE_RUN)
        self._rate = Rate(clock)
        self._frame: Frame | None = None

    def extend(self, record: CampaignRecord, parts: Iterable[Trials]) -> None:
        """Take in a possibly changed record and new trials."""
        before = self._record
        if (record.state, record.baseline_trial) != (before.state, before.baseline_trial):
            self._frame = None
        self._record = record
        for part in parts:
            self._frame = None
            self._append(part)
            self._progress.extend(record, part)
        self._rate.see(int(self._columns["trial"].view.shape[0]))

    def frame(self) -> Frame:
        """The picture of now; the same object while nothing changes."""
        if self._frame is None:
            self._frame = self._build()
        return self._frame

    def _append(self, trials: Trials) -> None:
        agents = np.zeros(1 + max(run.number for run in self._record.runs), dtype=np.int64)
        for run in runs_of(self._record)[1]:
            agents[run.number] = run.agent
        rows: dict[str, npt.NDArray[Any]] = {
            "trial": trials.id,
            "run": trials.run,
            "indices": trials.indices,
            "values": trials.metrics,
            "feasible": trials.feasible & in_full(trials),
            "fidelity": trials.fidelity,
            "charge": trials.charge,
            "unique": paid(trials),
            "agent_of_row": agents[trials.run],
        }
        for name, column in self._columns.items():
            column.append(rows[name])
        self.last_id = trials.last_id

    def _build(self) -> Frame:
        record = self._record
        agents, runs = runs_of(record)
        columns = {name: column.view for name, column in self._columns.items()}
        usable: Flags = columns["unique"] & columns["feasible"]
        point = record.baseline_point
        return Frame(
            campaign_id=str(record.id),
            name=record.name,
            state=record.state,
            description=_description(record),
            space=record.space,
            schema=record.schema,
            objectives=record.objectives,
            constraints=record.constraints,
            agents=agents,
            reference_agent=_reference_agent(runs),
            runs=runs,
            front=front_rows(objective_costs(record, columns["values"]), usable),
            baseline=None if record.baseline is None else record.baseline.values_array,
            baseline_indices=None if point is None else record.space.encode(point),
            curves=self._curves(runs),
            best_volume=self._progress.volume,
            budget=budget_of(record),
            rate_per_s=self._rate.per_s if record.state == "running" else 0.0,
            **columns,
        )

    def _curves(self, runs: tuple[Run, ...]) -> tuple[Curve, ...]:
        return tuple(
            Curve(run, *self._progress.runs[run.number].curve)
            for run in runs
            if run.number in self._progress.runs
        )


def frame_of(record: CampaignRecord, trials: Trials) -> Frame:
    """The frame of a campaign whose trials have all been read."""
    growing = _Growing(record, time.monotonic)
    growing.extend(record, [trials])
    return growing.frame()


def _reference_agent(runs: tuple[Run, ...]) -> int:
    return next((run.agent for run in runs if run.number == REFERENCE_RUN), -1)


def _description(record: CampaignRecord) -> dict[str, Any]:
    options = record.simulator.get("options", {})
    return {**options, "build_id": record.build_id, "space_hash": record.space.hash}
