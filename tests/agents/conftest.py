"""Searchers by name, built the way a campaign builds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dse.option_files import given
from dse.registry import resolve
from dse.search import Searcher, SearchProblem
from tests.agents.untrained import N_CONTEXT, untrained

Build = Callable[..., Searcher]


def factory(name: str) -> Build:
    """`factory(name)(problem, seed sequence, **options)` gives a searcher of the registry.

    `policy` begins with a policy for that problem that has learnt nothing, unless a checkpoint is named.
    """
    return _with_policy if name == "policy" else resolve("searcher", name)


def _with_policy(problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> Searcher:
    shown = replace(problem, context=np.full(N_CONTEXT, 0.3)) if problem.context is None else problem
    options = {"checkpoint": "untrained.npz", **options}
    with given({"untrained.npz": untrained(problem).to_bytes()}):
        searcher: Searcher = resolve("searcher", "policy")(shown, seed, **options)
    return searcher


@pytest.fixture
def build() -> Build:
    """`build(name, problem, seed, **options)` gives a searcher of the registry."""

    def _build(name: str, problem: SearchProblem, seed: int = 1, **options: Any) -> Searcher:
        searcher: Searcher = factory(name)(problem, np.random.SeedSequence(seed), **options)
        return searcher

    return _build
