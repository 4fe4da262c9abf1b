"""Many DRAM engines, advanced side by side, and what each counted meanwhile as metrics.

What it computes: for each engine that goes on, the counters up to a cycle, less those of the time before,
summed up with the units of its memory, and the ratios of the sums. Layers: one member (`go_on_and_count`),
the loop over members that several threads share (`work`), `advance`. Complexity: that of the engines, and
O(channels x banks + terms) a member. Called by simulators/dram/fleet.py.
"""

from ext.dram_fields import ACTIVE_FIELDS, EPOCH_COUNTS

from libc.math cimport NAN, floor
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free

from ext.dram_counts cimport Active, EpochCounts, count_epoch
from ext.dram_engine cimport DramEngine, go_on
from ext.dram_loop cimport DONE
from ext.dram_numbers cimport NEVER
from ext.dram_state cimport Arena, Requests, Tape

cdef extern from *:
    """
    #define dse_next(counter) __atomic_fetch_add((counter), 1, __ATOMIC_RELAXED)
    """
    int64_t next_of "dse_next"(int64_t* counter) noexcept nogil

cdef enum:
    N_COUNTS = sizeof(EpochCounts) // sizeof(int64_t)

cdef double NEARLY = 1e-6       # of a cycle: what rounding may take from a whole number of them
cdef double LONGEST = 1e12      # cycles at a time: longer than any run


cdef struct Job:                # one engine; NULL: it stays
    Arena* arena
    const Requests* requests
    Tape* tape


cdef class EngineFleet:
    """Engines side by side.

    starts: int64 (sums + 1,), where the terms of each sum begin; columns: int64 (terms,), which EPOCH_COUNTS
    they are of. above, below, scale: (ratios,), the sums that each ratio is of, and its scale. Of n engines:
    counts, int64 (n, counts), what each had counted when it was advanced last; units, float64 (n, terms),
    what each term is multiplied with; active, int64 (n, len(ACTIVE_FIELDS)), cycles; last_arrival, int64
    (n,), the cycle of it; tck_ns, float64 (n,); until, int64 (n,), the cycle at which the last epoch ended,
    and left, float64 (n,), the part of a cycle that is to be added to the next. These are the caller's, who
    writes them when an engine is begun. One thread at a time may use a fleet, and no other its engines.
    """

    cdef list engines
    cdef Job* jobs
    cdef int64_t n
    cdef int64_t next_member
    cdef bint running
    cdef const int64_t[::1] starts
    cdef const int64_t[::1] columns
    cdef const int64_t[::1] above
    cdef const int64_t[::1] below
    cdef const double[::1] scale
    cdef int64_t[:, ::1] counts
    cdef const double[:, ::1] units
    cdef const int64_t[:, ::1] active
    cdef const int64_t[::1] last_arrival
    cdef const double[::1] tck_ns
    cdef int64_t[::1] until
    cdef double[::1] left
    cdef double time_ns
    cdef uint8_t[::1] done
    cdef double[:, ::1] values

    def __dealloc__(self):
        free(self.jobs)

    def __init__(self, starts, columns, above, below, scale, counts, units, active, last_arrival, tck_ns,
                 until, left):
        if counts.shape[1] != N_COUNTS or N_COUNTS != len(EPOCH_COUNTS):
            raise ValueError(f"counts have {counts.shape[1]} columns, expected {N_COUNTS}")
        if active.shape[1] != len(ACTIVE_FIELDS) or sizeof(Active) != 8 * len(ACTIVE_FIELDS):
            raise ValueError(f"active has {active.shape[1]} columns, expected {len(ACTIVE_FIELDS)}")
        if self.jobs is not NULL:
            raise ValueError("this fleet is open already: make a new one")
        self.starts, self.columns = starts, columns
        self.above, self.below, self.scale = above, below, scale
        self.counts, self.units, self.active, self.last_arrival = counts, units, active, last_arrival
        self.tck_ns, self.until, self.left = tck_ns, until, left
        self.n = counts.shape[0]
        self.engines = [None] * self.n
        self.jobs = <Job*> calloc(self.n, sizeof(Job))
        if self.jobs is NULL:
            raise MemoryError(f"no memory for a fleet of {self.n} engines")

    def begin(self, int64_t member, DramEngine engine not None):
        """That engine is the member's; what it counted up to now does not count."""
        self.engines[member] = engine
        self.recount(member)

    def recount(self, int64_t member):
        """What the member's engine counted up to now does not count."""
        cdef DramEngine engine = self.engines[member]
        count_epoch(engine.arena, <const Active*> &self.active[member, 0], self.last_arrival[member],
                    <EpochCounts*> &self.counts[member, 0])

    def retune(self, int64_t member, const int64_t[::1] config not None):
        """Go on as a configuration that `checked_config` has passed."""
        (<DramEngine> self.engines[member]).go_on_as(&config[0])

    def advance(self, double time_ns, uint8_t[::1] done, double[:, ::1] values, pool=None, int64_t threads=1):
        """Those members that are not `done` go on for so long, in whole cycles.

        Sets `done` of those, and values (n, sums + ratios): what was counted since the last time, zeros for
        the others; a ratio over nothing is NaN. pool: an executor for threads - 1 threads beside this one.
        """
        cdef DramEngine engine
        cdef int64_t k
        if self.running:
            raise RuntimeError("another thread is running this fleet: give each thread its own")
        self.running = True
        try:
            for k in range(self.n):
                self.jobs[k].arena = NULL
                if not done[k]:
                    engine = self.engines[k]
                    self.jobs[k] = Job(engine.arena, &engine.requests, &engine.tape)
            self.time_ns, self.done, self.values = time_ns, done, values
            self.next_member = 0
            others = [pool.submit(self.work) for _ in range(threads - 1)]
            self.work()
            for other in others:
                other.result()
        finally:
            self.running = False

    def work(self):
        """Take members one by one until none is left; a thread's part of `advance`."""
        cdef int64_t k
        with nogil:
            k = next_of(&self.next_member)
            while k < self.n:
                self.go_on_and_count(k)
                k = next_of(&self.next_member)

    cdef void go_on_and_count(self, int64_t k) noexcept nogil:
        cdef Job* job = &self.jobs[k]
        cdef EpochCounts found
        cdef int64_t[N_COUNTS] more
        cdef int64_t* before = &self.counts[k, 0]
        cdef const int64_t* now = <const int64_t*> &found
        cdef int64_t i
        if job.arena is NULL:
            for i in range(N_COUNTS):
                more[i] = 0
        else:
            self.set_end(k)
            self.done[k] = go_on(job.arena, job.requests, job.tape, self.until[k], NEVER) == DONE
            count_epoch(job.arena, <const Active*> &self.active[k, 0], self.last_arrival[k], &found)
            for i in range(N_COUNTS):
                more[i] = now[i] - before[i]
                before[i] = now[i]
        self.add_up(k, more)

    cdef void set_end(self, int64_t k) noexcept nogil:
        """Of this epoch, in whole cycles; what is left over goes to the next."""
        cdef double wanted = self.left[k] + self.time_ns / self.tck_ns[k]
        cdef double cycles = floor(wanted + NEARLY)
        if cycles > LONGEST:
            cycles = LONGEST
        self.left[k] = wanted - cycles
        self.until[k] += <int64_t> cycles

    cdef void add_up(self, int64_t k, const int64_t* more) noexcept nogil:
        cdef int64_t n_sums = self.starts.shape[0] - 1
        cdef const double* unit = &self.units[k, 0]
        cdef double* out = &self.values[k, 0]
        cdef double total
        cdef int64_t s, t
        for s in range(n_sums):
            total = 0
            for t in range(self.starts[s], self.starts[s + 1]):
                total += unit[t] * more[self.columns[t]]
            out[s] = total
        for s in range(self.above.shape[0]):
            total = out[self.below[s]]
            out[n_sums + s] = out[self.above[s]] / total * self.scale[s] if total != 0 else NAN
