"""A small campaign on shares of its trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dse import registry

CAMPAIGN = """
name = "halving"
seed = 7
[simulator]
name = "hasty"
width = 3
[[workloads]]
trace = "synthetic:stream?n=2000&seed=1"
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
unique = 30
batch = 16
[fidelity]
rungs = [0.1, 0.25]
sampling = "head"
keep = 0.34
"""


@pytest.fixture(autouse=True)
def hasty_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.SIMULATORS, "hasty", "tests.dse.campaign.fidelity.hasty:HastySimulator")
    monkeypatch.setitem(registry.SURROGATES, "plain", "tests.dse.campaign.fidelity.hasty:PlainModel")


@pytest.fixture
def halving_file(tmp_path: Path) -> Callable[..., Path]:
    """Write the campaign with pieces of text replaced, and return its path."""

    def write(*replacements: tuple[str, str]) -> Path:
        text = CAMPAIGN
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "halving.toml"
        path.write_text(text)
        return path

    return write
