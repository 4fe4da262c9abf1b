"""Task graphs in phases: what one phase does; simulators/soc/graphs/phases.py says it in plain Python.

The operations on doubles come in the twin's order, so that both are equal bit for bit. Layers: `demand_of`
is what one task asks of each channel, `slowest_channel` how fast it goes beside the others, `phase` is one
phase. It takes O(running tasks x (memories + buses)), and there are about as many phases as tasks and frames.

Channels are numbered: processing elements, memories read, memories written, buses in, buses out.
"""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

cdef enum:
    # Heads of the two blocks of memory that are the state.
    TIME = 0
    WINDOW_PJ = 1           # of the window of power that is being filled, and of the one before it
    WINDOW_S = 2
    LAST_PJ = 3
    LAST_S = 4
    PEAK = 5                # pJ/s of the highest window
    N_DOUBLES = 6
    N_RUNNING = 0
    N_FRAMES = 1            # that have arrived
    N_DONE = 2              # tasks, over all frames
    N_PHASES = 3
    N_INTS = 4


cdef struct Shape:
    int64_t tasks, edges, elements, memories, buses, frames
    int64_t ways            # of a task: element, 2 x memories, 2 x buses
    int64_t channels


cdef struct Graph:
    # Edges sorted by their consumer (in_*) and by their producer (out_*), else in the order of the file.
    const int32_t* in_first     # (T + 1)
    const int32_t* in_from      # (E)
    const double* in_bytes
    const int32_t* out_first
    const int32_t* out_to
    const double* output_bytes  # (T)
    const double* arrivals      # (frames)


cdef struct Design:
    const int32_t* pe
    const int32_t* pe_bus
    const int32_t* memory
    const int32_t* memory_bus
    const double* pe_seconds
    const double* memory_rate
    const double* bus_rate


cdef struct State:
    const double* task_pj       # (T) energy of each task, where power is wanted; else NULL
    double window               # seconds of a window of power
    double* head
    double* demand              # (T, ways)
    double* left                # (frames, T) what is left of each running task, 1 at its start
    double* slowest             # of each running task, this phase
    double* finish              # (frames, T)
    double* live                # (M) bytes
    double* peak                # (M)
    double* bottleneck          # (channels) seconds
    int64_t* counts
    int64_t* running            # (frames x T) frame * T + task, in order of their starts
    int64_t* finished           # (frames x T) those of this phase
    int64_t* channel            # (frames x T) the slowest of each running task
    int64_t* waits_for          # (frames x T) tasks that have to feed it yet
    int64_t* readers_left       # (frames x T)
    int64_t* sharing            # (channels) running tasks that use it


cdef inline int64_t doubles_of(const Shape* s) noexcept nogil:
    return N_DOUBLES + s.tasks * s.ways + 3 * s.frames * s.tasks + 2 * s.memories + s.channels


cdef inline int64_t ints_of(const Shape* s) noexcept nogil:
    return N_INTS + 5 * s.frames * s.tasks + s.channels


cdef inline State laid_out(const Shape* s, double* doubles, int64_t* ints) noexcept nogil:
    cdef State state
    cdef int64_t all_tasks = s.frames * s.tasks
    state.task_pj = NULL
    state.window = 0.0
    state.head = doubles
    state.demand = doubles + N_DOUBLES
    state.left = state.demand + s.tasks * s.ways
    state.slowest = state.left + all_tasks
    state.finish = state.slowest + all_tasks
    state.live = state.finish + all_tasks
    state.peak = state.live + s.memories
    state.bottleneck = state.peak + s.memories
    state.counts = ints
    state.running = ints + N_INTS
    state.finished = state.running + all_tasks
    state.channel = state.finished + all_tasks
    state.waits_for = state.channel + all_tasks
    state.readers_left = state.waits_for + all_tasks
    state.sharing = state.readers_left + all_tasks
    return state


cdef inline int64_t channel_of(const Shape* s, const Design* d, int64_t task, int64_t way) noexcept nogil:
    """The channel behind a task's way: way 0 is its element."""
    return d.pe[task] if way == 0 else s.elements + way - 1


cdef inline void demand_of(
    const Shape* s, const Graph* g, const Design* d, int64_t task, double* demand
) noexcept nogil:
    """Seconds for which each way would hold the task up if it were alone; 0 where it does not go."""
    cdef double* read = demand + 1
    cdef double* written = read + s.memories
    cdef double* bus_in = written + s.memories
    cdef double* bus_out = bus_in + s.buses
    cdef int64_t own = d.pe_bus[task]
    cdef int64_t k, m, place
    memset(demand, 0, s.ways * sizeof(double))
    demand[0] = d.pe_seconds[task]
    for k in range(g.in_first[task], g.in_first[task + 1]):
        if g.in_bytes[k] > 0:
            read[d.memory[g.in_from[k]]] += g.in_bytes[k]
    if g.output_bytes[task] > 0:
        written[d.memory[task]] = g.output_bytes[task]
    for m in range(s.memories):
        place = d.memory_bus[m]
        if read[m] > 0:
            bus_in[own] += read[m]
            if place != own:
                bus_in[place] += read[m]
        if written[m] > 0:
            bus_out[own] += written[m]
            if place != own:
                bus_out[place] += written[m]
    for m in range(s.memories):
        read[m] = read[m] / d.memory_rate[m]
        written[m] = written[m] / d.memory_rate[m]
    for k in range(s.buses):
        bus_in[k] = bus_in[k] / d.bus_rate[k]
        bus_out[k] = bus_out[k] / d.bus_rate[k]


cdef inline void begin(const Shape* s, const Graph* g, const Design* d, State* x, int64_t one) noexcept nogil:
    """Task `one` (frame * T + task) runs from now on, and its output takes its place."""
    cdef int64_t task = one % s.tasks
    cdef int64_t place = d.memory[task]
    cdef const double* demand = x.demand + task * s.ways
    cdef int64_t way
    x.running[x.counts[N_RUNNING]] = one
    x.counts[N_RUNNING] += 1
    x.left[one] = 1.0
    for way in range(s.ways):
        if demand[way] > 0:
            x.sharing[channel_of(s, d, task, way)] += 1
    if place >= 0:
        x.live[place] += g.output_bytes[task]
        if x.live[place] > x.peak[place]:
            x.peak[place] = x.live[place]


cdef inline void end(const Shape* s, const Graph* g, const Design* d, State* x, int64_t one) noexcept nogil:
    """Task `one` is done: its channels are free, and so is what it alone still had to read."""
    cdef int64_t task = one % s.tasks
    cdef int64_t base = one - task
    cdef const double* demand = x.demand + task * s.ways
    cdef int64_t k, way, parent
    x.finish[one] = x.head[TIME]
    x.counts[N_DONE] += 1
    for way in range(s.ways):
        if demand[way] > 0:
            x.sharing[channel_of(s, d, task, way)] -= 1
    for k in range(g.in_first[task], g.in_first[task + 1]):
        parent = g.in_from[k]
        x.readers_left[base + parent] -= 1
        if x.readers_left[base + parent] == 0 and d.memory[parent] >= 0:
            x.live[d.memory[parent]] -= g.output_bytes[parent]


cdef inline void admit(const Shape* s, const Graph* g, const Design* d, State* x) noexcept nogil:
    """Start the frames that have arrived by now."""
    cdef int64_t frame, task, one
    while x.counts[N_FRAMES] < s.frames and g.arrivals[x.counts[N_FRAMES]] <= x.head[TIME]:
        frame = x.counts[N_FRAMES]
        x.counts[N_FRAMES] += 1
        for task in range(s.tasks):
            one = frame * s.tasks + task
            x.waits_for[one] = g.in_first[task + 1] - g.in_first[task]
            x.readers_left[one] = g.out_first[task + 1] - g.out_first[task]
        for task in range(s.tasks):
            if g.in_first[task + 1] == g.in_first[task]:
                begin(s, g, d, x, frame * s.tasks + task)


cdef inline void slowest_channel(const Shape* s, const Design* d, State* x, int64_t one) noexcept nogil:
    """How long the task would take from its start at today's shares, and the channel that makes it so."""
    cdef int64_t task = one % s.tasks
    cdef const double* demand = x.demand + task * s.ways
    cdef double slowest = 0.0
    cdef double seconds
    cdef int64_t way, channel
    x.channel[one] = 0
    for way in range(s.ways):
        if demand[way] > 0:
            channel = channel_of(s, d, task, way)
            seconds = x.sharing[channel] * demand[way]
            if seconds > slowest:
                slowest = seconds
                x.channel[one] = channel
    x.slowest[one] = slowest


cdef inline void pass_time(State* x, double seconds, double picojoules) noexcept nogil:
    """Fill the window; one that is long enough is set aside, so that a short rest at the end can join it."""
    x.head[WINDOW_PJ] += picojoules
    x.head[WINDOW_S] += seconds
    if x.head[WINDOW_S] < x.window:
        return
    if x.head[LAST_S] > 0.0:
        x.head[PEAK] = max(x.head[PEAK], x.head[LAST_PJ] / x.head[LAST_S])
    x.head[LAST_PJ] = x.head[WINDOW_PJ]
    x.head[LAST_S] = x.head[WINDOW_S]
    x.head[WINDOW_PJ] = 0.0
    x.head[WINDOW_S] = 0.0


cdef inline double peak_power(State* x) noexcept nogil:
    """pJ/s of the highest window, at the end of a run."""
    cdef double seconds = x.head[LAST_S] + x.head[WINDOW_S]
    if seconds <= 0.0:
        return 0.0
    return max(x.head[PEAK], (x.head[LAST_PJ] + x.head[WINDOW_PJ]) / seconds)


cdef inline double spent(const Shape* s, const State* x, double step) noexcept nogil:
    """pJ that the running tasks take in the next `step` seconds."""
    cdef double total = 0.0
    cdef double share
    cdef int64_t k, one
    for k in range(x.counts[N_RUNNING]):
        one = x.running[k]
        share = x.left[one]
        if x.left[one] * x.slowest[one] > step:
            share = step / x.slowest[one]
        total += share * x.task_pj[one % s.tasks]
    return total


cdef inline bint phase(const Shape* s, const Graph* g, const Design* d, State* x) noexcept nogil:
    """One phase; False if there is nothing left to do."""
    cdef int64_t n, k, i, kept, one, child, base
    cdef int64_t n_finished = 0
    cdef double step, left, coming
    cdef bint comes
    admit(s, g, d, x)
    n = x.counts[N_RUNNING]
    comes = x.counts[N_FRAMES] < s.frames
    coming = g.arrivals[x.counts[N_FRAMES]] if comes else 0.0
    if n == 0:
        if comes:
            if x.task_pj is not NULL and x.counts[N_FRAMES] > 0:
                pass_time(x, coming - x.head[TIME], 0.0)
            x.head[TIME] = coming
        return comes
    for k in range(n):
        slowest_channel(s, d, x, x.running[k])
    step = x.left[x.running[0]] * x.slowest[x.running[0]]
    for k in range(1, n):
        left = x.left[x.running[k]] * x.slowest[x.running[k]]
        if left < step:
            step = left
    if comes and x.head[TIME] + step > coming:
        step = coming - x.head[TIME]
    if x.task_pj is not NULL:
        pass_time(x, step, spent(s, x, step))
    kept = 0
    for k in range(n):
        one = x.running[k]
        if x.left[one] * x.slowest[one] <= step:
            x.finished[n_finished] = one
            n_finished += 1
        else:
            x.running[kept] = one
            kept += 1
        if x.slowest[one] > 0:
            x.bottleneck[x.channel[one]] += step
            left = x.left[one] - step / x.slowest[one]
            x.left[one] = left if left > 0.0 else 0.0
    x.counts[N_RUNNING] = kept
    x.head[TIME] = coming if n_finished == 0 and comes else x.head[TIME] + step
    for k in range(n_finished):
        end(s, g, d, x, x.finished[k])
    for k in range(n_finished):
        one = x.finished[k]
        base = one - one % s.tasks
        for i in range(g.out_first[one - base], g.out_first[one - base + 1]):
            child = base + g.out_to[i]
            x.waits_for[child] -= 1
            if x.waits_for[child] == 0:
                begin(s, g, d, x, child)
    x.counts[N_PHASES] += 1
    return True


cdef inline void prepare(const Shape* s, const Graph* g, const Design* d, State* x) noexcept nogil:
    """State at time 0."""
    cdef int64_t k
    memset(x.head, 0, doubles_of(s) * sizeof(double))
    memset(x.counts, 0, ints_of(s) * sizeof(int64_t))
    for k in range(s.frames * s.tasks):
        x.finish[k] = -1.0
    for k in range(s.tasks):
        demand_of(s, g, d, k, x.demand + k * s.ways)
