"""The DRAM controller, compiled: the same commands in the same cycles as simulators/dram/reference.py.

What it computes: one channel, one rank, every command of a controller with the policies of DRAMGym (DRAMSys
4.0 semantics), over a trace of requests; statistics on the way. Layers: see dram_state.pxd. The loop jumps
to the next cycle in which any phase can do something, which changes nothing but time: a phase that is
looked at too early does nothing. Complexity: O(1) per request and phase, O(active banks) per command.
Called by simulators/dram/simulator.py.
"""

import hashlib
import zlib
from pathlib import Path

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from ext._types cimport cycle_t
from ext.dram_commands cimport issue, issue_for_manager
from ext.dram_front cimport admit, can_admit, latency_bin, respond, take_requests
from ext.dram_managers cimport manage
from ext.dram_policy cimport end_gathering, welcome
from ext.dram_state cimport (
    ACT, ALL_BANK, EXACT_BINS, MAX_BANKS, MAX_GROUPS, NEVER, NO_COMMAND, N_BATCHES, N_BINS, OCTAVE_BITS,
    PDE, PDX, PRE, PREA, RD, RDA, REF, ROW_CONFLICT, ROW_HIT, ROW_MISS, WR, WRA, Arena, Config, LogEntry,
    Requests, Tape, earlier, later, rarely,
)
from ext.dram_state cimport MAX_SOURCES as _MAX_SOURCES
from ext.dram_tuning cimport count_writes, first_bad_request, open_arena, retune_arena, schedule_everything

COMMANDS = ("ACT", "PRE", "PREA", "RD", "RDA", "WR", "WRA", "REF", "PDE", "PDX")

TIMING_FIELDS = (
    "n_banks", "n_bank_groups", "t_rcd", "t_rp", "t_ras", "t_rc", "t_rrd_s", "t_rrd_l", "t_faw",
    "t_ccd_s", "t_ccd_l", "t_wtr_s", "t_wtr_l", "t_rtp", "t_wr", "t_cl", "t_cwl", "t_burst", "t_rtw",
    "t_rfc", "t_refi", "t_xp", "t_cke",
)
POLICY_FIELDS = (
    "page_policy", "scheduler", "scheduler_buffer", "request_buffer_size", "resp_queue", "refresh_policy",
    "refresh_max_postponed", "refresh_max_pulledin", "arbiter", "max_active_transactions",
    "power_down_policy", "power_down_timeout", "batching_window",
)
CONFIG_FIELDS = TIMING_FIELDS + POLICY_FIELDS

COUNTER_FIELDS = (
    "elapsed_cycles", "n_act", "n_pre", "n_prea", "n_prea_banks", "n_rd", "n_rda", "n_wr", "n_wra",
    "n_ref", "n_pde_active", "n_pde_precharge", "n_pdx", "row_hits", "row_misses", "row_conflicts",
    "active_cycles", "active_pd_cycles", "precharge_pd_cycles", "occupancy_cycles", "occupancy_max",
    "blocked_cycles", "refreshes_owed",
)

MAX_SOURCES = _MAX_SOURCES
LATEST_ARRIVAL = NEVER // 2

# Lowest and highest value of each field; the choices of a policy are its positions in the tables of
# simulators/dram/config.py. A t_ that may be 0 is one that JEDEC lets vanish for some standard.
_LONGEST = 1 << 20
LIMITS = {name: (0, _LONGEST) for name in TIMING_FIELDS} | {
    "n_banks": (1, MAX_BANKS), "n_bank_groups": (1, MAX_GROUPS),
    "t_burst": (1, _LONGEST), "t_refi": (1, _LONGEST),
    "t_ccd_s": (1, _LONGEST), "t_rfc": (1, _LONGEST),
    "page_policy": (0, 3), "scheduler": (0, 2), "scheduler_buffer": (0, 2), "request_buffer_size": (1, 128),
    "resp_queue": (0, 1), "refresh_policy": (0, 1), "refresh_max_postponed": (0, _LONGEST),
    "refresh_max_pulledin": (0, _LONGEST), "arbiter": (0, 2), "max_active_transactions": (1, 128),
    "power_down_policy": (0, 2), "power_down_timeout": (0, _LONGEST), "batching_window": (0, _LONGEST),
}

LOG_DTYPE = np.dtype(
    {
        "names": ["cycle", "request", "row", "column", "command", "bank"],
        "formats": ["<i8", "<i8", "<i4", "<i4", "u1", "i1"],
        "offsets": [0, 8, 16, 20, 24, 25],
        "itemsize": sizeof(LogEntry),
    }
)
_FIRST_LOG_CAPACITY = 4096
_SNAPSHOT_MAGIC = b"marl-dse dram 1\n"


def _source_hash():
    """Identity of the code that decides a result: this file and the declarations inlined into it."""
    folder = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=16)
    for path in [folder / "dram_engine.pyx", folder / "_types.pxd", *sorted(folder.glob("dram_*.pxd"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


SOURCE_HASH = _source_hash()


# ----------------------------------------------------------------------------------------------- the loop

cdef enum Outcome:
    PAUSED = 0
    DONE = 1
    LOG_IS_FULL = 2


cdef inline cycle_t next_event(const Arena* a) noexcept nogil:
    """The next cycle, after `now`, in which anything can happen."""
    cdef cycle_t t = earlier(earlier(a.response_at, a.input_at), earlier(a.admit_at, a.manager_at))
    return later(earlier(t, a.bank_at), a.now + 1)


cdef inline void pass_time(Arena* a, cycle_t t) noexcept nogil:
    """Cycle t becomes the present; nothing happened since the last one."""
    a.blocked_cycles += a.input_blocked * (t - a.now)
    a.now = t


cdef inline bint let_managers_act(Arena* a, Tape* tape, cycle_t t) noexcept nogil:
    """Phase D, and phase E when a manager's command goes out (then True)."""
    manage(a, t)
    if a.manager_command == NO_COMMAND or a.manager_ready > t:
        return False
    issue_for_manager(a, tape, t)
    return True


cdef inline void simulate_cycle(Arena* a, const Requests* r, Tape* tape, cycle_t t) noexcept nogil:
    """Phases A to F; the cycle of the last delivery ends with it."""
    if a.response_at <= t:
        respond(a, r, tape, t)
        if a.delivered >= a.pause_at:
            a.paused = 1
            if a.delivered == a.n_requests:
                a.finished = 1
                return
    if a.input_at <= t:
        take_requests(a, r, tape, t)
    if can_admit(a):
        welcome(a, admit(a, r, tape, t), t)
    if rarely(a.gather_until > t):
        end_gathering(a, t)
    if rarely(a.manager_watches or a.manager_at <= t) and let_managers_act(a, tape, t):
        pass
    elif a.bank_at <= t:
        issue(a, r, tape, t)
        if rarely(a.manager_command != NO_COMMAND):
            a.manager_at = t + 1
    a.queue_max = later(a.queue_max, a.queued)
    cdef bint waiting = a.next_admitted < a.next_id
    a.input_blocked = waiting and not a.has_room
    a.admit_at = t + 1 if waiting and (a.has_room or a.gather_until > t) else NEVER


cdef Outcome simulate(
    Arena* a, const Requests* r, Tape* tape, cycle_t until_cycle, int64_t until_requests
) noexcept nogil:
    """Up to, not including, `until_cycle`, or to the end of the cycle that delivers so many requests."""
    cdef cycle_t t
    a.pause_at = earlier(until_requests, a.n_requests)
    a.paused = a.delivered >= a.pause_at
    while not a.paused:
        t = next_event(a)
        if t >= until_cycle:
            pass_time(a, later(until_cycle - 1, a.now))
            return PAUSED
        if tape.n_logged == tape.capacity:
            return LOG_IS_FULL
        pass_time(a, t)
        simulate_cycle(a, r, tape, t)
    return DONE if a.finished else PAUSED


# ---------------------------------------------------------------------------------------- the Python face

def _checked_config(config):
    """The int64 vector of a configuration. ValueError names the field that is out of range."""
    vector = np.ascontiguousarray(config, dtype=np.int64)
    if vector.shape != (len(CONFIG_FIELDS),):
        raise ValueError(f"config has shape {vector.shape}, expected ({len(CONFIG_FIELDS)},)")
    values = dict(zip(CONFIG_FIELDS, vector.tolist()))
    for name, value in values.items():
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise ValueError(f"{name}={value} is out of range, expected {low} to {high}")
    if values["n_banks"] % values["n_bank_groups"]:
        raise ValueError(
            f"n_banks={values['n_banks']} is no multiple of n_bank_groups={values['n_bank_groups']}"
        )
    for name in ("t_rrd", "t_ccd", "t_wtr"):
        if values[f"{name}_s"] > values[f"{name}_l"]:
            raise ValueError(
                f"{name}_s={values[f'{name}_s']} exceeds {name}_l={values[f'{name}_l']}: expected the gap to "
                "another bank group to be the shorter one"
            )
    return vector


def bin_upper_bounds():
    """Largest latency of each bin of the histograms, cycles, int64 (bins,)."""
    per_octave = 1 << OCTAVE_BITS
    bins = np.arange(N_BINS - EXACT_BINS, dtype=np.int64)
    width = np.int64(EXACT_BINS // per_octave) << (bins // per_octave)
    upper = (per_octave + bins % per_octave + 1) * width - 1
    return np.concatenate([np.arange(EXACT_BINS, dtype=np.int64), upper])


def latency_bins(latencies):
    """The histogram bin of each latency in cycles, int64 (n,)."""
    cdef const int64_t[::1] values = np.ascontiguousarray(latencies, dtype=np.int64)
    return np.array([latency_bin(values[i]) for i in range(values.shape[0])], dtype=np.int64)


cdef class DramEngine:
    """One simulation of a DRAM controller over a merged trace; can be paused, copied, and re-tuned.

    config: int64 (len(CONFIG_FIELDS),), cycles and policy numbers. Requests: arrays (n,) sorted by arrival in
    device cycles; bank counts through all groups (group = bank // banks per group); the requests of one
    source keep their order. The arrays are shared, not copied: do not write to them. warmup: requests with a
    smaller index are simulated but left out of the latency statistics. log: keep every command; record: keep
    accept and finish cycles per request. ValueError for a value out of range. One thread at a time may use an
    engine; the GIL is released in `advance`.
    """

    cdef Arena* arena
    cdef Requests requests
    cdef Tape tape
    cdef bint running
    cdef int64_t log_origin             # commands issued before the first entry of the log
    cdef object arrays
    cdef object digest
    cdef object log
    cdef readonly object accept_cycles
    cdef readonly object finish_cycles

    def __cinit__(self):
        self.arena = <Arena*> calloc(1, sizeof(Arena))
        if self.arena is NULL:
            raise MemoryError("no memory for the state of a DRAM controller")

    def __dealloc__(self):
        free(self.arena)

    def __init__(
        self,
        config,
        const int64_t[::1] arrival,
        const uint8_t[::1] bank,
        const int32_t[::1] row,
        const int32_t[::1] column,
        const uint8_t[::1] is_write,
        const uint8_t[::1] source,
        *,
        int64_t warmup=0,
        bint log=False,
        bint record=False,
    ):
        cdef const int64_t[::1] vector = _checked_config(config)
        cdef int64_t n = arrival.shape[0]
        for name, length in (("bank", bank.shape[0]), ("row", row.shape[0]), ("column", column.shape[0]),
                             ("is_write", is_write.shape[0]), ("source", source.shape[0])):
            if length != n:
                raise ValueError(f"{name} has {length} entries, expected {n} as arrival has")
        if warmup < 0:
            raise ValueError(f"warmup={warmup} is negative, expected a number of requests")
        if self.arena.now or self.arena.n_requests:
            raise ValueError("this engine is open already: make a new one")
        self.arrays = [arrival, bank, row, column, is_write, source]
        if n:
            self.requests.arrival, self.requests.bank = &arrival[0], &bank[0]
            self.requests.row, self.requests.column = &row[0], &column[0]
            self.requests.is_write, self.requests.source = &is_write[0], &source[0]
        self._check_requests(n, vector[0])
        self._group_by_source(n)
        self.arena.n_requests = n
        self.arena.warmup = warmup
        self.arena.n_measured_reads = max(0, n - warmup) - count_writes(&self.requests, warmup, n)
        self.tape.capacity = -1
        open_arena(self.arena, <const Config*> &vector[0], &self.requests)
        schedule_everything(self.arena, &self.requests)
        if log:
            self._grow_log(_FIRST_LOG_CAPACITY)
        if record:
            self._record(n)

    def _check_requests(self, int64_t n, int64_t n_banks):
        cdef int64_t bad = first_bad_request(&self.requests, n, n_banks)
        if bad == n:
            return
        arrival, bank, row = (array[bad] for array in self.arrays[:3])
        raise ValueError(
            f"request {bad} has arrival {arrival}, bank {bank}, row {row}: expected arrivals that do not "
            f"decrease, from 0 to {LATEST_ARRIVAL}, a bank below {n_banks} and a row of 0 or more"
        )

    def _group_by_source(self, int64_t n):
        cdef int64_t[::1] order, first
        sources = np.asarray(self.arrays[5])
        counts = np.bincount(sources) if n and sources.max() else np.array([n])
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.arena.n_sources = len(counts)
        self.requests.first = &first[0]
        self.arrays.append(first)
        if len(counts) > 1:
            order = np.argsort(sources, kind="stable").astype(np.int64, copy=False)
            self.requests.order = &order[0]
            self.arrays.append(order)

    def _record(self, int64_t n):
        cdef int64_t[::1] accepted, finished
        self.accept_cycles = np.full(n, -1, dtype=np.int64)
        self.finish_cycles = np.full(n, -1, dtype=np.int64)
        if n:
            accepted, finished = self.accept_cycles, self.finish_cycles
            self.tape.accepted, self.tape.finished = &accepted[0], &finished[0]

    def _grow_log(self, int64_t capacity):
        cdef uint8_t[::1] buffer
        grown = np.zeros(capacity, dtype=LOG_DTYPE)
        if self.log is not None:
            grown[: self.tape.n_logged] = self.log[: self.tape.n_logged]
        buffer = grown.view(np.uint8)
        self.log = grown
        self.tape.log = <LogEntry*> &buffer[0]
        self.tape.capacity = capacity

    # -------------------------------------------------------------------------------------------- running

    def advance(self, int64_t until_cycle=-1, int64_t until_requests=-1):
        """Simulate up to, not including, cycle `until_cycle`, or until so many requests in all are delivered.

        -1 is no limit. True when every request is delivered; further calls then do nothing.
        """
        cdef Outcome outcome = LOG_IS_FULL
        cdef cycle_t last_cycle = NEVER if until_cycle < 0 else until_cycle
        cdef int64_t enough = NEVER if until_requests < 0 else until_requests
        self._begin()
        try:
            while outcome == LOG_IS_FULL:
                with nogil:
                    outcome = simulate(self.arena, &self.requests, &self.tape, last_cycle, enough)
                if outcome == LOG_IS_FULL:
                    self._grow_log(2 * self.tape.capacity)
        finally:
            self.running = False
        return outcome == DONE

    cdef int _begin(self) except -1:
        if self.running:
            raise RuntimeError("another thread is running this engine: give each thread its own")
        self.running = True
        return 0

    def retune(self, config):
        """Go on with other policies from the next cycle on. ValueError if a timing differs."""
        cdef const int64_t[::1] vector = _checked_config(config)
        cdef const int64_t* present = <const int64_t*> &self.arena.config
        for k, name in enumerate(TIMING_FIELDS):
            if vector[k] != present[k]:
                raise ValueError(f"{name}={vector[k]}, was {present[k]}: only policies can be re-tuned")
        self._begin()
        retune_arena(self.arena, <const Config*> &vector[0], &self.requests)
        self.running = False

    # --------------------------------------------------------------------------------------------- copies

    def _identity(self):
        """What a snapshot belongs to: the requests and the layout of the state."""
        if self.digest is None:
            digest = hashlib.blake2b(f"{SOURCE_HASH} {sizeof(Arena)}".encode(), digest_size=16)
            for array in self.arrays[:6]:
                digest.update(np.asarray(array))
            self.digest = digest.digest()
        return self.digest

    def snapshot(self):
        """The whole state as bytes, for `restore` in an engine over the same requests."""
        state = (<char*> self.arena)[: sizeof(Arena)]
        return _SNAPSHOT_MAGIC + self._identity() + zlib.crc32(state).to_bytes(4, "little") + state

    def restore(self, bytes snapshot not None):
        """Take over a state, policies included; log and recorded cycles are cut back to it.

        ValueError unless it is an undamaged snapshot of the same build, requests, warm-up and timings.
        """
        cdef const uint8_t[::1] state
        cdef const Arena* other
        state = self._checked_snapshot(snapshot)
        other = <const Arena*> &state[0]
        present, timings = <const int64_t*> &self.arena.config, <const int64_t*> &other.config
        for k, name in enumerate(TIMING_FIELDS):
            if present[k] != timings[k]:
                raise ValueError(f"the snapshot has {name}={timings[k]}, this engine {present[k]}")
        if other.warmup != self.arena.warmup:
            raise ValueError(f"the snapshot has warmup={other.warmup}, this engine {self.arena.warmup}")
        self._begin()
        memcpy(self.arena, other, sizeof(Arena))
        self._cut_back()
        self.running = False

    def _checked_snapshot(self, snapshot):
        start = len(_SNAPSHOT_MAGIC)
        if not snapshot.startswith(_SNAPSHOT_MAGIC) or len(snapshot) != start + 20 + sizeof(Arena):
            raise ValueError("not a snapshot of this version of the DRAM engine")
        if snapshot[start : start + 16] != self._identity():
            raise ValueError("the snapshot was taken over other requests, or by another build of the engine")
        state = snapshot[start + 20 :]
        if zlib.crc32(state).to_bytes(4, "little") != snapshot[start + 16 : start + 20]:
            raise ValueError("the snapshot is damaged: its checksum does not match")
        return np.frombuffer(state, dtype=np.uint8)

    def _cut_back(self):
        cdef int64_t issued = 0
        for k in range(len(COMMANDS)):
            issued += self.arena.commands[k]
        if self.log_origin <= issued <= self.log_origin + self.tape.n_logged:
            self.tape.n_logged = issued - self.log_origin
        else:
            self.tape.n_logged, self.log_origin = 0, issued
        if self.accept_cycles is not None:
            self.accept_cycles[self.accept_cycles > self.arena.now] = -1
            self.finish_cycles[self.finish_cycles > self.arena.now] = -1

    # -------------------------------------------------------------------------------------------- results

    @property
    def cycle(self):
        """The next cycle to be simulated; at the end, the cycle of the last delivery."""
        return self.arena.last_delivered_at if self.arena.finished else self.arena.now + 1

    @property
    def delivered(self):
        """Requests delivered so far."""
        return self.arena.delivered

    def counters(self):
        """Counts so far, by the names of COUNTER_FIELDS; state intervals are clipped at the present."""
        cdef Arena* a = self.arena
        end = a.last_delivered_at if a.finished else a.now + 1
        down = end - a.powered_down_at if a.powered_down else 0
        active = (end if a.open else min(a.active_end, end)) - a.active_since
        values = (
            a.last_delivered_at, a.commands[ACT], a.commands[PRE], a.commands[PREA], a.banks_closed_by_prea,
            a.commands[RD], a.commands[RDA], a.commands[WR], a.commands[WRA], a.commands[REF],
            a.active_power_downs, a.commands[PDE] - a.active_power_downs, a.commands[PDX],
            a.row_classes[ROW_HIT], a.row_classes[ROW_MISS], a.row_classes[ROW_CONFLICT],
            a.active_cycles + max(0, active),
            a.active_power_down_cycles + (down if a.powered_down_active else 0),
            a.precharge_power_down_cycles + (0 if a.powered_down_active else down),
            a.queue_integral + a.queued * (a.now + 1), a.queue_max,
            a.blocked_cycles + (a.input_blocked and not a.finished),
            max(0, a.refresh_debt) if a.config.refresh_policy == ALL_BANK else 0,
        )
        return dict(zip(COUNTER_FIELDS, values, strict=True))

    def histograms(self):
        """Latency histograms, int64 (4, bins): reads, writes from arrival; reads, writes from acceptance."""
        return np.asarray(<int32_t[: 4 * N_BINS]> self.arena.histogram).reshape(4, N_BINS).astype(np.int64)

    def bin_upper_bounds(self):
        """Largest latency of each bin, cycles, int64 (bins,)."""
        return bin_upper_bounds()

    def latency_sums(self):
        """Sums of latencies in cycles, int64 (4,), in the order of `histograms`."""
        return np.array(<int64_t[:4]> self.arena.latency_sum)

    def latency_maxima(self):
        """Largest latencies in cycles, int64 (4,), in the order of `histograms`."""
        return np.array(<int64_t[:4]> self.arena.latency_max)

    def batch_sums(self):
        """Sums of read latencies from arrival over 32 batches of reads by completion, int64 (32,)."""
        return np.array(<int64_t[:N_BATCHES]> self.arena.batch_sums)

    def batch_counts(self):
        """Reads in each batch, int64 (32,)."""
        return np.array(<int64_t[:N_BATCHES]> self.arena.batch_counts)

    def command_log(self):
        """Commands issued: arrays cycle, command (position in COMMANDS), bank, row, column, request index.

        -1 where a command has none. ValueError unless the engine was opened with log=True.
        """
        if self.log is None:
            raise ValueError("no command log was kept: open the engine with log=True")
        entries = self.log[: self.tape.n_logged]
        names = ("cycle", "command", "bank", "row", "column", "request")
        return {name: entries[name].copy() for name in names}
