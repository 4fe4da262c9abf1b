"""The PostgreSQL server of the store's tests, here too."""

from __future__ import annotations

from tests.dse.store.conftest import _started, postgres

__all__ = ["_started", "postgres"]
