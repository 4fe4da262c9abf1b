"""Campaigns whose agents start from a saved policy: the file is found and kept, the workloads described."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.env.descriptor import workload_descriptor
from dse.errors import InputError
from dse.objective import Objective
from dse.registry import make_simulator
from dse.search import SearchProblem
from tests.agents.untrained import untrained
from tests.dse.campaign.test_limits import interrupted
from traces import load
from traces.workload import Workload

WORKLOADS = ("synthetic:stream?n=300", "synthetic:uniform_random?n=300&seed=1")
FILE = f"""
name = "own"
[simulator]
name = "dram"
[[workloads]]
trace = "{WORKLOADS[0]}"
weight = 3.0
[[workloads]]
trace = "{WORKLOADS[1]}"
[[objectives]]
metric = "read_latency_p95_ns"
[[agents]]
name = "policy"
options = {{ checkpoint = "learnt.npz", designs = 6 }}
[budget]
unique = 24
batch = 4
"""


def policy(seed=1, metric="read_latency_p95_ns"):
    space = make_simulator("dram").space
    problem = SearchProblem(space, (Objective(metric, "min"),), 0, np.ones(1), np.zeros(1))
    return untrained(problem, seed, n_context=9)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a campaign file and a policy beside it; the current folder is another one."""
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "elsewhere").mkdir()
    policy().write(folder / "learnt.npz")
    (folder / "campaign.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


def test_the_workloads_are_described_by_their_mean_by_weight(project):
    setup = Campaign.from_file(project / "campaign.toml").setup

    each = [workload_descriptor(Workload.of(load(spec))) for spec in WORKLOADS]
    assert np.allclose(setup.context, 0.75 * each[0] + 0.25 * each[1])


def test_nothing_is_described_where_no_agent_asks(project):
    text = FILE.replace('"policy"', '"random"').replace("options =", "# options =")
    (project / "campaign.toml").write_text(text)

    assert Campaign.from_file(project / "campaign.toml").setup.context is None


def test_a_campaign_goes_on_with_the_kept_policy_when_its_folder_is_gone(project, tmp_path, monkeypatch):
    store, cut = tmp_path / "whole.sqlite", tmp_path / "cut.sqlite"
    whole = Campaign.from_file(project / "campaign.toml").run(store=store, threads=1)
    interrupted(Campaign.from_file(project / "campaign.toml"), cut, monkeypatch, 3)
    shutil.rmtree(project)

    resumed = Campaign.from_store(cut, "own").resume(store=cut, threads=1)

    assert len(resumed.trials) == len(whole.trials)
    assert resumed.trials.indices.tolist() == whole.trials.indices.tolist()


def test_a_policy_that_does_not_fit_is_refused_with_file_and_key(project):
    policy(metric="energy_pj").write(project / "learnt.npz")

    with pytest.raises(InputError, match=r"was trained for 'energy_pj'") as caught:
        Campaign.from_file(project / "campaign.toml")

    assert "campaign.toml" in str(caught.value)
    assert "agents" in str(caught.value)
