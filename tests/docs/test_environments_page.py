"""docs/environments.md beside the code."""

from __future__ import annotations

import re

import pytest

from dse.env.context import PREFERENCES
from dse.env.live import REWARDS as LIVE_REWARDS
from dse.env.moves import MOVES
from dse.env.ownership import GRANULARITIES
from dse.env.refine import STARTS
from dse.env.rewards import REWARDS
from dse.registry import names
from tests.architecture.source_tree import ROOT

PAGE = (ROOT / "docs/environments.md").read_text()


def _table_after(heading: str) -> list[str]:
    """The first cells of the table whose header begins with that text, without quotes and backticks."""
    _, _, rest = PAGE.partition(f"| `{heading}")
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [re.findall(r'`"?([\w/-]+)"?`', line.split("|")[1])[0] for line in lines]


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("reward=` | size | what a design", REWARDS),
        ("reward=` of `live", LIVE_REWARDS),
        ("granularity=", GRANULARITIES),
    ],
)
def test_tables_list_what_there_is(heading, known):
    assert _table_after(heading) == list(known)


def test_every_environment_is_listed():
    assert set(re.findall(r"`(\w+/\w+-v\d+)`", PAGE)) == set(names("environment"))


@pytest.mark.parametrize(
    ("option", "values"), [("moves", MOVES), ("start", STARTS), ("preferences", PREFERENCES)]
)
def test_values_of_options_are_named(option, values):
    assert f"{option}=" in PAGE
    assert all(f'"{value}"' in PAGE for value in values)
