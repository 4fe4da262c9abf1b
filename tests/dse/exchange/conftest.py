"""The PostgreSQL server and the old store of the tests of the store, here too."""

from __future__ import annotations

from tests.dse.store.conftest import _started, postgres
from tests.dse.store.test_versions import old

__all__ = ["_started", "old", "postgres"]
