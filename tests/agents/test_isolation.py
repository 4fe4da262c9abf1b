from __future__ import annotations

import subprocess
import sys

SEARCH = (
    "random",
    "sobol",
    "grid",
    "local",
    "annealing",
    "genetic",
    "cem",
    "aco",
    "nsga2",
    "nsga3",
    "tpe",
    "archive",
    "scalarize",
)


def test_black_box_search_imports_without_torch():
    code = f"""
import importlib, sys
for module in {SEARCH}:
    importlib.import_module("agents.search." + module)
    if "torch" in sys.modules:
        sys.exit(module)
"""

    finished = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert finished.stderr == ""
    assert finished.returncode == 0


def test_the_package_itself_imports_nothing_heavy():
    code = "import sys, agents.search, agents.learning; sys.exit(bool({'torch', 'pymoo'} & set(sys.modules)))"

    finished = subprocess.run([sys.executable, "-c", code], check=False)

    assert finished.returncode == 0
