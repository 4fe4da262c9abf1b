"""A campaign: what its file says, the loop that runs it, and what comes out.

    from dse.campaign import Campaign
    result = Campaign.from_file("campaign.toml").run(store="campaigns.sqlite")

Names load on first use: the store and the executors need some of these modules, and the loop needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dse.campaign.campaign import Campaign
    from dse.campaign.dry_run import DryRun
    from dse.campaign.result import AgentSummary, CampaignResult

_HOME = {
    "AgentSummary": "dse.campaign.result",
    "Campaign": "dse.campaign.campaign",
    "CampaignResult": "dse.campaign.result",
    "DryRun": "dse.campaign.dry_run",
}

__all__ = ["AgentSummary", "Campaign", "CampaignResult", "DryRun"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'dse.campaign' has no attribute {name!r}; it has {', '.join(__all__)}")
