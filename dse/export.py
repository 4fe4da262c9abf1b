"""Exporters: a design written as another tool's configuration, with an honest list of what got lost.

An exporter is a function `export(point, description, directory, *, trace, metrics, force, **options)` that
returns an `ExportManifest`; the registry knows it by name ("dramsys", "ramulator2", "dramsim3"). It builds a
`Plan`, which says of every parameter of the design where it was written or why it could not be, and hands it
to `publish`, which checks that nothing was forgotten, that no path leaves the directory and that no file is
overwritten by accident, and then writes the files and `export.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import traces
from dse.errors import DseError, InputError
from dse.point import DesignPoint
from dse.units import unit_of
from traces.trace import Trace

MANIFEST = "export.json"
SCHEMA = "marl-dse-export/1"


@dataclass(frozen=True, slots=True)
class Loss:
    """What the target cannot represent as it is.

    parameter: of the design, or "device", "trace". value: what the design has.
    reason: why it does not carry over. written_as: the nearest that was written instead; None for nothing.
    """

    parameter: str
    value: Any
    reason: str
    written_as: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an exporter wants to write.

    target, version: the tool and the version whose reader the files are for.
    texts: relative path to content. written: parameter to the place and value it was written as.
    trace: relative path and format name of the converted trace, and the trace; None without one.
    notes: what a user must know to run it.
    """

    target: str
    version: str
    texts: Mapping[str, str]
    written: Mapping[str, str]
    losses: tuple[Loss, ...]
    trace: tuple[str, str, Trace] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportManifest:
    """What was exported; `export.json` holds the same. files: paths relative to the directory."""

    target: str
    version: str
    files: tuple[str, ...]
    design: Mapping[str, Any]
    design_id: str
    written: Mapping[str, str]
    losses: tuple[Loss, ...]
    simulator: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    trace: Mapping[str, Any] | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, in a fixed order."""
        return {"schema": SCHEMA, **asdict(self)}


class Exporter(Protocol):
    """The role of the functions in the registry's table EXPORTERS."""

    def __call__(
        self,
        point: DesignPoint,
        description: Mapping[str, Any],
        directory: Path,
        *,
        trace: Trace | None = None,
        metrics: Mapping[str, float] | None = None,
        force: bool = False,
        **options: Any,
    ) -> ExportManifest:
        """Write `point` for the target into `directory`.

        description: of the simulator (`Simulator.describe()`), with `build_id` and `space_hash` if known.
        trace: written in the target's format when given. metrics: what our simulator measured.
        force: overwrite files that exist. Raises InputError before anything is written.
        """
        ...


def exporter_of(plan_export: Callable[..., Plan]) -> Callable[..., ExportManifest]:
    """The `Exporter` that publishes what `plan_export(point, description, trace=, version=)` plans.

    version: of the target, one that the planner knows; None is its default.
    """

    def export(
        point: DesignPoint,
        description: Mapping[str, Any],
        directory: Path,
        *,
        trace: Trace | None = None,
        metrics: Mapping[str, float] | None = None,
        force: bool = False,
        version: str | None = None,
    ) -> ExportManifest:
        plan = plan_export(point, description, trace=trace, version=version)
        return publish(plan, point, description, directory, metrics=metrics, force=force)

    return export


def publish(
    plan: Plan,
    point: DesignPoint,
    description: Mapping[str, Any],
    directory: Path,
    *,
    metrics: Mapping[str, float] | None = None,
    force: bool = False,
) -> ExportManifest:
    """Write the files of `plan` and the manifest. InputError (paths, existing files) before the first."""
    _check_complete(plan, point)
    names = [*plan.texts, *([plan.trace[0]] if plan.trace else [])]
    manifest = ExportManifest(
        target=plan.target,
        version=plan.version,
        files=tuple(sorted([*names, MANIFEST])),
        design=point.to_dict(),
        design_id=point.id,
        written=dict(plan.written),
        losses=plan.losses,
        simulator=dict(description),
        notes=plan.notes,
        trace=_trace_facts(plan),
        metrics=_with_units(metrics),
    )
    paths = {name: _inside(directory, name) for name in manifest.files}
    _check_absent(paths, force)
    _write(plan, manifest, paths)
    return manifest


def exporter(name: str) -> Exporter:
    """The exporter of that registered name; LookupFailed names the nearest."""
    from dse.registry import resolve

    found: Exporter = resolve("exporter", name)
    return found


def _check_complete(plan: Plan, point: DesignPoint) -> None:
    """Every parameter is written or listed as a loss; anything else is a fault of the exporter."""
    forgotten = set(point.names) - set(plan.written) - {loss.parameter for loss in plan.losses}
    if forgotten:
        names = ", ".join(sorted(forgotten))
        raise DseError(f"exporter {plan.target!r} neither wrote nor lost {names}: please report it")


def _inside(directory: Path, name: str) -> Path:
    """The path of `name` in `directory`; InputError if it would lead out of it."""
    parts = PurePosixPath(name)
    root = directory.resolve()
    path = (root / parts).resolve()
    if parts.is_absolute() or ".." in parts.parts or not path.is_relative_to(root):
        raise InputError(f"{name!r} leads out of the export directory {directory}: nothing was written")
    return path


def _check_absent(paths: Mapping[str, Path], force: bool) -> None:
    existing = sorted(name for name, path in paths.items() if path.exists())
    if existing and not force:
        raise InputError(
            f"{', '.join(existing)} would be overwritten: choose another directory or allow it with --force",
            path=next(iter(paths.values())).parent,
        )


def _write(plan: Plan, manifest: ExportManifest, paths: Mapping[str, Path]) -> None:
    text = json.dumps(manifest.to_dict(), indent=2, allow_nan=False) + "\n"
    for name, content in {**plan.texts, MANIFEST: text}.items():
        paths[name].parent.mkdir(parents=True, exist_ok=True)
        paths[name].write_text(content, encoding="utf-8")
    if plan.trace is not None:
        name, form, trace = plan.trace
        paths[name].parent.mkdir(parents=True, exist_ok=True)
        traces.write(trace, paths[name], format=form)


def _trace_facts(plan: Plan) -> dict[str, Any] | None:
    if plan.trace is None:
        return None
    name, form, trace = plan.trace
    return {
        "file": name,
        "format": form,
        "requests": len(trace),
        "hash_as_written": trace.hash,
        "clock_fs": trace.clock_fs,
        "provenance": dict(trace.provenance),
    }


def _with_units(metrics: Mapping[str, float] | None) -> dict[str, Any]:
    """Value and unit of each metric, by its schema or its name; values that are not numbers become null."""
    if metrics is None:
        return {}
    units = {spec.name: spec.unit for spec in getattr(metrics, "schema", ())}
    return {
        name: {"value": value if math.isfinite(value) else None, "unit": units.get(name, unit_of(name))}
        for name, value in metrics.items()
    }
