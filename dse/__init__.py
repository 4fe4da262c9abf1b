"""Design-space exploration: the vocabulary, the campaign, the store, the front and the environments.

The names below are loaded when first used, so that `import dse` stays quick. CONTRIBUTING.md says what
may import what.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dse.layout import check_layout

if TYPE_CHECKING:
    from dse.campaign import Campaign, CampaignResult
    from dse.comparison.compare import compare
    from dse.errors import ConfigError, DseError, InfeasibleError, InputError, SpaceError, StoreError
    from dse.front import Front
    from dse.metrics import Metrics, MetricsBatch, MetricSchema, MetricSpec
    from dse.objective import Objective
    from dse.parameter import Parameter
    from dse.point import DesignPoint
    from dse.registry import make, make_simulator, make_vec
    from dse.search import Proposal, Results, Searcher, SearchProblem
    from dse.simulator import Session, Simulator
    from dse.space import Constraint, DeadRule, DesignSpace
    from dse.subsystem import Subsystem

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "Campaign",
    "CampaignResult",
    "ConfigError",
    "Constraint",
    "DeadRule",
    "DesignPoint",
    "DesignSpace",
    "DseError",
    "Front",
    "InfeasibleError",
    "InputError",
    "MetricSchema",
    "MetricSpec",
    "Metrics",
    "MetricsBatch",
    "Objective",
    "Parameter",
    "Proposal",
    "Results",
    "SearchProblem",
    "Searcher",
    "Session",
    "Simulator",
    "SpaceError",
    "StoreError",
    "Study",
    "Subsystem",
    "compare",
    "make",
    "make_simulator",
    "make_vec",
]

# Public name: the module it is loaded from.
_HOMES = {
    "Campaign": "dse.campaign.campaign",
    "CampaignResult": "dse.campaign.result",
    "ConfigError": "dse.errors",
    "Constraint": "dse.space",
    "DeadRule": "dse.space",
    "DesignPoint": "dse.point",
    "DesignSpace": "dse.space",
    "DseError": "dse.errors",
    "Front": "dse.front",
    "InfeasibleError": "dse.errors",
    "InputError": "dse.errors",
    "MetricSchema": "dse.metrics",
    "MetricSpec": "dse.metrics",
    "Metrics": "dse.metrics",
    "MetricsBatch": "dse.metrics",
    "Objective": "dse.objective",
    "Parameter": "dse.parameter",
    "Proposal": "dse.search",
    "Results": "dse.search",
    "SearchProblem": "dse.search",
    "Searcher": "dse.search",
    "Session": "dse.simulator",
    "Simulator": "dse.simulator",
    "SpaceError": "dse.errors",
    "StoreError": "dse.errors",
    "Study": "dse.campaign.study",
    "Subsystem": "dse.subsystem",
    "compare": "dse.comparison.compare",
    "make": "dse.registry",
    "make_simulator": "dse.registry",
    "make_vec": "dse.registry",
}

check_layout()


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'dse' has no attribute {name!r}; it has {', '.join(sorted(_HOMES))}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
