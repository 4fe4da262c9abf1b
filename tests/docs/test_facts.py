"""Tables of the guide that repeat what the code says: they may not drift."""

from __future__ import annotations

import re
import sys
from dataclasses import fields

import pytest

from dse.config import (
    AgentConfig,
    BudgetConfig,
    CampaignConfig,
    ObjectiveConfig,
    WorkloadConfig,
)
from dse.errors import EXIT_CODES
from dse.registry import names, resolve
from simulators.dram.devices import device_ids
from simulators.dram.mapping import MAPPINGS
from simulators.dram.schema import dram_schema
from simulators.dram.space import space, space_names
from tests.docs.pages import ROOT
from traces.formats import FORMATS
from traces.synthetic import GENERATORS

COMBINES = {
    "sum": "sum",
    "mean": "weighted mean",
    "max": "worst",
}


def _page(name):
    return (ROOT / "docs" / name).read_text()


def _rows(page):
    """Cells of every table row of a page."""
    lines = [line for line in page.splitlines() if line.startswith("|") and not line.startswith("|-")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def metric_rows():
    """What docs/metrics.md has to say of each metric."""
    for spec in dram_schema():
        over = f"{spec.numerator} / {spec.denominator}" if spec.combine == "ratio" else COMBINES[spec.combine]
        better = {"min": "less", "max": "more", "none": ""}[spec.direction]
        yield (f"`{spec.name}`", spec.unit, better, over, spec.description)


def test_the_metrics_page_lists_every_metric():
    wanted = list(metric_rows())

    found = [row for row in _rows(_page("metrics.md")) if row[0].startswith("`")]

    assert found == wanted


def test_the_exit_codes_are_those_of_the_command():
    found = {int(row[0]): row[1] for row in _rows(_page("exit-codes.md")) if row[0].isdigit()}

    assert found == EXIT_CODES


def test_the_model_page_names_every_device_mapping_and_space():
    page = _page("dram-model.md")

    missing = [name for name in (*device_ids(), *MAPPINGS, *space_names()) if f"`{name}`" not in page]

    assert missing == []


def test_the_model_page_names_every_parameter():
    listed = {row[0].strip("`") for row in _rows(_page("dram-model.md"))}

    assert {name for preset in space_names() for name in space(preset).names} - listed == set()


def test_the_campaign_page_names_every_searcher():
    listed = {row[0].strip("`") for row in _rows(_page("campaign-files.md"))}

    assert set(names("searcher")) - listed == set()


@pytest.mark.parametrize(
    "table", [AgentConfig, BudgetConfig, CampaignConfig, ObjectiveConfig, WorkloadConfig]
)
def test_the_campaign_page_names_every_key_of_a_campaign_file(table):
    page = _page("campaign-files.md")

    assert [key for key in table.model_fields if not re.search(rf"[`\[]{key}\b", page)] == []


def option_rows(searcher):
    """What docs/searchers.md has to say of each option of a searcher."""
    options = sys.modules[resolve("searcher", searcher).__module__].Options
    for item in fields(options):
        yield (f"`{item.name}`", f"{item.default}", item.metadata["meaning"])


def test_the_searchers_page_lists_every_option():
    wanted = [row for searcher in names("searcher") for row in option_rows(searcher)]

    found = [row for row in _rows(_page("searchers.md")) if row[0].startswith("`")]

    assert found == wanted


def test_the_export_page_names_every_target():
    assert [name for name in names("exporter") if not re.search(rf"`{name}`", _page("export.md"))] == []


def test_the_traces_page_has_every_format_with_its_suffixes():
    listed = {row[0].strip("`"): set(re.findall(r"`(\.\w+)`", row[1])) for row in _rows(_page("traces.md"))}

    assert {name: listed.get(name) for name in FORMATS} == {
        row.name: set(row.suffixes) for row in FORMATS.values()
    }


def test_the_traces_page_has_every_generator():
    listed = {row[0].strip("`") for row in _rows(_page("traces.md"))}

    assert set(GENERATORS) - listed == set()
