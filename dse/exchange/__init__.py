"""Campaigns out of a store and into another: export and import as Parquet, CSV and JSON, and merge."""

from __future__ import annotations

from dse.exchange.archive import CampaignArchive
from dse.exchange.attached import ExtractedFile, extract_files, list_files
from dse.exchange.errors import ExchangeError
from dse.exchange.merge import Merged, MergedCampaign, merge_stores, work_of
from dse.exchange.transfer import FORMATS, Exported, Imported, export_campaign, import_campaign

__all__ = [
    "FORMATS",
    "CampaignArchive",
    "ExchangeError",
    "Exported",
    "ExtractedFile",
    "Imported",
    "Merged",
    "MergedCampaign",
    "export_campaign",
    "extract_files",
    "import_campaign",
    "list_files",
    "merge_stores",
    "work_of",
]
