"""dse/layout.py: somebody else's package under one of our names."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dse.layout import SIBLINGS, LayoutError, check_layout
from tests.architecture.source_tree import ROOT


def _import_dse_with(first_on_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(first_on_path), str(ROOT)])}
    command = [sys.executable, "-P", "-c", "import dse"]
    return subprocess.run(
        command, check=False, env=environment, cwd=first_on_path, capture_output=True, text=True
    )


@pytest.mark.parametrize("name", SIBLINGS)
def test_a_foreign_package_of_our_name_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("raise SystemExit('the foreign package was imported')\n")

    run = _import_dse_with(tmp_path)

    assert run.returncode == 1
    assert f"package {name!r} comes from {tmp_path / name}" in run.stderr
    assert "uninstall that distribution" in run.stderr


def test_a_foreign_module_of_our_name_is_refused(tmp_path):
    (tmp_path / "agents.py").write_text("raise SystemExit('the foreign module was imported')\n")

    run = _import_dse_with(tmp_path)

    assert "LayoutError: package 'agents' comes from" in run.stderr


def test_our_own_packages_are_accepted(tmp_path):
    assert _import_dse_with(tmp_path).stderr == ""


def test_a_missing_sibling_says_how_to_install(monkeypatch):
    monkeypatch.setattr("dse.layout.SIBLINGS", ("no_such_package_of_ours",))

    with pytest.raises(LayoutError, match="pip install -e"):
        check_layout()
