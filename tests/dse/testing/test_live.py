"""A fleet that breaks a rule is told which."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from dse.errors import SpaceError
from dse.metrics import MetricSchema
from dse.testing.live import check_live, check_live_schema
from simulators.dram.fleet import DramFleet
from simulators.dram.simulator import DramSimulator
from traces.workload import Workload


class Losing(DramFleet):
    """Forgets a little of what each epoch counted."""

    def advance(self, time_ns):
        done, values = super().advance(time_ns)
        values[:, 1] *= 0.999
        return done, values


class Numbered(DramFleet):
    """What a member counts depends on its number."""

    def advance(self, time_ns):
        done, values = super().advance(time_ns)
        values[:, -1] += np.arange(len(values))
        return done, values


class Threaded(DramFleet):
    """What a member counts depends on the threads."""

    def advance(self, time_ns):
        done, values = super().advance(time_ns)
        values[:, -1] += self._threads
        return done, values


class Restless(DramFleet):
    """Goes on as the same row with a difference."""

    def retune(self, rows):
        super().retune(rows)
        self._left += 0.5


class Forgetful(DramFleet):
    """Leaves out of a snapshot which part of a cycle is left over."""

    def restore(self, member, state):
        super().restore(member, state)
        self._left[member] = 0.0


class Spent(DramFleet):
    """Cannot go on after it was asked how it would end."""

    def measured(self, member):
        found = super().measured(member)
        self._session(member).advance()
        return found


class Hasty(DramFleet):
    """Re-tunes some members before it finds that another cannot be."""

    def retune(self, rows):
        for member in range(len(rows) if rows.shape == (len(self), len(self._simulator.space)) else 0):
            some = np.stack([self._members.row(k) for k in range(len(rows))])
            some[member] = rows[member]
            super().retune(some)
        super().retune(rows)


class Easygoing(DramFleet):
    """Takes an epoch of no time."""

    def advance(self, time_ns):
        return super().advance(time_ns if time_ns > 0 else 1e-9)


class Speechless(DramFleet):
    """Does not say which parameter is at fault."""

    def retune(self, rows):
        try:
            super().retune(rows)
        except SpaceError:
            raise SpaceError("no") from None


def simulator_of(fleet: type[DramFleet]) -> DramSimulator:
    class Simulator(DramSimulator):
        def fleet(self, n, threads=1):
            return fleet(self, self.live_parameters, n, threads)

    return Simulator()


@pytest.mark.parametrize(
    ("fleet", "message"),
    [
        (Losing, "requests adds up to"),
        (Numbered, "the number of members changes"),
        (Threaded, "the number of threads changes"),
        (Restless, "rows that do not change"),
        (Forgetful, "goes on otherwise from its snapshot"),
        (Spent, "or to measure, change what is counted"),
        (Hasty, "what was refused has left its mark"),
        (Easygoing, r"an epoch of 0\.0 ns is not refused"),
        (Speechless, "does not name it"),
    ],
)
def test_a_fleet_that_breaks_a_rule_is_told_so(fleet, message):
    workload = Workload.of(traces.load("synthetic:bursty?n=600&seed=2"))

    with pytest.raises(AssertionError, match=message):
        check_live(simulator_of(fleet), [workload], epoch_ns=400.0)


def test_a_schema_with_a_maximum_is_not_that_of_epochs():
    class Simulator(DramSimulator):
        @property
        def live_schema(self):
            return MetricSchema([*super().live_schema, self.schema.spec("read_latency_max_ns")])

    with pytest.raises(AssertionError, match="read_latency_max_ns combines as 'max'"):
        check_live_schema(Simulator())


def test_a_sum_that_designs_change_is_not_fixed():
    class Simulator(DramSimulator):
        @property
        def live_fixed(self):
            return (*super().live_fixed, "elapsed_ns")

    with pytest.raises(AssertionError, match="elapsed_ns is said to be fixed"):
        check_live(Simulator(), [Workload.of(traces.load("synthetic:bursty?n=600&seed=2"))], epoch_ns=400.0)
