"""Where the public sheets of FARSI are."""

from __future__ import annotations

from pathlib import Path

SHEETS = Path(__file__).parent / "farsi"
BUDGETS = {"audio_decoder": 21.0, "edge_detection": 34.0, "hpvm_cava": 34.0}
"""Latencies in ms; power (8.737 mW) and area (17.475 mm2) are the same for all."""
