"""The dashboard as a user meets it: in a browser, with a mouse."""

from __future__ import annotations

import json

import pytest

from dashboards.source import CampaignSource
from dse.campaign.result import CampaignResult
from tests.browser.conftest import served
from tests.browser.page import PLOT, Page
from tests.dashboards.stores import HOSTILE, fake_store, running_campaign
from tests.dse.estimates import add_estimates

pytestmark = [pytest.mark.browser, pytest.mark.requires_program("chromium", "chromedriver")]


def _paper(page: Page) -> str:
    return page.ask("getComputedStyle(document.querySelector('.card')).backgroundColor")


def test_the_list_opens_without_errors_and_leads_to_the_campaign(page):
    page.open("/")
    page.wait_for_text(".campaigns", "tiny")

    page.click(".campaign-name")

    page.wait_for_points()
    assert page.ask("location.pathname") == "/campaign/1"
    assert page.severe() == []


def test_the_front_shows_every_design_of_the_result(page, store):
    page.open("/campaign/1")

    trials = page.wait_for_points()

    assert len(trials) == len(CampaignResult.load(store, 1).front)
    assert page.severe() == []


@pytest.mark.slow
def test_estimates_are_counted_charged_and_not_drawn(page, store):
    page.open("/campaign/1")
    front = page.wait_for_points()
    add_estimates(store, 5)

    page.open(f"/campaign/1?trial={CampaignResult.load(store, 1).trials.last_id}")

    assert page.wait_for_points() == front
    page.wait_for_text("#overview", "Estimated only")
    page.wait_for_text("#design .design-head", "estimated from 25 % of the requests")
    title = page.wait(f"{PLOT.format('hypervolume')}?._fullLayout?.xaxis?.title?.text")
    assert title == "Full simulations spent"
    assert page.severe() == []


def test_a_click_on_a_point_shows_its_design_and_its_download(page):
    page.open("/campaign/1")
    trial = page.wait_for_points()[0]

    page.click_point(0)

    page.wait_for_text("#design .design-head", f"Design {trial}")
    text = page.ask("document.querySelector('#design').innerText")
    assert "Page policy" in text
    assert "Energy by part" in text
    link = page.ask("document.querySelector('.export').getAttribute('href')")
    assert page.get(link) == (200, [80, 75, 3, 4])
    assert f"trial={trial}" in page.ask("location.search")
    assert page.severe() == []


def test_a_row_of_the_table_and_its_point_are_selected_together(page):
    page.open("/campaign/1")
    trial = page.wait_for_points()[1]

    page.click(f"#front-table .ag-row[row-id='{trial}'] .ag-cell")

    page.wait_for_text("#design .design-head", f"Design {trial}")
    page.wait(f"{PLOT.format('front')}.data[0].x.length === 1")
    page.wait(f"document.querySelector(\"#front-table .ag-row[row-id='{trial}']\").ariaSelected === 'true'")
    assert page.severe() == []


def test_a_shared_address_opens_the_same_view(page, store):
    trial = int(CampaignSource(store).frame("1").front[0]) + 1
    page.open(f"/campaign/1?x=bandwidth_gbps&y=controller_area_kge&all=1&logy=1&trial={trial}")

    page.wait_for_points()

    layout = f"{PLOT.format('front')}.layout"
    assert "Bandwidth" in page.ask(f"{layout}.xaxis.title.text")
    assert page.ask(f"{layout}.yaxis.type") == "log"
    page.wait_for_text("#design .design-head", f"Design {trial}")


def test_the_theme_follows_the_system_then_the_switch_and_is_remembered(page):
    page.prefer("dark")
    page.open("/campaign/1")
    page.wait_for_points()
    dark = _paper(page)

    page.click("#theme")

    page.wait(f"getComputedStyle(document.querySelector('.card')).backgroundColor !== {json.dumps(dark)}")
    page.wait(f"{PLOT.format('front')}._fullLayout.font.color === '#16202c'")
    page.driver.refresh()
    page.wait_for_points()
    page.wait(f"{PLOT.format('front')}._fullLayout.font.color === '#16202c'")
    assert _paper(page) != dark


def test_new_designs_appear_while_the_page_is_open_and_the_zoom_stays(page, store):
    page.open("/campaign/1?logx=0&logy=0")
    before = page.wait_for_points()
    plot = PLOT.format("front")
    seen = f"JSON.stringify({plot}._fullLayout.xaxis.range)"
    whole = page.ask(seen)
    page.zoom()
    zoomed = page.wait(f"{seen} !== {json.dumps(whole)} && {seen}")

    with running_campaign(store) as add:
        add(4, scale=0.2)
        page.wait_for_text("#overview", "running")
        page.wait_for_text("#overview", "100")  # 96 and the 4 new ones
        page.wait(f"{plot}._fullData.find(t => t.name === 'front designs').x.length !== {len(before)}")

    assert page.ask(seen) == zoomed
    assert page.severe() == []


def test_a_change_of_axis_redraws_the_plot(page):
    page.open("/campaign/1?logx=0&logy=0")
    page.wait_for_points()

    page.click("#x-log")

    page.wait(f"{PLOT.format('front')}._fullLayout.xaxis.type === 'log'")
    page.wait("location.search.includes('logx=1')")


def test_an_empty_store_says_what_to_do(driver, tmp_path):
    with served(tmp_path / "absent.sqlite") as address:
        page = Page(driver, address)
        page.open("/")

        assert "dse run campaign.toml" in page.wait_for_text("#page", "No campaign yet")
        assert page.severe() == []


def test_a_hostile_name_runs_nothing(driver, tmp_path):
    with served(fake_store(tmp_path / "hostile.sqlite", name=HOSTILE)) as address:
        page = Page(driver, address)
        page.open("/campaign/1")
        page.wait_for_points()

        assert HOSTILE in page.wait_for_text("#crumbs", "img")
        assert page.ask("document.querySelectorAll('img[src=x]').length") == 0
        assert page.severe() == []


def test_with_a_token_the_page_opens_only_after_it_was_given(driver, store):
    with served(store, token="open sesame") as address:
        driver.delete_all_cookies()
        page = Page(driver, address)
        driver.get(address + "/campaign/1")
        assert page.ask("document.querySelector('#page') === null")

        page.driver.find_element("id", "token").send_keys("open sesame")
        page.click("button")

        page.wait_for_text(".campaigns", "tiny")
        assert page.ask("document.cookie") == ""
