"""Campaigns out of a store and into another: export and import as Parquet, CSV and JSON, and merge."""

from __future__ import annotations

from dse.exchange.archive import CampaignArchive
from dse.exchange.errors import ExchangeError
from dse.exchange.merge import Merged, MergedCampaign, merge_stores, work_of
from dse.exchange.transfer import FORMATS, Exported, Imported, export_campaign, import_campaign

__all__ = [
    "FORMATS",
    "CampaignArchive",
    "ExchangeError",
    "Exported",
    "Imported",
    "Merged",
    "MergedCampaign",
    "export_campaign",
    "import_campaign",
    "merge_stores",
    "work_of",
]
