"""The lease queue, on every kind of store: nothing is lost and nothing has two results."""

from __future__ import annotations

import threading

import pytest

from dse.errors import StoreError
from dse.store import LeaseQueue, Store
from tests.dse.store.campaigns import create

LONG = 3600.0
OVER = 0.0  # a lease that ran out at once: its owner is as good as dead


@pytest.fixture
def campaign(url) -> int:
    with Store(url) as store:
        return create(store)


@pytest.fixture
def queue(url, campaign):
    with LeaseQueue(url, campaign) as opened:
        yield opened


def shift_clock(queue: LeaseQueue, seconds: float) -> None:
    """As if the clock of the database had jumped ahead by so much (back, if negative)."""
    queue._link.execute("UPDATE lease SET expires = expires - ?", (seconds,))


def test_a_batch_comes_back_in_the_order_of_its_parts(queue):
    queue.put(1, 0, [b"a", b"b"])
    first, second = queue.claim("w1", LONG), queue.claim("w2", LONG)

    queue.finish(second, b"B")
    early = queue.collect(1, 0)
    queue.finish(first, b"A")

    assert (first.payload, second.payload) == (b"a", b"b")
    assert early is None
    assert queue.collect(1, 0) == [b"A", b"B"]
    assert queue.claim("w1", LONG) is None


def test_a_part_is_lent_to_one_worker_at_a_time(queue):
    queue.put(1, 0, [b"a"])
    queue.claim("w1", LONG)

    assert queue.claim("w2", LONG) is None


def test_the_part_of_a_dead_worker_is_lent_again_and_its_late_result_refused(queue):
    queue.put(1, 0, [b"a"])
    dead = queue.claim("w1", OVER)

    heir = queue.claim("w2", LONG)

    assert heir.attempts == 2
    assert not queue.renew(dead, LONG)
    assert not queue.finish(dead, b"late")
    assert queue.finish(heir, b"A")
    assert queue.collect(1, 0) == [b"A"]


def test_a_second_result_of_the_same_worker_is_refused(queue):
    queue.put(1, 0, [b"a"])
    lease = queue.claim("w1", LONG)

    assert [queue.finish(lease, b"1"), queue.finish(lease, b"2")] == [True, False]
    assert queue.collect(1, 0) == [b"1"]


def test_a_renewed_lease_goes_on(queue):
    queue.put(1, 0, [b"a"])
    lease = queue.claim("w1", OVER)

    assert queue.renew(lease, LONG)
    assert queue.claim("w2", LONG) is None


def test_a_released_part_is_free_and_costs_no_attempt(queue):
    queue.put(1, 0, [b"a"])

    queue.release(queue.claim("w1", LONG))

    assert queue.claim("w2", LONG).attempts == 1


def test_expired_leases_are_counted(queue):
    queue.put(1, 0, [b"a", b"b"])
    queue.claim("w1", LONG)
    queue.claim("w2", OVER)

    assert (queue.expire(), queue.expire()) == (1, 0)


@pytest.mark.parametrize("jump_s", [2 * LONG, -2 * LONG])
def test_a_clock_that_jumps_ends_leases_and_never_makes_one_last(queue, jump_s):
    queue.put(1, 0, [b"a"])
    queue.claim("w1", LONG)

    shift_clock(queue, jump_s)

    assert queue.claim("w2", LONG).attempts == 2


def test_a_part_that_kills_its_workers_ends_the_campaign_with_a_message(queue):
    queue.put(3, 7, [b"a"])
    for worker in "abc":
        queue.claim(worker, OVER)

    assert queue.claim("d", LONG) is None
    with pytest.raises(StoreError, match=r"part 0 of batch 7 of run 3 was given to 3 workers"):
        queue.collect(3, 7)


def test_a_batch_put_twice_is_there_once(queue):
    queue.put(1, 0, [b"a"])
    queue.put(1, 0, [b"again"])

    assert queue.claim("w1", LONG).payload == b"a"
    assert queue.claim("w1", LONG) is None


def test_a_cleared_queue_is_empty(queue):
    queue.put(1, 0, [b"a"])
    lease = queue.claim("w1", LONG)

    queue.clear()

    assert queue.claim("w2", LONG) is None
    assert not queue.finish(lease, b"A")


def test_workers_at_once_do_every_part_once_though_some_die(url, campaign, queue):
    parts = [bytes([i]) for i in range(40)]
    queue.put(1, 0, parts)
    accepted: list[bytes] = []
    gate = threading.Barrier(4)

    def work(name: str) -> None:
        with LeaseQueue(url, campaign) as mine:
            gate.wait()
            mine.claim(f"{name}-dead", OVER)
            while (lease := mine.claim(name, LONG)) is not None:
                if mine.finish(lease, lease.payload):
                    accepted.append(lease.payload)

    threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(accepted) == parts
    assert queue.collect(1, 0) == parts
