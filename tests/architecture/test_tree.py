"""The shape of the tree: names, sizes, packaging, and what no file may contain."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source_tree import PACKAGES, ROOT, module_name, python_files, tracked_files

SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
MOST_LINES = 500
CODE = (".py", ".pyx", ".pxd", ".pyi")

# Code that runs what it reads.
UNSAFE = {
    "pickle": r"\b(?:import|from)\s+(?:c?pickle|cloudpickle|dill|marshal|shelve)\b",
    "eval": r"(?<![\w.])eval\(",
    "exec": r"(?<![\w.])exec\(",
    "yaml.load": r"yaml\.load\(",
    "shell": r"shell\s*=\s*True|os\.system\(",
    "allow_pickle": r"allow_pickle\s*=\s*True",
}

# Paths of one machine, and hosts that packages come from: neither belongs in a file that others build.
FOREIGN = {
    "home": r"/(?:home|Users|root)/\w",
    "workplace": r"(?<![\w.])/(?:work|opt)/\w|\.\./shared",
    "registry": r"pypi\.org|pythonhosted\.org|pytorch\.org/whl|anaconda\.org/",
}
BINARY = (".png", ".npz", ".gz", ".zst", ".ico", ".woff2")
THIS_FILE = Path("tests/architecture/test_tree.py")  # it holds the patterns themselves


def _code_files():
    return [path for path in tracked_files() if path.suffix in CODE and path != THIS_FILE]


def _hits(paths, pattern):
    found = re.compile(pattern)
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), 1)
        if found.search(line)
    ]


def test_no_module_has_a_name_that_says_nothing():
    assert [str(path) for path in _code_files() if SAYS_NOTHING & set(path.with_suffix("").parts)] == []


def test_no_file_holds_more_than_five_hundred_lines():
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in _code_files()}

    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


@pytest.mark.parametrize("name", UNSAFE)
def test_no_code_runs_what_it_reads(name):
    shipped = [path for path in _code_files() if path.parts[0] != "tests"]

    assert _hits(shipped, UNSAFE[name]) == []


@pytest.mark.parametrize("name", FOREIGN)
def test_no_file_names_this_machine_or_a_package_registry(name):
    text = [path for path in tracked_files() if path.suffix not in BINARY and path != THIS_FILE]

    assert _hits(text, FOREIGN[name]) == []


def test_setup_lists_exactly_the_packages_of_the_tree():
    listed = _setup_constant("PACKAGES")

    in_tree = {module_name(path) for path in python_files() if path.name == "__init__.py"}

    assert sorted(listed) == sorted(in_tree)


def test_every_folder_with_python_in_it_is_a_package():
    folders = {path.parent for path in python_files()}

    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").exists()] == []


def test_every_kernel_has_its_types_written_down():
    kernels = sorted((ROOT / "ext").glob("*.pyx"))

    assert [path.name for path in kernels if not path.with_suffix(".pyi").exists()] == []


def test_every_module_says_what_it_is():
    silent = [path for path in python_files() if not ast.get_docstring(ast.parse((ROOT / path).read_text()))]

    assert [str(path) for path in silent] == []


def test_no_dependency_installs_a_package_with_one_of_our_names():
    from importlib.metadata import packages_distributions

    owners = packages_distributions()

    assert {name: owners[name] for name in PACKAGES if set(owners.get(name, ())) - {"marl-dse"}} == {}


def test_every_direct_dependency_is_pinned_in_the_constraints():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    wanted += project["build-system"]["requires"]

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {_distribution(line) for line in lines if "==" in line}

    assert {_distribution(requirement) for requirement in wanted} - {"marl-dse"} - pinned == set()


def _distribution(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def _setup_constant(name: str):
    tree = ast.parse((ROOT / "setup.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"setup.py has no {name}")
