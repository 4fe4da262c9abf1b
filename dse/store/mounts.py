"""Whether a file lies on a network file system, where SQLite's write-ahead log is not safe.

Source: sqlite.org/wal.html, "WAL does not work over a network filesystem": all processes must share memory.
The mount table is Linux's /proc/self/mounts (proc(5), fstab(5): blanks are written as \\040).
"""

from __future__ import annotations

import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|lustre|ceph|glusterfs|beegfs|gpfs|afs|pvfs2|orangefs|wekafs|ocfs2|gfs2|"
    r"davfs|fuse(\..*)?"
)
_LOCAL_FUSE = ("fuse.fuse-overlayfs",)


def network_file_system(path: Path, mounts: str | None = None) -> str | None:
    """Type of the network file system on which `path` lies or would be created; None on a local one.

    mounts: text of the mount table; this system's if None. Where there is none, nothing is known.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(errors="surrogateescape")
        except OSError:
            return None
    found = _mounted(path.resolve(), mounts)
    return found if found and _NETWORK.fullmatch(found) and found not in _LOCAL_FUSE else None


def _mounted(path: Path, mounts: str) -> str | None:
    """Type of the file system that holds `path`: of the longest mount point above it, the last mounted."""
    best, kind = -1, None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1])
        if path.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), fields[2]
    return kind
