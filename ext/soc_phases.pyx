"""Task graphs in phases: the compiled form of simulators/soc/graphs/phases.py, equal to it bit for bit.

`PhaseTables` is what all designs share, `Designs` the designs; `simulate` is the entry for a batch, without
the GIL, and `PhaseEngine` one simulation that can be stepped and copied. What a phase does is in
soc_phase_steps.pxd. Called by simulators/soc/graphs/simulator.py.
"""

import numpy as np

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

from ext.soc_phase_steps cimport (
    N_DONE, N_PHASES, TIME, Design, Graph, Shape, State, demand_of, doubles_of, ints_of, laid_out, peak_power,
    phase, prepare,
)


cdef class PhaseTables:
    """What all designs share, as the kernel reads it.

    edge_from, edge_to (E,) int32; edge_bytes (E,), output_bytes (T,), arrivals (frames,) float64, in order.
    Raises ValueError for edges that name no task, or negative numbers.
    """

    cdef Shape shape
    cdef Graph graph
    cdef object _kept

    def __init__(
        self, edge_from, edge_to, edge_bytes, output_bytes, arrivals, n_elements, n_memories, n_buses
    ):
        source = np.ascontiguousarray(edge_from, np.int32)
        target = np.ascontiguousarray(edge_to, np.int32)
        n_bytes = np.ascontiguousarray(edge_bytes, np.float64)
        output = np.ascontiguousarray(output_bytes, np.float64)
        times = np.ascontiguousarray(arrivals, np.float64)
        n_tasks = len(output)
        for ends in (source, target):
            if len(ends) != len(n_bytes) or (len(ends) and (ends.min() < 0 or ends.max() >= n_tasks)):
                raise ValueError("an edge names no task")
        if not len(times) or (np.diff(times) < 0).any() or times[0] < 0 or not np.isfinite(times).all():
            raise ValueError("arrivals: expected one or more, in order, not negative")
        by_target = np.argsort(target, kind="stable")
        by_source = np.argsort(source, kind="stable")
        every = np.arange(n_tasks + 1)
        in_first = np.searchsorted(target[by_target], every).astype(np.int32)
        out_first = np.searchsorted(source[by_source], every).astype(np.int32)
        in_from = np.ascontiguousarray(source[by_target])
        in_bytes = np.ascontiguousarray(n_bytes[by_target])
        out_to = np.ascontiguousarray(target[by_source])
        self._kept = (in_first, in_from, in_bytes, out_first, out_to, output, times)
        self.shape.tasks = n_tasks
        self.shape.edges = len(n_bytes)
        self.shape.elements = n_elements
        self.shape.memories = n_memories
        self.shape.buses = n_buses
        self.shape.frames = len(times)
        self.shape.ways = 1 + 2 * self.shape.memories + 2 * self.shape.buses
        self.shape.channels = self.shape.elements + self.shape.ways - 1
        self.graph.in_first = ints_in(in_first)
        self.graph.in_from = ints_in(in_from)
        self.graph.in_bytes = doubles_in(in_bytes)
        self.graph.out_first = ints_in(out_first)
        self.graph.out_to = ints_in(out_to)
        self.graph.output_bytes = doubles_in(output)
        self.graph.arrivals = doubles_in(times)

    @property
    def n_channels(self):
        """Processing elements, memories read and written, buses in and out."""
        return self.shape.channels


cdef const int32_t* ints_in(array):
    cdef const int32_t[::1] view = array
    return &view[0] if view.shape[0] else NULL


cdef const double* doubles_in(array):
    cdef const double[::1] view = array
    return &view[0] if view.shape[0] else NULL


cdef class Designs:
    """Designs as the kernel reads them: the arrays of `simulators.soc.graphs.placement.Placements`.

    Raises ValueError for shapes or numbers that do not fit the tables.
    """

    cdef const int32_t[:, ::1] pe, pe_bus, memory, memory_bus
    cdef const double[:, ::1] pe_seconds, memory_rate, bus_rate

    def __init__(self, PhaseTables tables, pe, pe_bus, memory, memory_bus, pe_seconds, memory_rate, bus_rate):
        cdef Shape* s = &tables.shape
        output = np.asarray(tables._kept[5])
        numbers = []
        for name, array, width, least, most in (
            ("pe", pe, s.tasks, 0, s.elements), ("pe_bus", pe_bus, s.tasks, 0, s.buses),
            ("memory", memory, s.tasks, -1, s.memories), ("memory_bus", memory_bus, s.memories, 0, s.buses),
        ):
            found = np.ascontiguousarray(array, np.int32)
            if found.shape != (len(pe), width) or (found.size and not least <= found.min()) or (
                found.size and found.max() >= most
            ):
                raise ValueError(f"{name}: expected ({len(pe)}, {width}) numbers, {least} to {most - 1}")
            numbers.append(found)
        if (output[(numbers[2] < 0).any(axis=0)] > 0).any():
            raise ValueError("memory: a task with an output has none")
        rates = []
        for name, array, width in (
            ("pe_seconds", pe_seconds, s.tasks), ("memory_rate", memory_rate, s.memories),
            ("bus_rate", bus_rate, s.buses),
        ):
            found = np.ascontiguousarray(array, np.float64)
            least = 0.0 if name == "pe_seconds" else 1e-300
            if found.shape != (len(pe), width) or not (np.isfinite(found) & (found >= least)).all():
                raise ValueError(f"{name}: expected ({len(pe)}, {width}) positive numbers")
            rates.append(found)
        self.pe, self.pe_bus, self.memory, self.memory_bus = numbers
        self.pe_seconds, self.memory_rate, self.bus_rate = rates

    def __len__(self):
        return self.pe.shape[0]

    cdef list places(self, Py_ssize_t p):
        """Where everything is, by which a running simulation cannot be changed."""
        return [
            np.asarray(self.pe)[p].tolist(), np.asarray(self.pe_bus)[p].tolist(),
            np.asarray(self.memory)[p].tolist(), np.asarray(self.memory_bus)[p].tolist(),
        ]

    cdef Design row(self, Py_ssize_t p) noexcept nogil:
        """One design."""
        cdef Design design
        design.pe = &self.pe[p, 0]
        design.pe_bus = &self.pe_bus[p, 0]
        design.memory = &self.memory[p, 0]
        design.memory_bus = &self.memory_bus[p, 0]
        design.pe_seconds = &self.pe_seconds[p, 0]
        design.memory_rate = &self.memory_rate[p, 0]
        design.bus_rate = &self.bus_rate[p, 0]
        return design


def simulate(PhaseTables tables, Designs designs):
    """Every design to its end: finish (P, frames, T) in seconds, peak_bytes (P, M), bottleneck (P, channels)
    in seconds, and phases (P,). Without the GIL: cut a large batch into parts, one a thread.
    """
    cdef Shape s = tables.shape
    cdef Py_ssize_t n = len(designs)
    cdef Py_ssize_t p
    cdef double[::1] doubles = np.empty(doubles_of(&s))
    cdef int64_t[::1] ints = np.empty(ints_of(&s), np.int64)
    finish = np.empty((n, s.frames, s.tasks))
    peak = np.empty((n, s.memories))
    bottleneck = np.empty((n, s.channels))
    phases = np.empty(n, np.int64)
    cdef double[:, :, ::1] finish_view = finish
    cdef double[:, ::1] peak_view = peak
    cdef double[:, ::1] bottleneck_view = bottleneck
    cdef int64_t[::1] phases_view = phases
    cdef State state = laid_out(&s, &doubles[0], &ints[0])
    cdef Design design
    with nogil:
        for p in range(n):
            design = designs.row(p)
            prepare(&s, &tables.graph, &design, &state)
            while phase(&s, &tables.graph, &design, &state):
                pass
            memcpy(&finish_view[p, 0, 0], state.finish, s.frames * s.tasks * sizeof(double))
            memcpy(&peak_view[p, 0], state.peak, s.memories * sizeof(double))
            memcpy(&bottleneck_view[p, 0], state.bottleneck, s.channels * sizeof(double))
            phases_view[p] = state.counts[N_PHASES]
    return finish, peak, bottleneck, phases


def peak_powers(PhaseTables tables, Designs designs, task_pj, double window_s):
    """pJ/s (P,) of each design's highest window: whole phases, together at least `window_s` seconds.

    task_pj (P, T): energy of each task. A rest that is shorter at the end belongs to the window before it.
    Raises ValueError for another shape or no positive window.
    """
    cdef Shape s = tables.shape
    cdef Py_ssize_t n = len(designs)
    cdef Py_ssize_t p
    energies = np.ascontiguousarray(task_pj, np.float64)
    if energies.shape != (n, s.tasks) or not window_s > 0.0:
        raise ValueError(f"task_pj: expected ({n}, {s.tasks}) energies, and window_s above 0")
    cdef double[::1] doubles = np.empty(doubles_of(&s))
    cdef int64_t[::1] ints = np.empty(ints_of(&s), np.int64)
    cdef const double[:, ::1] energy_view = energies
    found = np.empty(n)
    cdef double[::1] found_view = found
    cdef State state = laid_out(&s, &doubles[0], &ints[0])
    cdef Design design
    state.window = window_s
    with nogil:
        for p in range(n):
            design = designs.row(p)
            state.task_pj = &energy_view[p, 0]
            prepare(&s, &tables.graph, &design, &state)
            while phase(&s, &tables.graph, &design, &state):
                pass
            found_view[p] = peak_power(&state)
    return found


cdef class PhaseEngine:
    """One design, phase by phase. Not for use from several threads at once."""

    cdef PhaseTables _tables
    cdef Designs _designs
    cdef Design _design
    cdef State _state
    cdef object _doubles, _ints

    def __init__(self, PhaseTables tables, Designs designs):
        cdef double[::1] doubles = np.empty(doubles_of(&tables.shape))
        cdef int64_t[::1] ints = np.empty(ints_of(&tables.shape), np.int64)
        self._tables, self._doubles, self._ints = tables, np.asarray(doubles), np.asarray(ints)
        self._state = laid_out(&tables.shape, &doubles[0], &ints[0])
        self._designs = designs
        self._design = designs.row(0)
        prepare(&tables.shape, &tables.graph, &self._design, &self._state)

    @property
    def time(self):
        """Seconds."""
        return self._state.head[TIME]

    @property
    def tasks_done(self):
        """Tasks that are done, over all frames."""
        return self._state.counts[N_DONE]

    @property
    def phases(self):
        """Phases so far."""
        return self._state.counts[N_PHASES]

    @property
    def finished(self):
        """Whether every task of every frame is done."""
        return self._state.counts[N_DONE] == self._tables.shape.frames * self._tables.shape.tasks

    def advance(self, int64_t phases=-1, int64_t tasks=-1):
        """Go on for so many phases or until so many more tasks are done (-1: to the end); True at the end."""
        cdef Shape* s = &self._tables.shape
        cdef int64_t last_phase = self._state.counts[N_PHASES] + phases
        cdef int64_t last_task = self._state.counts[N_DONE] + tasks
        cdef bint more = True
        with nogil:
            while more:
                if phases >= 0 and self._state.counts[N_PHASES] >= last_phase:
                    break
                if tasks >= 0 and self._state.counts[N_DONE] >= last_task:
                    break
                more = phase(s, &self._tables.graph, &self._design, &self._state)
        return self.finished

    def retune(self, Designs designs):
        """Go on as the first of `designs`, which must place tasks, memories and elements where they are.

        Raises ValueError if it does not.
        """
        cdef Shape* s = &self._tables.shape
        cdef Design design = designs.row(0)
        cdef int64_t k
        if self._designs.places(0) != designs.places(0):
            raise ValueError("the design places something elsewhere")
        self._designs, self._design = designs, design
        for k in range(s.tasks):
            demand_of(s, &self._tables.graph, &design, k, self._state.demand + k * s.ways)

    def snapshot(self):
        """The whole state."""
        return self._doubles.tobytes() + self._ints.tobytes()

    def restore(self, state):
        """Go on from a snapshot of the same tables. Raises ValueError for any other length."""
        size = self._doubles.nbytes
        if len(state) != size + self._ints.nbytes:
            raise ValueError(f"a snapshot of {len(state)} bytes: expected {size + self._ints.nbytes}")
        self._doubles[:] = np.frombuffer(state[:size], np.float64)
        self._ints[:] = np.frombuffer(state[size:], np.int64)

    def results(self):
        """What `simulate` returns, of this run so far: finish (frames, T), peak_bytes, bottleneck, phases."""
        cdef Shape* s = &self._tables.shape
        finish = np.empty((s.frames, s.tasks))
        peak = np.empty(s.memories)
        bottleneck = np.empty(s.channels)
        cdef double[:, ::1] finish_view = finish
        cdef double[::1] peak_view = peak
        cdef double[::1] bottleneck_view = bottleneck
        memcpy(&finish_view[0, 0], self._state.finish, s.frames * s.tasks * sizeof(double))
        memcpy(&peak_view[0], self._state.peak, s.memories * sizeof(double))
        memcpy(&bottleneck_view[0], self._state.bottleneck, s.channels * sizeof(double))
        return finish, peak, bottleneck, self.phases
