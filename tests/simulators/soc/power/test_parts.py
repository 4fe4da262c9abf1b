"""Caches, interconnect and accelerators: closed forms, published ranges, and that nothing is free."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dse.errors import InputError
from simulators.soc.power.accelerator import accelerator_energy_j, accelerator_parts, mac_energy_j
from simulators.soc.power.cache import LAYOUT_OVERHEAD, cache_energy_j, cache_part
from simulators.soc.power.counts import AcceleratorCounts, CacheCounts, NocCounts
from simulators.soc.power.design import AcceleratorDesign, CacheDesign, NocDesign
from simulators.soc.power.noc import link_mm, noc_energy_j, noc_parts
from simulators.soc.power.sram import sram

CACHE = CacheDesign(32 << 10, 8, mshrs=1)
ACCESSES = CacheCounts(reads=600, writes=300, tag_checks=100, misses=50)
MESH = NocDesign("mesh", 16)
ARRAY = AcceleratorDesign(16, 16, "int8", 64 << 10)


def test_reads_and_writes_of_a_cache_cost_what_the_table_says():
    memory = sram(CACHE.sram(22))

    energy = cache_energy_j(CACHE, CacheCounts(reads=2, writes=3, tag_checks=1), 22)

    assert energy == pytest.approx(2 * memory.read_j + 3 * memory.write_j + memory.tag_j, rel=1e-12)


# McPAT's Penryn: data cache with two ports over instruction cache with one, both 32 KiB in 8 ways.
def test_a_second_port_costs_what_mcpat_prints_for_it():
    double = replace(CACHE, ports=2)
    queue = cache_part(CACHE, 45).area_mm2 - sram(CACHE.sram(45)).area_mm2 * LAYOUT_OVERHEAD

    energy = cache_energy_j(double, CacheCounts(reads=1), 45) / cache_energy_j(
        CACHE, CacheCounts(reads=1), 45
    )
    area = (cache_part(double, 45).area_mm2 - queue) / (cache_part(CACHE, 45).area_mm2 - queue)

    assert energy == pytest.approx((5.45053 / 827_276) / (0.942467 / 200_000), rel=0.01)
    assert area == pytest.approx(2.98993 / 0.839673, rel=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"size_bytes": 64 << 10},
        {"ways": 16},
        {"ports": 2},
        {"mshrs": 16},
        {"table_bits": 100},
        {"table_bits": 1 << 17},
    ],
)
def test_nothing_that_a_cache_has_is_free(change):
    bigger = replace(CACHE, **change)

    assert cache_part(bigger, 22).area_mm2 > cache_part(CACHE, 22).area_mm2
    assert cache_part(bigger, 22).leakage_w > cache_part(CACHE, 22).leakage_w
    assert cache_energy_j(bigger, ACCESSES, 22) > cache_energy_j(CACHE, ACCESSES, 22)


def test_a_link_of_a_millimetre_takes_what_published_links_take():
    one_mm = replace(MESH, link_mm=1.0)

    energy = noc_energy_j(one_mm, NocCounts(link_flits=1), 45, 100.0)

    assert 0.1e-12 < energy["links"] / 128 < 0.25e-12
    assert energy["routers"] == 0.0


def test_a_five_port_router_takes_half_a_picojoule_a_bit_at_45_nm():
    energy = noc_energy_j(MESH, NocCounts(router_flits=1), 45, 100.0)

    assert energy["routers"] / 128 == pytest.approx(0.5e-12, rel=0.05)


def test_links_span_the_chip_as_their_topology_asks():
    assert link_mm(MESH, 64.0) == 2.0
    assert link_mm(NocDesign("crossbar", 16), 64.0) == 4.0
    assert link_mm(replace(MESH, link_mm=1.5), 64.0) == 1.5


@pytest.mark.parametrize(
    "change",
    [{"link_bits": 256}, {"buffer_flits": 8}, {"networks": 8}, {"router_stages": 4}, {"nodes": 64}],
)
def test_a_richer_interconnect_takes_more_silicon(change):
    before, after = noc_parts(MESH, 22, 100.0), noc_parts(replace(MESH, **change), 22, 100.0)

    assert after["routers"].area_mm2 > before["routers"].area_mm2
    assert after["routers"].leakage_w > before["routers"].leakage_w


def test_a_crossbar_of_many_nodes_pays_for_its_wires():
    small, large = (
        noc_energy_j(NocDesign("crossbar", nodes), NocCounts(router_flits=1), 22, 100.0)["routers"]
        for nodes in (4, 64)
    )

    assert large > 1.5 * small


def test_a_node_alone_has_no_mesh_links():
    assert noc_parts(NocDesign("mesh", 1), 22, 10.0)["links"].leakage_w == 0.0


# Horowitz, ISSCC 2014, at 45 nm and 0.9 V: 3.7 + 0.9 pJ (fp32); ours doubles it for operands, at 1.0 V.
def test_a_multiply_accumulate_costs_the_published_arithmetic_twice():
    assert mac_energy_j("fp32", 45) == pytest.approx(2 * 4.6e-12 / 0.81, rel=1e-9)


def test_number_formats_cost_in_the_order_of_their_width():
    energies = [mac_energy_j(name, 22) for name in ("int8", "fp16", "int32", "fp32")]

    assert energies == sorted(energies)


def test_an_accelerator_draws_for_macs_and_buffer_accesses_alone():
    per_mac = accelerator_energy_j(ARRAY, AcceleratorCounts(macs=1000), 22)
    per_read = accelerator_energy_j(ARRAY, AcceleratorCounts(buffer_reads=10, buffer_writes=5), 22)

    assert per_mac == {"array": pytest.approx(1000 * mac_energy_j("int8", 22)), "buffer": 0.0}
    assert per_read["array"] == 0.0
    assert per_read["buffer"] > 0.0


def test_a_larger_array_takes_area_in_proportion():
    small, large = (accelerator_parts(replace(ARRAY, rows=rows), 22)["array"] for rows in (16, 64))

    assert large.area_mm2 == pytest.approx(4 * small.area_mm2)
    assert large.leakage_w == pytest.approx(4 * small.leakage_w)


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (
            lambda: replace(MESH, topology="torus"),
            "topology='torus'.*expected one of 'crossbar', 'ring', 'mesh'",
        ),
        (lambda: replace(MESH, link_mm=0.0), "link_mm=0.0"),
        (lambda: replace(MESH, buffer_flits=0), "NocDesign.buffer_flits=0"),
        (lambda: replace(CACHE, mshrs=0), "CacheDesign.mshrs=0"),
        (lambda: replace(ARRAY, number_format="bf16"), "number_format='bf16'.*'int8'"),
        (lambda: replace(ARRAY, rows=0), "AcceleratorDesign.rows=0"),
    ],
)
def test_an_impossible_part_is_refused_by_name(build, named):
    with pytest.raises(InputError, match=named):
        build()
