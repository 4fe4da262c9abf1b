"""`Network`: the matrix products that a systolic array computes, layer after layer."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

from dse.errors import InputError, LookupFailed, did_you_mean, listed
from dse.option_files import read_option_file

MOST_LAYERS, MOST_SIZE = 1000, 1 << 20
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Layer:
    """An (m, k) matrix of inputs times a (k, n) matrix of weights."""

    name: str
    m: int
    k: int
    n: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.m * self.k * self.n


@dataclass(frozen=True, slots=True)
class Network:
    """Layers in the order in which they are computed."""

    name: str
    layers: tuple[Layer, ...]


def network_names() -> tuple[str, ...]:
    """The networks that ship with the program."""
    names = [file.name for file in (resources.files("simulators.soc.graphs") / "networks").iterdir()]
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def network(chosen: str) -> Network:
    """A shipped network, or one in a TOML file of tables [[layers]] with name, m, k and n.

    Raises LookupFailed for an unknown name, InputError with file, layer and key for a wrong file.
    """
    if PurePosixPath(chosen).suffix == ".toml":
        return _from_tables(_tables(chosen), chosen)
    if chosen not in network_names():
        hint = did_you_mean(chosen, network_names()) or f" There are {listed(network_names())}."
        raise LookupFailed(f"no network is called {chosen!r} (a file ends in .toml).{hint}", key="network")
    file = resources.files("simulators.soc.graphs") / "networks" / f"{chosen}.toml"
    return _from_tables(tomllib.loads(file.read_text(encoding="utf-8")), chosen)


def _tables(path: str) -> dict[str, Any]:
    try:
        content = read_option_file(path, MOST_BYTES)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror}): expected a network", path=path) from None
    if len(content) > MOST_BYTES:
        raise InputError(f"longer than {MOST_BYTES} bytes: expected a network", path=path)
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no TOML: {error}", path=path) from None


def _from_tables(tables: Mapping[str, Any], path: str) -> Network:
    for key in tables:
        if key not in ("name", "layers"):
            raise InputError(f"unknown key {key!r}: expected 'name' and 'layers'", path=path, key=key)
    rows = tables.get("layers")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_LAYERS:
        raise InputError(f"expected 1 to {MOST_LAYERS} tables [[layers]]", path=path, key="layers")
    name = tables.get("name", PurePosixPath(path).stem)
    return Network(str(name), tuple(_layer(row, place, path) for place, row in enumerate(rows, start=1)))


def _layer(row: Any, place: int, path: str) -> Layer:
    if not isinstance(row, Mapping):
        raise InputError(f"layer {place} is no table: expected name, m, k and n", path=path, key="layers")
    for key in row:
        if key not in ("name", "m", "k", "n"):
            raise InputError(
                f"layer {place}: unknown key {key!r}: expected name, m, k, n", path=path, key=key
            )
    for key in ("m", "k", "n"):
        size = row.get(key)
        if type(size) is not int or not 1 <= size <= MOST_SIZE:
            raise InputError(f"layer {place}: {key}={size!r}: expected 1 to {MOST_SIZE}", path=path, key=key)
    return Layer(str(row.get("name", f"layer{place}")), row["m"], row["k"], row["n"])
