"""The SoC, compiled: the same instructions in the same cycles as simulators/soc/reference.py.

What it computes: out-of-order and in-order cores with private caches, translation and branch prediction over
instruction traces; an interconnect, a banked last level, memory controllers and the DRAM engine of ext/dram_*
behind them, all in one order of time. Layers: soc_core and what it is made of, soc_uncore, soc_memory,
soc_chip. This file is the Python face. Called by simulators/soc/simulator.py.
"""

import hashlib
import zlib
from pathlib import Path

import numpy as np

from ext.sources import kernel_sources
from ext.soc_fields import (
    ACCELERATOR_COUNTS, ACCELERATOR_FIELDS, ACCESSES, CACHE_COUNTS, CACHE_FIELDS, CORE_COUNTS, CORE_FIELDS,
    MEMORY_FIELDS, NOC_FIELDS, PREDICTOR_FIELDS, TRANSLATION_FIELDS, UNCORE_COUNTS, UNCORE_FIELDS, checked,
    checked_task,  # no-cython-lint
)

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from ext.dram_engine cimport DramEngine
from ext.soc_accelerator cimport Accelerator, Step, place_accelerator, reset_accelerator
from ext.soc_arena cimport Arena, take
from ext.soc_champsim cimport ChampsimConfig
from ext.soc_chip cimport LOG_IS_FULL, OVERFLOWED, STUCK, Outcome, run_chip
from ext.soc_clocks cimport change_clock
from ext.soc_directory cimport reset_directory
from ext.soc_layout cimport place_core, place_uncore, reset_cache, reset_core, set_cache, set_core
from ext.soc_memory cimport ADDRESS_BYTES, DRAM, point, reset_memory
from ext.soc_messages cimport reset_pool
from ext.soc_noc_state cimport NOC_NETWORKS
from ext.soc_numbers cimport MOST_CORES, NEVER, NOBODY, ROB
from ext.soc_prefetch cimport set_degree
from ext.soc_state cimport Cache, Core, Instruction, Page
from ext.soc_transport cimport reset_transport
from ext.soc_uncore_state cimport EXCLUSIVE, Chip, Uncore, UncoreConfig

PAGE_DTYPE = np.dtype([("number", "<u8"), ("space", "<i8"), ("entry", "<u8", (5,))])
_SNAPSHOT_MAGIC = b"marl-dse soc 1\n"
FEMTOSECONDS = 10**15


def _source_hash():
    """Identity of the code that decides a result: this file and the declarations inlined into it."""
    folder = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=16)
    for path in kernel_sources("soc_engine", folder):
        digest.update(path.read_bytes())
    digest.update((folder / "soc_fields.py").read_bytes())
    return digest.hexdigest()


SOURCE_HASH = _source_hash()


# ------------------------------------------------------------------------------------------------------- face

cdef class SocEngine:
    """One simulation of a chip: one program a core; can be paused, copied and re-tuned.

    The arrays are int64, their last axis as the tables of ext/soc_fields.py: uncore; cores, predictors,
    translation (n, fields); caches (n, 3, fields) of L1I, L1D, L2; last (fields,), of one bank; noc; memory.
    nodes: where cores, banks, controllers and accelerators sit. clocks: periods in femtoseconds of each core,
    the uncore, the memory, the accelerators. programs: for each core (instructions as
    traces.instructions.DECODED, physical addresses uint64 with one more at the end, page numbers uint32 or
    None, virtual numbers of code pages uint64, their first physical lines uint64, their page numbers uint32).
    pages: PAGE_DTYPE (m,), of all programs. instructions: of each core to be run, int64 (n,); programs begin
    anew at their end. dram, table: the memory, opened with live_sources, and where each byte of an address
    sends it, uint64 (8, 256). shared_lines: most lines that programs share; 0: they share none.
    record: keep the cycles of dispatch, (last) issue, completion and retirement of each instruction in
    `times`, int64 (instructions, 4) a core. accelerators: (m, fields); tasks: for each (steps, lines to read,
    lines to write) as `soc_fields.checked_task` has them; nodes and clocks end with theirs. The arrays are
    kept, not copied.
    ValueError for what is out of range. One thread at a time may use an engine; the GIL is released in
    `advance`.
    """

    cdef Chip* chip
    cdef size_t size
    cdef DramEngine dram
    cdef dict tables
    cdef list nodes
    cdef list programs
    cdef readonly list tasks
    cdef object pages
    cdef int64_t page_bits
    cdef int64_t shared_lines
    cdef object digest
    cdef bint running
    cdef readonly list times

    def __dealloc__(self):
        free(self.chip)

    def __init__(
        self, uncore, cores, predictors, caches, translation, last, noc, memory, nodes, clocks, programs,
        pages, instructions, *, accelerators=(), tasks=(), int64_t page_bits=12, DramEngine dram=None,
        table=None, int64_t shared_lines=0, bint record=False,
    ):
        n = len(programs)
        if uncore[UNCORE_FIELDS.index("is_coherent")] and not uncore[UNCORE_FIELDS.index("n_banks")]:
            raise ValueError("cores that share lines need a last level, the home of the directory")
        if self.chip is not NULL:
            raise ValueError("this engine is open already: make a new one")
        self.tables = {
            "uncore": checked("uncore", uncore, (len(UNCORE_FIELDS),)),
            "core": checked("core", cores, (n, len(CORE_FIELDS))),
            "predictor": checked("predictor", predictors, (n, len(PREDICTOR_FIELDS))),
            "cache": checked("cache", caches, (n, 3, len(CACHE_FIELDS))),
            "translation": checked("translation", translation, (n, len(TRANSLATION_FIELDS))),
            "last": checked("cache", last, (len(CACHE_FIELDS),)),
            "noc": checked("noc", noc, (len(NOC_FIELDS),)),
            "memory": checked("memory", memory, (len(MEMORY_FIELDS),)),
            "accelerator": checked("accelerator", np.reshape(accelerators, (-1, len(ACCELERATOR_FIELDS))),
                                   (len(tasks), len(ACCELERATOR_FIELDS))),
        }
        self.tasks = [checked_task(*task) for task in tasks]
        self.nodes, self.programs, self.pages, self.dram = nodes, programs, pages, dram
        self.page_bits, self.shared_lines = page_bits, shared_lines
        self.size = self._place(NULL)
        self.chip = <Chip*> calloc(1, self.size)
        if self.chip is NULL:
            raise MemoryError(f"no memory for the state of an SoC, {self.size} bytes")
        self._place(self.chip)
        self._join()
        self._reset(clocks, table)
        for k in range(n):
            self._load(k)
            self.chip.core[<int64_t> k].stop_at = instructions[k]
        self.times = []
        if record:
            self.times = [np.full((count, 4), -1, dtype=np.int64) for count in instructions]
            self._point_logs()

    cdef size_t _place(self, Chip* chip) except 0:
        """Lay everything out behind `chip`, by the configuration; how many bytes that takes.

        chip at NULL: on a chip that is thrown away, whose cores all have the same place.
        """
        cdef const int64_t[:, ::1] cores = self.tables["core"]
        cdef const int64_t[:, ::1] predictors = self.tables["predictor"]
        cdef const int64_t[:, ::1] translation = self.tables["translation"]
        cdef const int64_t[:, :, ::1] caches = self.tables["cache"]
        cdef Arena arena
        cdef int64_t k
        cdef Chip* draft = <Chip*> calloc(1, sizeof(Chip)) if chip is NULL else NULL
        cdef Core* core = <Core*> calloc(1, sizeof(Core)) if chip is NULL else NULL
        arena.block, arena.used = <char*> chip, 0
        take(&arena, sizeof(Chip))
        chip = draft if chip is NULL else chip
        for k in range(len(self.programs)):
            chip.core[k] = <Core*> take(&arena, sizeof(Core))
            if draft is not NULL:
                chip.core[k] = core
            set_core(chip.core[k], k, &cores[k, 0], &predictors[k, 0], &translation[k, 0],
                     &caches[k, 0, 0], caches.shape[2])
            place_core(chip.core[k], &arena)
        self._set_uncore(&chip.uncore)
        place_uncore(&chip.uncore, &arena)
        for k in range(len(self.tasks)):
            chip.accelerator[k].n_steps = len(self.tasks[k][0])
            place_accelerator(&chip.accelerator[k], &arena)
        free(core)
        free(draft)
        return arena.used

    cdef int _set_uncore(self, Uncore* u) except -1:
        cdef const int64_t[::1] uncore = self.tables["uncore"]
        cdef const int64_t[::1] last = self.tables["last"]
        cdef const int64_t[::1] noc = self.tables["noc"]
        cdef const int64_t[::1] memory = self.tables["memory"]
        cdef int64_t k
        memcpy(&u.config, &uncore[0], sizeof(UncoreConfig))
        for k in range(u.config.n_banks):
            set_cache(&u.bank[k].cache, &last[0], u.config.n_banks.bit_length() - 1)
        u.memory.kind, u.memory.latency, u.memory.interval = memory[0], memory[1], memory[2]
        u.memory.bursts, u.memory.burst_bits = memory[3], memory[4]
        memcpy(&u.memory.champsim.config, &memory[5], sizeof(ChampsimConfig))
        u.memory.n_sources = u.config.n_cores + u.config.n_accelerators
        u.noc.config.topology, u.noc.config.nodes, u.noc.config.columns = noc[0], noc[1], noc[2]
        u.noc.config.width, u.noc.config.buffer_flits = noc[3], noc[4]
        u.noc.config.router_latency, u.noc.config.link_latency = noc[5], noc[6]
        # Messages under way: those of all miss registers and what each can cause, with room.
        u.pool.size = 4096 + 2048 * u.config.n_cores + 512 * u.config.n_accelerators
        u.noc.config.max_packets = u.pool.size
        u.directory.size = 0
        while 0 < self.shared_lines > u.directory.size // 2:
            u.directory.size = max(64, 2 * u.directory.size)
        u.directory.shift = 65 - int(u.directory.size).bit_length()
        return 0

    cdef int _reset(self, clocks, table) except -1:
        """Everything at time 0."""
        cdef Chip* chip = self.chip
        cdef Uncore* u = &chip.uncore
        cdef const uint64_t[:, ::1] where
        cdef int64_t k, byte
        cdef int64_t n = u.config.n_cores
        chip.n_running = n + len(self.tasks)
        reset_pool(&u.pool)
        reset_transport(u)
        reset_directory(&u.directory)
        for k in range(n):
            chip.core[k].is_coherent = u.config.is_coherent
            chip.core[k].has_last = u.config.n_banks > 0
            chip.core[k].sends_clean = u.config.n_banks > 0 and u.config.inclusion == EXCLUSIVE
            chip.core_clock[k].period = clocks[k]
            u.core_node[k] = self.nodes[0][k]
            u.held[k].first = NOBODY
            reset_core(chip.core[k])
        chip.uncore_clock.period, chip.memory_clock.period = clocks[n], clocks[n + 1]
        for k in range(u.config.n_banks):
            u.bank_node[k] = self.nodes[1][k]
            u.bank[k].waiting.first = NOBODY
            reset_cache(&u.bank[k].cache)
        for k in range(u.config.n_ports):
            u.port_node[k] = self.nodes[2][k]
        for k in range(u.config.n_accelerators):
            u.core_node[n + k] = self.nodes[3][k]
            chip.accelerator_clock[k].period = clocks[n + 2 + k]
            reset_accelerator(&chip.accelerator[k])
        chip.accelerators_at = 0 if self.tasks else NEVER
        if u.memory.kind == DRAM:
            where = table
            for byte in range(ADDRESS_BYTES):
                for k in range(256):
                    u.memory.table[byte][k] = where[byte, k]
        reset_memory(&u.memory)
        return 0

    cdef int _join(self) except -1:
        """Point from each part to the others."""
        cdef Uncore* u = &self.chip.uncore
        cdef int64_t k
        for k in range(u.config.n_cores):
            self.chip.core[k].pool = &u.pool
        for k in range(u.config.n_accelerators):
            self._give_task(&self.chip.accelerator[k], k)
        if u.memory.kind == DRAM:
            u.memory.dram = self.dram.arena
            u.memory.requests, u.memory.tape = &self.dram.requests, &self.dram.tape
            point(&u.memory)
        return 0

    cdef int _give_task(self, Accelerator* a, int64_t k) except -1:
        """Point to what an accelerator runs."""
        cdef const int64_t[::1] config = self.tables["accelerator"][k]
        cdef const int64_t[:, ::1] steps
        cdef const uint64_t[::1] read, written
        steps, read, written = self.tasks[k]
        memcpy(&a.config, &config[0], sizeof(a.config))
        a.step = <const Step*> &steps[0, 0]
        a.line_read = &read[0] if read.shape[0] else NULL
        a.line_written = &written[0] if written.shape[0] else NULL
        a.source, a.pool = self.chip.uncore.config.n_cores + k, &self.chip.uncore.pool
        return 0

    cdef int _load(self, int64_t k) except -1:
        """Point to what a core runs."""
        cdef Core* c = self.chip.core[k]
        cdef const uint8_t[::1] at
        cdef const uint8_t[::1] all_pages
        cdef const uint64_t[::1] address, code_page, code_line
        cdef const uint32_t[::1] page, code_number
        decoded, addresses, numbers, code_pages, code_lines, code_numbers = self.programs[k]
        if decoded.dtype.itemsize != sizeof(Instruction):
            raise ValueError(
                f"instructions have {decoded.dtype.itemsize} bytes: expected {sizeof(Instruction)}"
            )
        at, address = decoded.view(np.uint8), addresses
        code_page, code_line, code_number = code_pages, code_lines, code_numbers
        c.program.at, c.program.n = <const Instruction*> &at[0], len(decoded)
        c.program.address = &address[0]
        c.program.code_page, c.program.code_line = &code_page[0], &code_line[0]
        c.program.code_number, c.program.n_code = &code_number[0], code_page.shape[0]
        c.program.page_bits = self.page_bits
        if numbers is not None:
            page = numbers
            c.program.page = &page[0]
        if self.pages is not None:
            all_pages = self.pages.view(np.uint8)
            c.program.pages = <const Page*> &all_pages[0]
        return 0

    cdef int _point_logs(self) except -1:
        cdef int64_t[:, ::1] log
        for k, times in enumerate(self.times):
            log = times
            self.chip.core[<int64_t> k].log = &log[0, 0]
        return 0

    # ---------------------------------------------------------------------------------------------- running

    def advance(self, int64_t until_time=-1):
        """Simulate up to, not including, a time in femtoseconds; -1: until every program has run.

        True when every program has run; then further calls go on to their time with what is under way.
        """
        cdef Outcome outcome = LOG_IS_FULL
        cdef int64_t until = NEVER if until_time < 0 else until_time
        cdef bint runs_on = self.chip.n_running == 0 and until_time >= 0
        self._begin()
        try:
            while outcome == LOG_IS_FULL:
                with nogil:
                    outcome = run_chip(self.chip, until, runs_on)
                if outcome == LOG_IS_FULL:
                    self.dram._grow_log(2 * self.dram.tape.capacity)
                    self.dram.arena.paused = 0
        finally:
            self.running = False
        if outcome == STUCK or outcome == OVERFLOWED:
            raise RuntimeError(
                f"the simulation is stuck at {self.chip.time} fs: an error of the engine, please report it"
            )
        return self.chip.n_running == 0

    cdef int _begin(self) except -1:
        if self.running:
            raise RuntimeError("another thread is running this engine: give each thread its own")
        self.running = True
        return 0

    def retune(self, clocks=None, pauses=None, degrees=None):
        """Go on otherwise from the present time on. The DRAM engine is re-tuned by itself.

        clocks: periods of the cores and of the uncore, int64 (n + 1,). pauses: femtoseconds that each of them
        stands still while it changes, by default none. degrees: of the prefetchers of L1D and L2 of each
        core, (n, 2).
        """
        cdef Chip* chip = self.chip
        cdef int64_t n = chip.uncore.config.n_cores
        if clocks is not None:
            stops = [0] * (n + 1) if pauses is None else pauses
            for k in range(n):
                change_clock(&chip.core_clock[k], clocks[k], chip.time, stops[k])
            change_clock(&chip.uncore_clock, clocks[n], chip.time, stops[n])
        if degrees is not None:
            for k in range(n):
                set_degree(&chip.core[k].data.prefetcher, degrees[k][0])
                set_degree(&chip.core[k].second.prefetcher, degrees[k][1])

    # --------------------------------------------------------------------------------------------- copies

    def _identity(self):
        """What a snapshot belongs to: configuration and programs."""
        if self.digest is None:
            digest = hashlib.blake2b(f"{SOURCE_HASH} {self.size} {self.page_bits}".encode(), digest_size=16)
            for name in sorted(self.tables):
                digest.update(self.tables[name])
            for arrays in self.programs + self.tasks:
                for array in arrays:
                    digest.update(b"-" if array is None else np.ascontiguousarray(array).view(np.uint8))
            self.digest = digest.digest()
        return self.digest

    def snapshot(self):
        """The whole state as bytes, for `restore` in an engine of the same configuration and programs."""
        cdef bytes own = (<char*> self.chip)[: self.size]
        memory = b"" if self.dram is None else (<char*> self.dram.arena)[: self.dram.size]
        checksum = zlib.crc32(memory, zlib.crc32(own)).to_bytes(4, "little")
        return _SNAPSHOT_MAGIC + self._identity() + checksum + own + memory

    def restore(self, bytes snapshot not None):
        """Take over a state. ValueError unless it is an undamaged snapshot of the same build, configuration
        and programs. Times and logs that were recorded after it stay until they are overwritten.
        """
        start = len(_SNAPSHOT_MAGIC) + 20
        memory_size = 0 if self.dram is None else self.dram.size
        if not snapshot.startswith(_SNAPSHOT_MAGIC) or len(snapshot) != start + self.size + memory_size:
            raise ValueError("not a snapshot of this version of the SoC engine, or of another chip")
        if snapshot[start - 20 : start - 4] != self._identity():
            raise ValueError("the snapshot was taken of another chip, other programs, or by another build")
        if zlib.crc32(snapshot[start:]).to_bytes(4, "little") != snapshot[start - 4 : start]:
            raise ValueError("the snapshot is damaged: its checksum does not match")
        self._begin()
        self._take_over(snapshot, start)
        self.running = False

    cdef int _take_over(self, bytes snapshot, size_t start) except -1:
        """Copy a state, and let its pointers point into this engine's own memory and programs."""
        cdef const char* state = snapshot
        cdef const char* elsewhere
        cdef const char* here
        cdef Core* own[MOST_CORES]
        cdef int64_t k, place
        cdef Core* c
        n = len(self.programs)
        memcpy(own, self.chip.core, sizeof(own))
        memcpy(self.chip, state + start, self.size)
        if self.dram is not None:
            memcpy(self.dram.arena, state + start + self.size, self.dram.size)
        degrees = [(own[k].data.prefetcher.degree, own[k].second.prefetcher.degree) for k in range(n)]
        self._place(self.chip)
        self._join()
        self.retune(degrees=degrees)
        for k in range(n):
            c = self.chip.core[k]
            elsewhere = <const char*> c.program.at
            self._load(k)
            here = <const char*> c.program.at
            c.log = NULL
            for place in range(ROB):
                if c.entry[place].what is not NULL:
                    # In bytes: the checked build takes every difference of pointers for one of bytes.
                    c.entry[place].what = <const Instruction*> (
                        here + (<const char*> c.entry[place].what - elsewhere)
                    )
        self._point_logs()
        return 0

    # ---------------------------------------------------------------------------------------------- results

    @property
    def time(self):
        """Femtoseconds simulated; after the end of all programs, the time of the last retirement."""
        cdef Core* c
        cdef int64_t end = 0
        cdef int64_t k
        if self.chip.n_running:
            return self.chip.time
        for k in range(self.chip.uncore.config.n_cores):
            c = self.chip.core[k]
            end = max(end, self.chip.core_clock[k].time
                      + (c.finished_at - self.chip.core_clock[k].cycle) * self.chip.core_clock[k].period)
        for k in range(self.chip.uncore.config.n_accelerators):
            end = max(end, self.chip.accelerator[k].finished_at * self.chip.accelerator_clock[k].period)
        return max(end, self.chip.time if self.chip.time < NEVER else 0)

    def core_counts(self, int64_t k):
        """Counts of a core so far, by the names of CORE_COUNTS, and its cycles."""
        cdef Core* c = self.chip.core[k]
        values = np.array(<int64_t[: sizeof(c.counts) // 8]> <int64_t*> &c.counts)
        found = dict(zip(CORE_COUNTS, values.tolist(), strict=True))
        found["retired"], found["loads"], found["stores"] = c.retired, c.n_loads, c.drained
        found["cycles"] = c.retired_at if c.finished_at == NEVER else c.finished_at
        return found

    def cache_counts(self, int64_t k):
        """Counts of L1I, L1D and L2 of a core so far, each by the names of CACHE_COUNTS."""
        cdef Core* c = self.chip.core[k]
        return [_cache_counts(&c.code), _cache_counts(&c.data), _cache_counts(&c.second)]

    def bank_counts(self):
        """Counts of each bank of the last level, by the names of CACHE_COUNTS, and of its queue."""
        cdef Uncore* u = &self.chip.uncore
        found = []
        for k in range(u.config.n_banks):
            counts = _cache_counts(&u.bank[k].cache)
            counts["looked"], counts["waited"] = u.bank[k].looked, u.bank[k].waited
            found.append(counts)
        return found

    def uncore_counts(self):
        """Counts of messages, by the names of UNCORE_COUNTS."""
        cdef Uncore* u = &self.chip.uncore
        values = np.array(<int64_t[: sizeof(u.counts) // 8]> <int64_t*> &u.counts)
        return dict(zip(UNCORE_COUNTS, values.tolist(), strict=True))

    def accelerator_counts(self, int64_t k):
        """Counts of an accelerator so far, by the names of ACCELERATOR_COUNTS, and its cycles until its task
        ended, or until now."""
        cdef Accelerator* a = &self.chip.accelerator[k]
        values = np.array(<int64_t[: sizeof(a.counts) // 8]> <int64_t*> &a.counts)
        found = dict(zip(ACCELERATOR_COUNTS, values.tolist(), strict=True))
        now = self.time // self.chip.accelerator_clock[k].period
        found["cycles"] = now if a.finished_at == NEVER else a.finished_at
        return found

    def noc_counts(self):
        """Totals of each virtual network (requests, forwards, responses, write-backs) by name; flits of each
        link, node * ports + port (soc_noc_state). Empty where there is no interconnect."""
        cdef Uncore* u = &self.chip.uncore
        if not u.config.has_noc:
            return [], np.zeros(0, dtype=np.uint64)
        totals = [
            {"packets": t.packets, "flits": t.flits, "flit_hops": t.flit_hops, "router_flits": t.router_flits,
             "latency": t.latency, "queued": t.queued, "longest": t.longest}
            for t in u.noc.total[:NOC_NETWORKS]
        ]
        return totals, np.array(<uint64_t[: u.noc.n_links]> u.noc.link_flits)


cdef dict _cache_counts(Cache* cache):
    n = len(ACCESSES)
    values = [cache.hits[k] for k in range(n)] + [cache.merged[k] for k in range(n)]
    values += [cache.misses[k] for k in range(n)]
    values += [
        cache.refused, cache.written_back, cache.prefetch_useful, cache.prefetch_late,
        cache.prefetch_useless, cache.prefetch_dropped, cache.owed_integral,
    ]
    return dict(zip(CACHE_COUNTS, values, strict=True))
