"""Refuse to run on somebody else's packages.

Our packages are named after their folders, and the public index holds a distribution that installs a
package called `agents` and another one called `traces`. `import dse` therefore asks, without importing
anything, where each sibling would come from: it must be the folder beside dse/.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

SIBLINGS = ("ext", "traces", "simulators", "agents", "dashboards")
ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


class LayoutError(ImportError):
    """A sibling package of dse is missing, or is not ours."""


def check_layout(root: str = ROOT) -> None:
    """Raise LayoutError when a sibling package resolves outside `root`, or to nothing."""
    for name in SIBLINGS:
        expected = os.path.join(root, name)
        found = _location(name)
        if found is None:
            raise LayoutError(
                f"package {name!r} was not found: expected it beside dse, in {expected}. "
                f"Install the checkout with `pip install -e {root}`, or run from {root}.",
                name=name,
            )
        if os.path.realpath(found) != expected:
            raise LayoutError(
                f"package {name!r} comes from {found}, which is not part of marl-dse: expected {expected}. "
                f"Another distribution installed it under the same name; use an environment of its own for "
                f"marl-dse (`make demo` makes one), or uninstall that distribution.",
                name=name,
                path=found,
            )


def _location(name: str) -> str | None:
    """Folder (or file) that `import name` would load, without importing it."""
    module = sys.modules.get(name)
    spec = module.__spec__ if module is not None else find_spec(name)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return next(iter(spec.submodule_search_locations), None)
    return spec.origin
