"""The section on instruction traces repeats what the code says: it may not drift."""

from __future__ import annotations

import re

import pytest

import traces
from tests.docs.pages import ROOT
from traces.formats import INSTRUCTION_FORMATS
from traces.shared_instructions import THREAD_GENERATORS
from traces.synthetic_instructions import INSTRUCTION_GENERATORS
from traces.synthetic_particles import PHASED_PROGRAMS

TEXT = (ROOT / "docs" / "traces.md").read_text().partition("## Instruction traces")[2].partition("\n## ")[0]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line[:1] == "|"
]


def test_every_format_is_listed_with_its_suffixes():
    listed = {row[0].strip("`"): tuple(re.findall(r"`(\.\w+)`", row[1])) for row in ROWS}

    assert {name: listed.get(name) for name in INSTRUCTION_FORMATS} == {
        row.name: row.suffixes for row in INSTRUCTION_FORMATS.values()
    }


def test_every_generator_is_listed():
    generators = {*INSTRUCTION_GENERATORS, *PHASED_PROGRAMS, *THREAD_GENERATORS}

    assert generators - {row[0].strip("`") for row in ROWS} == set()


@pytest.mark.parametrize("spec", re.findall(r"`((?:sample|synthetic|accesses):[^`]+)`", TEXT))
def test_every_string_of_the_page_names_a_trace(spec):
    assert len(traces.load_instructions(spec)) > 0
