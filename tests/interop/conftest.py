"""Tests with other libraries: collected where the library is installed, or all of them under DSE_INTEROP=all.

`make test-interop` says DSE_INTEROP=all, so that there a library that is missing is a failure.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

NEEDS = {
    "test_benchmarl.py": ("benchmarl", "torchrl"),
    "test_momaland.py": ("momaland",),
    "test_recipes.py": ("benchmarl", "momaland", "sb3_contrib", "stable_baselines3", "torchrl"),
    "test_stable_baselines.py": ("sb3_contrib", "stable_baselines3"),
    "test_torchrl.py": ("torchrl",),
}


def _absent(test_file: str) -> bool:
    return any(find_spec(library) is None for library in NEEDS[test_file])


collect_ignore = [] if os.environ.get("DSE_INTEROP") == "all" else [name for name in NEEDS if _absent(name)]
