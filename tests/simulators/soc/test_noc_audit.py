"""The audit of interconnects finds each kind of fault when one is put into a log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulators.soc.twin.noc import Message
from tests.simulators.soc.noc_audit import Grant, audit
from tests.simulators.soc.noc_cases import columns_of, crossbar, engine, link_name, mesh, ring


def _run(config, messages):
    """Messages, deliveries and the log, as the audit takes them."""
    delivered, hops = engine(config).run(*columns_of(messages), log=True)
    grants = [Grant(packet, link_name(config, link), start) for packet, link, start in hops.tolist()]
    return config, messages, delivered.tolist(), grants


@pytest.fixture
def busy_mesh():
    """Thirty packets of three flits across a mesh of nine nodes."""
    messages = [Message(k, k % 3, 8 - k % 2, k % 2, 24) for k in range(30)]
    return _run(mesh(3, 3), messages)


def _changed(grants, packet, on, **changes):
    return [replace(g, **changes) if (g.packet, g.link) == (packet, on) else g for g in grants]


def _start(grants, packet, link):
    return next(g.start for g in grants if (g.packet, g.link) == (packet, link))


def test_a_true_log_has_no_fault(busy_mesh):
    assert audit(*busy_mesh) == []


def test_two_flits_on_a_link_at_once_are_found(busy_mesh):
    config, messages, delivered, grants = busy_mesh
    late = _start(grants, 20, "out 8")

    faults = audit(config, messages, delivered, _changed(grants, 18, "out 8", start=late - 1))

    assert "link out 8 carries two flits at once" in faults


def test_another_way_than_that_along_the_row_is_found(busy_mesh):
    config, messages, delivered, grants = busy_mesh

    faults = audit(config, messages, delivered, _changed(grants, 0, "0-1", link="0-3"))

    assert any(fault.startswith("packet 0: took ['in 0', '0-3'") for fault in faults)


def test_a_packet_too_early_for_the_router_is_found(busy_mesh):
    config, messages, delivered, grants = busy_mesh
    start = _start(grants, 0, "in 0")

    faults = audit(config, messages, delivered, _changed(grants, 0, "0-1", start=start + 1))

    assert "packet 0: is on 0-1 before it is through the router" in faults


def test_a_packet_sent_before_it_was_handed_in_is_found(busy_mesh):
    config, messages, delivered, grants = busy_mesh

    faults = audit(config, messages, delivered, _changed(grants, 29, "in 2", start=28))

    assert "packet 29: left before it was handed in" in faults


def test_a_delivery_in_another_cycle_than_that_of_the_last_flit_is_found(busy_mesh):
    config, messages, delivered, grants = busy_mesh
    early = [delivered[0] - 1, *delivered[1:]]

    faults = audit(config, messages, early, grants)

    assert faults == [f"packet 0: is delivered in cycle {early[0]}, its last flit comes at another time"]


def test_a_packet_that_takes_no_link_is_found(busy_mesh):
    config, messages, delivered, grants = busy_mesh

    faults = audit(config, messages, delivered, [g for g in grants if g.packet != 7])

    assert faults == ["packet 7: took no link"]


def test_a_packet_that_nobody_handed_in_is_found(busy_mesh):
    config, messages, delivered, grants = busy_mesh

    faults = audit(config, messages, delivered, [*grants, Grant(99, "in 5", 0)])

    assert "packet 99 was never handed in" in faults


def test_a_message_to_the_node_itself_that_takes_time_is_found():
    config, messages, delivered, grants = _run(crossbar(3), [Message(0, 1, 1, 0, 8)])

    faults = audit(config, messages, [delivered[0] + 1], grants)

    assert faults == ["packet 0: a message to the node itself uses links"]


def test_a_buffer_over_full_is_found():
    config, messages, delivered, grants = _run(ring(5), (Message(0, 0, 2, 0, 32), Message(0, 0, 2, 0, 32)))

    faults = audit(replace(config, buffer_flits=4), messages, delivered, grants)

    assert any(fault.startswith("buffer ('in 0', 0, False): holds 8 flits in cycle") for fault in faults)


def test_packets_that_change_places_in_a_buffer_are_found():
    slow = ring(5, router_latency=4)
    config, messages, delivered, grants = _run(slow, (Message(0, 0, 2, 0, 8), Message(0, 0, 2, 0, 8)))
    first, second = _start(grants, 0, "0-1"), _start(grants, 1, "0-1")

    swapped = _changed(_changed(grants, 0, "0-1", start=second), 1, "0-1", start=first)

    assert "buffer ('in 0', 0, False): not first in, first out" in audit(config, messages, delivered, swapped)


def test_two_packets_that_leave_a_buffer_at_once_are_found():
    config, messages, delivered, grants = _run(
        ring(5, buffer_flits=16), (Message(0, 0, 1, 0, 32), Message(0, 0, 4, 0, 32))
    )
    first = _start(grants, 0, "0-1")

    faults = audit(config, messages, delivered, _changed(grants, 1, "0-4", start=first + 2))

    assert "buffer ('in 0', 0, False): two packets leave at once" in faults
