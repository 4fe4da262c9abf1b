"""The store behind the dashboard: frames that grow by their tail, kept for the campaigns looked at last.

Every poll opens the store for reading, asks for the trials after the last one it has, and closes it: a poll
of an idle campaign costs a few milliseconds, a writer is never held up, and a store that is moved or
replaced is noticed.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
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
    Floats,
    Frame,
    Run,
    Summary,
    front_rows,
    objective_costs,
    paid,
    runs_of,
)  # fmt: skip
from dashboards.progress import RunProgress, unit_costs
from dse.errors import DseError, LookupFailed
from dse.store import open_reader
from dse.store.records import CampaignRecord, CampaignRow, Trials

KEPT_CAMPAIGNS = 8
RATE_WINDOW_S = 30.0


class Unavailable(Exception):
    """Something that was asked for is not there. title: in three words; command: what may help."""

    def __init__(self, title: str, text: str, command: str | None = None) -> None:
        super().__init__(text)
        self.title = title
        self.command = command


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
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, _Growing] = OrderedDict()
        self._summaries: dict[int, tuple[tuple[Any, ...], Summary]] = {}

    @property
    def name(self) -> str:
        """The file name of the store, without its folder."""
        return self._path.name

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
        if not self._path.exists():
            return []
        with self._lock, self._reader() as reader:
            return [self._summary(reader, row) for row in sorted(reader.campaigns(), key=lambda r: -r.id)]

    def _summary(self, reader: Any, row: CampaignRow) -> Summary:
        seen = (row.created, row.state, row.n_trials)
        known = self._summaries.get(row.id)
        if known is not None and known[0] == seen and row.state != "running":
            return known[1]
        summary = _summary(row, self._grown(reader, str(row.id)).frame())
        self._summaries[row.id] = (seen, summary)
        return summary

    def _grown(self, reader: Any, campaign_id: str) -> _Growing:
        record = reader.campaign(self._number(campaign_id))
        growing = self._kept.pop(record.id, None)
        if growing is None or growing.created != record.created:
            growing = _Growing(record, self._clock)
        self._kept[record.id] = growing
        while len(self._kept) > KEPT_CAMPAIGNS:
            self._kept.popitem(last=False)
        growing.extend(record, reader.trials(record.id, after=growing.last_id))
        return growing

    def _number(self, campaign_id: object) -> int:
        text = campaign_id if isinstance(campaign_id, str) else ""
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise Unavailable("No such campaign", "Campaigns are numbered; this address holds no number.")
        return int(text)

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        if not self._path.exists():
            raise Unavailable(
                "No store yet",
                f"{self.name} does not exist. Run a campaign and it appears here:",
                "dse run campaign.toml",
            )
        try:
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
        self._clock = clock
        self._columns = {
            "trial": Columns((), np.int64),
            "run": Columns((), np.int16),
            "unique": Columns((), np.bool_),
            "indices": Columns((len(record.space),), np.int16),
            "values": Columns((len(record.schema),), np.float64),
            "feasible": Columns((), np.bool_),
            "agent_of_row": Columns((), np.int64),
        }
        self._progress: dict[int, RunProgress] = {}
        self._together = RunProgress(len(record.objectives))
        self._measured = 0
        self._seen: deque[tuple[float, int]] = deque()
        self._frame: Frame | None = None

    def extend(self, record: CampaignRecord, trials: Trials) -> None:
        """Take in new trials and a possibly changed record."""
        if (
            len(trials)
            or record.state != self._record.state
            or record.baseline_trial != self._record.baseline_trial
        ):
            self._frame = None
        self._record = record
        if len(trials):
            self._append(trials)
        self._measure()
        self._seen.append((self._clock(), int(self._columns["trial"].view.shape[0])))
        while self._seen[-1][0] - self._seen[0][0] > RATE_WINDOW_S and len(self._seen) > 2:
            self._seen.popleft()

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
            "feasible": trials.feasible,
            "unique": paid(trials.origin),
            "agent_of_row": agents[trials.run],
        }
        for name, column in self._columns.items():
            column.append(rows[name])
        self.last_id = trials.last_id

    def _measure(self) -> None:
        """Continue the hypervolume curves, once the campaign's box is known."""
        record = self._record
        if record.reference is None or record.ideal is None:
            return
        part = slice(self._measured, None)
        columns = {name: column.view[part] for name, column in self._columns.items()}
        scaled = unit_costs(objective_costs(record, columns["values"]), record.ideal, record.reference)
        for run in record.runs:
            rows = (columns["run"] == run.number) & columns["unique"]
            if run.number != REFERENCE_RUN and rows.any():
                progress = self._progress.setdefault(run.number, RunProgress(len(record.objectives)))
                progress.extend(scaled[rows], columns["feasible"][rows])
        self._together.extend(scaled[columns["unique"]], columns["feasible"][columns["unique"]])
        self._measured += len(columns["run"])

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
            best_volume=self._together.volume,
            budget=_budget(record),
            rate_per_s=self._rate(),
            **columns,
        )

    def _curves(self, runs: tuple[Run, ...]) -> tuple[Curve, ...]:
        return tuple(
            Curve(run, *self._progress[run.number].curve) for run in runs if run.number in self._progress
        )

    def _rate(self) -> float:
        if self._record.state != "running" or len(self._seen) < 2:
            return 0.0
        seconds = self._seen[-1][0] - self._seen[0][0]
        return (self._seen[-1][1] - self._seen[0][1]) / seconds if seconds > 0 else 0.0


def frame_of(record: CampaignRecord, trials: Trials) -> Frame:
    """The frame of a campaign whose trials have all been read."""
    growing = _Growing(record, time.monotonic)
    growing.extend(record, trials)
    return growing.frame()


def _reference_agent(runs: tuple[Run, ...]) -> int:
    return next((run.agent for run in runs if run.number == REFERENCE_RUN), -1)


def _description(record: CampaignRecord) -> dict[str, Any]:
    options = record.simulator.get("options", {})
    return {**options, "build_id": record.build_id, "space_hash": record.space.hash}


def _budget(record: CampaignRecord) -> int:
    """Unique designs that all runs of agents may spend together; 0 when the campaign sets no such limit."""
    unique = record.config.get("budget", {}).get("unique")
    return int(unique) * sum(run.number != REFERENCE_RUN for run in record.runs) if unique else 0


def _summary(row: CampaignRow, frame: Frame) -> Summary:
    return Summary(
        campaign_id=frame.campaign_id,
        name=row.name,
        state=row.state,
        created=row.created[:16].replace("T", " "),
        simulator=row.simulator,
        workloads=row.workloads,
        agents=tuple(agent for index, agent in enumerate(frame.agents) if index != frame.reference_agent),
        designs=frame.designs,
        budget=frame.budget,
        rate_per_s=frame.rate_per_s,
        front_size=len(frame.front),
        best=tuple(_best(frame)),
        volumes=_best_volumes(frame),
    )


def _best(frame: Frame) -> Iterator[tuple[str, str, str, float, float]]:
    usable = frame.unique & frame.feasible
    for objective in frame.objectives:
        column: Floats = frame.columns(objective.metric)[usable, 0]
        column = column[np.isfinite(column)]
        if len(column):
            direction = frame.direction(objective.metric)
            reference = frame.baseline_values(objective.metric)
            yield (
                objective.metric,
                frame.metric(objective.metric).unit,
                direction,
                float(column.max() if direction == "max" else column.min()),
                reference[0] if reference else float("nan"),
            )


def _best_volumes(frame: Frame) -> tuple[float, ...]:
    """The curve of the run that got farthest."""
    if not frame.curves:
        return ()
    best = max(frame.curves, key=lambda curve: float(curve.volumes[-1]) if len(curve.volumes) else 0.0)
    return tuple((best.volumes / frame.best_volume).tolist()) if frame.best_volume > 0 else ()
