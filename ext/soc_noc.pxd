"""The on-chip interconnect: a crossbar, a bidirectional ring or a two-dimensional mesh, packet by packet.

Virtual cut-through (Kermani and Kleinrock 1979) with one flit a cycle on every link: a packet that gets a
link holds it for as many cycles as it has flits, so that its head and its tail follow from one decision, and
nothing is computed flit by flit. Behind every link there is a buffer for each of the four virtual networks; a
link is given to a packet only if the buffer behind it has room for all of it, or is empty. The ring has
each buffer twice, and a packet changes to the second when it passes the date line between the last node and
the first (Dally and Seitz 1987); a mesh routes along the row first. No wait can then go round in a circle.

A cycle: (1) links that have sent their last flit become idle, and give back its room in the buffer it came
from; (2) packets handed in for this cycle join the queue of their source; (3) each idle link takes, of the
packets at the heads of their buffers that want it, are through the router and find room, the one that was
handed in for the earliest cycle, and of those the one handed in first. A link decides alone: what it looks
at in a cycle, no other link changes in that cycle. That a link or a buffer is idle again is an event only if
somebody waits for it: one event a hop, O(1) each but for the few that wait.

Used so: `noc_inject` at any cycle not before the last one advanced to, or `noc_send` in order of the cycles,
which decides at once what nothing can change any more: where a packet finds a crossbar free, its delivery is
the only event, and otherwise it enters its first link without one. `noc_cross` does the former alone, and
leaves the delivery to who hands in. `noc_next` says when something happens; `noc_advance` to that cycle; then
`noc_take` until it finds nothing. `noc_advance` may be called again for the same cycle after more was handed
in for it; the outcome is that of handing it in before.

Without other traffic a packet of f flits takes hops * (router + link) + f - 1 cycles from source to target:
the routers of the source and of every node between count, that of the target does not; a crossbar
is one hop. A message from a node to itself takes one cycle and no link.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from ext._types cimport cycle_t
from ext.soc_calendar cimport begin_cycle, end_cycle, go_to, plan_event, take_event
from ext.soc_noc_state cimport (
    NOC_CROSSBAR, NOC_IN, NOC_NETWORKS, NOC_OUT, Noc, NocBuffer, NocLink, NocPacket, NocTotals,
    buffer_behind, crosses, noc_hops, route, way_round,
)
from ext.soc_numbers cimport NEVER, NOBODY, later, rarely

cdef enum:
    NOT_KNOWN = -1

# --------------------------------------------------------------------------------------------------- packets

cdef inline bint is_older(const NocPacket* a, const NocPacket* b) noexcept nogil:
    return a.injected < b.injected or (a.injected == b.injected and a.number < b.number)


cdef inline void count_delivery(
    Noc* n, int64_t network, int64_t hops, int64_t flits, int64_t latency
) noexcept nogil:
    cdef NocTotals* total = &n.total[network]
    cdef int64_t alone = 1
    if hops:
        alone = hops * (n.config.router_latency + n.config.link_latency) + flits - 1
        total.router_flits += flits * (1 if n.config.topology == NOC_CROSSBAR else hops + 1)
    total.packets += 1
    total.flits += flits
    total.flit_hops += flits * hops
    total.latency += latency
    total.queued += latency - alone
    total.longest = later(total.longest, latency)


cdef inline void deliver(Noc* n, int32_t number, cycle_t t) noexcept nogil:
    """The last flit is at the target: count, and line up for `noc_take`, oldest first within a cycle."""
    cdef NocPacket* p = &n.packet[number]
    cdef int32_t before = NOBODY
    cdef int32_t after
    count_delivery(n, p.network, p.hops, p.flits, t - p.injected)
    p.ready = t
    after = n.delivered
    if n.delivered != NOBODY and n.packet[n.last_delivered].ready < t:
        before, after = n.last_delivered, NOBODY
    while after != NOBODY and (n.packet[after].ready < t or is_older(&n.packet[after], p)):
        before, after = after, n.packet[after].next
    p.next = after
    if before == NOBODY:
        n.delivered = number
    else:
        n.packet[before].next = number
    if after == NOBODY:
        n.last_delivered = number


cdef inline cycle_t last_latency(const Noc* n) noexcept nogil:
    """Of the link that ends at a node: a wire from the crossbar, or nothing behind the node's own router."""
    return n.config.link_latency if n.config.topology == NOC_CROSSBAR else 0


cdef inline void leave(Noc* n, int32_t number, cycle_t at, cycle_t t) noexcept nogil:
    """A packet has its last link; its last flit is at the target in cycle `at`."""
    n.packet[number].is_leaving = 1
    if at == t:
        deliver(n, number, t)
    else:
        plan_event(&n.calendar, n.first_packet_event + number, at)


cdef inline void line_up(Noc* n, int32_t number) noexcept nogil:
    """A packet handed in for this cycle, among the others by number."""
    cdef int32_t before = NOBODY
    cdef int32_t after = n.entering
    while after != NOBODY and n.packet[after].number < n.packet[number].number:
        before, after = after, n.packet[after].next
    n.packet[number].next = after
    if before == NOBODY:
        n.entering = number
    else:
        n.packet[before].next = number


# ----------------------------------------------------------------------------------------- links and buffers

cdef inline void touch_link(Noc* n, int64_t number) noexcept nogil:
    if not n.link[number].touched:
        n.link[number].touched = 1
        n.touched[n.n_touched] = <int32_t> number
        n.n_touched += 1


cdef inline void wait_for_link(Noc* n, int32_t number) noexcept nogil:
    """The head of a buffer is ready: it waits for its link, among the others by age."""
    cdef NocPacket* p = &n.packet[n.buffer[number].head]
    cdef NocLink* link = &n.link[p.link]
    cdef int32_t before = NOBODY
    cdef int32_t after = link.first
    while after != NOBODY and is_older(&n.packet[n.buffer[after].head], p):
        before, after = after, n.buffer[after].next
    n.buffer[number].next = after
    if before == NOBODY:
        link.first = number
    else:
        n.buffer[before].next = number
    touch_link(n, p.link)


cdef inline void show_head(Noc* n, int32_t number, cycle_t t) noexcept nogil:
    """A packet has come to the head of a buffer, and follows when the one before it has left."""
    cdef NocBuffer* b = &n.buffer[number]
    cdef cycle_t ready = later(n.packet[b.head].ready, b.idle_at)
    if ready <= t:
        wait_for_link(n, number)
    else:
        plan_event(&n.calendar, n.n_links + number, ready)


cdef inline void append(Noc* n, int64_t buffer, int32_t packet, cycle_t t) noexcept nogil:
    cdef NocBuffer* b = &n.buffer[buffer]
    n.packet[packet].next = NOBODY
    b.used += n.packet[packet].flits
    if b.head != NOBODY:
        n.packet[b.tail].next = packet
        b.tail = packet
        return
    b.head = b.tail = packet
    show_head(n, <int32_t> buffer, t)


cdef inline bint takes(const Noc* n, const NocBuffer* b, int64_t flits, cycle_t t) noexcept nogil:
    """Whether a packet fits into a buffer in cycle t; an empty one takes any. One that is leaving needs its
    room until its last flit has left."""
    cdef int64_t used = b.used
    if b.idle_at > t:
        used += b.leaving
    if b.idle_before > t:
        used += b.leaving_before
    return used == 0 or used + flits <= n.config.buffer_flits


cdef inline void await_link(Noc* n, int64_t number) noexcept nogil:
    """Somebody waits for a link that is busy."""
    cdef NocLink* link = &n.link[number]
    if not link.awaited:
        link.awaited = 1
        plan_event(&n.calendar, number, link.idle_at)


cdef inline void await_room(Noc* n, int64_t buffer, cycle_t t) noexcept nogil:
    """Somebody waits for room in a buffer; while nothing leaves it, the next packet that does will see."""
    cdef NocBuffer* b = &n.buffer[buffer]
    if not b.awaited and b.idle_at > t:
        b.awaited = 1
        plan_event(&n.calendar, n.first_room_event + buffer,
                   b.idle_before if b.idle_before > t else b.idle_at)


cdef inline bint has_room(Noc* n, int64_t link, const NocPacket* p, cycle_t t) noexcept nogil:
    """Whether all of a packet fits behind a link; if not, the link is looked at again when it may."""
    cdef int64_t behind
    if n.link[link].port == NOC_OUT:
        return True
    behind = buffer_behind(n, link, p)
    if takes(n, &n.buffer[behind], p.flits, t):
        return True
    await_room(n, behind, t)
    return False


cdef inline void use_link(Noc* n, int64_t number, int64_t packet, int64_t flits, cycle_t t) noexcept nogil:
    """A packet has a link from cycle t on."""
    if rarely(n.log is not NULL):
        n.log[n.n_logged].packet, n.log[n.n_logged].link, n.log[n.n_logged].start = packet, number, t
        n.n_logged += 1
    n.link[number].idle_at = t + flits
    n.link_flits[number] += flits
    n.link_packets[number] += 1


cdef inline void leave_buffer(Noc* n, NocBuffer* b, int64_t flits, cycle_t since, cycle_t t) noexcept nogil:
    """A packet leaves a buffer from cycle t on."""
    b.idle_before, b.leaving_before = b.idle_at, b.leaving
    b.idle_at, b.leaving = t + flits, flits
    if b.link != NOBODY:
        n.link_residence[b.link] += <uint64_t> (b.idle_at - since)


cdef inline void go_on(Noc* n, int64_t number, int32_t packet, cycle_t start, cycle_t t) noexcept nogil:
    """A packet has a link, not its last, from `start` on: it is in the buffer behind it."""
    cdef NocLink* link = &n.link[number]
    cdef NocPacket* p = &n.packet[packet]
    cdef int64_t behind = buffer_behind(n, number, p)
    p.crossed |= crosses(n, number)
    p.link = route(n, link.to, p)
    p.since = p.ready = start
    if link.port != NOC_IN:
        p.ready += n.config.link_latency
    if n.config.topology == NOC_CROSSBAR or n.link[p.link].port != NOC_OUT:
        p.ready += n.config.router_latency
    append(n, behind, packet, t)


cdef inline void send(Noc* n, int64_t number, int32_t buffer, cycle_t t) noexcept nogil:
    """Give a link to the head of a buffer, from this cycle on."""
    cdef NocLink* link = &n.link[number]
    cdef NocBuffer* b = &n.buffer[buffer]
    cdef int32_t packet = b.head
    cdef NocPacket* p = &n.packet[packet]
    b.head = p.next
    b.used -= p.flits
    link.coming -= link.port <= NOC_OUT
    use_link(n, number, p.number, p.flits, t)
    leave_buffer(n, b, p.flits, p.since, t)
    if link.first != NOBODY:
        await_link(n, number)
    if b.head != NOBODY:
        show_head(n, buffer, t)
    if b.link != NOBODY and n.link[b.link].first != NOBODY:
        await_room(n, buffer, t)
    if link.to == NOBODY:
        leave(n, packet, t + p.flits - 1 + last_latency(n), t)
    else:
        go_on(n, number, packet, t, t)


cdef inline void give_away(Noc* n, int64_t number, cycle_t t) noexcept nogil:
    """An idle link takes the oldest of the packets that wait for it and find room."""
    cdef NocLink* link = &n.link[number]
    cdef int32_t before = NOBODY
    cdef int32_t buffer = link.first
    link.touched = 0
    if buffer == NOBODY:
        return
    if link.idle_at > t:
        await_link(n, number)
        return
    while buffer != NOBODY and not has_room(n, number, &n.packet[n.buffer[buffer].head], t):
        before, buffer = buffer, n.buffer[buffer].next
    if buffer == NOBODY:
        return
    if before == NOBODY:
        link.first = n.buffer[buffer].next
    else:
        n.buffer[before].next = n.buffer[buffer].next
    send(n, number, buffer, t)


# ---------------------------------------------------------------------------------------------------- events

cdef inline void happen(Noc* n, int32_t event, cycle_t t) noexcept nogil:
    cdef int64_t number = event
    if number >= n.first_packet_event:
        number -= n.first_packet_event
        if n.packet[number].is_leaving:
            deliver(n, <int32_t> number, t)
        else:
            line_up(n, <int32_t> number)
    elif number < n.n_links:
        n.link[number].awaited = 0
        touch_link(n, number)
    elif number < n.first_room_event:
        wait_for_link(n, <int32_t> (number - n.n_links))
    else:
        number -= n.first_room_event
        n.buffer[number].awaited = 0
        touch_link(n, n.buffer[number].link)


cdef inline void enter_sources(Noc* n, cycle_t t) noexcept nogil:
    """Packets handed in for this cycle join the queues of their sources."""
    cdef int32_t packet = n.entering
    cdef int32_t following
    n.entering = NOBODY
    while packet != NOBODY:
        following = n.packet[packet].next
        append(n, n.n_buffers + n.packet[packet].source * NOC_NETWORKS + n.packet[packet].network, packet, t)
        packet = following


cdef inline void do_cycle(Noc* n, cycle_t t) noexcept nogil:
    """All events of one cycle."""
    cdef int32_t event
    cdef int64_t k
    begin_cycle(&n.calendar, t)
    event = take_event(&n.calendar)
    while event != NOBODY:
        happen(n, event, t)
        event = take_event(&n.calendar)
    if n.entering != NOBODY:
        enter_sources(n, t)
    for k in range(n.n_touched):
        give_away(n, n.touched[k], t)
    n.n_touched = 0
    end_cycle(&n.calendar)


# -------------------------------------------------------------------------------------- for those who send

cdef inline cycle_t noc_next(const Noc* n) noexcept nogil:
    """The next cycle in which something happens; NEVER while nothing is on the way."""
    return n.calendar.soonest


cdef inline int64_t flits_of(const Noc* n, int64_t n_bytes) noexcept nogil:
    """Divided as 32 bits, which is several times as fast on older machines."""
    return <uint32_t> (later(n_bytes, 1) + n.config.width - 1) // <uint32_t> n.config.width


cdef inline int32_t new_packet(
    Noc* n, cycle_t t, int64_t source, int64_t target, int64_t network, int64_t flits, int64_t payload
) noexcept nogil:
    cdef int32_t packet = n.free_packet
    cdef NocPacket* p
    if packet == NOBODY:
        return NOBODY
    p = &n.packet[packet]
    n.free_packet = p.next
    p.injected, p.number, p.payload = t, n.injected, payload
    n.injected += 1
    p.source, p.target, p.network = <int32_t> source, <int32_t> target, <uint8_t> network
    p.flits = flits
    p.hops = <int32_t> noc_hops(n, source, target)
    p.way = way_round(n, source, target)
    p.crossed, p.is_leaving = 0, source == target
    p.link = <int32_t> (source * n.ports + NOC_IN)
    p.ready = t
    return packet


cdef inline void enter_later(Noc* n, int32_t packet, cycle_t t) noexcept nogil:
    """A packet joins the queue of its source in cycle t, or is delivered to it one cycle later."""
    cdef NocPacket* p = &n.packet[packet]
    if not p.is_leaving:
        n.link[p.link].coming += 1
        n.link[p.target * n.ports + NOC_OUT].coming += 1
    plan_event(&n.calendar, n.first_packet_event + packet, t + p.is_leaving)


cdef inline cycle_t noc_cross(
    Noc* n, cycle_t t, int64_t source, int64_t target, int64_t network, int64_t flits, cycle_t before
) noexcept nogil:
    """When a packet that is handed in for cycle t, as with `noc_send`, will have passed a crossbar.

    Who asks sees to its delivery and counts it (`injected`, and later `count_delivery`). NOT_KNOWN: that is
    not known yet, or not before `before`, and nothing has happened. It is known if no other packet waits for
    the two links, or is in the buffer between them: packets handed in later are younger, and at the last link
    no earlier than this one would be if it had entered at once; what the link does until then, and while it
    is busy, is decided.
    """
    cdef int64_t first = source * n.ports + NOC_IN
    cdef int64_t last = target * n.ports + NOC_OUT
    cdef NocLink* into = &n.link[first]
    cdef NocLink* out = &n.link[last]
    cdef NocBuffer* b = &n.buffer[first * n.kinds + network]
    cdef cycle_t start = later(t, into.idle_at)
    cdef cycle_t ready = later(start + n.config.router_latency, b.idle_at)
    cdef cycle_t at = later(ready, out.idle_at) + flits - 1 + n.config.link_latency
    if n.config.topology != NOC_CROSSBAR or source == target or at >= before:
        return NOT_KNOWN
    if into.coming or out.coming or b.head != NOBODY or b.idle_before > t or not takes(n, b, flits, start):
        return NOT_KNOWN
    if out.idle_at < ready and ready > t + n.config.router_latency:
        return NOT_KNOWN
    ready = later(ready, out.idle_at)
    use_link(n, first, n.injected, flits, start)
    use_link(n, last, n.injected, flits, ready)
    leave_buffer(n, b, flits, start, ready)
    return at


cdef inline bint enter_now(Noc* n, int32_t packet, cycle_t t) noexcept nogil:
    """Give a packet its first link ahead of time if it is known when it gets it.

    No other packet waits for the link, all to come are younger, and nothing else enters the buffer behind it.
    """
    cdef NocPacket* p = &n.packet[packet]
    cdef int64_t number = p.link
    cdef NocLink* link = &n.link[number]
    cdef cycle_t start = later(t, link.idle_at)
    if link.coming or not takes(n, &n.buffer[buffer_behind(n, number, p)], p.flits, start):
        return False
    use_link(n, number, p.number, p.flits, start)
    n.link[p.target * n.ports + NOC_OUT].coming += 1
    go_on(n, number, packet, start, n.calendar.now)
    return True


cdef inline int64_t noc_inject(
    Noc* n, cycle_t t, int64_t source, int64_t target, int64_t network, int64_t n_bytes, int64_t payload
) noexcept nogil:
    """Hand in a packet for cycle t, not before the last cycle advanced to. Its number, from 0; or NOBODY if
    `max_packets` are on the way already. n_bytes: with the header.
    """
    cdef int32_t packet = new_packet(n, t, source, target, network, flits_of(n, n_bytes), payload)
    if packet == NOBODY:
        return NOBODY
    enter_later(n, packet, t)
    return n.packet[packet].number


cdef inline int64_t noc_send(
    Noc* n, cycle_t t, int64_t source, int64_t target, int64_t network, int64_t n_bytes, int64_t payload
) noexcept nogil:
    """The same for those who hand in all packets in order of their cycles: what cannot come otherwise any
    more is decided now, and counted, which saves most events. Deliveries are the same.
    """
    cdef int64_t flits = flits_of(n, n_bytes)
    cdef int32_t packet
    cdef cycle_t at
    if n.free_packet == NOBODY:
        return NOBODY
    if n.calendar.now < t - 1 and n.calendar.soonest >= t:
        go_to(&n.calendar, t - 1)
    at = noc_cross(n, t, source, target, network, flits, NEVER)
    packet = new_packet(n, t, source, target, network, flits, payload)
    if at != NOT_KNOWN:
        leave(n, packet, at, t)
    elif source == target or not enter_now(n, packet, t):
        enter_later(n, packet, t)
    return n.packet[packet].number


cdef inline bint noc_advance(Noc* n, cycle_t t) noexcept nogil:
    """Do everything up to and with cycle t; whether there is something to take."""
    while n.calendar.soonest <= t:
        do_cycle(n, n.calendar.soonest)
    return n.delivered != NOBODY


cdef inline bint noc_has_older(const Noc* n, uint32_t number) noexcept nogil:
    """Was the next packet to be taken, which there is, handed in before that of the number (mod 2**32)?"""
    cdef int64_t ahead = <int64_t> <uint32_t> n.packet[n.delivered].number - number
    return <int32_t> <uint32_t> ahead < 0


cdef inline bint noc_take(Noc* n, int64_t* payload, int64_t* target) noexcept nogil:
    """The next packet delivered and not taken yet, in order of cycles, in a cycle the one handed in first."""
    cdef int32_t packet = n.delivered
    if packet == NOBODY:
        return False
    payload[0], target[0] = n.packet[packet].payload, n.packet[packet].target
    n.delivered = n.packet[packet].next
    n.packet[packet].next = n.free_packet
    n.free_packet = packet
    return True
