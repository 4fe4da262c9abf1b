"""What all tests share: programs of the system that some of them need, and what a skip means."""

from __future__ import annotations

import glob
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

# Logical name: (executables, any of which will do; the Debian package that brings one).
PROGRAMS = {
    "valgrind": (("valgrind",), "valgrind"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "chromium"),
    "chromedriver": (("chromedriver",), "chromium-driver"),
    "gcc": (("gcc", "cc"), "gcc"),
    "postgres": (("postgres",), "postgresql"),
    "initdb": (("initdb",), "postgresql"),
}

# Before numpy and torch are loaded: with a thread a core in each process they wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where nothing may be written beside the sources, hundreds of processes would compile all of them anew.
if sys.dont_write_bytecode:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(__file__).parents[1] / "build" / "bytecode"))
    sys.pycache_prefix, sys.dont_write_bytecode = os.environ["PYTHONPYCACHEPREFIX"], False

_MISSING = re.compile(r"(\w+) is missing: apt-get install ")


def find_program(name: str) -> str | None:
    """Path of a system program by its logical name, or None; Debian has PostgreSQL off the PATH."""
    executables, _ = PROGRAMS[name]
    folders = [os.environ.get("PATH", ""), *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]
    found = (shutil.which(executable, path=os.pathsep.join(folders)) for executable in executables)
    return next(filter(None, found), None)


@pytest.fixture
def program_path():
    """Look a system program up; skip (or fail, under DSE_REQUIRE=all) when it is missing."""
    return _require


def _require(name: str) -> str:
    path = find_program(name)
    if path is None:
        pytest.skip(f"{name} is missing: apt-get install {PROGRAMS[name][1]}")
    return path


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("requires_program"):
        for name in marker.args:
            _require(name)


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Under DSE_REQUIRE=all a test that did not run is a failure."""
    if os.environ.get("DSE_REQUIRE") != "all" or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"DSE_REQUIRE=all, but this was skipped. {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.stats.get("skipped", ()), *terminalreporter.stats.get("failed", ())]
    found = (_MISSING.search(str(report.longrepr)) for report in reports)  # other processes ran some of them
    skipped_for = Counter(match[1] for match in found if match and match[1] in PROGRAMS)
    for name, count in sorted(skipped_for.items()):
        terminalreporter.section(f"{count} tests did NOT run: {name} is missing", red=True, bold=True)
        terminalreporter.line(f"install it with: apt-get install {PROGRAMS[name][1]}")
