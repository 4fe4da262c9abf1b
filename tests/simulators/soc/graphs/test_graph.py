"""Task graphs from tables and files, and what is refused, with the place."""

from __future__ import annotations

import pytest

from dse.errors import InputError, LookupFailed
from simulators.soc.graphs.catalog import graph_names, task_graph
from simulators.soc.graphs.graph import TaskGraph
from simulators.soc.graphs.hardware import Library, library

TABLES = {
    "name": "two",
    "tasks": [{"name": "a", "instructions": 1000}, {"name": "b", "instructions": 2000, "iterations": 4}],
    "edges": [{"from": "a", "to": "b", "bytes": 64}],
}


CORE = {"name": "c", "mhz": 100, "ipc": 1, "pj_per_instruction": 1, "area_mm2": 1}


def _changed(**changes):
    return {**TABLES, **changes}


def _edge(a, b, n_bytes=1):
    return {"from": a, "to": b, "bytes": n_bytes}


@pytest.mark.parametrize("name", graph_names())
def test_a_shipped_graph_has_sources_work_and_a_budget(name):
    graph = task_graph(name)

    assert graph.name == name
    assert graph.budget.latency_ms
    assert sum(task.instructions for task in graph.tasks) > 0
    assert any(not parents for parents in graph.parents().values())
    assert TaskGraph.from_dict(graph.to_dict()) == graph


def test_there_are_four_shipped_graphs():
    assert graph_names() == ("audio-chain", "image-pipeline", "sensor-fusion", "transformer-block")


def test_an_unknown_graph_names_the_nearest():
    with pytest.raises(LookupFailed, match="Did you mean 'audio-chain'"):
        task_graph("audio-chian")


def test_a_graph_from_a_file_is_named_in_errors(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\n[[tasks]]\nname = "a"\ninstructions = -1\n')

    with pytest.raises(InputError, match=r"instructions=-1: expected a number, 0 or more") as caught:
        task_graph(str(path))

    assert caught.value.path == str(path)
    assert caught.value.key == "instructions"


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(tmp_path, content):
    (tmp_path / "bad.toml").write_bytes(content)

    with pytest.raises(InputError, match="is no TOML"):
        task_graph(str(tmp_path / "bad.toml"))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        task_graph(str(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (_changed(tasks=[]), "0 tasks: expected 1 to 200"),
        (_changed(task=[]), "unknown key 'task'. Did you mean 'tasks'"),
        (_changed(tasks=[*TABLES["tasks"], {"name": "a", "instructions": 1}]), "'a' is there twice"),
        (
            _changed(tasks=[{"name": "a", "instruction": 1}]),
            "task 1: unknown key 'instruction'. Did you mean",
        ),
        (_changed(tasks=[{"name": "", "instructions": 1}]), "task 1: name='': expected a name"),
        (_changed(tasks=[{"name": "a", "instructions": "x"}]), "instructions='x': expected a number"),
        (
            _changed(tasks=[{"name": "a", "instructions": 1, "iterations": 0}]),
            "iterations=0: expected 1 or more",
        ),
        (_changed(tasks=[{"name": "a", "instructions": 1, "iterations": 1.5}]), "expected a whole number"),
        (
            _changed(tasks=[{"name": "a", "instructions": 1, "accelerator_cycles": 5}]),
            "accelerator_energy_pj=None: expected a number",
        ),
        (_changed(edges=[_edge("a", "x")]), "there is no task 'x'"),
        (_changed(edges=[_edge("a", "b"), _edge("a", "b")]), "edge a -> b is there twice"),
        (_changed(edges=[_edge("a", "b", -5)]), "bytes=-5: expected a number, 0 or more"),
        (_changed(edges=[_edge("a", "b"), _edge("b", "a")]), "in a circle: a -> b -> a"),
        (_changed(edges=[_edge("a", "a")]), "in a circle: a -> a"),
        (_changed(edges={"from": "a"}), "edges is no list"),
        (_changed(tasks=["a"]), "task 1 is no table"),
        (_changed(budget={"latency": 3}), "unknown key 'latency'. Did you mean 'latency_ms'"),
        (_changed(library="generic"), "does not exist. Did you mean 'generic-45nm'"),
        (_changed(library={"name": "x"}), "is no hardware library"),
    ],
)
def test_wrong_tables_are_refused_with_the_place(tables, words):
    with pytest.raises(InputError) as caught:
        TaskGraph.from_dict(tables)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cores": []}, "cores: expected one core or more"),
        ({"cores": [{**CORE, "mhz": 0}]}, "numbers of core 'c' above 0"),
        ({"cores": [{**CORE, "area_mm2": -1}]}, "numbers of core 'c' above 0"),
        ({"widths": [8, 4]}, "widths: expected whole numbers above 0 that rise"),
        ({"bus_mhz": [0.5]}, "bus_mhz: expected whole numbers"),
        ({"memory_mhz": []}, "memory_mhz: expected whole numbers"),
        ({"scaling": {"logic_area": 0}}, "scaling: expected factors above 0"),
        ({"scaling": {"logic": 1}}, "is no hardware library"),
        ({"width": [4]}, "is no hardware library"),
    ],
)
def test_a_library_that_cannot_be_is_refused(changes, words):
    tables = {**library("generic-45nm").to_dict(), "name": "mine", **changes}

    with pytest.raises(InputError, match=words):
        TaskGraph.from_dict(_changed(library=tables))


def test_a_library_survives_its_tables():
    found = library("generic-45nm")

    assert Library.from_dict(found.to_dict()) == found
