"""What decides a campaign's metrics: importance of parameters, changes around a design, Shapley values."""

from __future__ import annotations

from agents.analysis.one_at_a_time import one_at_a_time
from agents.analysis.shapley import shapley
from agents.analysis.sobol import sobol

__all__ = ["one_at_a_time", "shapley", "sobol"]
