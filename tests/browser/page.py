"""A page of the dashboard in a real browser, with what the tests do to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1000",
)
PATIENCE_S = 20.0
PLOT = "document.querySelector('#{} .js-plotly-plot')"


def start_browser(chromium: str, chromedriver: str, profile: Path) -> webdriver.Chrome:
    """A headless chromium with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service(chromedriver), options=options)


class Page:
    """The browser at one server."""

    def __init__(self, driver: webdriver.Chrome, address: str) -> None:
        self.driver = driver
        self.address = address

    def open(self, path: str = "/") -> None:
        """Go to a path, and forget what was logged before and which theme was chosen."""
        self.driver.get(self.address + "/assets/login.css")
        self.driver.execute_script("localStorage.clear()")
        self.driver.get_log("browser")
        self.driver.get(self.address + path)

    def prefer(self, scheme: str) -> None:
        """What the system is said to prefer: light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def ask(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        return self.driver.execute_script(f"return {script}")

    def wait(self, script: str) -> Any:
        """Wait until a JavaScript expression is true, and give its value."""

        def check(_: Any) -> Any:
            return self.driver.execute_script(f"try {{ return {script} }} catch (error) {{ return false }}")

        return WebDriverWait(self.driver, PATIENCE_S, 0.1).until(check, f"never true: {script}")

    def wait_for_text(self, selector: str, text: str) -> str:
        """Wait until an element shows a text, and give all of its text."""
        found = f"document.querySelector({json.dumps(selector)})"
        return str(self.wait(f"{found}.innerText.includes({json.dumps(text)}) && {found}.innerText"))

    def wait_for_points(self, name: str = "front designs") -> list[int]:
        """Wait until the trace is drawn, and give the trials of its points."""
        trace = f"{PLOT.format('front')}._fullData.find(trace => trace.name === {json.dumps(name)})"
        return [int(trial) for trial in self.wait(f"{trace}.customdata && Array.from({trace}.customdata)")]

    def click(self, selector: str) -> None:
        """Click an element with the mouse."""
        self.wait(f"document.querySelector({json.dumps(selector)}) !== null")
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def click_point(self, number: int) -> None:
        """Click a point of the front with the mouse, where it is drawn."""
        plot = PLOT.format("front")
        x, y = self.ask(
            f"(() => {{ const plot = {plot}, box = plot.querySelector('.nsewdrag').getBoundingClientRect();"
            f" const trace = plot._fullData.find(trace => trace.name === 'front designs');"
            f" return [box.left + plot._fullLayout.xaxis.d2p(trace.x[{number}]),"
            f" box.top + plot._fullLayout.yaxis.d2p(trace.y[{number}])]; }})()"
        )
        for step in (4, 2, 0):
            mouse = ActionChains(self.driver, duration=60)
            mouse.w3c_actions.pointer_action.move_to_location(round(x) - step, round(y))
            mouse.perform()
        self.wait(f"{plot}.querySelector('.hoverlayer .hovertext') !== null")
        mouse = ActionChains(self.driver)
        mouse.w3c_actions.pointer_action.click()
        mouse.perform()

    def zoom(self) -> None:
        """Drag a box over the middle of the front's plot."""
        box = f"{PLOT.format('front')}.querySelector('.nsewdrag').getBoundingClientRect()"
        left, top, width, height = self.ask(f"(box => [box.left, box.top, box.width, box.height])({box})")
        mouse = ActionChains(self.driver, duration=80)
        pointer = mouse.w3c_actions.pointer_action
        pointer.move_to_location(round(left + 0.3 * width), round(top + 0.3 * height))
        pointer.pointer_down()
        pointer.move_to_location(round(left + 0.5 * width), round(top + 0.6 * height))
        pointer.move_to_location(round(left + 0.7 * width), round(top + 0.7 * height))
        pointer.pointer_up()
        mouse.perform()

    def get(self, path: str) -> tuple[int, list[int]]:
        """Status and first bytes of what the page itself can fetch."""
        script = (
            "const done = arguments[arguments.length - 1];"
            f"fetch({json.dumps(path)}).then(answer => answer.arrayBuffer().then(bytes =>"
            " done([answer.status, Array.from(new Uint8Array(bytes).slice(0, 4))])))"
        )
        status, head = self.driver.execute_async_script(script)
        return int(status), head

    def severe(self) -> list[str]:
        """Errors that the console shows."""
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]


def when(condition: Callable[[], bool], driver: Any) -> None:
    """Wait until a Python condition holds."""
    WebDriverWait(driver, PATIENCE_S, 0.1).until(lambda _: condition())
