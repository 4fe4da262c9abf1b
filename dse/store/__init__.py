"""The store: append-only trials of many campaigns, and their design cache, in SQLite or PostgreSQL.

`Store` writes (one per process and store), `open_reader` reads at any time; `schema` has the tables.
"""

from __future__ import annotations

from pathlib import Path

from dse.store.blobs import PACKAGE, AttachedFile, Attachment
from dse.store.connection import DEFAULT_STORE, default_store, place_of
from dse.store.leases import Lease, LeaseQueue
from dse.store.reader import StoreReader
from dse.store.records import (
    CampaignHeader,
    CampaignRecord,
    CampaignRow,
    Origin,
    ResultBlock,
    RunRow,
    TrialBlock,
    TrialDetail,
    Trials,
)
from dse.store.store import Append, Store
from dse.store.transfer import BenchRow, CampaignCopy, TransferReader, TransferWriter

__all__ = [
    "DEFAULT_STORE",
    "PACKAGE",
    "Append",
    "AttachedFile",
    "Attachment",
    "BenchRow",
    "CampaignCopy",
    "CampaignHeader",
    "CampaignRecord",
    "CampaignRow",
    "Lease",
    "LeaseQueue",
    "Origin",
    "ResultBlock",
    "RunRow",
    "Store",
    "StoreReader",
    "TransferReader",
    "TransferWriter",
    "TrialBlock",
    "TrialDetail",
    "Trials",
    "default_store",
    "open_reader",
    "place_of",
]


def open_reader(path: Path | str) -> StoreReader:
    """Open a store for reading; LookupFailed if there is none, StoreError if it is not a store of ours."""
    return StoreReader(path)
