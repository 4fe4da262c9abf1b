"""`Tabulated`: a simulator that answers from a table of what another one measured on every design.

    from dse.tabulated import Tabulated, tabulate
    tabulate(DramSimulator("dramgym-published"), [workload], "designs.npz", metrics=["elapsed_ns"])
    fast = Tabulated("designs.npz")      # measures what the simulator does, at the cost of a look-up

What is exact with the simulator is exact with the table: the best design is known, searches cost nothing. A
table holds for one space, schema and build of the simulator; where these have changed it is refused.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import ConfigError, InputError, LookupFailed, listed
from dse.metrics import Metrics, MetricsBatch, MetricSchema
from dse.point import DesignPoint
from dse.registry import make_simulator
from dse.simulator import Session, Simulator, Work
from dse.space import DesignSpace, IndexMatrix
from traces.instruction_workload import AnyWorkload, InstructionWorkload
from traces.workload import Workload

FORMAT, VERSION = "dse-table", 1
MOST_DESIGNS = 1 << 23
"""Of the raw space of a table."""
MOST_BYTES = 4 * 2**30
"""Of a table in memory: no file may ask for more."""
_KEYS = {"simulator", "options", "build_id", "space", "schema", "metrics", "workloads", "notes"}
_CHUNK = 1 << 16
_BATCH = 512

Values = NDArray[np.float64]


def distinct_designs(space: DesignSpace) -> IndexMatrix:
    """(N, D) every canonical design, in the order of their raw numbers, forbidden ones too.

    Raises ConfigError for a space with more than `MOST_DESIGNS` raw designs.
    """
    if space.raw_size > MOST_DESIGNS:
        raise ConfigError(
            f"design space {space.name!r} has {space.raw_size:,} raw designs: a table takes up to "
            f"{MOST_DESIGNS:,}. Restrict the space",
            key="space",
        )
    sizes = space.n_values.tolist()
    kept = []
    for start in range(0, space.raw_size, _CHUNK):
        codes = np.arange(start, min(start + _CHUNK, space.raw_size))
        rows = np.stack(np.unravel_index(codes, sizes), axis=1).astype(np.int16)
        kept.append(rows[(rows == space.canonical(rows)).all(axis=1)])
    return np.concatenate(kept)


def tabulate(
    simulator: Simulator,
    workloads: Sequence[AnyWorkload],
    path: str | Path,
    *,
    metrics: Sequence[str] | None = None,
    threads: int = 1,
    told: Callable[[int, int], None] | None = None,
) -> Path:
    """Run every distinct design on every workload and write the table; an .npz file, which replaces another.

    metrics: those that are kept, with the parts of their ratios (all if None). told: called with the designs
    done and their number. Raises ConfigError for a space that is too large or a metric that there is not.
    """
    rows = distinct_designs(simulator.space)
    schema = _part(simulator.schema, metrics)
    columns = [simulator.schema.index(name) for name in schema.names]
    values = np.empty((len(workloads), len(rows), len(schema)))
    notes = np.zeros(values.shape[:2], dtype=np.int32)
    texts: dict[tuple[str, ...], int] = {(): 0}
    for start in range(0, len(rows), _BATCH):
        here = slice(start, start + _BATCH)
        batch = simulator.run_batch(rows[here], workloads, threads)
        values[:, here] = batch.values[:, :, columns].transpose(1, 0, 2)
        for place, of_design in enumerate(batch.notes):
            notes[:, start + place] = [texts.setdefault(tuple(one), len(texts)) for one in of_design]
        if told is not None:
            told(min(start + _BATCH, len(rows)), len(rows))
    header = {
        "format": FORMAT,
        "version": VERSION,
        "simulator": simulator.name,
        "options": simulator.describe(),
        "build_id": simulator.build_id,
        "space": simulator.space.hash,
        "schema": simulator.schema.hash,
        "metrics": list(schema.names),
        "workloads": [{"name": one.name, "hash": one.hash} for one in workloads],
        "notes": [list(one) for one in texts],
    }
    return _write(Path(path), header, values, notes)


class Tabulated:
    """Implements `Simulator` but for sessions; see the module text.

    table: a file that `tabulate` wrote. simulator: the one of which it is; by default it is built of what the
    table says. Raises InputError for a file that is no table, ConfigError for a table of another space,
    schema or build than the simulator has.
    """

    name = "tabulated"

    def __init__(self, table: str | Path, simulator: Simulator | None = None) -> None:
        self._path = Path(table)
        header, self._values, self._notes = _read(self._path)
        if simulator is None:
            simulator = make_simulator(header["simulator"], **header["options"])
        found = {
            "simulator": simulator.name,
            "space": simulator.space.hash,
            "schema": simulator.schema.hash,
            "build_id": simulator.build_id,
        }
        for what, value in found.items():
            if header[what] != value:
                raise ConfigError(
                    f"{self._path}: this is a table of another {what}: got {header[what]!r}, expected "
                    f"{value!r}, which the simulator has. Tabulate it anew",
                    key="table",
                )
        programs = getattr(simulator, "workload_kind", "") == "instructions"
        self._kind: Any = InstructionWorkload if programs else Workload
        self.space: DesignSpace = simulator.space
        self.schema = _part(simulator.schema, header["metrics"])
        self.rows = distinct_designs(self.space)
        """(N, D) the designs of the table."""
        self.workloads = tuple(one["name"] for one in header["workloads"])
        """Names of the W workloads of the table."""
        self._texts = [tuple(one) for one in header["notes"]]
        self._works = {one["hash"]: place for place, one in enumerate(header["workloads"])}
        if self._values.shape != (len(self._works), len(self.rows), len(self.schema)):
            raise InputError(f"{self._path}: the table is damaged: values of shape {self._values.shape}")
        self._place = np.full(self.space.raw_size, -1, dtype=np.int32)
        self._place[self.space.keys(self.rows)] = np.arange(len(self.rows))
        if self._kind is InstructionWorkload:
            self.workload_kind = "instructions"
        digest = hashlib.blake2b(json.dumps(header, sort_keys=True).encode(), digest_size=8)
        digest.update(self._values.tobytes())
        self.build_id = f"tabulated-{digest.hexdigest()}"

    def describe(self) -> dict[str, Any]:
        """Where the table is."""
        return {"table": str(self._path)}

    def check_workload(self, workload: AnyWorkload, baseline: DesignPoint) -> None:
        """LookupFailed for a workload that is not in the table."""
        self._number(workload)

    def values(self, workload: AnyWorkload) -> Values:
        """(N, M) what all designs (`rows`) measured on a workload; LookupFailed if it is not in the table."""
        found: Values = self._values[self._number(workload)]
        return found

    def open(self, point: DesignPoint, workload: Work, seed: int = 0) -> Session:
        """Raises ConfigError: nothing runs here."""
        raise ConfigError("a table has no running simulation: open a session of the simulator itself")

    def run(self, point: DesignPoint, workload: Work, seed: int = 0) -> Metrics:
        """What the design measured."""
        return self.run_batch([point], [workload])[0][0]

    def run_batch(
        self, points: Sequence[DesignPoint] | IndexMatrix, workloads: Sequence[Work], threads: int = 1
    ) -> MetricsBatch:
        """Look every design up on every workload; `seconds` are 0. LookupFailed for another workload."""
        works = np.array([self._number(self._kind.of(one)) for one in workloads], dtype=np.intp)
        places = self._place[self.space.keys(self.space.rows(points))]
        values = self._values[works, places[:, None]]
        numbers = self._notes[works, places[:, None]]
        notes = [[self._texts[one] for one in row] for row in numbers.tolist()]
        return MetricsBatch(self.schema, values, notes, np.zeros(values.shape[:2]))

    def _number(self, workload: AnyWorkload) -> int:
        number = self._works.get(workload.hash)
        if number is None:
            raise LookupFailed(
                f"workload {workload.name!r} is not in the table {self._path}, which has "
                f"{listed(self.workloads)}",
                key="workload",
            )
        return number


def _part(schema: MetricSchema, metrics: Sequence[str] | None) -> MetricSchema:
    """Those metrics and the parts of their ratios, in the order of the schema."""
    if metrics is None:
        return schema
    wanted: set[str] = set()
    asked = list(metrics)
    while asked:
        one = schema.spec(asked.pop())
        wanted.add(one.name)
        parts = (one.numerator, one.denominator)
        asked += [part for part in parts if part is not None and part not in wanted]
    return MetricSchema([one for one in schema if one.name in wanted])


def _write(path: Path, header: Mapping[str, Any], values: Values, notes: NDArray[np.int32]) -> Path:
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez_compressed(file, header=text, values=values, notes=notes)
    part.replace(path)
    return path


def _read(path: Path) -> tuple[dict[str, Any], Values, NDArray[np.int32]]:
    """InputError for what `tabulate` did not write."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MOST_BYTES:
            raise ValueError(f"it would take {size:,} bytes, and up to {MOST_BYTES:,} are expected")
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(file["header"].tobytes())
            values, notes = file["values"], file["notes"]
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such table") from None
    except (OSError, EOFError, ValueError, KeyError, TypeError, MemoryError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: this is no table of a simulator, or a damaged one: {error}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError(f"{path}: this is no table of a simulator: expected format {FORMAT!r}")
    if header.get("version") != VERSION:
        raise InputError(f"{path}: table of version {header.get('version')}: expected {VERSION}")
    if not header.keys() >= _KEYS:
        raise InputError(f"{path}: the table is damaged: its header lacks {listed(_KEYS - header.keys())}")
    return header, values, notes
