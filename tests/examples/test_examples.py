"""The examples: every campaign file is valid, and the scripts do what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from dse.campaign import CampaignResult
from dse.campaign.study import Study
from tests.docs.pages import ROOT

EXAMPLES = ROOT / "examples"


def _run(*arguments, cwd):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], check=True, cwd=cwd, capture_output=True, text=True
    )


@pytest.fixture(autouse=True)
def _this_checkout(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_a_campaign_file_is_valid(file):
    campaigns = list(Study.from_file(file).campaigns())

    assert all(campaign.config.budget.unique > 0 for campaign in campaigns)


def test_the_readme_lists_every_example():
    listed = set(re.findall(r"\]\((\S+)\)", (EXAMPLES / "README.md").read_text()))

    assert listed == {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".toml")}


@pytest.mark.slow
def test_the_python_example_runs(tmp_path):
    shown = _run(EXAMPLES / "tune_in_python.py", cwd=tmp_path).stdout

    assert "default design: p95" in shown


@pytest.mark.slow
def test_the_demonstration_compares_all_searchers_and_exports_the_knee(tmp_path):
    shown = _run(EXAMPLES / "demo.py", tmp_path, cwd=tmp_path).stdout

    result = CampaignResult.load(tmp_path / "campaigns.sqlite", "demo")
    assert [agent.agent for agent in result.agents] == ["random", "grid", "local", "nsga2", "ippo"]
    assert {agent.unique for agent in result.agents} == {480}
    assert len({tuple(row) for row in result.trials.indices.tolist()}) >= 2000
    assert len(result.front) > 1
    assert "Front of demo" in shown
    assert (tmp_path / "front.html").stat().st_size > 100_000
    manifest = json.loads((tmp_path / "dramsys/export.json").read_text())
    assert all((tmp_path / "dramsys" / name).exists() for name in manifest["files"])
