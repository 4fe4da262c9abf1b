"""The DRAM controller, compiled: the same commands in the same cycles as simulators/dram/reference.py.

What it computes: channels, ranks and banks of any standard whose timing is rows of data, every command of
a controller with the policies of DRAMGym (DRAMSys 4.0 semantics) and many more, over a trace of requests;
statistics on the way. Layers: see dram_state.pxd. This file is the Python face; the loop is in
dram_loop.pxd. Complexity: O(1) per request and phase, O(active banks) per command. Called by
simulators/dram/simulator.py.
"""

import hashlib
import zlib
from pathlib import Path

import numpy as np

from ext.dram_fields import (
    BANK_COUNTS, COMMANDS, CONFIG_FIELDS, COUNTER_FIELDS, LIMITS, POLICY_FIELDS, TIMING_FIELDS,  # no-cython-lint
    bin_upper_bounds, checked_config, checked_lengths, checked_rows, coarse_bin_upper_bounds,
)

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

from ext._types cimport cycle_t
from ext.dram_counts cimport Counters, count
from ext.dram_loop cimport DONE, LOG_IS_FULL, simulate
from ext.dram_numbers cimport (
    COARSE_BINS, NEVER, N_BANK_COUNTS, N_BATCHES, N_BINS, PRAC, SPANS,
)
from ext.dram_numbers cimport MAX_SOURCES as _MAX_SOURCES
from ext.dram_requests cimport count_writes, first_bad_request
from ext.dram_rules cimport compile_rules
from ext.dram_state cimport Arena, Channel, Config, LogEntry, Requests, Rules, Tape, channel_at
from ext.dram_statistics cimport batch_edge, latency_bin
from ext.dram_tuning cimport open_arena, retune_arena, schedule_everything

MAX_SOURCES = _MAX_SOURCES
LATEST_ARRIVAL = NEVER // 2 - 1

LOG_DTYPE = np.dtype(
    {
        "names": ["cycle", "request", "row", "column", "command", "channel", "rank", "bank"],
        "formats": ["<i8", "<i8", "<i4", "<i4", "u1", "u1", "i1", "i1"],
        "offsets": [0, 8, 16, 20, 24, 25, 26, 27],
        "itemsize": sizeof(LogEntry),
    }
)
_FIRST_LOG_CAPACITY = 4096
cdef int64_t N_TIMINGS = len(TIMING_FIELDS)
_SNAPSHOT_MAGIC = b"marl-dse dram 2\n"


def _source_hash():
    """Identity of the code that decides a result: this file and the declarations inlined into it."""
    folder = Path(__file__).parent
    digest = hashlib.blake2b(digest_size=16)
    names = ("dram_fields.py", "dram_engine.pyx", "_types.pxd")
    files = [*folder.glob("dram_*.pxd"), *(folder / name for name in names)]
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


SOURCE_HASH = _source_hash()


def latency_bins(latencies):
    """The histogram bin of each latency in cycles, int64 (n,)."""
    cdef const int64_t[::1] values = np.ascontiguousarray(latencies, dtype=np.int64)
    return np.array([latency_bin(values[i]) for i in range(values.shape[0])], dtype=np.int64)


cdef _bank_counts(Channel* c):
    """int64 (64, N_BANK_COUNTS)."""
    return np.array(<int64_t[: 64 * N_BANK_COUNTS]> c.bank_counts).reshape(64, N_BANK_COUNTS)


cdef int go_on(
    Arena* a, const Requests* r, Tape* tape, cycle_t until_cycle, int64_t until_requests
) noexcept nogil:
    return simulate(a, r, tape, until_cycle, until_requests)


cdef class DramEngine:
    """One simulation of a DRAM controller over a merged trace; can be paused, copied, and re-tuned.

    config: int64 (len(CONFIG_FIELDS),), cycles and policy numbers. rows: constraints, int64 (n, 6), and
    lengths: clocks on the command bus, int64 (len(COMMANDS),), as simulators/dram/config.py gives them.
    Requests: arrays (n,) sorted by arrival in device cycles; channel may be None (all 0); bank counts through
    all ranks and groups of the channel; the requests of one source keep their order. The arrays are shared,
    not copied, and may be read-only: do not write to them. warmup: requests with a smaller index are run but
    left out of the latency statistics. log: keep every command; record: keep accept and finish cycles per
    request. live_sources: instead of a trace (arrays of length 0), another kernel hands requests of so many
    sources in and drives the engine (ext/soc_memory.pxd). ValueError for a value out of range. One thread at
    a time may use an engine; the GIL is released in `advance`.
    """

    def __dealloc__(self):
        free(self.arena)

    def __init__(
        self,
        config,
        rows,
        lengths,
        const int64_t[::1] arrival,
        const uint8_t[::1] channel,
        const uint8_t[::1] bank,
        const int32_t[::1] row,
        const int32_t[::1] column,
        const uint8_t[::1] is_write,
        const uint8_t[::1] source,
        *,
        int64_t warmup=0,
        bint log=False,
        bint record=False,
        int64_t live_sources=0,
    ):
        cdef const int64_t[::1] vector = checked_config(config)
        cdef int64_t n = arrival.shape[0]
        for name, array in (("channel", channel), ("bank", bank), ("row", row), ("column", column),
                            ("is_write", is_write), ("source", source)):
            if array is not None and array.shape[0] != n:
                raise ValueError(f"{name} has {array.shape[0]} entries, expected {n} as arrival has")
        if warmup < 0:
            raise ValueError(f"warmup={warmup} is negative, expected a number of requests")
        if self.arena is not NULL:
            raise ValueError("this engine is open already: make a new one")
        self._compile(checked_rows(rows), checked_lengths(lengths))
        self.arrays = [arrival, channel, bank, row, column, is_write, source]
        if n:
            self.requests.arrival, self.requests.bank = &arrival[0], &bank[0]
            self.requests.row, self.requests.column = &row[0], &column[0]
            self.requests.is_write, self.requests.source = &is_write[0], &source[0]
            if channel is not None:
                self.requests.channel = &channel[0]
        self._check_requests(n, vector[0], vector[1] * vector[3])
        if channel is None and vector[0] > 1:
            self._send_all_to_channel_0(n)
        self._open(<const Config*> &vector[0], n, warmup, live_sources)
        self.tape.capacity = NEVER
        if log:
            self._grow_log(_FIRST_LOG_CAPACITY)
        if record:
            self._record(n)

    cdef int _open(self, const Config* config, int64_t n, int64_t warmup, int64_t live_sources) except -1:
        n_rows = self._index_rows(n) if config.mitigation == PRAC else 0
        self._allocate(config.n_channels, n_rows)
        self.arena.rules = self.rules
        self._group_by_source(n, live_sources)
        self.arena.n_requests = n
        self.arena.warmup = warmup
        self.arena.n_measured_reads = max(0, n - warmup) - count_writes(&self.requests, warmup, n)
        open_arena(self.arena, config, &self.requests)
        self.arena.finished &= live_sources == 0
        schedule_everything(self.arena, &self.requests)
        return 0

    def _compile(self, rows, lengths):
        cdef const int64_t[:, ::1] table = rows
        cdef const int64_t[::1] clocks = lengths
        cdef const int64_t* first = &table[0, 0] if table.shape[0] else NULL
        if not compile_rules(&self.rules, first, table.shape[0], &clocks[0]):
            raise ValueError("the rows have more than 8 windows of different commands or times")

    cdef int _allocate(self, int64_t n_channels, int64_t n_row_counters) except -1:
        """A zeroed state; what was there before is kept as far as it fits."""
        cdef size_t size = sizeof(Arena) + n_channels * sizeof(Channel) + n_row_counters * sizeof(int32_t)
        cdef Arena* grown = <Arena*> calloc(1, size)
        if grown is NULL:
            raise MemoryError(f"no memory for the state of a DRAM controller, {size} bytes")
        if self.arena is not NULL:
            memcpy(grown, self.arena, min(size, self.size))
            free(self.arena)
        self.arena, self.size = grown, size
        self.arena.n_channels = n_channels
        self.arena.n_row_counters = n_row_counters
        return 0

    def _check_requests(self, int64_t n, int64_t n_channels, int64_t n_banks):
        cdef int64_t bad = first_bad_request(&self.requests, n, n_channels, n_banks)
        if bad == n:
            return
        arrival, channel, bank, row = (0 if array is None else array[bad] for array in self.arrays[:4])
        raise ValueError(
            f"request {bad} has arrival {arrival}, channel {channel}, bank {bank}, row {row}: expected "
            f"arrivals that do not decrease, from 0 to {LATEST_ARRIVAL}, a channel below {n_channels}, "
            f"a bank below {n_banks} and a row of 0 or more"
        )

    def _send_all_to_channel_0(self, int64_t n):
        cdef uint8_t[::1] channel
        if n:
            channel = np.zeros(n, dtype=np.uint8)
            self.requests.channel = &channel[0]
            self.arrays.append(channel)

    def _index_rows(self, int64_t n):
        """Number the (channel, bank, row) of the trace for the counters of PRAC; how many there are."""
        cdef int32_t[::1] counter
        if not n:
            return 0
        if self.row_counter is None:
            places = self.arrays[1:4]
            channel, bank, row = (0 if a is None else np.asarray(a).astype(np.int64) for a in places)
            unique, inverse = np.unique(((channel * 64 + bank) << 32) | row, return_inverse=True)
            self.row_counter = inverse.astype(np.int32), len(unique)
            counter = self.row_counter[0]
            self.requests.row_counter = &counter[0]
        return self.row_counter[1]

    def _group_by_source(self, int64_t n, int64_t live_sources):
        cdef int64_t[::1] order, first
        sources = np.asarray(self.arrays[6])
        counts = np.bincount(sources) if n and sources.max() else np.array([n])
        counts = np.zeros(live_sources, dtype=np.int64) if live_sources else counts
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.arena.n_sources = len(counts)
        self.requests.first = &first[0]
        self.arrays.append(first)
        if n and len(counts) > 1:
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
        cdef int outcome = LOG_IS_FULL
        cdef cycle_t last_cycle = NEVER if until_cycle < 0 else until_cycle
        cdef int64_t enough = NEVER if until_requests < 0 else until_requests
        self._begin()
        try:
            while outcome == LOG_IS_FULL:
                with nogil:
                    outcome = go_on(self.arena, &self.requests, &self.tape, last_cycle, enough)
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
        cdef const int64_t[::1] vector = checked_config(config)
        self.go_on_as(&vector[0])

    cdef int go_on_as(self, const int64_t* vector) except -1:
        """The same, given a checked configuration."""
        cdef const Config* wanted = <const Config*> vector
        cdef const int64_t* present = <const int64_t*> &self.arena.config
        for k in range(N_TIMINGS):
            if vector[k] != present[k]:
                name = TIMING_FIELDS[k]
                raise ValueError(f"{name}={vector[k]}, was {present[k]}: only policies can be re-tuned")
        self._begin()
        if wanted.mitigation == PRAC and self.arena.n_row_counters == 0:
            self._allocate(self.arena.n_channels, self._index_rows(self.arena.n_requests))
        retune_arena(self.arena, wanted, &self.requests)
        self.running = False
        return 0

    # --------------------------------------------------------------------------------------------- copies

    def _identity(self):
        """What a snapshot belongs to: the requests and the layout of the state."""
        if self.digest is None:
            layout = f"{SOURCE_HASH} {sizeof(Arena)} {sizeof(Channel)}"
            digest = hashlib.blake2b(layout.encode(), digest_size=16)
            for array in self.arrays[:7]:
                digest.update(b"-" if array is None else np.asarray(array))
            self.digest = digest.digest()
        return self.digest

    def snapshot(self):
        """The whole state as bytes, for `restore` in an engine over the same requests."""
        state = (<char*> self.arena)[: self.size]
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
        if memcmp(&other.rules, &self.arena.rules, sizeof(Rules)):
            raise ValueError("the snapshot was taken with other timing constraints")
        if other.warmup != self.arena.warmup:
            raise ValueError(f"the snapshot has warmup={other.warmup}, this engine {self.arena.warmup}")
        self._begin()
        if other.n_row_counters:
            self._index_rows(other.n_requests)
        if other.n_row_counters != self.arena.n_row_counters:
            self._allocate(other.n_channels, other.n_row_counters)
        memcpy(self.arena, other, self.size)
        self._cut_back()
        self.running = False

    def _checked_snapshot(self, snapshot):
        start = len(_SNAPSHOT_MAGIC)
        if not snapshot.startswith(_SNAPSHOT_MAGIC) or len(snapshot) < start + 20 + sizeof(Arena):
            raise ValueError("not a snapshot of this version of the DRAM engine")
        if snapshot[start : start + 16] != self._identity():
            raise ValueError("the snapshot was taken over other requests, or by another build of the engine")
        state = snapshot[start + 20 :]
        if zlib.crc32(state).to_bytes(4, "little") != snapshot[start + 16 : start + 20]:
            raise ValueError("the snapshot is damaged: its checksum does not match")
        return np.frombuffer(state, dtype=np.uint8)

    def _cut_back(self):
        cdef int64_t issued = 0
        for number in range(self.arena.n_channels):
            for k in range(len(COMMANDS)):
                issued += channel_at(self.arena, number).commands[k]
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
        """Counts so far over all channels, by the names of COUNTER_FIELDS; intervals end at the present."""
        cdef Counters found
        count(self.arena, &found)
        values = <int64_t[: sizeof(Counters) // sizeof(int64_t)]> <int64_t*> &found
        return dict(zip(COUNTER_FIELDS, np.asarray(values).tolist(), strict=True))

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
        cdef Arena* a = self.arena
        edges = [batch_edge(a, min(k, a.batch + 1)) for k in range(N_BATCHES + 1)]
        counts = np.diff(np.array(edges, dtype=np.int64))
        counts[a.batch] -= a.batch_left
        return counts

    def source_histograms(self):
        """Latency from arrival by source, int64 (sources, 2: reads and writes, COARSE_BINS).

        Largest latency of each bin: `coarse_bin_upper_bounds()`.
        """
        if self.arena.n_sources == 1:
            bins = np.searchsorted(coarse_bin_upper_bounds()[: COARSE_BINS - 1], bin_upper_bounds())
            counts = np.array([[np.bincount(bins, fine, COARSE_BINS) for fine in self.histograms()[:2]]])
            return counts.astype(np.int64)
        counts = np.asarray(<int32_t[: 2 * _MAX_SOURCES * COARSE_BINS]> self.arena.source_histogram)
        return counts.reshape(-1, 2, COARSE_BINS)[: self.arena.n_sources].astype(np.int64)

    def timeline(self):
        """Deliveries over time, in at most 512 intervals of a length that doubles as the simulation goes on.

        A dict: interval_cycles, int; requests, int64 (2: reads and writes, intervals), bursts delivered in
        each; latency_sums, int64 (2, intervals), cycles from arrival. All requests count, warm-up included.
        """
        n = (self.arena.last_delivered_at >> self.arena.span_bits) + 1 if self.arena.delivered else 0
        spans = np.asarray(<int64_t[: 4 * SPANS]> <int64_t*> self.arena.spans).reshape(SPANS, 2, 2)
        return {
            "interval_cycles": 1 << self.arena.span_bits,
            "requests": spans[:n, 0].T.copy(),
            "latency_sums": spans[:n, 1].T.copy(),
        }

    def bank_counts(self):
        """ACT, PRE, RD, WR (auto-precharge included) and row conflicts of each bank, as named in BANK_COUNTS.

        int64 (channels, banks of a channel, 5). A PREA counts on no bank.
        """
        found = [_bank_counts(channel_at(self.arena, k)) for k in range(self.arena.n_channels)]
        return np.array(found)[:, : self.arena.banks_of_channel, : len(BANK_COUNTS)].copy()

    def command_log(self):
        """Commands issued: arrays cycle, command (position in COMMANDS), channel, rank, bank of the channel,
        row, column, request index.

        -1 where a command has none. ValueError unless the engine was opened with log=True.
        """
        if self.log is None:
            raise ValueError("no command log was kept: open the engine with log=True")
        entries = self.log[: self.tape.n_logged]
        names = ("cycle", "command", "channel", "rank", "bank", "row", "column", "request")
        return {name: entries[name].copy() for name in names}
