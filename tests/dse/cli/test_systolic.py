"""`dse systolic`: a network on an array as a table, as JSON, and as a trace."""

from __future__ import annotations

import json

from typer.testing import CliRunner

import traces
from dse.cli.main import app
from simulators.soc.graphs.network import network
from simulators.soc.graphs.systolic import Array, schedule


def _run(*arguments):
    result = CliRunner().invoke(app, ["systolic", *(str(argument) for argument in arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_has_what_python_finds():
    found = json.loads(_run("lenet-5", "--rows", 8, "--json"))

    expected = schedule(network("lenet-5"), Array(rows=8))
    assert found["cycles"] == expected.cycles
    assert [row["cycles"] for row in found["layers"]] == [run.cycles for run in expected.layers]
    assert found["array"]["rows"] == 8


def test_the_table_has_every_layer():
    shown = _run("transformer-block")

    assert all(layer.name in shown for layer in network("transformer-block").layers)
    assert "of the cells' cycles in use" in shown


def test_the_traffic_is_written_as_a_trace(tmp_path):
    _run("lenet-5", "--trace", tmp_path / "lenet.npz")

    assert traces.read(tmp_path / "lenet.npz").hash == schedule(network("lenet-5"), Array()).trace().hash
