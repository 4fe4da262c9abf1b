"""A scheduler written by a user in Python, and a twin that is stepped and re-tuned while it runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulators.dram.reference import ReferenceController
from simulators.dram.twin import policies


class NewestFirst(ReferenceController):
    """Serves the newest hit, else the newest request."""

    def schedule(self, channel, bank):
        hits = [request for request in bank.queue if request.row == bank.open_row]
        return (hits or bank.queue)[-1]


class ReadsOnlyAfter500(ReferenceController):
    """Depends on the time: writes wait until cycle 500."""

    def schedule(self, channel, bank):
        reads = [request for request in bank.queue if not request.is_write or channel.now >= 500]
        return reads[0] if reads else None


def test_a_scheduler_of_ones_own_changes_the_commands(bench):
    for row in range(3):
        bench.read(row=row)
    bench.set(batching_window=10)

    ours, theirs = bench.run(), bench.run(NewestFirst)

    assert ours.served == [0, 1, 2]
    assert theirs.served == [2, 1, 0]
    assert [entry.row for entry in theirs.result.log if entry.command == "ACT"] == [2, 1, 0]


def test_a_scheduler_of_ones_own_may_wait_for_a_time(bench):
    bench.write(row=1)
    bench.read(row=2)

    log = bench.run(ReadsOnlyAfter500)

    assert log.served == [1, 0]
    assert log.cycles[log.commands.index("PRE")] == 500


def _mixed(bench):
    bench.set(refresh_policy=policies.ALL_BANK, port_width=2)
    for number in range(60):
        add = bench.write if number % 3 == 0 else bench.read
        add(bank=number * 5 % 16, row=number % 4, column=8 * (number % 6), at=number * 7, source=number % 2)


@pytest.mark.parametrize("stride", [1, 17, 200])
def test_stepping_changes_nothing(bench, stride):
    _mixed(bench)
    whole, stepped = bench.run().result, bench.open()

    while not stepped.advance(until_cycle=stepped.now + stride):
        stepped.retune(bench.config)

    assert stepped.result().log == whole.log
    assert stepped.result().counters == whole.counters


def test_advancing_stops_at_the_number_of_requests(bench):
    _mixed(bench)
    controller = bench.open()

    controller.advance(until_requests=7)

    assert controller.delivered == 7
    assert not controller.is_finished


def test_other_policies_hold_from_the_next_cycle_on(bench):
    bench.read(row=1)
    bench.read(row=1, column=8, at=300)
    controller = bench.open()

    controller.advance(until_cycle=200)
    controller.retune(replace(bench.config, page_policy=policies.CLOSED))
    controller.advance()

    assert [entry.command for entry in controller.log] == ["ACT", "RD", "RDA"]


@pytest.mark.parametrize("field", ["t_refi", "n_ranks", "rows", "lengths"])
def test_timings_and_organisation_cannot_be_re_tuned(bench, field):
    controller = bench.open()
    other = {"t_refi": 1, "n_ranks": 2, "rows": (), "lengths": ()}[field]

    with pytest.raises(ValueError, match=field):
        controller.retune(replace(bench.config, **{field: other}))


def test_a_change_of_refresh_policy_starts_at_the_next_deadline(bench):
    bench.set(refresh_policy=policies.NO_REFRESH)
    bench.read(at=0)
    bench.read(at=3 * bench.t.refi)
    controller = bench.open()

    controller.advance(until_cycle=bench.t.refi + 5)
    controller.retune(replace(bench.config, refresh_policy=policies.ALL_BANK))
    controller.advance()

    first = next(entry.cycle for entry in controller.log if entry.command == "PREA")
    assert first == 2 * bench.t.refi


def test_the_twin_can_be_driven_by_the_cycle_and_closed_afterwards(bench):
    _mixed(bench)
    controller = bench.open()

    while controller.delivered < len(controller.requests):
        controller.cycle()

    assert controller.run().counters == bench.run().result.counters
