"""What a campaign ran with: versions and machine facts, without any path, name of a host or of a user."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

_PACKAGES = (
    "marl-dse",
    "numpy",
    "scipy",
    "torch",
    "pymoo",
    "moocore",
    "pettingzoo",
    "pydantic",
    "distributed",
    "psycopg",
)


def provenance() -> dict[str, Any]:
    """Python, package versions, operating system and processor, JSON-able."""
    return {
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "byte_order": sys.byteorder,
        "cores": usable_cores(),
    }


def usable_cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
            return next(names, "")
    except OSError:
        return platform.processor()
