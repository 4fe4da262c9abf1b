"""docs/interoperability.md beside the pinned versions, the extra and the tests that it speaks of."""

from __future__ import annotations

import re
import tomllib

from tests.architecture.source_tree import ROOT
from tests.interop.conftest import NEEDS

PAGE = (ROOT / "docs/interoperability.md").read_text()
PINNED = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
TABLE = dict(re.findall(r"^\| (\w+) \| ([\d.]+) \|", PAGE, re.MULTILINE))


def test_versions_are_those_that_are_pinned():
    assert {name: PINNED[name] for name in TABLE} == TABLE
    assert f"torch {PINNED['torch']}" in PAGE


def test_every_library_of_the_extra_is_in_the_table():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {
        re.match(r"[\w-]+", wanted)[0].replace("-", "_")
        for wanted in project["optional-dependencies"]["interop"]
    }

    assert extra | {"gymnasium", "pettingzoo"} == set(TABLE)


def test_every_test_says_which_libraries_it_needs():
    assert {path.name for path in (ROOT / "tests/interop").glob("test_*.py")} == set(NEEDS)
    assert {library for libraries in NEEDS.values() for library in libraries} < set(TABLE)
