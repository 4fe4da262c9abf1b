"""A browser for all tests of this folder, and servers over real stores."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dashboards.app import make_dashboard_server
from tests.conftest import find_program
from tests.dashboards.stores import copy_store, dram_store

pytest.importorskip("selenium", reason="selenium is missing: pip install 'marl-dse[browser]'")
from tests.browser.page import Page, start_browser


@pytest.fixture(scope="session")
def driver(tmp_path_factory) -> Iterator[object]:
    chromium, chromedriver = find_program("chromium"), find_program("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("chromium or chromedriver is missing: apt-get install chromium chromium-driver")
    found = start_browser(chromium, chromedriver, tmp_path_factory.mktemp("profile"))
    yield found
    found.quit()


@pytest.fixture(scope="session")
def finished_store(tmp_path_factory) -> Path:
    return dram_store(tmp_path_factory.mktemp("stores") / "finished.sqlite", unique=48)


@pytest.fixture
def store(finished_store, tmp_path) -> Path:
    """A copy that the test may change."""
    return copy_store(finished_store, tmp_path / "campaigns.sqlite")


@pytest.fixture
def page(driver, store) -> Iterator[Page]:
    with served(store) as address:
        driver.delete_all_cookies()
        found = Page(driver, address)
        found.prefer("light")
        yield found


@contextmanager
def served(store: Path, token: str | None = None) -> Iterator[str]:
    """A server in a thread, at a free port."""
    server = make_dashboard_server(store, port=0, token=token)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
