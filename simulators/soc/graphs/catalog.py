"""Task graphs by name: those that ship with the program, and TOML files of the user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

from dse.errors import InputError, LookupFailed, did_you_mean, listed
from dse.option_files import read_option_file
from simulators.soc.graphs.graph import TaskGraph

MOST_BYTES = 4 << 20


def graph_names() -> tuple[str, ...]:
    """The graphs that ship with the program."""
    folder = resources.files("simulators.soc.graphs") / "workloads"
    return tuple(
        sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))
    )


def task_graph(chosen: str | Mapping[str, Any]) -> TaskGraph:
    """A shipped graph, one in a TOML file, or one given as the tables of such a file.

    Raises LookupFailed for an unknown name, InputError with file and key for a wrong file.
    """
    if isinstance(chosen, Mapping):
        return TaskGraph.from_dict(chosen)
    if PurePosixPath(chosen).suffix == ".toml":
        return TaskGraph.from_dict(_tables(chosen), chosen)
    if chosen not in graph_names():
        hint = did_you_mean(chosen, graph_names()) or f" There are {listed(graph_names())}."
        raise LookupFailed(f"no task graph is called {chosen!r} (a file ends in .toml).{hint}", key="graphs")
    file = resources.files("simulators.soc.graphs") / "workloads" / f"{chosen}.toml"
    return TaskGraph.from_dict(tomllib.loads(file.read_text(encoding="utf-8")))


def _tables(path: str) -> dict[str, Any]:
    try:
        content = read_option_file(path, MOST_BYTES)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror}): expected a task graph", path=path) from None
    if len(content) > MOST_BYTES:
        raise InputError(f"longer than {MOST_BYTES} bytes: expected a task graph", path=path)
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"is no TOML: {error}", path=path) from None
