"""Takes the picture of the dashboard that the README shows.

    python -m tests.browser.screenshot STORE docs/images/dashboard.png [--trial N] [--dark]

STORE should hold the campaign of `examples/demo.toml` as campaign 1. Needs chromium, chromedriver, selenium.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.browser.conftest import served
from tests.browser.page import Page, start_browser
from tests.conftest import find_program

SIZE = {"width": 1600, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
_SETTLED_S = 3.0  # the plots fade in


def main() -> None:
    """Open the campaign in a browser and save what it shows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--trial", type=int, help="the design to select; the first of the front")
    parser.add_argument("--dark", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as profile, served(asked.store) as address:
        programs = [find_program(name) or name for name in ("chromium", "chromedriver")]
        driver = start_browser(*programs, Path(profile))
        try:
            _take(Page(driver, address), asked)
        finally:
            driver.quit()


def _take(page: Page, asked: argparse.Namespace) -> None:
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
    page.prefer("dark" if asked.dark else "light")
    page.open("/campaign/1")
    trial = asked.trial or page.wait_for_points()[0]
    page.open(f"/campaign/1?trial={trial}")
    page.wait_for_points()
    page.wait_for_text("#design .design-head", f"Design {trial}")
    time.sleep(_SETTLED_S)
    page.driver.save_screenshot(str(asked.picture))


if __name__ == "__main__":
    main()
