"""Places in the request buffer: who counts, when they are freed, and requests that need none."""

from __future__ import annotations

from simulators.dram.twin import policies


def test_a_place_is_freed_at_the_column_command(bench):
    bench.set(scheduler_buffer=policies.SHARED, request_buffer_size=1)
    bench.read(bank=0)
    bench.read(bank=4)

    log = bench.run()

    assert log.at("ACT")[1] == log.at("RD")[0] + 1


def test_or_already_at_the_activate(bench):
    bench.set(scheduler_buffer=policies.SHARED, request_buffer_size=1, slot_release=policies.AT_ACTIVATE)
    bench.read(bank=0)
    bench.read(bank=4)

    log = bench.run()

    assert log.at("ACT")[1] == log.at("ACT")[0] + bench.t.rrd_s


def test_a_write_does_not_wait_for_reads_in_a_split_buffer(bench):
    bench.set(scheduler_buffer=policies.SPLIT_READ_WRITE, request_buffer_size=1)
    bench.read(bank=0)
    bench.write(bank=4)
    bench.write(bank=8)

    log = bench.run()

    assert log.at("ACT")[1] == bench.t.rrd_s
    assert log.at("ACT")[2] == log.at("WR")[0] + 1


def test_in_a_common_count_of_both_directions_it_waits(bench):
    bench.set(scheduler_buffer=policies.READ_WRITE, request_buffer_size=1)
    bench.read(bank=0)
    bench.write(bank=4)

    log = bench.run()

    assert log.at("ACT")[1] == log.at("RD")[0] + 1


def test_a_read_of_a_line_that_is_to_be_written_is_answered_at_once(bench):
    bench.set(write_forwarding=1)
    bench.write(row=1, at=0)
    bench.read(row=1, at=2)
    bench.read(row=1, column=8, at=3)

    log = bench.run()

    assert log.result.finish[1] == 3
    assert log.served == [0, 2]
    assert log.result.counters.forwarded_reads == 1
    assert log.result.counters.n_rd == 1


def test_without_forwarding_it_waits_for_the_write(bench):
    bench.write(row=1, at=0)
    bench.read(row=1, at=2)

    log = bench.run()

    assert log.commands == ["ACT", "WR", "RD"]
    assert log.result.counters.forwarded_reads == 0


def test_a_second_write_of_a_line_takes_the_place_of_the_first(bench):
    bench.set(write_coalescing=1)
    bench.write(row=1, at=0)
    bench.write(row=1, at=4)

    log = bench.run()

    assert log.commands == ["ACT", "WR"]
    assert log.result.finish[1] == 5
    assert log.result.counters.coalesced_writes == 1


def test_a_forwarded_read_waits_for_room_like_any_other(bench):
    bench.set(write_forwarding=1, scheduler_buffer=policies.SHARED, request_buffer_size=2)
    bench.write(row=1, at=0)
    bench.read(bank=4, at=1)
    bench.read(row=1, at=2)

    log = bench.run()

    assert log.result.finish[2] > min(log.at("WR")[0], log.at("RD")[0])


def test_wide_ports_take_several_requests_in_a_cycle(bench):
    for number in range(4):
        bench.read(bank=4 * number)
    narrow = bench.run().result.accept.tolist()

    wide = bench.set(port_width=4).run().result.accept.tolist()

    assert narrow == [0, 1, 2, 3]
    assert wide == [0, 0, 0, 0]
