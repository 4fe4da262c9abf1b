"""Tables of the guide that repeat what the code says: they may not drift."""

from __future__ import annotations

import re

import pytest

from dse.campaign.config import (
    AgentConfig,
    BudgetConfig,
    ConstraintConfig,
    FidelityConfig,
    ObjectiveConfig,
    StopConfig,
    StudyConfig,
    TargetConfig,
    WarmStartConfig,
    WorkloadConfig,
)
from dse.errors import EXIT_CODES
from dse.registry import names
from simulators.dram import config
from simulators.dram.memory.devices import device_ids
from simulators.dram.memory.mapping import MAPPINGS
from simulators.dram.space import space, space_names
from tests.docs.pages import ROOT
from tests.docs.tables import page, rendered, tables, with_table
from traces.formats import FORMATS
from traces.synthetic import GENERATORS


def _rows(text):
    """Cells of every table row of a page."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|-")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


@pytest.mark.parametrize(
    ("place", "rows"), [pytest.param(place, rows, id=" ".join(place)) for place, rows in tables().items()]
)
def test_a_table_made_from_the_code_is_up_to_date(place, rows):
    name, heading = place
    text = page(name)

    assert with_table(text, heading, rows) == text, "run python -m tests.docs.tables"
    assert rendered(rows) in text


def test_the_exit_codes_are_those_of_the_command():
    found = {int(row[0]): row[1] for row in _rows(page("exit-codes.md")) if row[0].isdigit()}

    assert found == EXIT_CODES


def test_the_model_page_names_every_device_mapping_and_space():
    text = page("dram-model.md")

    missing = [name for name in (*device_ids(), *MAPPINGS, *space_names()) if f"`{name}`" not in text]

    assert missing == []


def test_the_model_page_names_every_parameter():
    listed = {row[0].strip("`") for row in _rows(page("dram-model.md"))}

    assert {name for preset in space_names() for name in space(preset).names} - listed == set()


def test_the_campaign_page_names_every_searcher():
    listed = {row[0].strip("`") for row in _rows(page("campaign-files.md"))}

    assert set(names("searcher")) - listed == set()


def test_the_model_page_names_every_value_of_every_choice():
    told = {row[0].strip("`"): row[1] for row in reversed(_rows(page("dram-model.md")))}
    choices = [one for preset in space_names() for one in space(preset).parameters if one.name != "memory"]

    missing = [
        (one.name, value)
        for one in choices
        for value in one.values
        if isinstance(value, str) and not re.search(rf"\b{value}\b", told[one.name])
    ]

    assert missing == []


@pytest.mark.parametrize("name", ["SCHEDULERS", "MITIGATIONS"])
def test_the_model_page_explains_every_name_of(name):
    explained = {row[0].strip("`") for row in _rows(page("dram-model.md"))}

    assert set(getattr(config, name)) - {"None"} - explained == set()


@pytest.mark.parametrize(
    "table",
    [
        AgentConfig,
        BudgetConfig,
        ConstraintConfig,
        FidelityConfig,
        ObjectiveConfig,
        StopConfig,
        StudyConfig,
        TargetConfig,
        WarmStartConfig,
        WorkloadConfig,
    ],
)
def test_the_campaign_page_names_every_key_of_a_campaign_file(table):
    text = page("campaign-files.md")

    assert [key for key in table.model_fields if not re.search(rf"[`\[]{key}\b", text)] == []


def test_the_export_page_names_every_target():
    assert [name for name in names("exporter") if not re.search(rf"`{name}`", page("export.md"))] == []


def test_the_traces_page_has_every_format_with_its_suffixes():
    listed = {row[0].strip("`"): set(re.findall(r"`(\.\w+)`", row[1])) for row in _rows(page("traces.md"))}

    assert {name: listed.get(name) for name in FORMATS} == {
        row.name: set(row.suffixes) for row in FORMATS.values()
    }


def test_the_traces_page_has_every_generator():
    listed = {row[0].strip("`") for row in _rows(page("traces.md"))}

    assert set(GENERATORS) - listed == set()


def test_the_index_lists_every_page():
    listed = set(re.findall(r"\]\((\S+\.md)\)", page("README.md")))

    assert listed == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
