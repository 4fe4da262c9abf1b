"""Every registered environment, on a short workload."""

from __future__ import annotations

from typing import Any

import dse
from dse.registry import names

NAMES = names("environment")
WORKLOADS = {"dram": "synthetic:stream?n=300", "soc": "synthetic:chase?n=1500&size_kib=16384"}
SHORT: dict[str, tuple[dict[str, Any], int]] = {
    "design-v0": ({}, 1),
    "refine-v0": ({"steps": 3}, 3),
    "live-v0": ({"max_epochs": 2}, 2),
}
"""Options that make episodes of so many steps."""


def made(name: str, **options: Any) -> Any:
    return dse.make(name, workload=WORKLOADS[name.partition("/")[0]], **options)
