"""Names and limits of what the SoC engine takes and counts, and the checks of its inputs.

Each table is the layout of a struct in soc_state.pxd, soc_uncore_state.pxd or the part that it belongs to.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

OPERATIONS = (
    "simple", "multiply", "divide", "float_add", "float_multiply", "float_divide", "vector",
)  # fmt: skip
LOST = (
    "base", "fetch", "branch", "dependence", "l1", "l2", "llc", "memory", "other_core", "store",
    "translation", "end",
)  # fmt: skip
ACCESSES = ("load", "store", "fetch", "walk", "prefetch")
REPLACEMENTS = ("lru", "tree_plru", "random", "srrip", "brrip", "drrip", "ship")
PREFETCHERS = ("none", "next_line", "ip_stride", "stream", "bop", "spp")
PREDICTORS = ("not-taken", "bimodal", "gshare", "perceptron", "tage")
TOPOLOGIES = ("crossbar", "ring", "mesh")
INCLUSIONS = ("nine", "inclusive", "exclusive")
MEMORIES = ("fixed", "dram", "champsim")

N_OPS = 16
MOST_CORES = 64
MOST_BANKS = 64
MOST_PORTS = 16
MOST_ACCELERATORS = 8
MOST_TABLES = 5
_MOST_TIME = 1 << 20
_MOST_LINES = 1 << 24

_LATENCIES = tuple(f"latency_{k}" for k in range(N_OPS))
_CORE: dict[str, tuple[int, int]] = {
    "width": (1, 16), "issue_width": (1, 16), "rob": (1, 512), "load_queue": (1, 256),
    "store_queue": (2, 128), "load_ports": (1, 16), "depth": (1, 64), "penalty": (1, 64),
    "decode_penalty": (1, 64), "in_order": (0, 1), "walks": (1, 8), "registers": (0, 1024),
    **dict.fromkeys(_LATENCIES, (1, 1000)),
}  # fmt: skip
_PREDICTOR = {
    "kind": (0, len(PREDICTORS) - 1), "btb_sets": (1, 1 << 16), "btb_ways": (1, 64),
    "indirect_targets": (1, 1 << 20), "return_addresses": (1, 1 << 12),
}  # fmt: skip
_CACHE = {
    "sets": (1, _MOST_LINES), "ways": (1, 64), "latency": (1, _MOST_TIME), "registers": (1, 128),
    "replacement": (0, len(REPLACEMENTS) - 1), "sampled_sets": (1, _MOST_LINES), "seed": (0, (1 << 62)),
    "prefetcher": (0, len(PREFETCHERS) - 1), "degree": (0, 16), "distance": (1, 64),
}  # fmt: skip
_TRANSLATION = {
    "enabled": (0, 1), "levels": (2, 5), "leaf": (1, 2), "code_sets": (1, 1 << 16), "code_ways": (1, 64),
    "data_sets": (1, 1 << 16), "data_ways": (1, 64), "second_sets": (1, 1 << 16), "second_ways": (1, 64),
    "second_latency": (1, _MOST_TIME), "level2_sets": (0, 1 << 10), "level2_ways": (1, 64),
    "level3_sets": (0, 1 << 10), "level3_ways": (1, 64), "level4_sets": (0, 1 << 10), "level4_ways": (1, 64),
    "level5_sets": (0, 1 << 10), "level5_ways": (1, 64),
}  # fmt: skip
_UNCORE = {
    "n_cores": (1, MOST_CORES), "n_banks": (0, MOST_BANKS), "n_ports": (1, MOST_PORTS),
    "inclusion": (0, len(INCLUSIONS) - 1), "has_noc": (0, 1), "is_coherent": (0, 1), "bank_cycles": (1, 1000),
    "write_backs": (1, 256), "n_accelerators": (0, MOST_ACCELERATORS),
}  # fmt: skip
_NOC = {
    "topology": (0, len(TOPOLOGIES) - 1), "nodes": (1, 1024), "columns": (1, 1024), "width": (1, 256),
    "buffer_flits": (1, 1024), "router_latency": (1, 64), "link_latency": (1, 64),
}  # fmt: skip
_MEMORY = {
    "kind": (0, len(MEMORIES) - 1), "latency": (1, _MOST_TIME), "interval": (0, _MOST_TIME),
    "bursts": (1, 8), "burst_bits": (3, 8),
    # Of kind "champsim", in the order of ChampsimConfig
    "channels": (1, MOST_PORTS), "groups": (1, 16), "banks": (1, 16), "lines": (1, 1 << 12),
    "t_cas": (1, 1000), "t_rcd": (1, 1000), "t_rp": (1, 1000), "burst": (1, 1000), "group_gap": (0, 1000),
    "turn_around": (1, 1000), "refresh_interval": (1, _MOST_TIME), "refresh_time": (1, _MOST_TIME),
    "reads": (1, 1024), "writes": (8, 1024),
}  # fmt: skip
_ACCELERATOR = {"line_cycles": (1, 1000), "reads": (1, 256), "writes": (1, 256)}
_STEP = {"cycles": (1, 1 << 40), "read_end": (0, 1 << 40), "write_end": (0, 1 << 40), "is_barrier": (0, 1)}
LIMITS: dict[str, dict[str, tuple[int, int]]] = {
    "core": _CORE, "predictor": _PREDICTOR, "cache": _CACHE, "translation": _TRANSLATION,
    "uncore": _UNCORE, "noc": _NOC, "memory": _MEMORY, "accelerator": _ACCELERATOR, "step": _STEP,
}  # fmt: skip
CORE_FIELDS, PREDICTOR_FIELDS, CACHE_FIELDS = tuple(_CORE), tuple(_PREDICTOR), tuple(_CACHE)
TRANSLATION_FIELDS, UNCORE_FIELDS = tuple(_TRANSLATION), tuple(_UNCORE)
NOC_FIELDS, MEMORY_FIELDS = tuple(_NOC), tuple(_MEMORY)
ACCELERATOR_FIELDS, STEP_FIELDS = tuple(_ACCELERATOR), tuple(_STEP)

CORE_COUNTS = (
    "retired", "loads", "stores", "branches", "mispredictions", "forwarded", "walks", "first_tlb_misses",
    "second_tlb_misses", "answered", "answer_latency", "rob_integral", "invalidated",
    *(f"operations_{k}" for k in range(N_OPS)), *(f"lost_{name}" for name in LOST),
)  # fmt: skip
CACHE_COUNTS = (
    *(f"hits_{name}" for name in ACCESSES), *(f"merged_{name}" for name in ACCESSES),
    *(f"misses_{name}" for name in ACCESSES), "refused", "written_back", "prefetch_useful", "prefetch_late",
    "prefetch_useless", "prefetch_dropped", "owed_integral",
)  # fmt: skip
UNCORE_COUNTS = (
    "asked", "recalled", "forwarded", "invalidations", "upgrades", "memory_reads", "memory_writes",
    "memory_latency",
)  # fmt: skip
ACCELERATOR_COUNTS = ("read_lines", "written_lines", "computing", "waiting", "read_latency")
_POWERS_OF_TWO = (
    "sets", "btb_sets", "indirect_targets", "code_sets", "data_sets", "second_sets", "n_banks", "level2_sets",
    "level3_sets", "level4_sets", "level5_sets", "channels", "groups", "banks", "lines",
)  # fmt: skip


def checked(table: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The values as int64 of that shape, whose last axis is the fields of a table of LIMITS.

    ValueError names the field, the value and what was expected.
    """
    array = np.ascontiguousarray(values, dtype=np.int64)
    if array.shape != shape:
        raise ValueError(f"{table} has shape {array.shape}: expected {shape}")
    for k, (name, (low, high)) in enumerate(LIMITS[table].items()):
        for value in array[..., k].reshape(-1).tolist():
            if not low <= value <= high:
                raise ValueError(f"{table}: {name}={value} is out of range: expected {low} to {high}")
            if name == "registers" and value == 1 and table == "core":
                raise ValueError("core: registers=1 is too few for an instruction with two results")
            if name in _POWERS_OF_TWO and value & (value - 1):
                raise ValueError(f"{table}: {name}={value} is no power of two")
    return array


def checked_task(steps: ArrayLike, reads: ArrayLike, writes: ArrayLike) -> tuple[NDArray[Any], ...]:
    """The steps of an accelerator, int64 (n, len(STEP_FIELDS)), and its lines to read and to write, uint64.

    ValueError unless there is a step, and the steps use up the lines one after the other.
    """
    shape = (len(np.atleast_2d(np.asarray(steps))), len(STEP_FIELDS))
    table = checked("step", steps, shape)
    lines = [np.ascontiguousarray(side, dtype=np.uint64) for side in (reads, writes)]
    for name, side in zip(("read_end", "write_end"), lines, strict=True):
        ends = table[:, STEP_FIELDS.index(name)]
        if np.any(np.diff(ends, prepend=0) < 0) or ends[-1] != len(side):
            raise ValueError(f"step: {name} must not decrease and end with the number of lines, {len(side)}")
    return table, *lines
