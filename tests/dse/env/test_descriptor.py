"""The vector that describes a workload."""

from __future__ import annotations

import numpy as np

from dse.env.descriptor import FEATURES, workload_descriptor
from traces import Workload, synthetic


def test_every_feature_lies_between_0_and_1():
    found = workload_descriptor(Workload.of(synthetic.bursty(2000, seed=1)))

    assert found.shape == (len(FEATURES),)
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()


def test_more_load_shows_as_more_intensity():
    trace = synthetic.uniform_random(1000, seed=1)

    slow = workload_descriptor(Workload((trace,), arrival_scale=4.0))
    fast = workload_descriptor(Workload((trace,)))

    assert fast[FEATURES.index("intensity")] > slow[FEATURES.index("intensity")]


def test_different_programs_look_different():
    stream = workload_descriptor(Workload.of(synthetic.stream(1000, seed=1)))
    scattered = workload_descriptor(Workload.of(synthetic.uniform_random(1000, seed=1)))

    assert np.abs(stream - scattered).max() > 0.1
