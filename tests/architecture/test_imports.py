"""The import table of the house, enforced over the syntax trees of all modules."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dse
from tests.architecture.source_tree import PACKAGES, ROOT, Import, imports

MAY_IMPORT = {
    "ext": {"ext"},
    "traces": {"traces", "ext"},
    "dse": {"dse", "traces", "ext"},
    "simulators": {"simulators", "dse", "traces", "ext"},
    "agents": {"agents", "dse"},
    "dashboards": {"dashboards", "dse", "traces"},
}

# A library: the only packages (or dotted prefixes) that may import it.
HOMES = {
    "torch": ("agents",),
    "torchrl": ("agents",),
    "benchmarl": ("agents",),
    "sklearn": ("agents",),
    "optuna": ("agents",),
    "botorch": ("agents",),
    "gpytorch": ("agents",),
    "dash": ("dashboards",),
    "dash_ag_grid": ("dashboards",),
    "dash_mantine_components": ("dashboards",),
    "plotly": ("dashboards",),
    "pettingzoo": ("dse.env", "dse.testing", "simulators.domains"),
    "typer": ("dse.cli",),
    "rich": ("dse.cli",),
    "click": ("dse.cli",),
}

HEAVY = ("torch", "dash", "plotly", "pandas", "pettingzoo", "dask", "scipy", "pymoo", "pydantic", "sklearn")


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def _ours() -> list[Import]:
    return [found for found in imports() if found.target.split(".")[0] in PACKAGES]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package):
    wrong = [
        str(found)
        for found in _ours()
        if found.module.split(".")[0] == package
        and not _within(found.module, "dse.cli")
        and found.target.split(".")[0] not in MAY_IMPORT[package]
    ]

    assert wrong == []


def test_the_command_line_imports_the_wings_inside_functions_only():
    wings = {"simulators", "agents", "dashboards"}

    wrong = [
        str(found)
        for found in _ours()
        if _within(found.module, "dse.cli")
        and found.target.split(".")[0] in wings
        and not found.inside_function
    ]

    assert wrong == []


def test_nothing_imports_the_command_line():
    wrong = [
        str(found)
        for found in _ours()
        if _within(found.target, "dse.cli") and not _within(found.module, "dse.cli")
    ]

    assert wrong == []


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_is_imported_only_at_home(library):
    wrong = [
        str(found)
        for found in imports()
        if found.target.split(".")[0] == library
        and not any(_within(found.module, home) for home in HOMES[library])
    ]

    assert wrong == []


def test_imports_are_absolute():
    assert [str(found) for found in imports() if found.target.startswith(".")] == []


def test_packages_do_not_import_each_other_in_a_circle():
    below = {
        package: {
            found.target.split(".")[0]
            for found in _ours()
            if found.module.split(".")[0] == package and not _within(found.module, "dse.cli")
        }
        - {package}
        for package in PACKAGES
    }

    while leaves := [package for package, targets in below.items() if not targets & below.keys()]:
        for leaf in leaves:
            del below[leaf]

    assert below == {}


def test_importing_dse_loads_no_heavy_library():
    code = f"import sys, dse; print(*[name for name in {HEAVY!r} if name in sys.modules])"

    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert shown.stdout.split() == []


@pytest.mark.parametrize("name", dse.__all__)
def test_a_public_name_of_dse_resolves(name):
    assert getattr(dse, name) is not None


def test_an_unknown_name_of_dse_lists_the_known_ones():
    with pytest.raises(AttributeError, match="DesignSpace"):
        _ = dse.no_such_name
