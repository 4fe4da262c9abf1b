"""Who runs a campaign: a lock file beside the store, freed by the system even when its holder is killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from dse.store.errors import running

_PATIENCE_S = 0.3  # a reader that asks `is_owned` holds the lock for some microseconds


class Ownership:
    """Held while a process runs a campaign. Raises StoreError if another process holds it."""

    def __init__(self, store: Path, campaign: int) -> None:
        self._path = _lock_path(store, campaign)
        deadline = time.monotonic() + _PATIENCE_S
        while not self._lock():
            if time.monotonic() > deadline:
                raise running(store, campaign)
            time.sleep(0.01)

    def release(self) -> None:
        """Let others run the campaign."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._file)

    def _lock(self) -> bool:
        """Whether the lock is ours now; not if somebody has it, or removed the file in between."""
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(self._file), self._path.stat()):
                return True
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(self._file)
        return False


def is_owned(store: Path, campaign: int) -> bool:
    """Whether some process runs the campaign now. True if that cannot be found out."""
    try:
        file = os.open(_lock_path(store, campaign), os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(file)


def _lock_path(store: Path, campaign: int) -> Path:
    return store.with_name(f"{store.name}-campaign{campaign}.lock")
