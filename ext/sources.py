"""What a kernel is compiled from, and its hash: setup.py records it, dse/build_info.py compares it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

_CIMPORT = re.compile(r"^\s*(?:from|cimport)\s+ext\.(\w+)", re.MULTILINE)
_CIMPORT_FROM_PACKAGE = re.compile(r"^\s*from\s+ext\s+cimport\s+(.+)$", re.MULTILINE)


def kernel_sources(name: str, folder: Path) -> list[Path]:
    """The kernel's .pyx, its own .pxd, and every .pxd that these cimport, directly or not; sorted by name."""
    found: dict[str, Path] = {}
    waiting = [folder / f"{name}.pyx", folder / f"{name}.pxd"]
    while waiting:
        path = waiting.pop()
        if path.name in found or not path.exists():
            continue
        found[path.name] = path
        text = path.read_text()
        used = _CIMPORT.findall(text)
        for names in _CIMPORT_FROM_PACKAGE.findall(text):
            used += re.findall(r"\w+", names)
        waiting += [folder / f"{other}.pxd" for other in used]
    return [found[key] for key in sorted(found)]


def source_hash(name: str, folder: Path) -> str:
    """Hash over the names and the contents of `kernel_sources`."""
    digest = hashlib.blake2b(digest_size=16)
    for path in kernel_sources(name, folder):
        digest.update(f"{path.name}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
