"""`dse agents`, `dse simulators`, `dse space`: what there is."""

from __future__ import annotations

import ast
import inspect
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from dse.cli.terminal import add_row, console, print_json, table
from dse.registry import TABLES, make_simulator, names, resolve
from dse.space import DesignSpace

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def agents(as_json: AsJson = False) -> None:
    """List the searchers that `[[agents]]` of a campaign file can name."""
    found = {name: _first_line(TABLES["searcher"][name]) for name in names("searcher")}
    _show("Agents", found, as_json)


def simulators(as_json: AsJson = False) -> None:
    """List the simulators that `[simulator]` of a campaign file can name, and their options."""
    found: dict[str, str] = {}
    for name in names("simulator"):
        parameters = inspect.signature(resolve("simulator", name)).parameters.values()
        options = ", ".join(f"{p.name}={p.default!r}" for p in parameters if p.default is not p.empty)
        found[name] = f"{_first_line(TABLES['simulator'][name])} Options: {options}"
    _show("Simulators", found, as_json)


def space(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A campaign file: its space.")] = None,
    simulator: Annotated[str, typer.Option(help="A simulator, if no file is given.")] = "dram",
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", metavar="KEY=VALUE", help="Its options. Repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the parameters, constraints and sizes of a design space."""
    found = _space_of(file, simulator, option or [])
    sizes = {"raw": found.raw_size, "distinct": found.distinct_size, "feasible": found.feasible_size}
    if as_json:
        print_json({**found.to_dict(), "hash": found.hash, "sizes": sizes})
        return
    columns = ["subsystem", "parameter", "values", "default", "meaning"]
    made = table(f"Design space {found.name}", columns, left=columns)
    for parameter in found.parameters:
        values = ", ".join(str(value) for value in parameter.values) + (f" {parameter.unit}".rstrip())
        add_row(made, parameter.subsystem, parameter.name, values, parameter.default, parameter.description)
    shown = console()
    shown.print(made)
    for constraint in found.constraints:
        shown.print(f"constraint {constraint.name}: {constraint.why}", markup=False)
    shown.print(
        f"{sizes['raw']:,} raw, {sizes['distinct']:,} distinct, {sizes['feasible']:,} feasible designs"
    )


def _space_of(file: Path | None, simulator: str, options: list[str]) -> DesignSpace:
    if file is not None:
        from dse.campaign import Campaign

        return Campaign.from_file(file).setup.space
    from dse.cli.replay_designs import Options

    built = make_simulator(simulator, **Options.of(None, options).simulator)
    found: DesignSpace = built.space
    return found


def _first_line(entry: str) -> str:
    """First line of a registered module's docstring, without importing it."""
    origin = find_spec(entry.partition(":")[0])
    if origin is None or origin.origin is None:
        return "(not installed)"
    text = ast.get_docstring(ast.parse(Path(origin.origin).read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _show(title: str, found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    made = table(title, ["name", "what it is"], left=["name", "what it is"])
    for name, text in found.items():
        add_row(made, name, text)
    console().print(made)
