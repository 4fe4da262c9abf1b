"""Searchers by name, built the way a campaign builds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dse.registry import resolve
from dse.search import Searcher, SearchProblem

Build = Callable[..., Searcher]


@pytest.fixture
def build() -> Build:
    """`build(name, problem, seed, **options)` gives a searcher of the registry."""

    def _build(name: str, problem: SearchProblem, seed: int = 1, **options: Any) -> Searcher:
        searcher: Searcher = resolve("searcher", name)(problem, np.random.SeedSequence(seed), **options)
        return searcher

    return _build
