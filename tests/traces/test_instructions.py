"""Instruction traces: what they refuse, how they are cut and repeated, and what engines read."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.traces.any_instructions import a_loop
from traces import TraceError
from traces.instructions import DECODED, InstructionTrace, decoded, of_accesses, repeated


def columns(trace, **changes):
    fields = {field.name: getattr(trace, field.name) for field in dataclasses.fields(trace) if field.init}
    return {**fields, **changes}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"branch": np.full(9, 8)}, r"branch\[0\] is out of range: expected 0 to 7"),
        ({"operation": [0] * 8 + [7]}, r"operation\[8\] is out of range: expected 0 to 6"),
        ({"n_loads": [5] + [0] * 8}, r"n_loads\[0\] is out of range: expected 0 to 4"),
        ({"n_stores": [3] + [0] * 8}, r"n_stores\[0\] is out of range: expected 0 to 2"),
        ({"sources": np.full((9, 4), 256)}, r"sources\[0\] is out of range: expected 0 to 255"),
        ({"sources": np.zeros((9, 3), int)}, r"sources has shape \(9, 3\): expected \(9, 4\)"),
        ({"destinations": np.zeros(9, int)}, r"destinations has shape \(9,\): expected \(9, 2\)"),
        ({"address": np.zeros(5, int)}, r"address has shape \(5,\): expected \(6,\)"),
        ({"address": np.full(6, -1)}, r"address\[0\] is out of range"),
        ({"ip": np.zeros(9)}, "ip has type float64: expected integers"),
        ({"ip": np.zeros(0, int)}, "has 0 instructions: expected 1 to"),
        ({"taken": [True] + [False] * 8}, r"taken\[0\] is true, but the instruction is no branch"),
    ],
)
def test_wrong_columns_are_refused_by_name_and_place(changes, reason):
    with pytest.raises(TraceError, match=reason):
        InstructionTrace(**columns(a_loop(), **changes))


def test_absent_registers_come_last_so_that_equal_traces_have_one_hash():
    trace = a_loop(1)
    spread = np.array([[0, 1, 0, 0], [0, 40, 0, 1], [0, 0, 0, 25]])

    same = InstructionTrace(**columns(trace, sources=spread, destinations=[[0, 40], [0, 0], [0, 0]]))

    assert same.sources.tolist() == [[1, 0, 0, 0], [40, 1, 0, 0], [25, 0, 0, 0]]
    assert same.hash == trace.hash


def test_columns_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        a_loop().ip[0] = 1


@pytest.mark.parametrize("name", ["ip", "sources", "n_loads", "taken", "address"])
def test_the_hash_depends_on_every_column(name):
    trace = a_loop()
    changed = np.array(getattr(trace, name))
    changed[-3:] = 0
    if name == "n_loads":
        changed = {"n_loads": trace.n_stores, "n_stores": trace.n_loads}
    if name == "taken":
        changed = ~trace.taken & (trace.branch > 0)

    other = InstructionTrace(**columns(trace, **(changed if isinstance(changed, dict) else {name: changed})))

    assert other.hash != trace.hash


def test_the_head_has_its_own_addresses_and_says_so():
    head = a_loop(3).head(4)

    assert (len(head), head.address.tolist()) == (4, [0x1000, 0x9008, 0x1040])
    assert head.provenance["head"] == "4"


def test_a_head_as_long_as_the_trace_is_the_trace():
    trace = a_loop()

    assert trace.head(9) is trace


def test_an_empty_head_is_refused():
    with pytest.raises(TraceError, match=r"head\(0\) would be an empty trace"):
        a_loop().head(0)


def test_a_repeated_trace_begins_again_and_says_so():
    trace = a_loop(2)

    longer = repeated(trace, 14)

    assert longer.ip.tolist() == (trace.ip.tolist() * 3)[:14]
    assert longer.address.tolist() == trace.address.tolist() * 2 + trace.address.tolist()[:2]
    assert longer.provenance["repeated"] == "the trace of 6 instructions begins again 2 times"


def test_repeating_a_trace_that_is_long_enough_cuts_it_without_a_word():
    cut = repeated(a_loop(2), 5)

    assert len(cut) == 5
    assert "repeated" not in cut.provenance


def test_the_decoded_form_is_what_engines_read():
    trace = a_loop(2)

    rows, addresses = decoded(trace)

    assert (rows.dtype, DECODED.itemsize) == (DECODED, 24)
    assert rows["ip"].tolist() == trace.ip.tolist()
    assert rows["access"].tolist() == [0, 1, 2, 2, 3, 4]
    assert rows["branch"].tolist() == [0, 0, 3 | 128, 0, 0, 3]
    assert rows["source"][1].tolist() == [40, 1, 0, 0]
    assert rows["destination"][0].tolist() == [40, 0]
    assert (rows["n_loads"].tolist()[:3], rows["n_stores"].tolist()[:3]) == ([1, 0, 0], [0, 1, 0])
    assert rows["plain"].tolist() == [2, 1, 0, 2, 1, 0]
    assert rows["queues"].tolist() == [1, 2, 0, 1, 2, 0]
    assert addresses.tolist() == [*trace.address.tolist(), 0]


def test_the_decoded_form_is_made_once():
    trace = a_loop()

    assert decoded(trace)[0] is decoded(trace)[0]


def test_accesses_become_loads_and_stores_after_their_gaps():
    trace = of_accesses([64, 128, 192], [False, True, False], gap=[0, 2, 1])

    assert trace.n_loads.tolist() == [1, 0, 0, 0, 0, 1]
    assert trace.n_stores.tolist() == [0, 0, 0, 1, 0, 0]
    assert trace.address.tolist() == [64, 128, 192]
    assert not trace.sources.any()


def test_a_dependence_names_the_register_that_the_load_before_wrote():
    trace = of_accesses([0, 64, 128, 192], [False, False, True, False], dependence=[1, 1, 1, 2])

    written = trace.destinations[:, 0].tolist()
    assert written[2] == 0  # a store gives nothing
    assert trace.sources[:, 0].tolist() == [0, written[0], written[1], written[0]]


def test_a_dependence_as_far_back_as_allowed_finds_its_load():
    trace = of_accesses(np.arange(500) * 64, False, dependence=200)

    assert (trace.sources[200:, 0] == trace.destinations[:300, 0]).all()
    assert len(set(trace.destinations[:, 0].tolist())) == 200


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (([], []), "no accesses"),
        (([0], [0], -1), r"gap\[0\] = -1 is out of range"),
        (([0], [0], 0, 201), r"dependence\[0\] = 201 is out of range: expected 0 to 200"),
        (([0] * 3000, [0], 1 << 20), "are 3145731000 instructions: expected at most 2147483647"),
    ],
)
def test_impossible_accesses_are_refused(arguments, reason):
    with pytest.raises(TraceError, match=reason):
        of_accesses(*arguments)
