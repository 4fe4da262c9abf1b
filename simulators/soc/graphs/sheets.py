"""FARSI's public CSV sheets as a task graph (github.com/facebookresearch/Project_FARSI, MIT licence).

The sheets are read where the user has them, named as `FOLDER#WORKLOAD`; none is part of this program. Read
are `WORKLOAD_database - ` Task Data Movement (bytes from the task of the row to that of the column), Task Itr
Count, Task PE Performance (cycles), Task PE Energy (fJ) and Task PE Area (um2), and `misc_database - ` Block
Characteristics and Budget (s, W, m2). What the columns mean is as FARSI's own reader takes them: bytes of a
task to itself stay in its scratch pad and count nowhere; a core's instructions are its cycles times its IPC;
only the accelerator IP0, of which there is a performance, exists.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dse.errors import InputError, did_you_mean, listed
from dse.option_files import read_option_file
from simulators.soc.graphs.graph import Accelerator, Budget, Edge, Task, TaskGraph
from simulators.soc.graphs.hardware import PUBLISHED_SCALING, Core, Library

MOST_BYTES = 4 << 20
_TASK = "Task Name"
_ACCELERATOR = re.compile(r"IP\d+")
_BLOCK_COLUMNS = (
    "Name", "dhrystone_IPC", "Freq", "Ref", "Type", "Subtype", "Inst_per_joul", "Gpp_area", "BitWidth",
    "Byte_per_joul", "Byte_per_m", "hop_latency", "pipe_line_depth",
)  # fmt: skip
_BUDGET_COLUMNS = ("Workload", "latency", "power", "area", "cost")


def read_sheets(spec: str) -> TaskGraph:
    """The graph in the sheets `FOLDER#WORKLOAD`. InputError names the file, the row and the column."""
    folder, mark, name = spec.rpartition("#")
    if not mark or not folder or not name:
        raise InputError(
            f"{spec!r} names no sheets: expected FOLDER#WORKLOAD, for example farsi#audio_decoder",
            key="sheets",
        )
    blocks = _Sheet.read(folder, "misc", "Block Characteristics", "Name")
    cores = _cores(blocks)
    moves = _movement(folder, name)
    tasks = _tasks(folder, name, list(moves), cores)
    edges = tuple(Edge(a, b, n_bytes) for a, row in moves.items() for b, n_bytes in row.items() if a != b)
    return TaskGraph(name, tasks, edges, _budget(folder, name), _library(blocks, cores), spec)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A sheet whose first column names the rows. rows: by that name, each by column; lines: of the rows."""

    path: str
    columns: tuple[str, ...]
    rows: dict[str, dict[str, str]]
    lines: dict[str, int]

    @classmethod
    def read(cls, folder: str, workload: str, title: str, key: str) -> _Sheet:
        path = str(Path(folder) / f"{workload}_database - {title}.csv")
        lines = list(csv.reader(_text(path).splitlines()))
        header = [cell.strip() for cell in lines[0]] if lines else []
        if not header or header[0] != key:
            raise InputError(f"the first column is called {header[:1]}: expected {key!r}", path=path, line=1)
        twice = sorted({column for column in header if header.count(column) > 1})
        if twice:
            raise InputError(f"column {twice[0]!r} is there twice: expected it once", path=path, line=1)
        rows: dict[str, dict[str, str]] = {}
        places: dict[str, int] = {}
        for number, cells in enumerate(lines[1:], start=2):
            values = [cell.strip() for cell in cells]
            if not any(values):
                continue
            if any(values[len(header) :]):
                raise InputError(
                    f"{len(values)} columns: expected {len(header)}, as in the first line",
                    path=path,
                    line=number,
                )
            values = [*values, *[""] * len(header)][: len(header)]
            if values[0] in rows:
                raise InputError(
                    f"row {values[0]!r} is there twice: expected it once", path=path, line=number
                )
            rows[values[0]] = dict(zip(header, values, strict=True))
            places[values[0]] = number
        return cls(path, tuple(header), rows, places)

    def check_columns(self, known: Iterable[str] | Callable[[str], bool], words: str) -> None:
        fits = known if callable(known) else set(known).__contains__
        for column in self.columns:
            if not fits(column):
                near = "" if callable(known) else did_you_mean(column, known)
                raise InputError(
                    f"unknown column {column!r}: expected {words}.{near}", path=self.path, line=1
                )

    def check_rows(self, known: list[str]) -> None:
        for row in self.rows:
            if row not in known:
                raise self.error(row, _TASK, f"is no task of this workload.{did_you_mean(row, known)}")

    def number(self, row: str, column: str) -> float | None:
        """The number there; None where the cell is empty. InputError if it is none, or negative."""
        text = self.rows[row].get(column, "")
        if not text or text == "NA":
            return None
        try:
            value = float(text)
        except ValueError:
            raise self.error(row, column, f"{text!r} is no number") from None
        if not 0 <= value < float("inf"):
            raise self.error(row, column, f"{text} is out of range: expected a number, 0 or more")
        return value

    def needed(self, row: str, column: str) -> float:
        if row not in self.rows:
            raise InputError(f"there is no row {row!r}: every task needs one", path=self.path)
        value = self.number(row, column)
        if value is None:
            raise self.error(row, column, "the cell is empty: expected a number")
        return value

    def positive(self, row: str, column: str) -> float:
        value = self.needed(row, column)
        if value == 0:
            raise self.error(row, column, "0 is out of range: expected a number above 0")
        return value

    def error(self, row: str, column: str, message: str) -> InputError:
        return InputError(f"row {row!r}, column {column!r}: {message}", path=self.path, line=self.lines[row])


def _text(path: str) -> str:
    try:
        content = read_option_file(path, MOST_BYTES)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror}): expected a sheet of FARSI", path=path) from None
    if len(content) > MOST_BYTES:
        raise InputError(f"longer than {MOST_BYTES} bytes: expected a sheet of FARSI", path=path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"is no text in UTF-8 ({error.reason}): expected CSV", path=path) from None


def _movement(folder: str, name: str) -> dict[str, dict[str, float]]:
    """For each task, in the order of the rows, the bytes that it hands to each other one."""
    sheet = _Sheet.read(folder, name, "Task Data Movement", _TASK)
    tasks = list(sheet.rows)
    sheet.check_columns((_TASK, *tasks), f"{_TASK!r} and the tasks of the rows")
    found: dict[str, dict[str, float]] = {task: {} for task in tasks}
    for task in tasks:
        for column in sheet.columns[1:]:
            n_bytes = sheet.number(task, column)
            if n_bytes is not None:
                found[task][column] = n_bytes
    return found


def _tasks(folder: str, name: str, names: list[str], cores: tuple[Core, ...]) -> tuple[Task, ...]:
    performance, energy, area = (
        _Sheet.read(folder, name, f"Task PE {what}", _TASK) for what in ("Performance", "Energy", "Area")
    )
    core_names = [core.name for core in cores]
    words = f"{_TASK!r}, a core ({listed(core_names)}) or an accelerator (IP0, IP1, ...)"
    for sheet in (performance, energy, area):
        sheet.check_columns(
            lambda column: column in (_TASK, *core_names) or bool(_ACCELERATOR.fullmatch(column)), words
        )
        sheet.check_rows(names)
    for column in performance.columns:
        if _ACCELERATOR.fullmatch(column) and column != "IP0":
            raise InputError(
                f"column {column!r}: one accelerator a task is supported, IP0", path=performance.path, line=1
            )
    counts = _iterations(folder, name, names)
    found = []
    for task in names:
        cycles = performance.needed(task, cores[0].name)
        accelerator = None
        if performance.number(task, "IP0") is not None:
            accelerator = Accelerator(
                performance.needed(task, "IP0"),
                energy.needed(task, "IP0") * 1e-3,  # fJ
                area.needed(task, "IP0") * 1e-6,  # um2
            )
        found.append(Task(task, cycles * cores[0].ipc, counts.get(task, 1), accelerator))
    return tuple(found)


def _iterations(folder: str, name: str, names: list[str]) -> dict[str, int]:
    """How often the loop of each task runs; a row that says 1, the default, may name anything."""
    sheet = _Sheet.read(folder, name, "Task Itr Count", _TASK)
    column = "number of iterations"
    sheet.check_columns((_TASK, column), f"{_TASK!r} and {column!r}")
    found = {row: sheet.needed(row, column) for row in sheet.rows}
    for row, count in found.items():
        if count != int(count) or count < 1:
            raise sheet.error(row, column, f"{count:g} is out of range: expected a whole number, 1 or more")
    sheet.check_rows([*names, *(row for row, count in found.items() if count == 1)])
    return {row: int(count) for row, count in found.items()}


def _cores(blocks: _Sheet) -> tuple[Core, ...]:
    blocks.check_columns(_BLOCK_COLUMNS, listed(_BLOCK_COLUMNS))
    rows = [name for name, row in blocks.rows.items() if (row["Type"], row["Subtype"]) == ("pe", "gpp")]
    cores = tuple(
        Core(
            name,
            mhz=blocks.positive(name, "Freq") / 1e6,
            ipc=blocks.positive(name, "dhrystone_IPC"),
            pj_per_instruction=1e12 / blocks.positive(name, "Inst_per_joul"),
            area_mm2=blocks.needed(name, "Gpp_area") * 1e6,
        )
        for name in sorted(rows, key=lambda name: blocks.rows[name]["Ref"] != "yes")
    )
    if not cores:
        raise InputError("no row has type 'pe' and subtype 'gpp': expected a core", path=blocks.path)
    return cores


def _library(blocks: _Sheet, cores: tuple[Core, ...]) -> Library:
    """Widths as in the sheet; clocks are the sheet's times the factors of FARSI's studies."""
    memories = [name for name, row in blocks.rows.items() if row["Type"] == "mem"]
    accelerator = [name for name, row in blocks.rows.items() if (row["Type"], row["Subtype"]) == ("pe", "ip")]
    if not memories or not accelerator:
        raise InputError("expected rows of type 'mem' and of subtype 'ip'", path=blocks.path)
    memory_mhz = round(blocks.positive(memories[0], "Freq") / 1e6)
    accelerator_mhz = round(blocks.positive(accelerator[0], "Freq") / 1e6)
    return Library(
        "farsi-sheets",
        cores,
        widths=tuple(sorted({int(blocks.positive(name, "BitWidth")) for name in memories})),
        memory_mhz=tuple(memory_mhz * factor for factor in (1, 4, 6)),
        bus_mhz=tuple(memory_mhz * factor for factor in (1, 4, 6)),
        accelerator_mhz=tuple(accelerator_mhz * factor for factor in (1, 4, 6, 8)),
        scaling=PUBLISHED_SCALING,
        energy_grows_with_unrolling=True,
    )


def _budget(folder: str, name: str) -> Budget:
    """What the common budget sheet allows the workload; no limit where it says nothing."""
    sheet = _Sheet.read(folder, "misc", "Budget", "Workload")
    sheet.check_columns(_BUDGET_COLUMNS, listed(_BUDGET_COLUMNS))
    if name not in sheet.rows:
        return Budget()
    latency, power, area = (sheet.number(name, column) for column in ("latency", "power", "area"))
    return Budget(
        None if latency is None else latency * 1e3,
        None if power is None else power * 1e3,
        None if area is None else area * 1e6,
    )
