"""Who runs a campaign: a lock file beside the store, freed by the system even when its holder is killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from dse.errors import StoreError
from dse.store.errors import store_errors


class Ownership:
    """Held while a process runs a campaign. Raises StoreError if another process holds it."""

    def __init__(self, store: Path, campaign: int) -> None:
        self._path = store.with_name(f"{store.name}-campaign{campaign}.lock")
        try:
            while not self._lock():
                pass  # its last holder removed the file in between
        except BlockingIOError as error:
            raise StoreError(
                f"campaign {campaign} of store {store} is locked: another process is running it. "
                "Watch it with `dse dashboard`, or end that process first"
            ) from error

    def _lock(self) -> bool:
        with store_errors(self._path):
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._path.exists() and os.path.samestat(os.fstat(self._file), self._path.stat()):
                return True
        except BaseException:
            os.close(self._file)
            raise
        os.close(self._file)
        return False

    def release(self) -> None:
        """Let others run the campaign."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._file)
