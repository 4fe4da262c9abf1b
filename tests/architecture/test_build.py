"""setup.py on a small tree of its own: what is compiled again, and what the checked flavour checks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.architecture.source_tree import ROOT

KERNEL = '''
"""{name}: the sum of an array, and one element of it."""
from ext._types cimport cycle_t

def total(const cycle_t[::1] values):
    cdef cycle_t result = 0
    cdef Py_ssize_t i
    for i in range(values.shape[0]):
        result += values[i]
    return result

def pick(const cycle_t[::1] values, Py_ssize_t i):
    return values[i]
'''
BUILD = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]

pytestmark = pytest.mark.slow


@pytest.fixture
def tree(tmp_path):
    """A tree with two small kernels, and the setup.py of this one."""
    for name in ("setup.py", "pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "README.md").touch()
    (tmp_path / "dse").mkdir()
    (tmp_path / "dse/__init__.py").write_text('__version__ = "0"\n')
    (tmp_path / "ext").mkdir()
    (tmp_path / "ext/__init__.py").touch()
    for name in ("_types.pxd", "sources.py"):
        shutil.copy(ROOT / "ext" / name, tmp_path / "ext")
    for name in ("one", "two"):
        (tmp_path / f"ext/{name}.pyx").write_text(KERNEL.format(name=name))
    return tmp_path


def _run(command, tree, **environment):
    return subprocess.run(
        command, check=False, cwd=tree, env={**os.environ, **environment}, capture_output=True, text=True
    )


def _built(tree):
    """Time of each object file: what was compiled, whatever was copied afterwards."""
    return {path.stem: path.stat().st_mtime_ns for path in tree.glob("build/**/*.o")}


def test_only_the_kernel_that_changed_is_compiled_again(tree):
    assert _run(BUILD, tree).returncode == 0
    before = _built(tree)

    (tree / "ext/one.pyx").write_text(KERNEL.format(name="one, edited"))
    assert _run(BUILD, tree).returncode == 0

    after = _built(tree)
    assert after["one"] > before["one"]
    assert after["two"] == before["two"]


def test_one_kernel_builds_although_another_does_not_compile(tree):
    (tree / "ext/two.pyx").write_text("this is no program\n")

    built = _run(BUILD, tree, DSE_EXT="one")

    assert built.returncode == 0, built.stderr
    assert list(json.loads((tree / "ext/_build_info.json").read_text())["kernels"]) == ["one"]


def test_an_unknown_kernel_is_named_with_those_that_exist(tree):
    refused = _run(BUILD, tree, DSE_EXT="three")

    assert refused.returncode == 1
    assert "there is no ext/three.pyx; expected some of one, two" in refused.stderr


def test_the_checked_flavour_finds_an_index_out_of_bounds(tree):
    read_past_the_end = [sys.executable, "-c", "import numpy, ext.one; ext.one.pick(numpy.arange(3), 3)"]

    built = _run(BUILD, tree, DSE_EXT="one", DSE_CHECKED="1")
    ran = _run(read_past_the_end, tree)

    assert built.returncode == 0, built.stderr
    assert "IndexError: Out of bounds" in ran.stderr
    assert json.loads((tree / "ext/_build_info.json").read_text())["kernels"]["one"]["flavour"] == "checked"
    assert not (tree / "build/release").exists()
