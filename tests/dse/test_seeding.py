from __future__ import annotations

import itertools

from dse.seeding import seed_sequence, simulation_seed


def test_every_run_has_a_stream_of_its_own():
    keys = itertools.product((1, 2), ("random", "ippo"), (0, 1))

    states = {tuple(seed_sequence(*key).generate_state(4).tolist()) for key in keys}

    assert len(states) == 8


def test_seeds_are_the_same_in_every_process():
    assert seed_sequence(1, "ippo").generate_state(1).tolist() == [3319530894]
    assert simulation_seed("d", "w") == simulation_seed("d", "w") != simulation_seed("d", "w", 1)
