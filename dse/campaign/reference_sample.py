"""The reference sample: the baseline and random designs that set a campaign's scales before any agent starts.

The reference point and the ideal come from it (`scoring.reference_and_ideal`) and stay. Where few designs
are feasible it goes on for a few rounds, so that these scales mean something.
"""

from __future__ import annotations

import numpy as np

from dse.campaign.setup import REFERENCE, Setup
from dse.seeding import seed_sequence
from dse.space import IndexMatrix

DESIGNS_A_ROUND = 50
ENOUGH_FEASIBLE = 10
_MOST_ROUNDS = 6


def reference_rounds(setup: Setup) -> list[IndexMatrix]:
    """Rows of the simulator's space, a matrix a round: the baseline and 50 designs, then 50 more each.

    Random designs that satisfy the constraints of the space, without repetition; the campaign ends the rounds
    as soon as `ENOUGH_FEASIBLE` designs satisfy the bounds on metrics as well.
    """
    wide = setup.full_space
    rng = np.random.default_rng(seed_sequence(setup.config.seed, REFERENCE))
    drawn = setup.space.sample(DESIGNS_A_ROUND * _MOST_ROUNDS, rng, feasible=True)
    rows = np.concatenate([wide.encode(setup.baseline)[None, :], setup.space.embed(drawn, wide)])
    _, first = np.unique(wide.keys(rows), return_index=True)
    distinct: IndexMatrix = rows[np.sort(first)]
    ends = range(1 + DESIGNS_A_ROUND, len(distinct), DESIGNS_A_ROUND)
    return np.split(distinct, list(ends))
