"""The systolic array: cycles in closed form, what the buffers keep, the DMA's requests, energy and area."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.errors import InputError, LookupFailed
from simulators.soc.graphs.network import Layer, Network, network, network_names
from simulators.soc.graphs.systolic import LINE_BYTES, Array, schedule
from simulators.soc.power.accelerator import mac_energy_j

FAST = 1 << 16
"""Bytes a cycle of a DMA that holds nobody up for long."""


def _run(m, k, n, **array):
    return schedule(Network("one", (Layer("only", m, k, n),)), Array(**{"dma_bytes": FAST} | array))


@pytest.mark.parametrize(("rows", "columns", "k"), [(1, 1, 1), (4, 4, 9), (8, 16, 100), (32, 8, 3)])
def test_a_tile_takes_the_cycles_of_the_closed_form(rows, columns, k):
    found = _run(rows, k, columns, rows=rows, columns=columns)

    assert found.layers[0].compute_cycles == 2 * rows + columns + k - 2


def test_tiles_follow_each_other():
    found = _run(33, 20, 17, rows=16, columns=8)

    assert found.layers[0].compute_cycles == 3 * 3 * (32 + 8 + 20 - 2)


def test_with_a_fast_dma_the_cells_never_wait():
    found = _run(64, 50, 64)

    inputs, weights, drain = 1, 1, 1  # a cycle each, of the first and the last tile
    assert found.cycles == inputs + weights + found.layers[0].compute_cycles + drain


def test_with_a_slow_dma_the_bytes_decide():
    found = _run(64, 64, 64, rows=64, columns=64, dma_bytes=1)

    load, tile, drain = 2 * 64 * 64, 2 * 64 + 64 + 64 - 2, 64 * 64
    assert found.cycles == load + tile + drain


def test_the_next_step_is_loaded_while_one_is_computed():
    """Two tiles: the weights of the second are there before the first is done."""
    found = _run(8, 64, 16, rows=8, columns=8, dma_bytes=16)

    first_load, tile, drain = (8 * 64 + 64 * 8) // 16, 16 + 8 + 64 - 2, 8 * 8 // 16
    assert found.cycles == first_load + 2 * tile + drain


def test_a_row_of_tiles_keeps_its_inputs_and_a_layer_its_weights():
    found = _run(64, 10, 48)

    assert found.layers[0].read_bytes == 64 * 10 + 10 * 48
    assert found.layers[0].write_bytes == 64 * 48


def test_weights_that_do_not_fit_are_loaded_for_each_row_of_tiles():
    found = _run(64, 100, 64, weight_kib=8)  # a half holds 4,096 of 6,400 weights

    assert found.layers[0].read_bytes == 64 * 100 + 4 * 100 * 64


def test_inputs_that_do_not_fit_are_loaded_for_each_tile():
    found = _run(32, 1000, 32, input_kib=8)  # a half holds 256 of a row's 1,000 inputs

    assert found.layers[0].read_bytes == 2 * 32 * 1000 + 1000 * 32
    assert found.layers[0].compute_cycles == 4 * (32 + 16 + 1000 - 2)


def test_wider_numbers_move_more_bytes():
    narrow, wide = (_run(16, 16, 16, number_format=name) for name in ("int8", "fp32"))

    assert wide.layers[0].read_bytes == 4 * narrow.layers[0].read_bytes


@pytest.mark.parametrize("name", network_names())
def test_requests_are_the_bytes_of_the_layers_in_order_of_time(name):
    found = schedule(network(name), Array())

    requests = found.requests
    assert (np.diff(requests.cycle) >= 0).all()
    reads, writes = (int(requests.n_bytes[requests.is_write == flag].sum()) for flag in (False, True))
    assert reads == sum(run.read_bytes for run in found.layers)
    assert writes == sum(run.write_bytes for run in found.layers)
    assert requests.cycle[-1] < found.cycles


def test_the_dma_never_moves_more_than_it_can():
    found = schedule(network("transformer-block"), Array(dma_bytes=8))

    for flag in (False, True):
        mine = found.requests.is_write == flag
        cycle, n_bytes = found.requests.cycle[mine], found.requests.n_bytes[mine]
        assert (np.diff(cycle) * 8 + 8 > n_bytes[:-1]).all()


def test_a_layer_reads_what_the_one_before_wrote():
    layers = (Layer("a", 16, 8, 24), Layer("b", 16, 24, 8))
    found = schedule(Network("two", layers), Array())

    second = found.layers[1].start_cycle
    requests = found.requests
    written = requests.address[requests.is_write & (requests.cycle < second)]
    read = requests.address[~requests.is_write & (requests.cycle >= second)]

    assert set(written.tolist()) & set(read.tolist())
    assert found.layers[0].end_cycle == second


def test_the_trace_has_the_lines_of_the_requests():
    found = _run(16, 100, 16, dma_bytes=16)
    trace = found.trace()

    assert (trace.address % LINE_BYTES == 0).all()
    assert len(np.unique(trace.address)) == -(-1600 // 64) * 2 + 256 // 64
    assert trace.clock_fs == 2_000_000


def test_the_trace_runs_on_the_dram_controller():
    trace = schedule(network("lenet-5"), Array()).trace()
    simulator = dse.make_simulator("dram")

    metrics = simulator.run(simulator.space.default(), trace)

    assert metrics.served_bytes == 64 * len(trace)


def test_multiply_accumulates_cost_the_energy_of_their_format():
    array = Array(number_format="fp32", node_nm=32)

    energy = array.energy_uj(1000, 0, 0, 0.0)

    assert energy == {"array": pytest.approx(1e9 * mac_energy_j("fp32", 32)), "buffer": 0.0, "leakage": 0.0}


def test_four_times_the_cells_take_four_times_the_area():
    small, large = (Array(rows=n, columns=n).silicon_mm2() for n in (8, 16))

    assert large["array"] == pytest.approx(4 * small["array"])
    assert large["buffer"] == small["buffer"]


def test_utilisation_is_work_over_room():
    found = _run(16, 1000, 16)

    assert found.utilisation == pytest.approx(16 * 16 * 1000 / (found.cycles * 256))
    assert found.utilisation > 0.9


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rows": 0}, "rows=0: expected 1 to"),
        ({"dma_bytes": 2.5}, "dma_bytes=2.5: expected"),
        ({"number_format": "int7"}, "expected one of"),
        ({"clock_mhz": 0.0}, "clock_mhz=0.0"),
        ({"rows": 4096, "input_kib": 4}, "a half holds less than one operand for each cell"),
        ({"node_nm": 3.0}, "outside"),
    ],
)
def test_an_array_that_cannot_be_built_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        Array(**options)


def test_a_layer_of_too_many_steps_is_refused():
    with pytest.raises(InputError, match="use a larger array"):
        _run(1 << 20, 1, 1 << 20)


def test_an_unknown_network_names_the_nearest():
    with pytest.raises(LookupFailed, match="Did you mean 'lenet-5'"):
        network("lenet5")


def test_a_network_of_ones_own_comes_from_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[[layers]]\nm = 2\nk = 3\nn = 4\n")

    assert network(str(path)) == Network("mine", (Layer("layer1", 2, 3, 4),))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[layers]]\nm = 0\nk = 1\nn = 1\n", "layer 1: m=0: expected 1 to"),
        ("[[layers]]\nm = 1\nk = 1\n", "layer 1: n=None"),
        ("[[layers]]\nm = 1\nk = 1\nn = 1\nstride = 2\n", "layer 1: unknown key 'stride'"),
        ("layers = [3]\n", "layer 1 is no table"),
        ("layer = []\n", "unknown key 'layer'"),
        ("name = 'x'\n", "expected 1 to 1000 tables"),
        ("name = \n", "is no TOML"),
    ],
)
def test_a_wrong_network_is_refused_with_its_file(tmp_path, text, words):
    path = tmp_path / "wrong.toml"
    path.write_text(text)

    with pytest.raises(InputError, match=words) as caught:
        network(str(path))

    assert caught.value.path == str(path)
