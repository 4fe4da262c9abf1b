"""The columns of an exported table of trials, and how their values become trials again.

A parameter's column holds its values as they are where they are all whole numbers, numbers or truth values;
else text, in which a word that would read like another value is written in double quotes. A parameter or
metric whose name is taken gets `parameter.` or `metric.` before it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import compress
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dse.exchange.errors import BadCell
from dse.metrics import MetricSchema
from dse.parameter import Parameter, Value
from dse.space import DesignSpace
from dse.store import Origin, RunRow, Trials

Kind = Literal["int", "float", "bool", "text"]
Role = Literal["trial", "parameter", "metric"]
Values = Sequence[Any] | NDArray[Any]

WITH_CHARGES = ("fidelity", "charge")  # not in files of the first version
_FIXED: tuple[tuple[str, Kind, str], ...] = (
    ("trial", "int", ""),
    ("run", "int", ""),
    ("agent", "text", ""),
    ("seed", "int", ""),
    ("batch", "int", ""),
    ("step", "int", ""),
    ("origin", "text", ""),
    ("feasible", "bool", ""),
    ("seconds", "float", "s"),
    *((name, "float", "") for name in WITH_CHARGES),
)
_LARGEST = 2**63 - 1
_HIGHEST = {"fidelity": 1.0, "charge": math.inf}
_EXPECTED = {"int": "a whole number", "float": "a number", "bool": "true or false", "text": "text"}
_TYPES: dict[Kind, tuple[type, ...]] = {"int": (int,), "float": (float, int), "bool": (bool,), "text": (str,)}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `of` is the parameter's or metric's own name; labels: a parameter's values, by position."""

    name: str
    role: Role
    of: str
    unit: str
    kind: Kind
    labels: tuple[Value, ...] = ()

    def to_dict(self) -> dict[str, str]:
        """JSON form, for readers of the file."""
        return {"name": self.name, "is": self.role, "of": self.of, "unit": self.unit, "type": self.kind}


def columns_of(space: DesignSpace, schema: MetricSchema, without: Sequence[str] = ()) -> tuple[Column, ...]:
    """Bookkeeping (but for the names in `without`), parameters, metrics, in this order."""
    fixed = [Column(name, "trial", name, unit, kind) for name, kind, unit in _FIXED if name not in without]
    taken = {column.name for column in fixed}
    made: list[Column] = []
    for parameter in space.parameters:
        clash = parameter.name in taken or parameter.name in schema.names
        kind, labels = _labels(parameter)
        name = f"parameter.{parameter.name}" if clash else parameter.name
        made.append(Column(name, "parameter", parameter.name, parameter.unit, kind, labels))
    for spec in schema:
        clash = spec.name in taken or spec.name in space.names
        name = f"metric.{spec.name}" if clash else spec.name
        made.append(Column(name, "metric", spec.name, spec.unit, "float"))
    return (*fixed, *made)


def values_of(
    trials: Trials, columns: Sequence[Column], runs: Sequence[RunRow], rows: slice
) -> list[NDArray[Any]]:
    """The values of each column for some of the trials; text as arrays of objects."""
    numbers = trials.run[rows].astype(np.int64)
    known = {run.number: run for run in runs}
    agents = np.array([known[n].agent if n in known else "" for n in range(max(known) + 1)], dtype=object)
    seeds = np.array([known[n].repetition if n in known else 0 for n in range(max(known) + 1)])
    fixed: dict[str, NDArray[Any]] = {
        "trial": trials.id[rows],
        "run": numbers,
        "agent": agents[numbers],
        "seed": seeds[numbers],
        "batch": trials.batch[rows],
        "step": trials.step[rows],
        "origin": np.array([o.name.lower() for o in Origin], dtype=object)[trials.origin[rows]],
        "feasible": trials.feasible[rows],
        "seconds": trials.seconds[rows],
        "fidelity": trials.fidelity[rows],
        "charge": trials.charge[rows],
    }
    parts = list(fixed.values())
    wide = [column for column in columns if column.role == "parameter"]
    parts += [_array(column)[trials.indices[rows, d]] for d, column in enumerate(wide)]
    parts += list(trials.metrics[rows].T)
    return parts


def trials_of(values: Sequence[Values], columns: Sequence[Column], runs: Sequence[RunRow]) -> Trials:
    """Trials from the values of all columns, typed as the columns say; None is a missing metric.

    Without the columns `fidelity` and `charge` everything was simulated in full.

    Raises BadCell for a value of another kind, an unknown parameter value, run or origin.
    """
    given = {
        column.name: part for column, part in zip(columns, values, strict=True) if column.role == "trial"
    }
    run = _whole(given["run"], "run", 0, max(r.number for r in runs))
    _check_runs(given, run, runs)
    origins = {origin.name.lower(): int(origin) for origin in Origin}
    n = len(run)
    indices = np.empty((n, sum(column.role == "parameter" for column in columns)), dtype=np.int16)
    metrics = np.empty((n, sum(column.role == "metric" for column in columns)))
    d = m = 0
    for column, part in zip(columns, values, strict=True):
        if column.role == "parameter":
            indices[:, d] = _positions(part, column)
            d += 1
        elif column.role == "metric":
            metrics[:, m] = _numbers(part, column.name, missing=True)
            m += 1
    made = Trials(
        id=_whole(given["trial"], "trial", 1, _LARGEST),
        run=run.astype(np.int16),
        batch=_whole(given["batch"], "batch", 0, _LARGEST),
        step=_whole(given["step"], "step", 0, _LARGEST),
        origin=np.array(_looked_up(given["origin"], "origin", origins), dtype=np.uint8),
        feasible=np.array(_typed(given["feasible"], "feasible", "bool"), dtype=np.bool_),
        seconds=_numbers(given["seconds"], "seconds", missing=False),
        indices=indices,
        metrics=metrics,
        metric_names=tuple(column.of for column in columns if column.role == "metric"),
        **{name: _within(given[name], name, high) for name, high in _HIGHEST.items() if name in given},
    )
    wrong = made.feasible & (made.fidelity < 1)
    if wrong.any():
        raise BadCell(int(np.argmax(wrong)), "feasible", True, "false of an estimate (fidelity below 1)")
    return made


def joined(parts: Sequence[Trials], columns: Sequence[Column]) -> Trials:
    """The parts in a row; an empty table if there is none."""
    if not parts:
        parts = [trials_of([[] for _ in columns], columns, [RunRow(0, "", "", 0)])]
    names = [field.name for field in fields(Trials) if field.name != "metric_names"]
    columns_joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Trials(**columns_joined, metric_names=parts[0].metric_names)


def _labels(parameter: Parameter) -> tuple[Kind, tuple[Value, ...]]:
    values = parameter.values
    if all(isinstance(value, bool) for value in values):
        return "bool", values
    if all(_is_number(value) for value in values):
        if all(isinstance(value, int) and abs(value) <= _LARGEST for value in values):
            return "int", values
        if all(
            math.isfinite(value) and float(value) == value for value in values if not isinstance(value, str)
        ):
            return "float", tuple(float(value) for value in values)
    return "text", _texts(values)


def _texts(values: Sequence[Value]) -> tuple[str, ...]:
    """A different text for each value."""
    others = {_plain(value) for value in values if not isinstance(value, str)}
    return tuple(
        json.dumps(value)
        if isinstance(value, str) and (value in others or value[:1] == '"')
        else _plain(value)
        for value in values
    )


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _array(column: Column) -> NDArray[Any]:
    if column.kind != "text":
        return np.array(column.labels)
    made = np.empty(len(column.labels), dtype=object)
    made[:] = column.labels
    return made


def _typed(values: Values, name: str, kind: Kind) -> Values:
    """The values themselves; BadCell if one is of another type."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values
    allowed = _TYPES[kind]
    found = set(map(type, values))
    if not found <= set(allowed):
        row = next(i for i, value in enumerate(values) if type(value) not in allowed)
        raise BadCell(row, name, values[row], _EXPECTED[kind])
    return values


def _whole(values: Values, name: str, low: int, high: int) -> NDArray[np.int64]:
    typed = _typed(values, name, "int")
    try:
        made = np.array(typed, dtype=np.int64)
        wrong = (made < low) | (made > high)
    except OverflowError:
        wrong = np.array([not low <= value <= high for value in typed])
    if wrong.any():
        row = int(np.argmax(wrong))
        limit = f"{low} to {high}" if high < _LARGEST else f"{low} or more"
        raise BadCell(row, name, typed[row], f"a whole number, {limit}")
    return made


def _numbers(values: Values, name: str, *, missing: bool) -> NDArray[np.float64]:
    if missing and not isinstance(values, np.ndarray):
        values = [math.nan if value is None else value for value in values]
    try:
        made = np.array(_typed(values, name, "float"), dtype=np.float64)
    except OverflowError:
        row = next(i for i, value in enumerate(values) if abs(value) > 1e308)
        raise BadCell(row, name, values[row], "a number below 1e308") from None
    if not missing and not np.isfinite(made).all():
        row = int(np.argmin(np.isfinite(made)))
        raise BadCell(row, name, values[row], "a finite number")
    return made


def _within(values: Values, name: str, high: float) -> NDArray[np.float64]:
    """Numbers from 0 to `high`."""
    made = _numbers(values, name, missing=False)
    wrong = (made < 0) | (made > high)
    if wrong.any():
        row = int(np.argmax(wrong))
        expected = "a number, 0 or more" if high == math.inf else f"a number from 0 to {high:g}"
        raise BadCell(row, name, values[row], expected)
    return made


def _positions(values: Values, column: Column) -> list[int]:
    known = {label: position for position, label in enumerate(column.labels)}
    return _looked_up(_typed(values, column.name, column.kind), column.name, known)


def _looked_up(values: Values, name: str, known: dict[Any, int]) -> list[int]:
    plain = values.tolist() if isinstance(values, np.ndarray) else values
    try:
        return [known[value] for value in plain]
    except (KeyError, TypeError):
        row = next(i for i, value in enumerate(plain) if not _hashable(value) or value not in known)
        shown = ", ".join(map(repr, list(known)[:12])) + (", ..." if len(known) > 12 else "")
        raise BadCell(row, name, plain[row], f"one of {shown}") from None


def _hashable(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _check_runs(given: dict[str, Any], run: NDArray[np.int64], runs: Sequence[RunRow]) -> None:
    """The agent and seed of each trial must be those of its run."""
    known = {r.number: r for r in runs}
    numbers = run.tolist()
    unknown = [number not in known for number in numbers]
    if any(unknown):
        row = unknown.index(True)
        raise BadCell(row, "run", numbers[row], "the number of a run of the header")
    for name, wanted in (
        ("agent", {n: r.agent for n, r in known.items()}),
        ("seed", {n: r.repetition for n, r in known.items()}),
    ):
        part = given[name]
        found = part.tolist() if isinstance(part, np.ndarray) else part
        wrong = [value != wanted[number] for value, number in zip(found, numbers, strict=True)]
        for row in compress(range(len(wrong)), wrong):
            raise BadCell(row, name, found[row], f"{wanted[numbers[row]]!r}, as run {numbers[row]} says")
