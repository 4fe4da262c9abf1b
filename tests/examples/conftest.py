"""Examples that are scripts, as modules."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

from tests.docs.pages import ROOT


@contextmanager
def script(name: str) -> Iterator[ModuleType]:
    """examples/NAME.py as a module, which can be imported by that name meanwhile."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[name]


def of_script(name: str) -> Callable[[], Iterator[ModuleType]]:
    """A fixture for all tests of a file that gives `script(name)`."""

    def given() -> Iterator[ModuleType]:
        with script(name) as module:
            yield module

    return pytest.fixture(scope="module")(given)
