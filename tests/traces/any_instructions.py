"""A strategy of instruction traces, and a small one written out, for the tests of this folder."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from traces.instructions import Branch, InstructionTrace, Operation

_OCTET = st.integers(0, 255)
_ADDRESS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 64).map(lambda k: 4096 + 8 * k))


@st.composite
def _static(draw):
    branch = draw(st.one_of(st.just(0), st.integers(0, max(Branch))))
    return {
        "ip": draw(_ADDRESS),
        "branch": branch,
        "operation": draw(st.integers(0, max(Operation))),
        "sources": draw(st.lists(_OCTET, min_size=4, max_size=4)),
        "destinations": draw(st.lists(_OCTET, min_size=2, max_size=2)),
        "n_loads": draw(st.integers(0, 4)),
        "n_stores": draw(st.integers(0, 2)),
    }


@st.composite
def any_instructions(draw):
    """A trace of 1 to 40 instructions out of a few distinct ones, with names and provenance."""
    program = draw(st.lists(_static(), min_size=1, max_size=8))
    ran = draw(st.lists(st.sampled_from(program), min_size=1, max_size=40))
    columns = {key: np.array([row[key] for row in ran], dtype=np.uint64) for key in ran[0]}
    n = int(columns["n_loads"].sum() + columns["n_stores"].sum())
    flips = draw(st.lists(st.booleans(), min_size=len(ran), max_size=len(ran)))
    return InstructionTrace(
        **columns,
        taken=np.array(flips) & (columns["branch"] > 0),
        address=np.array(draw(st.lists(_ADDRESS, min_size=n, max_size=n)), dtype=np.uint64),
        name=draw(st.text(max_size=5)),
        provenance=draw(st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)),
    )


def a_loop(n=3):
    """`n` times: a load into 40, a store of it 8 bytes on, a branch that is not taken the last time."""
    address = np.arange(n, dtype=np.uint64)[:, None] * 64 + np.array([0x1000, 0x9008], dtype=np.uint64)
    taken = np.tile([False, False, True], n)
    taken[-1] = False
    return InstructionTrace(
        ip=np.tile([0x400, 0x404, 0x408], n),
        branch=np.tile([0, 0, Branch.CONDITIONAL], n),
        taken=taken,
        operation=np.zeros(3 * n, int),
        sources=np.tile([[1, 0, 0, 0], [40, 1, 0, 0], [25, 0, 0, 0]], (n, 1)),
        destinations=np.tile([[40, 0], [0, 0], [0, 0]], (n, 1)),
        n_loads=np.tile([1, 0, 0], n),
        n_stores=np.tile([0, 1, 0], n),
        address=address.ravel(),
        name="loop",
        provenance={"made": "by hand"},
    )
