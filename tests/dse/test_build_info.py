"""dse/build_info.py: stale kernels are found."""

from __future__ import annotations

import json

import pytest

from dse.build_info import BuildError, build_id, built_kernels, stale_kernels
from ext.sources import source_hash


@pytest.fixture
def folder(tmp_path):
    """An ext/ folder with two kernels, of which one uses a declaration, as setup.py leaves it."""
    (tmp_path / "_types.pxd").write_text("ctypedef long long cycle_t\n")
    (tmp_path / "rules.pxd").write_text("from ext._types cimport cycle_t\n")
    (tmp_path / "engine.pyx").write_text("from ext.rules cimport Rule\n")
    (tmp_path / "filter.pyx").write_text("# alone\n")
    rows = {
        name: {"source": source_hash(name, tmp_path), "flavour": "release"} for name in ("engine", "filter")
    }
    (tmp_path / "_build_info.json").write_text(json.dumps({"flags": [], "kernels": rows}))
    return tmp_path


def test_the_kernels_of_this_tree_are_built_from_its_sources():
    assert stale_kernels() == ()


def test_an_edited_kernel_is_stale(folder):
    (folder / "engine.pyx").write_text("# engine, edited\n")

    assert stale_kernels(folder) == ("engine",)


def test_an_edited_declaration_makes_those_stale_that_use_it_at_any_remove(folder):
    (folder / "_types.pxd").write_text("ctypedef int cycle_t\n")

    assert stale_kernels(folder) == ("engine",)


def test_a_kernel_that_was_never_built_is_stale(folder):
    (folder / "noc.pyx").write_text("# noc\n")

    assert stale_kernels(folder) == ("noc",)


def test_the_build_id_changes_with_the_kernels_it_names_only(folder):
    before = build_id("engine", folder=folder), build_id("filter", folder=folder)

    info = json.loads((folder / "_build_info.json").read_text())
    info["kernels"]["engine"]["source"] = "0" * 32
    (folder / "_build_info.json").write_text(json.dumps(info))

    assert build_id("engine", folder=folder) != before[0]
    assert build_id("filter", folder=folder) == before[1]


def test_a_tree_without_a_build_says_what_to_run(tmp_path):
    with pytest.raises(BuildError, match="make build"):
        built_kernels(tmp_path)


def test_an_unknown_kernel_lists_the_known_ones(folder):
    with pytest.raises(BuildError, match="engine, filter"):
        build_id("dram", folder=folder)
