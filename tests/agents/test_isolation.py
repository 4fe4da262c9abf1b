from __future__ import annotations

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("module", SEARCH)
def test_black_box_search_imports_without_torch(module):
    code = f"import sys, agents.search.{module}; sys.exit('torch' in sys.modules)"

    finished = subprocess.run([sys.executable, "-c", code], check=False)

    assert finished.returncode == 0


def test_the_package_itself_imports_nothing_heavy():
    code = "import sys, agents.search, agents.learning; sys.exit(bool({'torch', 'pymoo'} & set(sys.modules)))"

    finished = subprocess.run([sys.executable, "-c", code], check=False)

    assert finished.returncode == 0
