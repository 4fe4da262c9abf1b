"""The header of an exported campaign: all but its trials, as JSON, and how it is read back and checked."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.exchange.archive import CampaignArchive, content_hash
from dse.exchange.columns import WITH_CHARGES, Column, columns_of
from dse.exchange.errors import MAX_CELLS, MAX_COLUMNS, ExchangeError
from dse.metrics import Metrics, MetricSchema
from dse.objective import Objective
from dse.point import DesignPoint
from dse.space import DesignSpace
from dse.store import CampaignHeader, RunRow, Trials

FORMAT = "marl-dse campaign"
VERSION = 2
_WITHOUT_CHARGES = 1  # the version whose trials have no fidelity and charge: all are full simulations
STATES = ("finished", "interrupted", "failed")
_MOST_RUNS = 32_767  # a trial's run is stored as int16
_DEEPEST = 200
_RUN = ("number", "agent", "searcher", "repetition", "options")


@dataclass(frozen=True, slots=True, eq=False)
class ArchiveHeader:
    """A header that was read and checked, waiting for its trials.

    columns: those of the table. n_trials, content: what the trials must come to.
    """

    header: CampaignHeader
    cached_as: tuple[tuple[str, str], ...]
    created: str
    state: str
    reference: NDArray[np.float64] | None
    ideal: NDArray[np.float64] | None
    baseline_point: DesignPoint | None
    baseline: Metrics | None
    baseline_trial: int | None
    columns: tuple[Column, ...]
    n_trials: int
    content: str

    def with_trials(self, trials: Trials, path: Path) -> CampaignArchive:
        """The whole campaign; ExchangeError if these are not the trials that were exported."""
        if len(trials) != self.n_trials:
            raise ExchangeError(
                f"got {len(trials):,} trials, expected {self.n_trials:,}: the file is cut off "
                "or was changed; export the campaign again",
                path=path,
            )
        if not np.array_equal(trials.id, np.arange(1, len(trials) + 1)):
            row = int(np.argmax(trials.id != np.arange(1, len(trials) + 1)))
            raise ExchangeError(
                f"got trial {trials.id[row]} in place {row + 1}, expected trials 1 to {len(trials)} in order",
                path=path,
                key="trial",
            )
        archive = CampaignArchive(
            header=self.header,
            cached_as=self.cached_as,
            created=self.created,
            state=self.state,
            reference=self.reference,
            ideal=self.ideal,
            baseline_point=self.baseline_point,
            baseline=self.baseline,
            baseline_trial=self.baseline_trial,
            trials=trials,
        )
        charges = any(column.name in WITH_CHARGES for column in self.columns if column.role == "trial")
        if content_hash(trials, charges=charges) != self.content:
            raise ExchangeError(
                "the trials are not those that were exported: a value was changed (a spreadsheet that saves "
                "a file rounds its numbers); export the campaign again",
                path=path,
            )
        return archive


def header_to_dict(archive: CampaignArchive) -> dict[str, Any]:
    """JSON form of everything but the trials."""
    header = archive.header
    cached = [{"simulator": simulator, "workload": workload} for simulator, workload in archive.cached_as]
    workloads = [{**w, "cached_as": c} for w, c in zip(header.workloads, cached, strict=True)]
    data = {
        "format": FORMAT,
        "version": VERSION,
        "name": header.name,
        "created": archive.created,
        "state": archive.state,
        "config": header.config,
        "config_base": header.config_base,
        "simulator": header.simulator,
        "build_id": header.build_id,
        "space": header.space.to_dict(),
        "search_space": header.search_space.to_dict(),
        "schema": header.schema.to_list(),
        "objectives": [objective.to_dict() for objective in header.objectives],
        "workloads": workloads,
        "provenance": header.provenance,
        "runs": [{key: getattr(run, key) for key in _RUN} for run in header.runs],
        "scale": _scale_to_dict(archive),
        "baseline": _baseline_to_dict(archive),
        "columns": [column.to_dict() for column in columns_of(header.space, header.schema)],
        "trials": len(archive.trials),
        "content": archive.content,
    }
    return {**data, "header": _hash(data)}


def header_to_text(archive: CampaignArchive) -> str:
    """The header as JSON on one line."""
    return json.dumps(header_to_dict(archive), separators=(",", ":"))


def header_from_text(text: str | bytes, path: Path) -> ArchiveHeader:
    """The header in a JSON text; ExchangeError with file, line and key for what is wrong in it."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ExchangeError(
            f"is not JSON: {error.msg} (column {error.colno})", path=path, line=error.lineno
        ) from None
    except (ValueError, RecursionError) as error:
        raise ExchangeError(f"is not JSON that can be read: {error}", path=path) from None
    return header_from_dict(data, path)


def header_from_dict(data: Any, path: Path) -> ArchiveHeader:
    """The header that `header_to_dict` made; ExchangeError with file and key for anything else."""
    _check_format(data, path)
    read = _Reader(data, path)
    space = read.built("space", dict, DesignSpace.from_dict)
    schema = read.built("schema", list, MetricSchema.from_list)
    _check_columns(space, schema, path)
    runs = read.built("runs", list, _runs)
    objectives = read.built("objectives", list, lambda items: _objectives(items, schema))
    workloads, cached_as = read.built("workloads", list, _workloads)
    n_aims = sum(not objective.is_constraint for objective in objectives)
    reference, ideal = read.built("scale", dict | None, lambda scale: _scale(scale, n_aims))
    n_trials = read.built("trials", int, _count)
    base = read.built("baseline", dict | None, lambda item: _baseline(item, space, schema, n_trials))
    columns = columns_of(space, schema, WITH_CHARGES if data["version"] == _WITHOUT_CHARGES else ())
    if n_trials * len(columns) > MAX_CELLS:
        raise ExchangeError(
            f"{n_trials:,} trials of {len(columns)} columns are more than the {MAX_CELLS:,} values that are "
            "read at once; use `dse store merge`",
            path=path,
            key="trials",
        )
    found = ArchiveHeader(
        header=CampaignHeader(
            name=read.built("name", str, _name),
            config=read.built("config", dict, _shallow),
            config_base=read.text("config_base"),
            simulator=read.built("simulator", dict, _simulator),
            build_id=read.text("build_id"),
            space=space,
            search_space=read.built("search_space", dict, lambda item: _within(item, space)),
            schema=schema,
            objectives=objectives,
            workloads=workloads,
            provenance=read.built("provenance", dict, _shallow),
            runs=runs,
        ),
        cached_as=cached_as,
        created=read.built("created", str, _moment),
        state=read.built("state", str, _state),
        reference=reference,
        ideal=ideal,
        baseline_point=base[0],
        baseline=base[1],
        baseline_trial=base[2],
        columns=columns,
        n_trials=n_trials,
        content=read.text("content"),
    )
    if read.text("header") != _hash({key: value for key, value in data.items() if key != "header"}):
        raise ExchangeError(
            "the header is not the one that was exported: something in it was changed; export the campaign "
            "again (to give it another name, use --name)",
            path=path,
            key="header",
        )
    return found


class _Reader:
    """Takes keys out of the header; every failure names the file and the key."""

    def __init__(self, data: Mapping[str, Any], path: Path) -> None:
        self._data = data
        self._path = path

    def text(self, key: str) -> str:
        found: str = self.built(key, str, lambda value: value)
        return found

    def built(self, key: str, kind: Any, build: Callable[[Any], Any]) -> Any:
        """What `build` makes of the key's value, which must be there and of that type."""
        if key not in self._data:
            raise ExchangeError("is missing from the header", path=self._path, key=key)
        value = self._data[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            expected = getattr(kind, "__name__", "an object or null")
            raise ExchangeError(
                f"got {type(value).__name__}, expected {_JSON_NAMES.get(expected, expected)}",
                path=self._path,
                key=key,
            )
        with self._located(key):
            return build(value)

    @contextmanager
    def _located(self, key: str) -> Iterator[None]:
        try:
            yield
        except KeyError as error:
            raise ExchangeError(f"has no {error}", path=self._path, key=key) from error
        except (TypeError, AttributeError) as error:
            message = f"is not what an export has there: {error}"
            raise ExchangeError(message, path=self._path, key=key) from error
        except (ValueError, OverflowError, RecursionError) as error:
            raise ExchangeError(str(error), path=self._path, key=key) from error


_JSON_NAMES = {"dict": "an object", "list": "a list", "str": "text", "int": "a whole number"}


def _hash(data: dict[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _check_format(data: Any, path: Path) -> None:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ExchangeError(
            f"is not a campaign that `dse store export` wrote: expected an object with format = {FORMAT!r}",
            path=path,
            key="format",
        )
    try:
        _shallow(data)
    except ValueError as error:
        raise ExchangeError(f"the header {error}", path=path) from None
    version = data.get("version")
    if type(version) is not int or not _WITHOUT_CHARGES <= version <= VERSION:
        raise ExchangeError(
            f"got {version!r}, expected {VERSION} or less: the file was written by another version of "
            "marl-dse. Update marl-dse, or export the campaign again",
            path=path,
            key="version",
        )


def _check_columns(space: DesignSpace, schema: MetricSchema, path: Path) -> None:
    for key, names in (("space", space.names), ("schema", schema.names)):
        strange = [name for name in names if not (f"m_{name}".isidentifier() and name.isascii())]
        if strange:
            raise ExchangeError(
                f"{strange[0]!r} cannot be a column of a store: use letters, digits and _", path=path, key=key
            )
        if len({name.lower() for name in names}) != len(names):
            raise ExchangeError("two names differ only in capitals", path=path, key=key)
    if len(space.names) + len(schema.names) > MAX_COLUMNS:
        raise ExchangeError(
            f"{len(space.names)} parameters and {len(schema.names)} metrics; a store holds {MAX_COLUMNS}",
            path=path,
            key="schema",
        )


def _scale_to_dict(archive: CampaignArchive) -> dict[str, Any] | None:
    if archive.reference is None or archive.ideal is None:
        return None
    return {"reference": _to_json(archive.reference), "ideal": _to_json(archive.ideal)}


def _baseline_to_dict(archive: CampaignArchive) -> dict[str, Any] | None:
    if archive.baseline_point is None or archive.baseline is None:
        return None
    return {
        "design": archive.baseline_point.to_dict(),
        "metrics": _to_json(archive.baseline.values_array),
        "trial": archive.baseline_trial,
    }


def _to_json(values: NDArray[np.float64]) -> list[float | str | None]:
    """Numbers as JSON has them: NaN is null, infinities are text."""
    return [v if math.isfinite(v) else None if math.isnan(v) else repr(v) for v in values.tolist()]


def _from_json(values: Any, n: int) -> NDArray[np.float64]:
    if not isinstance(values, list) or len(values) != n:
        raise ValueError(f"expected a list of {n} numbers")
    return np.array([math.nan if v is None else float(v) for v in values], dtype=np.float64)


def _scale(data: Any, n: int) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    if data is None:
        return None, None
    return _from_json(data["reference"], n), _from_json(data["ideal"], n)


def _baseline(
    data: Any, space: DesignSpace, schema: MetricSchema, n_trials: int
) -> tuple[DesignPoint | None, Metrics | None, int | None]:
    if data is None:
        return None, None, None
    if list(data["design"]) != list(space.names):
        raise ValueError("its design does not have the parameters of the space")
    point = DesignPoint(
        space.names,
        tuple(p.values[p.index(data["design"][p.name])] for p in space.parameters),
    )
    trial = data["trial"]
    if type(trial) is not int or not 1 <= trial <= max(n_trials, 1):
        raise ValueError(f"its trial is {trial!r}: expected 1 to {n_trials}")
    return point, Metrics(schema, _from_json(data["metrics"], len(schema))), trial


def _runs(items: Sequence[Any]) -> tuple[RunRow, ...]:
    made = []
    for item in items:
        if not isinstance(item, dict) or sorted(item) != sorted(_RUN):
            raise ValueError(f"{item!r} is not a run: expected {', '.join(_RUN)}")
        run: Any = RunRow(**item)
        texts = isinstance(run.agent, str) and isinstance(run.searcher, str)
        whole = type(run.number) is int and type(run.repetition) is int
        if not (texts and whole and isinstance(run.options, dict) and 0 <= run.number <= _MOST_RUNS):
            raise ValueError(f"{item!r} is not a run: a value is of the wrong type or out of range")
        if not 0 <= run.repetition < 2**31:
            raise ValueError(f"run {run.number}: repetition {run.repetition} is out of range")
        made.append(run)
    if not made or len({run.number for run in made}) != len(made):
        raise ValueError("expected at least one run, each with another number")
    return tuple(made)


def _objectives(items: Sequence[Any], schema: MetricSchema) -> tuple[Objective, ...]:
    made = tuple(Objective.from_dict(item) for item in items)
    for objective in made:
        schema.index(objective.metric)
    if all(objective.is_constraint for objective in made):
        raise ValueError("there is no objective to optimise")
    return made


def _workloads(items: Sequence[Any]) -> tuple[list[dict[str, Any]], tuple[tuple[str, str], ...]]:
    workloads: list[dict[str, Any]] = []
    cached: list[tuple[str, str]] = []
    for item in items:
        rest = {key: value for key, value in item.items() if key not in ("cached_as", "bench")}
        key = (item["cached_as"]["simulator"], item["cached_as"]["workload"])
        if not all(isinstance(text, str) for text in (*key, rest["name"], rest["hash"])):
            raise ValueError("expected text as name, hash and cached_as")
        workloads.append(_shallow(rest))
        cached.append(key)
    return workloads, tuple(cached)


def _within(data: Any, space: DesignSpace) -> DesignSpace:
    found = DesignSpace.from_dict(data)
    if found.names != space.names:
        raise ValueError("its parameters are not those of the simulator's space")
    return found


def _simulator(data: Any) -> dict[str, Any]:
    if not isinstance(data["name"], str) or not isinstance(data.get("options", {}), dict):
        raise ValueError("expected a name and options")
    return _shallow(data)


def _shallow(data: Any) -> dict[str, Any]:
    """The object as it is, if it is not nested without end."""
    level = [data]
    for _ in range(_DEEPEST):
        level = [v for item in level for v in _inside(item) if isinstance(v, dict | list)]
        if not level:
            found: dict[str, Any] = data
            return found
    raise ValueError(f"is nested deeper than {_DEEPEST} levels")


def _inside(item: Any) -> Any:
    return item.values() if isinstance(item, dict) else item


def _name(text: str) -> str:
    if not (1 <= len(text) <= 200 and text.isprintable() and text == text.strip()):
        raise ValueError("expected 1 to 200 printable characters without blanks at the ends")
    return text


def _moment(text: str) -> str:
    datetime.datetime.fromisoformat(text)
    return text


def _state(text: str) -> str:
    if text not in STATES:
        raise ValueError(f"got {text!r}, expected one of {', '.join(STATES)}")
    return text


def _count(n: int) -> int:
    if n < 0:
        raise ValueError(f"got {n}, expected 0 or more")
    return n
