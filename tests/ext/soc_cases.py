"""Random chips and programs, by a number, for the comparison of the SoC engine with its twin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ext.dram_engine import DramEngine
from ext.soc_engine import SocEngine
from ext.soc_fields import PREDICTORS, PREFETCHERS, REPLACEMENTS
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.devices import device
from simulators.dram.memory.mapping import AddressMapping
from simulators.dram.system import System
from simulators.soc.champsim import ChampsimMemoryConfig
from simulators.soc.config import (
    AcceleratorConfig,
    CacheConfig,
    ChipConfig,
    CoreConfig,
    MemoryConfig,
    NocConfig,
    PredictorConfig,
    TranslationConfig,
)
from simulators.soc.memory import live_engine, memory_config, routing_table
from simulators.soc.pages import Memory
from simulators.soc.programs import Programs, place_programs
from simulators.soc.reference import Dram as TwinDram
from simulators.soc.reference import ReferenceChip
from simulators.soc.twin.accelerator import Step
from simulators.soc.twin.program import Instruction, Page
from traces.instructions import Branch, InstructionTrace


@dataclass(frozen=True)
class Dram:
    """A DRAM memory of a case."""

    system: System
    controller: ControllerConfig
    mapping: AddressMapping


@dataclass(frozen=True)
class Case:
    """A chip and what it runs."""

    config: ChipConfig
    traces: tuple[InstructionTrace, ...]
    instructions: tuple[int, ...]
    dram: Dram | None
    spaces: tuple[int, ...] | None = None
    tasks: tuple[tuple[Step, ...], ...] = ()


def random_case(seed: int, *, length: int = 300, coherent: bool = False) -> Case:
    """Everything drawn at random, small enough for the twin. coherent: the programs share their lines."""
    g = np.random.default_rng([20261123, seed, coherent])
    n = int(g.choice([2, 3, 4] if coherent else [1, 1, 1, 2, 3]))
    dram = _dram(g, n) if g.random() < 0.5 else None
    config = _chip(g, n, dram, coherent)
    if dram is None:
        config = replace(config, memory=_simple_memory(seed, config.memory))
    traces = tuple(_trace(g, int(g.integers(1, length))) for _ in range(n))
    instructions = tuple(int(g.integers(1, 2 * len(trace) + 1)) for trace in traces)
    tasks = _tasks(seed)
    config = _with_accelerators(seed, config, len(tasks))
    return Case(config, traces, instructions, dram, (0,) * n if coherent else None, tasks)


# ------------------------------------------------------------------------------------------------- programs


def _trace(g: np.random.Generator, n: int) -> InstructionTrace:
    registers = int(g.choice([3, 8, 60]))
    space = int(g.choice([4, 40, 2000]))  # lines
    loads, stores, branches = g.choice([0, 0.2, 0.5, 0.9]), g.choice([0, 0.2, 0.5]), g.choice([0, 0.1, 0.3])
    loop = int(g.choice([8, 40, 400, 5000]))
    stride = int(g.choice([0, 0, 8, 64, 192]))
    ip, rows, addresses = int(g.integers(0, 50)), [], []
    for k in range(n):
        kind, taken = Branch.NONE, False
        here = 4096 + 4 * (ip % loop)
        ip += 1
        if g.random() < branches:
            kind = Branch(int(g.choice([1, 2, 3, 3, 3, 4, 5, 6, 7])))
            taken = kind not in (Branch.CONDITIONAL, Branch.OTHER) or bool(g.random() < 0.5)
            ip += int(g.integers(0, 30)) * taken
        n_loads = int(g.random() < loads) * int(g.choice([1, 1, 1, 2, 4]))
        n_stores = int(g.random() < stores) * int(g.choice([1, 1, 2]))
        drawn = g.integers(1, space * 8, n_loads + n_stores)
        addresses += [8 * int(a) if not stride else (4096 + stride * k) % (64 * space) for a in drawn]
        sources = g.integers(0, registers, 4) if g.random() < 0.7 else np.zeros(4, int)
        destinations = g.integers(0, registers, 2) if g.random() < 0.8 else np.zeros(2, int)
        rows.append((here, kind, taken, int(g.integers(0, 4)), sources, destinations, n_loads, n_stores))
    columns = list(zip(*rows, strict=True))
    return InstructionTrace(
        ip=np.array(columns[0], np.uint64),
        branch=np.array(columns[1], np.uint8),
        taken=np.array(columns[2], np.bool_),
        operation=np.array(columns[3], np.uint8),
        sources=np.array(columns[4], np.uint8),
        destinations=np.array(columns[5], np.uint8),
        n_loads=np.array(columns[6], np.uint8),
        n_stores=np.array(columns[7], np.uint8),
        address=np.array(addresses, np.uint64),
    )


# ---------------------------------------------------------------------------------------------------- chips


def _cache(g: np.random.Generator, *, prefetchers: tuple[str, ...] = ("none",)) -> CacheConfig:
    return CacheConfig(
        sets=int(g.choice([1, 2, 4, 16, 32])),
        ways=int(g.choice([1, 2, 4, 8])),
        latency=int(g.integers(1, 8)),
        registers=int(g.choice([1, 2, 4, 16])),
        replacement=str(g.choice(REPLACEMENTS)),
        sampled_sets=int(g.choice([1, 4, 64])),
        seed=int(g.integers(0, 1000)),
        prefetcher=str(g.choice(prefetchers)) if g.random() < 0.5 else "none",
        degree=int(g.integers(1, 5)),
        distance=int(g.integers(1, 20)),
    )


def _translation(g: np.random.Generator) -> TranslationConfig:
    def buffer() -> tuple[int, int]:
        return int(g.choice([1, 2, 4])), int(g.choice([1, 2, 4]))

    def walk_cache() -> tuple[int, int]:
        return int(g.choice([0, 1, 2])), int(g.choice([1, 2]))

    page_bits = int(g.choice([12, 12, 21]))
    return TranslationConfig(
        bool(g.random() < 0.5), page_bits, int(g.choice([4, 5])), buffer(), buffer(), buffer(),
        int(g.integers(1, 9)), walk_cache(), walk_cache(), walk_cache(), walk_cache(),
    )  # fmt: skip


def _core(g: np.random.Generator, translation: TranslationConfig) -> CoreConfig:
    return CoreConfig(
        code=_cache(g),
        data=_cache(g, prefetchers=("next_line", "ip_stride", "stream")),
        second=_cache(g, prefetchers=PREFETCHERS[1:]),
        width=int(g.choice([1, 2, 4, 8])),
        issue_width=int(g.choice([1, 2, 4])),
        rob=int(g.choice([4, 8, 31, 128, 512])),
        load_queue=int(g.choice([1, 4, 16, 128])),
        store_queue=int(g.choice([2, 4, 16, 72])),
        load_ports=int(g.choice([1, 2])),
        depth=int(g.integers(1, 12)),
        penalty=int(g.integers(1, 4)),
        decode_penalty=int(g.integers(1, 6)),
        in_order=bool(g.random() < 0.25),
        walks=int(g.choice([1, 2, 4])),
        registers=int(g.choice([0, 2, 16, 100])),
        latencies=tuple(int(x) for x in g.integers(1, 9, 7)),
        predictor=PredictorConfig(
            str(g.choice(PREDICTORS)), int(g.choice([1, 4, 64])), int(g.choice([1, 2])),
            int(g.choice([1, 64])), int(g.choice([1, 8])),
        ),
        translation=translation,
    )  # fmt: skip


def _noc(g: np.random.Generator, nodes: int) -> NocConfig:
    topology = str(g.choice(["crossbar", "ring", "mesh"]))
    columns = int(g.choice([k for k in range(1, nodes + 1) if nodes % k == 0])) if topology == "mesh" else 1
    return NocConfig(
        enabled=bool(g.random() < 0.7),
        topology=topology,
        nodes=nodes,
        columns=columns,
        width=int(g.choice([8, 16, 64])),
        buffer_flits=int(g.choice([1, 8, 20])),
        router_latency=int(g.integers(1, 4)),
        link_latency=int(g.integers(1, 3)),
    )


def _chip(g: np.random.Generator, n: int, dram: Dram | None, coherent: bool) -> ChipConfig:
    banks = int(g.choice([1, 2, 4] if coherent else [0, 1, 2, 4]))
    ports = int(g.choice([1, 2]))
    nodes = int(g.integers(1, 10))
    translation = _translation(g)
    memory = MemoryConfig("fixed", int(g.choice([1, 20, 150, 900])), int(g.choice([0, 1, 7])))
    period = 625_000
    if dram is not None:
        memory, period = memory_config(dram.system.device), dram.system.device.tck_fs
    return ChipConfig(
        cores=tuple(_core(g, translation) for _ in range(n)),
        bank=_cache(g),
        banks=banks,
        inclusion=str(g.choice(["nine", "inclusive", "exclusive"])),
        bank_cycles=int(g.integers(1, 4)),
        write_backs=int(g.choice([1, 2, 32])),
        noc=_noc(g, nodes),
        memory=memory,
        core_nodes=tuple(int(x) for x in g.integers(0, nodes, n)),
        bank_nodes=tuple(int(x) for x in g.integers(0, nodes, banks)),
        port_nodes=tuple(int(x) for x in g.integers(0, nodes, ports)),
        core_periods_fs=tuple(int(g.choice([250_000, 333_333, 500_000, 701_117])) for _ in range(n)),
        uncore_period_fs=int(g.choice([250_000, 500_000, 411_111])),
        memory_period_fs=period,
        coherent=coherent,
    )


def _simple_memory(seed: int, fixed: MemoryConfig) -> MemoryConfig:
    """That of ChampSim in every third of the chips that have no DRAM of ours."""
    g = np.random.default_rng([20261124, seed])
    if g.random() > 1 / 3:
        return fixed
    champsim = ChampsimMemoryConfig(
        channels=int(g.choice([1, 2])), groups=int(g.choice([1, 8])), banks=int(g.choice([2, 4])),
        lines=int(g.choice([4, 128])), t_rp=int(g.integers(1, 40)), group_gap=int(g.integers(0, 3)),
        turn_around=int(g.choice([1, 52])), refresh_interval=int(g.choice([400, 6250])),
        reads=int(g.choice([2, 64])), writes=int(g.choice([8, 64])),
    )  # fmt: skip
    return replace(fixed, kind="champsim", champsim=champsim)


def _tasks(seed: int) -> tuple[tuple[Step, ...], ...]:
    """Those of one or two accelerators in every third chip."""
    g = np.random.default_rng([20261125, seed])
    n = int(g.choice([0, 0, 0, 0, 1, 2]))
    return tuple(tuple(_step(g) for _ in range(g.integers(1, 40))) for _ in range(n))


def _step(g: np.random.Generator) -> Step:
    first, n_reads, n_writes = g.integers(1 << 20, 1 << 21), g.choice([0, 1, 5, 20]), g.choice([0, 0, 1, 9])
    reads, writes = (tuple(range(first, first + n)) for n in (n_reads, n_writes))
    return Step(int(g.integers(1, 60)), reads, writes, bool(g.random() < 0.2))


def _with_accelerators(seed: int, chip: ChipConfig, n: int) -> ChipConfig:
    g = np.random.default_rng([20261126, seed])
    dmas = [
        AcceleratorConfig(*(int(x) for x in (g.integers(1, 9), g.choice([1, 4, 64]), g.choice([1, 4, 64]))))
        for _ in range(n)
    ]
    return replace(
        chip,
        accelerators=tuple(dmas),
        accelerator_nodes=tuple(int(x) for x in g.integers(0, chip.noc.nodes, n)),
        accelerator_periods_fs=tuple(int(g.choice([500_000, 1_000_000, 701_117])) for _ in range(n)),
    )


_MEMORIES = (
    "ddr4-2400-8gb-x8",
    "ddr4-3200-8gb-x8",
    "lpddr4-3200-8gb-x16",
    "hbm2-2000-4gb",
    "ddr5-4800-16gb-x8",
)


def _dram(g: np.random.Generator, cores: int) -> Dram:
    system = System.of(device(str(g.choice(_MEMORIES))), int(g.choice([1, 2])), None)
    design = {
        "page_policy": str(g.choice(["Open", "Closed", "OpenAdaptive", "Timeout"])),
        "scheduler": str(g.choice(["Fifo", "FrFcfs", "FrFcfsGrp", "Bliss", "GrpFrFcfsWm"])),
        "request_buffer_size": int(g.choice([1, 4, 16])),
        "arbiter": str(g.choice(["Simple", "Fifo", "Reorder"])),
        "max_active_transactions": int(g.choice([1, 8, 128])),
        "power_down_policy": str(g.choice(["NoPowerDown", "ActivePowerDown"])),
        "power_down_timeout": int(g.choice([0, 20])),
        "port_width": int(g.choice([1, 2])),
    }
    mapping = AddressMapping.of(
        str(g.choice(["row-bank-column", "row-bank-column-xor", "row-column-bank"])), system.device
    )
    return Dram(system, ControllerConfig.build(system.device, design), mapping)


# -------------------------------------------------------------------------------------------------- opening


def _programs(case: Case) -> Programs:
    translation = case.config.cores[0].translation
    memory = Memory(1 << 33, translation.page_bits, translation.levels, "hashed", seed=len(case.traces))
    return place_programs(case.traces, memory, case.spaces)


def open_engine(case: Case, *, record: bool = True) -> tuple[SocEngine, DramEngine | None]:
    """The engine at time 0, and its DRAM engine."""
    placed = _programs(case)
    dram = table = None
    if case.dram is not None:
        dram = live_engine(case.dram.system, case.dram.controller, case.config.sources, log=record)
        table = routing_table(case.dram.mapping)
    engine = SocEngine(
        **case.config.engine_arguments(),
        **placed.arguments(translates=case.config.cores[0].translation.enabled),
        instructions=list(case.instructions),
        tasks=[_engine_task(task) for task in case.tasks],
        dram=dram,
        table=table,
        shared_lines=placed.shared_lines if case.config.coherent else 0,
        record=record,
    )
    return engine, dram


def _engine_task(task: tuple[Step, ...]) -> tuple[list[list[int]], list[int], list[int]]:
    reads, writes, steps = [], [], []
    for step in task:
        reads += step.reads
        writes += step.writes
        steps.append([step.cycles, len(reads), len(writes), step.is_barrier])
    return steps, reads, writes


def open_twin(case: Case) -> ReferenceChip:
    placed = _programs(case)
    rows = zip(placed.pages["number"], placed.pages["space"], placed.pages["entry"], strict=True)
    pages = [Page(int(number), int(space), tuple(entry.tolist())) for number, space, entry in rows]
    translates = case.config.cores[0].translation.enabled
    programs = [_twin_program(placed, k, pages, translates) for k in range(len(case.traces))]
    dram = None if case.dram is None else TwinDram(case.dram.controller, case.dram.mapping)
    return ReferenceChip(case.config, programs, case.instructions, pages, dram, case.tasks)


def _twin_program(placed: Programs, number: int, pages: list[Page], translates: bool) -> list[Instruction]:
    trace, space, placement = placed.traces[number], placed.spaces[number], placed.placement
    physical = placed.programs[number][1].tolist()
    numbers = placed.programs[number][2].tolist()
    code_numbers = placement.numbers(space, trace.ip)
    code = placement.physical(code_numbers, trace.ip).tolist()
    program = []
    for k, first in enumerate(trace.first_access.tolist()):
        n_loads, n_stores = int(trace.n_loads[k]), int(trace.n_stores[k])
        between, end = first + n_loads, first + n_loads + n_stores
        program.append(
            Instruction(
                int(trace.ip[k]),
                Branch(int(trace.branch[k])),
                bool(trace.taken[k]),
                int(trace.operation[k]),
                tuple(int(r) for r in trace.sources[k] if r),
                tuple(int(r) for r in trace.destinations[k] if r),
                tuple(physical[first:between]),
                tuple(physical[between:end]),
                tuple(pages[p] for p in numbers[first:end]) if translates else (),
                code[k] // 64,
                pages[int(code_numbers[k])],
            )
        )
    return program
