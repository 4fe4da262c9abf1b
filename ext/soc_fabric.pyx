"""The on-chip interconnect alone: packets in, cycles of delivery out.

Layers: the parts of soc_noc.pxd; the loop over packets in order of time, without the GIL; the class that
owns the memory. Callers: the tests of the interconnect, its benchmark, and the pictures of
latency against load.
"""

import numpy as np

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from ext._types cimport cycle_t
from ext.soc_arena cimport Arena
from ext.soc_noc cimport noc_advance, noc_inject, noc_next, noc_send, noc_take
from ext.soc_noc_state cimport NOC_NETWORKS, Noc, NocHop, noc_hops, place_noc, reset_noc
from ext.soc_numbers cimport NEVER, NOBODY, earlier, later

TOPOLOGIES = ("crossbar", "ring", "mesh")
NETWORKS = ("requests", "forwards", "responses", "write_backs")
PORTS = ("in", "out", "up", "down", "next_row", "row_before")
TOTALS = ("packets", "flits", "flit_hops", "router_flits", "latency", "queued", "longest")

cdef enum:
    MOST_NODES = 1024
    LARGEST = 1048576           # Cython 3.3 cannot check 1 << 20 for overflow in an enum


cdef void take_all(Noc* noc, cycle_t t, cycle_t[::1] delivered) noexcept nogil:
    cdef int64_t payload, target
    while noc_take(noc, &payload, &target):
        delivered[payload] = t


cdef int64_t run_packets(
    Noc* noc, const int64_t[::1] time, const int64_t[::1] source, const int64_t[::1] target,
    const int64_t[::1] network, const int64_t[::1] n_bytes, cycle_t ahead, bint decide,
    cycle_t[::1] delivered,
) noexcept nogil:
    """Run until all is delivered and quiet; the packet for which there was no place, or NOBODY."""
    cdef int64_t i = 0
    cdef int64_t number
    cdef int64_t n = time.shape[0]
    cdef cycle_t t
    while i < n or noc_next(noc) != NEVER:
        t = noc_next(noc)
        if i < n:
            t = earlier(t, later(time[i] - ahead, 0))
        while i < n and time[i] - ahead <= t:
            if decide:
                number = noc_send(noc, time[i], source[i], target[i], network[i], n_bytes[i], i)
            else:
                number = noc_inject(noc, time[i], source[i], target[i], network[i], n_bytes[i], i)
            if number == NOBODY:
                return i
            i += 1
        if noc_advance(noc, t):
            take_all(noc, t, delivered)
    return NOBODY


cdef class NocAlone:
    """An interconnect and its memory; see soc_noc.pxd for what the numbers mean."""

    cdef Noc noc
    cdef uint8_t[::1] block
    cdef readonly str topology

    def __init__(
        self, topology, nodes, width_bytes, buffer_flits, router_latency, link_latency=1, columns=1,
        max_packets=65536,
    ):
        """An empty one at cycle 0. Raises ValueError for a geometry that there is not."""
        cdef Arena arena
        if topology not in TOPOLOGIES:
            raise ValueError(f"topology={topology!r}: expected one of {', '.join(TOPOLOGIES)}")
        if not 1 <= nodes <= MOST_NODES:
            raise ValueError(f"nodes={nodes!r}: expected 1 to {MOST_NODES}")
        if not 1 <= columns <= nodes or nodes % columns:
            raise ValueError(f"columns={columns!r}: expected a divisor of nodes={nodes!r}")
        sizes = {
            "width_bytes": width_bytes, "buffer_flits": buffer_flits, "router_latency": router_latency,
            "link_latency": link_latency, "max_packets": max_packets,
        }
        for name, value in sizes.items():
            if not 1 <= value <= LARGEST:
                raise ValueError(f"{name}={value!r}: expected 1 to {LARGEST}")
        self.topology = topology
        self.noc.config.topology = TOPOLOGIES.index(topology)
        self.noc.config.nodes = nodes
        self.noc.config.columns = columns
        self.noc.config.width = width_bytes
        self.noc.config.buffer_flits = buffer_flits
        self.noc.config.router_latency = router_latency
        self.noc.config.link_latency = link_latency
        self.noc.config.max_packets = max_packets
        arena.block, arena.used = NULL, 0
        place_noc(&self.noc, &arena)
        self.block = np.empty(arena.used, dtype=np.uint8)
        arena.block, arena.used = <char*> &self.block[0], 0
        place_noc(&self.noc, &arena)
        reset_noc(&self.noc)

    @property
    def ports(self):
        """Links a node; link number = node * ports + port."""
        return self.noc.ports

    @property
    def next_cycle(self):
        """When something happens next; None while nothing is on the way."""
        return None if noc_next(&self.noc) == NEVER else noc_next(&self.noc)

    def hops(self, source, target):
        """Links between routers on the way from one node to another."""
        return noc_hops(&self.noc, source, target)

    def inject(self, cycle, source, target, network, n_bytes, payload):
        """Hand in a packet; False if `max_packets` are on the way. Raises ValueError for a cycle passed."""
        self._check(cycle, cycle, source, target, network, n_bytes)
        return noc_inject(&self.noc, cycle, source, target, network, n_bytes, payload) != NOBODY

    def send(self, cycle, source, target, network, n_bytes, payload):
        """The same where all packets are handed in so, in order of their cycles: with fewer events."""
        self._check(cycle, cycle, source, target, network, n_bytes)
        return noc_send(&self.noc, cycle, source, target, network, n_bytes, payload) != NOBODY

    def _check(self, first, last, source, target, network, n_bytes):
        nodes = self.noc.config.nodes
        if first < self.noc.calendar.now or last >= NEVER // 2:
            wrong = first if first < self.noc.calendar.now else last
            raise ValueError(f"cycle {wrong}: expected {self.noc.calendar.now} or later, and less than 2**59")
        if min(np.min(source), np.min(target)) < 0 or max(np.max(source), np.max(target)) >= nodes:
            raise ValueError(f"source or target outside the {nodes} nodes")
        if np.min(network) < 0 or np.max(network) >= NOC_NETWORKS:
            raise ValueError(f"network outside 0 to {NOC_NETWORKS - 1}")
        if np.min(n_bytes) < 1 or np.max(n_bytes) > LARGEST:
            raise ValueError(f"n_bytes: expected 1 to {LARGEST}")

    def advance(self, cycle_t cycle):
        """Do everything up to and with this cycle; what was delivered, as (payload, target)."""
        cdef int64_t payload, target
        found = []
        noc_advance(&self.noc, cycle)
        while noc_take(&self.noc, &payload, &target):
            found.append((payload, target))
        return found

    def run(self, time, source, target, network, n_bytes, ahead=0, log=False, decide=True):
        """Start anew, hand packets in, and run until all is delivered and quiet.

        Arrays of shape (n,), int64; `time` never goes back. ahead: hand each in so many cycles before its
        time. decide: as `send` does, else as `inject`. Returns (cycles of delivery, hops): hops is None
        without `log`, else a structured array with fields packet, link and start, in order of time: a packet
        is given a link. Raises ValueError for numbers out of range, RuntimeError if more than `max_packets`
        are on the way at once.
        """
        columns = [np.ascontiguousarray(c, dtype=np.int64) for c in (time, source, target, network, n_bytes)]
        n = len(columns[0])
        if any(c.shape != (n,) for c in columns):
            raise ValueError("time, source, target, network and n_bytes differ in length")
        reset_noc(&self.noc)
        delivered = np.full(n, -1, dtype=np.int64)
        if n == 0:
            return delivered, self._log(0) if log else None
        if np.any(np.diff(columns[0]) < 0):
            raise ValueError("time goes back: expected packets in order of time")
        self._check(columns[0][0], columns[0][n - 1], *columns[1:])
        hops = self._log(sum(self.hops(s, t) + 2 for s, t in zip(columns[1], columns[2]))) if log else None
        cdef uint8_t[::1] view
        if log:
            view = hops.view(np.uint8)
            self.noc.log = <NocHop*> &view[0]
        failed = self._run(*columns, ahead, decide, delivered)
        self.noc.log = NULL
        if failed != NOBODY:
            raise RuntimeError(
                f"packet {failed}: all max_packets={self.noc.config.max_packets} are on the way; give more"
            )
        if not log:
            return delivered, None
        return delivered, np.sort(hops[: self.noc.n_logged], order="start", kind="stable")

    def _run(
        self, const int64_t[::1] time, const int64_t[::1] source, const int64_t[::1] target,
        const int64_t[::1] network, const int64_t[::1] n_bytes, cycle_t ahead, bint decide,
        cycle_t[::1] delivered,
    ):
        cdef int64_t failed
        with nogil:
            failed = run_packets(&self.noc, time, source, target, network, n_bytes, ahead, decide, delivered)
        return failed

    def _log(self, n):
        return np.zeros(n, dtype=[("packet", np.int64), ("link", np.int64), ("start", np.int64)])

    def totals(self):
        """Sums over the packets delivered, by virtual network: each an int64 array of shape (4,)."""
        rows = []
        for k in range(NOC_NETWORKS):
            total = self.noc.total[k]
            rows.append([
                total.packets, total.flits, total.flit_hops, total.router_flits, total.latency, total.queued,
                total.longest,
            ])
        columns = np.array(rows, dtype=np.int64).T
        return dict(zip(TOTALS, columns))

    def links(self):
        """By link: flits, packets, and residence, the cycles that packets spent in the buffers behind it."""
        n = self.noc.n_links
        return {
            "flits": np.asarray(<uint64_t[:n]> self.noc.link_flits).astype(np.int64),
            "packets": np.asarray(<uint64_t[:n]> self.noc.link_packets).astype(np.int64),
            "residence": np.asarray(<uint64_t[:n]> self.noc.link_residence).astype(np.int64),
        }

    def snapshot(self):
        """All that changes, as bytes."""
        return bytes(<uint8_t[:sizeof(Noc)]> <uint8_t*> &self.noc) + bytes(self.block)

    def restore(self, const uint8_t[::1] state not None):
        """Go back to a snapshot of this interconnect."""
        if <size_t> state.shape[0] != sizeof(Noc) + <size_t> self.block.shape[0]:
            raise ValueError("not a snapshot of this interconnect: it has another size")
        memcpy(&self.noc, &state[0], sizeof(Noc))
        memcpy(&self.block[0], &state[sizeof(Noc)], self.block.shape[0])
