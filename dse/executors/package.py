"""A simulator's recipe and the workloads as bytes: what a worker gets once, before any design.

The bytes are a NumPy archive without pickle: the columns of every trace, the files that the simulator's
options name, and a JSON header with the simulator's entry in the registry, its options, and everything by
which a worker can tell that it would measure the same: versions, build, space, schema and workloads.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import dse
from dse.errors import ConfigError, DseError, InputError
from dse.option_files import contents, given
from dse.registry import SIMULATORS, check_keywords
from dse.simulator import Simulator
from traces.instruction_workload import AnyWorkload, InstructionWorkload
from traces.instructions import COLUMNS, InstructionTrace
from traces.trace import Trace
from traces.workload import Workload

_OF_REQUESTS = ("arrival_cycle", "address", "is_write", "size_bytes", "source")
_OF_INSTRUCTIONS = (*COLUMNS, "address")


class WorkerMismatch(DseError):
    """A worker has another version of this tool, or of the simulator."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a worker simulates with."""

    simulator: Simulator
    workloads: tuple[AnyWorkload, ...]


def pack(simulator: Simulator, workloads: Sequence[AnyWorkload]) -> bytes:
    """The bytes that `unpack` takes.

    Raises ConfigError if the simulator is not registered, or is not what its name and options build.
    """
    if simulator.name not in SIMULATORS:
        raise ConfigError(
            f"simulator {simulator.name!r} is not in dse.registry.SIMULATORS, so no other process can build "
            "it: register it as 'module:Name', or use executor 'threads'"
        )
    files = contents(simulator.describe())
    traces = {trace.hash: trace for workload in workloads for trace in workload.traces}
    place = {key: position for position, key in enumerate(traces)}
    header = {
        "entry": SIMULATORS[simulator.name],
        "options": simulator.describe(),
        "files": list(files),
        "identity": _identity(simulator, workloads),
        "traces": [_trace_row(trace) for trace in traces.values()],
        "workloads": [
            _workload_row(workload) | {"traces": [place[trace.hash] for trace in workload.traces]}
            for workload in workloads
        ],
    }
    _check_rebuilds(simulator, header, workloads)
    columns = {
        f"{name}_{position}": getattr(trace, name)
        for position, trace in enumerate(traces.values())
        for name in _columns(trace)
    }
    columns |= {
        f"file_{position}": np.frombuffer(content, dtype=np.uint8)
        for position, content in enumerate(files.values())
    }
    buffer = io.BytesIO()
    np.savez(buffer, header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8), **columns)
    return buffer.getvalue()


def unpack(data: bytes) -> Bench:
    """Build the simulator and the workloads. Raises WorkerMismatch if they would not measure the same."""
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
        files = {name: archive[f"file_{k}"].tobytes() for k, name in enumerate(header["files"])}
        traces = [_trace(row, position, archive) for position, row in enumerate(header["traces"])]
    workloads = tuple(_workload(row, traces) for row in header["workloads"])
    with given(files):
        simulator = _build(header)
    differences = _differences(_identity(simulator, workloads), header["identity"])
    if differences:
        raise WorkerMismatch(differences)
    return Bench(simulator, workloads)


def _columns(trace: Trace | InstructionTrace) -> tuple[str, ...]:
    return _OF_REQUESTS if isinstance(trace, Trace) else _OF_INSTRUCTIONS


def _trace_row(trace: Trace | InstructionTrace) -> dict[str, Any]:
    row = {"name": trace.name, "provenance": dict(trace.provenance)}
    return row | {"clock_fs": trace.clock_fs} if isinstance(trace, Trace) else row


def _trace(row: dict[str, Any], position: int, archive: Mapping[str, Any]) -> Trace | InstructionTrace:
    if "clock_fs" in row:
        return Trace(**row, **{name: archive[f"{name}_{position}"] for name in _OF_REQUESTS})
    return InstructionTrace(**row, **{name: archive[f"{name}_{position}"] for name in _OF_INSTRUCTIONS})


def _workload_row(workload: AnyWorkload) -> dict[str, Any]:
    row = {name: getattr(workload, name) for name in ("name", "start", "length", "warmup")}
    if isinstance(workload, InstructionWorkload):
        return row | {"spaces": workload.spaces}
    return row | {"arrival_scale": workload.arrival_scale}


def _workload(row: dict[str, Any], traces: Sequence[Any]) -> AnyWorkload:
    own = tuple(traces[position] for position in row["traces"])
    options = {name: value for name, value in row.items() if name != "traces"}
    if "spaces" in row:
        return InstructionWorkload(own, **options)
    return Workload(own, **options)


def digest(data: bytes) -> str:
    """16 hexadecimal digits of a package."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _build(header: dict[str, Any]) -> Simulator:
    module, _, attribute = header["entry"].partition(":")
    build = getattr(importlib.import_module(module), attribute)
    check_keywords(build, header["options"], f"simulator {header['entry']!r}")
    simulator: Simulator = build(**header["options"])
    return simulator


def _check_rebuilds(simulator: Simulator, header: dict[str, Any], workloads: Sequence[AnyWorkload]) -> None:
    """Find here, not in a worker, that a simulator is not what its name and options say."""
    try:
        again = _build(header)
    except InputError as error:
        raise ConfigError(
            f"simulator {simulator.name!r} cannot be built from its options: {error}"
        ) from error
    differences = _differences(_identity(again, workloads), header["identity"])
    if differences:
        raise ConfigError(
            f"simulator {simulator.name!r} is not what its name and options build ({differences}), so other "
            "processes cannot build it: use executor 'threads'"
        )


def _identity(simulator: Simulator, workloads: Sequence[AnyWorkload]) -> dict[str, str]:
    return {
        "version of marl-dse": dse.__version__,
        "build of the simulator": simulator.build_id,
        "design space": simulator.space.hash,
        "metrics": simulator.schema.hash,
        "workloads": " ".join(workload.hash for workload in workloads),
    }


def _differences(found: dict[str, str], expected: dict[str, str]) -> str:
    return ", ".join(
        f"{what} {found[what]!r} instead of {expected[what]!r}"
        for what in expected
        if found.get(what) != expected[what]
    )
