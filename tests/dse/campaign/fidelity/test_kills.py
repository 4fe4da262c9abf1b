"""A campaign with rungs and a model that is killed at the fault points goes on as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.fault_points import FAULT_POINTS, VARIABLE
from tests.dse.campaign.fidelity.test_campaigns import WITH_MODEL, digest
from tests.dse.fake import fake_environment

SESSION = """
import sys
from dse import registry
from dse.campaign import Campaign
registry.SIMULATORS["hasty"] = "tests.dse.campaign.fidelity.hasty:HastySimulator"
registry.SURROGATES["plain"] = "tests.dse.campaign.fidelity.hasty:PlainModel"
campaign = Campaign.from_file(sys.argv[1])
begin = campaign.resume if sys.argv[3] == "resume" else campaign.run
begin(store=sys.argv[2])
"""


def session(path, store, how, fault_point):
    """One process that runs or resumes the campaign until it dies."""
    command = [sys.executable, "-c", SESSION, str(path), str(store), how]
    environment = {**fake_environment(), VARIABLE: fault_point}
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True)


def killed_and_resumed(path, store, fault_points):
    """The campaign after one session killed at each of these places, and one more to its end."""
    for i, fault_point in enumerate(fault_points):
        died = session(path, store, "resume" if i else "run", fault_point)
        assert died.returncode == -signal.SIGKILL, died.stderr
    Campaign.from_file(path).resume(store=store)
    return CampaignResult.load(store, "halving")


def test_a_campaign_killed_between_its_steps_equals_the_uninterrupted_one(halving_file, tmp_path):
    path = halving_file(WITH_MODEL)
    whole = Campaign.from_file(path).run()

    found = killed_and_resumed(path, tmp_path / "store.sqlite", ["evaluate:3", "append:2", "tell:2"])

    assert digest(found) == digest(whole)


@pytest.mark.slow
@pytest.mark.parametrize("place", [place for place in FAULT_POINTS if place != "snapshot"])
def test_no_place_to_die_changes_a_campaign(halving_file, tmp_path, place):
    path = halving_file(("unique = 30", "unique = 60"))
    whole = Campaign.from_file(path).run()

    found = killed_and_resumed(path, tmp_path / "store.sqlite", [f"{place}:{n}" for n in (5, 2, 3, 1)])

    assert digest(found) == digest(whole)
