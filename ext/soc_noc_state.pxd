"""State of the on-chip interconnect as C structs, and geometry: which links there are, who takes which.

See soc_noc.pxd for what happens in it.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memset

from ext._types cimport cycle_t
from ext.soc_arena cimport Arena, take
from ext.soc_calendar cimport Calendar, place_calendar, reset_calendar
from ext.soc_numbers cimport NOBODY, earlier, later

cdef enum:
    NOC_NETWORKS = 4

cdef enum NocTopology:
    NOC_CROSSBAR = 0
    NOC_RING = 1
    NOC_MESH = 2

cdef enum NocNetwork:           # virtual networks: messages of a later one never wait for an earlier one
    NOC_REQUESTS = 0
    NOC_FORWARDS = 1            # and invalidations
    NOC_RESPONSES = 2
    NOC_WRITE_BACKS = 3

cdef enum NocPort:              # number of a link: node * ports + port
    NOC_IN = 0                  # from the node into its router
    NOC_OUT = 1                 # to the node: from its router, or from the crossbar
    NOC_UP = 2                  # ring: to the next higher node; mesh: to the next column
    NOC_DOWN = 3
    NOC_NEXT_ROW = 4
    NOC_ROW_BEFORE = 5


cdef struct NocConfig:
    int64_t topology
    int64_t nodes
    int64_t columns             # of a mesh, which has nodes / columns whole rows
    int64_t width               # bytes of a flit: what a link carries in a cycle
    int64_t buffer_flits        # of each buffer
    int64_t router_latency      # at least 1
    int64_t link_latency        # at least 1
    int64_t max_packets         # handed in and not taken yet


cdef struct NocPacket:
    cycle_t injected
    cycle_t since               # when it was given the link to the buffer it is in
    cycle_t ready               # from when on it may leave that buffer
    int64_t number              # in the order of being handed in
    int64_t payload
    int64_t flits
    int32_t target
    int32_t hops
    int32_t source
    int32_t link                # it wants next
    int32_t next                # behind it in its buffer, in a list of its cycle, or among the free ones
    uint8_t network
    uint8_t way                 # round a ring: NOC_UP or NOC_DOWN
    uint8_t crossed             # the date line
    uint8_t is_leaving          # its next event is its delivery


cdef struct NocBuffer:          # of one link and virtual network; or the queue of a source
    int64_t used                # flits of the packets in it that have no further link yet
    cycle_t idle_at             # when the packet that left it last has left with all its flits
    cycle_t idle_before         # when the one before it had
    int64_t leaving             # flits of the last
    int64_t leaving_before
    int32_t head
    int32_t tail
    int32_t next                # that waits at the same link
    int32_t link                # in front of it; NOBODY: the queue of a source
    uint8_t awaited             # an event is planned for when it has room again


cdef struct NocLink:
    cycle_t idle_at             # it carries packets until then
    int32_t first               # of the buffers that wait for it, oldest packet first
    int32_t coming              # of a first or last link: packets handed in that do not have it yet
    int32_t to                  # node at whose router it ends; NOBODY: it ends at the node itself
    uint8_t port
    uint8_t touched             # to be looked at in this cycle
    uint8_t awaited             # an event is planned for when it is idle


cdef struct NocTotals:          # of the packets delivered on one virtual network
    uint64_t packets
    uint64_t flits
    uint64_t flit_hops          # links between routers passed by flits
    uint64_t router_flits       # routers passed by flits
    uint64_t latency            # cycles, summed
    uint64_t queued             # of them, those above the latency without other traffic
    int64_t longest


cdef struct NocHop:             # of a log: a packet that is given a link
    int64_t packet
    int64_t link
    cycle_t start


cdef struct Noc:
    NocConfig config
    int64_t ports               # links a node
    int64_t kinds               # buffers behind a link
    int64_t n_links
    int64_t n_buffers           # behind links; the queues of the sources follow
    # state
    Calendar calendar           # links are idle, heads of buffers ready; room again; packets enter, are there
    int64_t first_room_event    # links and heads of buffers come before
    int64_t first_packet_event
    int64_t injected
    int32_t free_packet
    int32_t n_touched
    int32_t entering            # packets handed in for this cycle, in order
    int32_t delivered           # packets to be taken, in order of cycle, then of being handed in
    int32_t last_delivered
    NocTotals[NOC_NETWORKS] total
    NocLink* link
    NocBuffer* buffer
    NocPacket* packet
    int32_t* touched
    int32_t* column             # of a node in a mesh
    int32_t* row
    uint64_t* link_flits        # by link: cycles in which it is busy, counted when that is decided
    uint64_t* link_packets
    uint64_t* link_residence    # cycles that packets spend in the buffers behind it, from getting the link
    NocHop* log                 # what comes of it stands in order of time; NULL: not asked for
    int64_t n_logged


cdef inline void size_noc(Noc* n) noexcept nogil:
    """What follows from the configuration."""
    n.ports = 2 if n.config.topology == NOC_CROSSBAR else 4 if n.config.topology == NOC_RING else 6
    n.kinds = 2 * NOC_NETWORKS if n.config.topology == NOC_RING else NOC_NETWORKS
    n.n_links = n.config.nodes * n.ports
    n.n_buffers = n.n_links * n.kinds
    n.first_room_event = n.n_links + n.n_buffers + n.config.nodes * NOC_NETWORKS
    n.first_packet_event = n.first_room_event + n.n_buffers


cdef inline void place_noc(Noc* n, Arena* arena) noexcept nogil:
    """Take the arrays; the configuration is set."""
    cdef int64_t n_buffers
    size_noc(n)
    n_buffers = n.n_buffers + n.config.nodes * NOC_NETWORKS
    n.link = <NocLink*> take(arena, n.n_links * sizeof(NocLink))
    n.buffer = <NocBuffer*> take(arena, n_buffers * sizeof(NocBuffer))
    n.packet = <NocPacket*> take(arena, n.config.max_packets * sizeof(NocPacket))
    n.touched = <int32_t*> take(arena, n.n_links * sizeof(int32_t))
    n.column = <int32_t*> take(arena, n.config.nodes * sizeof(int32_t))
    n.row = <int32_t*> take(arena, n.config.nodes * sizeof(int32_t))
    place_calendar(&n.calendar, n.first_packet_event + n.config.max_packets, arena)
    n.link_flits = <uint64_t*> take(arena, n.n_links * sizeof(uint64_t))
    n.link_packets = <uint64_t*> take(arena, n.n_links * sizeof(uint64_t))
    n.link_residence = <uint64_t*> take(arena, n.n_links * sizeof(uint64_t))


cdef inline int64_t link_end(const Noc* n, int64_t node, int64_t port) noexcept nogil:
    """The node at whose router a link ends; NOBODY if it ends at a node, or would leave the mesh."""
    cdef int64_t columns = n.config.columns
    if port == NOC_OUT:
        return NOBODY
    if port == NOC_IN:
        return node
    if n.config.topology == NOC_RING:
        return (node + 1 if port == NOC_UP else node + n.config.nodes - 1) % n.config.nodes
    if port == NOC_UP:
        return node + 1 if node % columns < columns - 1 else NOBODY
    if port == NOC_DOWN:
        return node - 1 if node % columns > 0 else NOBODY
    if port == NOC_NEXT_ROW:
        return node + columns if node + columns < n.config.nodes else NOBODY
    return node - columns if node >= columns else NOBODY


cdef inline void reset_noc(Noc* n) noexcept nogil:
    """An empty interconnect at cycle 0, nothing counted."""
    cdef int64_t k
    cdef int64_t n_buffers = n.n_buffers + n.config.nodes * NOC_NETWORKS
    reset_calendar(&n.calendar)
    n.injected = n.n_touched = n.n_logged = 0
    n.log = NULL
    n.entering = n.delivered = n.last_delivered = NOBODY
    memset(n.total, 0, sizeof(n.total))
    memset(n.link_flits, 0, n.n_links * sizeof(uint64_t))
    memset(n.link_packets, 0, n.n_links * sizeof(uint64_t))
    memset(n.link_residence, 0, n.n_links * sizeof(uint64_t))
    for k in range(n.n_links):
        n.link[k].idle_at, n.link[k].coming, n.link[k].first = 0, 0, NOBODY
        n.link[k].touched = n.link[k].awaited = 0
        n.link[k].to = <int32_t> link_end(n, k // n.ports, k % n.ports)
        n.link[k].port = <uint8_t> (k % n.ports)
    for k in range(n_buffers):
        n.buffer[k].used = n.buffer[k].idle_at = n.buffer[k].idle_before = 0
        n.buffer[k].leaving = n.buffer[k].leaving_before = n.buffer[k].awaited = 0
        n.buffer[k].head = n.buffer[k].tail = n.buffer[k].next = NOBODY
        n.buffer[k].link = <int32_t> (k // n.kinds if k < n.n_buffers else NOBODY)
    for k in range(n.config.max_packets):
        n.packet[k].next = <int32_t> (k + 1)
    n.packet[n.config.max_packets - 1].next = NOBODY
    n.free_packet = 0
    for k in range(n.config.nodes):
        n.column[k] = <int32_t> (k % n.config.columns)
        n.row[k] = <int32_t> (k // n.config.columns)


cdef inline int64_t noc_hops(const Noc* n, int64_t source, int64_t target) noexcept nogil:
    """Links between routers on the way."""
    cdef int64_t up
    if source == target:
        return 0
    if n.config.topology == NOC_CROSSBAR:
        return 1
    if n.config.topology == NOC_RING:
        up = (target - source + n.config.nodes) % n.config.nodes
        return earlier(up, n.config.nodes - up)
    return later(n.column[source] - n.column[target], n.column[target] - n.column[source]) + later(
        n.row[source] - n.row[target], n.row[target] - n.row[source]
    )


cdef inline uint8_t way_round(const Noc* n, int64_t source, int64_t target) noexcept nogil:
    """The shorter way round the ring; of two halves, even sources go up and odd ones down."""
    cdef int64_t up
    if n.config.topology != NOC_RING:
        return NOC_UP
    up = (target - source + n.config.nodes) % n.config.nodes
    if 2 * up == n.config.nodes:
        return NOC_DOWN if source & 1 else NOC_UP
    return NOC_UP if 2 * up < n.config.nodes else NOC_DOWN


cdef inline int32_t route(const Noc* n, int64_t node, const NocPacket* p) noexcept nogil:
    """The link that a packet takes from the router of a node."""
    cdef int64_t target = p.target
    cdef int64_t port
    if n.config.topology == NOC_CROSSBAR:
        return <int32_t> (target * n.ports + NOC_OUT)
    if node == target:
        port = NOC_OUT
    elif n.config.topology == NOC_RING:
        port = p.way
    elif n.column[node] != n.column[target]:
        port = NOC_UP if n.column[node] < n.column[target] else NOC_DOWN
    else:
        port = NOC_NEXT_ROW if n.row[node] < n.row[target] else NOC_ROW_BEFORE
    return <int32_t> (node * n.ports + port)


cdef inline bint crosses(const Noc* n, int64_t link) noexcept nogil:
    """Whether a link of the ring passes the date line, between the last node and the first."""
    if n.config.topology != NOC_RING:
        return False
    return link == (n.config.nodes - 1) * n.ports + NOC_UP or link == NOC_DOWN


cdef inline int64_t buffer_behind(const Noc* n, int64_t link, const NocPacket* p) noexcept nogil:
    """The buffer that a packet enters through a link."""
    return link * n.kinds + p.network + (NOC_NETWORKS if p.crossed or crosses(n, link) else 0)
