"""The page that `dse compare -o` writes, opened from the disk."""

from __future__ import annotations

import pytest

from dse.comparison.compare import compare
from tests.dashboards.stores import HOSTILE

pytestmark = [pytest.mark.browser, pytest.mark.requires_program("chromium", "chromedriver")]

STUDY = {
    "name": "which",
    "simulator": {"name": "dram", "device": "ddr4-2400-8gb-x8"},
    "workloads": [{"trace": "synthetic:zipf_rows?n=300&seed=1", "name": "rows"}],
    "objectives": [{"metric": "read_latency_p95_ns"}, {"metric": "energy_per_bit_pj"}],
    "agents": [
        {"name": "random", "seeds": 2},
        {"name": "local", "seeds": 2},
        {"name": "local", "label": HOSTILE, "seeds": 2, "options": {"chains": 2}},
    ],
    "budget": {"unique": 16, "batch": 8},
}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    compare(STUDY, store=folder / "store.sqlite", by="name").save(folder / "out")
    return folder / "out" / "report.html"


@pytest.fixture
def opened(driver, report):
    driver.get_log("browser")
    driver.get(report.as_uri())
    return driver


def test_every_figure_is_drawn_and_the_console_is_silent(opened):
    drawn = "return Array.from(document.querySelectorAll('.js-plotly-plot')).map(one => one.id)"
    boxes = (
        "return Array.from(document.querySelectorAll('.js-plotly-plot .main-svg'))"
        ".every(one => one.getBoundingClientRect().height > 100)"
    )

    assert opened.execute_script(drawn) == [
        "figure-anytime",
        "figure-budgets",
        "figure-profiles",
        "figure-improvement",
        "figure-entries",
    ]
    assert opened.execute_script(boxes)
    assert opened.get_log("browser") == []


def test_the_warning_is_the_first_thing_below_the_summary(opened):
    shown = opened.execute_script("return document.querySelector('h1 + p + ul.warnings').innerText")

    assert "Fewer than 10 seeds" in shown


def test_a_name_with_markup_is_text(opened):
    assert opened.execute_script("return document.querySelectorAll('img').length") == 0
    assert HOSTILE in opened.execute_script("return document.querySelector('#table-budgets').innerText")


def test_nothing_is_wider_than_the_window(opened):
    """Tables scroll within themselves."""
    assert opened.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
