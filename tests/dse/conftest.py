"""The fake simulator under its registered name, and a small campaign on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dse import registry

CAMPAIGN = """
name = "small"
seed = 7
[simulator]
name = "fake"
[[workloads]]
trace = "synthetic:stream?n=500&seed=1"
[[objectives]]
metric = "time_ns"
[[objectives]]
metric = "energy_pj"
[[objectives]]
metric = "served"
at_least = 0.8
[[agents]]
name = "random"
[[agents]]
name = "nsga2"
seeds = 2
[budget]
unique = 60
batch = 16
"""


@pytest.fixture(autouse=True)
def fake_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.SIMULATORS, "fake", "tests.dse.fake:FakeSimulator")


@pytest.fixture
def campaign_file(tmp_path: Path) -> Callable[..., Path]:
    """Write the small campaign with pieces of text replaced, and return its path."""

    def write(*replacements: tuple[str, str], name: str = "campaign.toml") -> Path:
        text = CAMPAIGN
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
