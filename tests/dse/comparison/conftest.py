"""A small study on the fake simulator: two objectives and one, two agents, three seeds."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

STUDY: dict[str, Any] = {
    "name": "which",
    "seed": 5,
    "simulator": {"name": "fake"},
    "workloads": [{"trace": "synthetic:stream?n=500&seed=1", "name": "stream"}],
    "objectives": [{"metric": "time_ns"}, {"metric": "energy_pj"}],
    "agents": [{"name": "random", "seeds": 3}, {"name": "local", "seeds": 3}],
    "budget": {"unique": 40, "batch": 8},
    "matrix": {
        "objectives": [
            [{"metric": "time_ns"}, {"metric": "energy_pj"}, {"metric": "served", "at_least": 0.8}],
            [{"metric": "energy_pj"}, {"metric": "served", "at_least": 0.8}],
        ]
    },
}
SEVERAL, ONE = "objectives=time_ns + energy_pj", "objectives=energy_pj"


@pytest.fixture
def study() -> dict[str, Any]:
    return copy.deepcopy(STUDY)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"
