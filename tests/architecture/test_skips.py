"""tests/conftest.py: a missing program skips its tests loudly, and fails them under DSE_REQUIRE=all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.architecture.source_tree import ROOT

NEEDS_A_PROGRAM = """
import pytest

@pytest.mark.requires_program("valgrind")
def test_needs_valgrind():
    pass
"""
SKIPS_ITS_MODULE = "import pytest; pytest.importorskip('no_such_module_anywhere')\n"
EXPECTED_FAILURE = """
import pytest

@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    raise AssertionError
"""


@pytest.fixture
def run_tests(tmp_path):
    """Run a test file in a project of its own with our conftest and an empty PATH."""

    def run(source, *options, require=""):
        (tmp_path / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
        (tmp_path / "test_one.py").write_text(source)
        environment = {**os.environ, "PATH": str(tmp_path), "DSE_REQUIRE": require}
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # which takes as long as all the rest
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rs",
            "-p",
            "no:cacheprovider",
            *options,
            str(tmp_path),
        ]
        return subprocess.run(
            command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    return run


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "1")])
def test_a_missing_program_skips_loudly(run_tests, options):
    shown = run_tests(NEEDS_A_PROGRAM, *options)

    assert shown.returncode == 0
    assert "1 tests did NOT run: valgrind is missing" in shown.stdout
    assert "apt-get install valgrind" in shown.stdout


@pytest.mark.parametrize("source", [NEEDS_A_PROGRAM, SKIPS_ITS_MODULE])
def test_a_skip_fails_when_everything_is_required(run_tests, source):
    shown = run_tests(source, require="all")

    assert shown.returncode != 0
    assert "DSE_REQUIRE=all, but this was skipped" in shown.stdout


def test_an_expected_failure_is_not_a_skip(run_tests):
    shown = run_tests(EXPECTED_FAILURE, require="all")

    assert shown.returncode == 0
