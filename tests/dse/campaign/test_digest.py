"""A campaign in numbers, counted in parts; and that estimates count as estimates only."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.campaign.digest import CampaignDigest, front_of, metrics_needed
from dse.campaign.result import CampaignResult
from dse.errors import DseError
from dse.front import hypervolume
from dse.store import Origin, open_reader
from tests.dse.estimates import add_estimates

IMPOSSIBLE = ("at_least = 0.8", "at_least = 5.0")


@pytest.fixture
def store(campaign_file, tmp_path):
    path = tmp_path / "store.sqlite"
    Campaign.from_file(campaign_file()).run(store=path, threads=1)
    return path


def parts_of(trials, n):
    """The trials in parts of n, with the metrics that a digest needs."""
    return [trials.taken(np.arange(i, min(i + n, len(trials)))) for i in range(0, len(trials), n)]


def test_the_digest_counts_what_there_is(store):
    result = CampaignResult.load(store, 1)

    digest = result.digest

    trials = result.trials
    assert (digest.trials, digest.feasible) == (len(trials), int(trials.feasible.sum()))
    assert (digest.estimated, digest.nearest) == (0, None)
    assert digest.violated == result.violated
    random, nsga2 = digest.agents
    assert (random.agent, random.seeds, random.unique, random.spent) == ("random", 1, 60, 60.0)
    assert (nsga2.agent, nsga2.seeds, nsga2.unique, nsga2.spent) == ("nsga2", 2, 120, 120.0)
    assert nsga2.trials == int((trials.run > 1).sum())
    assert nsga2.cached == int(((trials.run > 1) & (trials.origin == Origin.CACHE)).sum())
    volumes = [hypervolume(result.costs[trials.run == run], result.reference) for run in (2, 3)]
    assert nsga2.hypervolume == pytest.approx(np.mean(volumes))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_parts_of_any_size_give_the_same_digest(store, size):
    result = CampaignResult.load(store, 1)

    digest = CampaignDigest.of(result.record, parts_of(result.trials, size))

    assert asdict_but_record(digest) == asdict_but_record(result.digest)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_nearest_to_feasible_are_the_same_in_parts(campaign_file, size):
    result = Campaign.from_file(campaign_file(IMPOSSIBLE)).run(threads=1)

    digest = CampaignDigest.of(result.record, parts_of(result.trials, size))

    assert digest.nearest.id.tolist() == result.trials.id[result.nearest_to_feasible()].tolist()
    assert np.array_equal(digest.nearest_violations, result.violations[result.nearest_to_feasible()])


def test_the_store_gives_the_same_digest_with_few_metrics(store):
    with open_reader(store) as reader:
        record = reader.campaign(1)
        digest = CampaignDigest.read(reader, record)

    assert metrics_needed(record) == ("time_ns", "energy_pj", "served")
    assert asdict_but_record(digest) == asdict_but_record(CampaignResult.load(store, 1).digest)


@pytest.mark.parametrize("size", [1, 20, 100_000])  # less than a block of the log, a few blocks, all
@pytest.mark.parametrize("after", [0, 5, 10_000])
def test_the_parts_of_a_campaign_are_its_trials(store, monkeypatch, size, after):
    monkeypatch.setattr("dse.store.reader._PART", size)
    with open_reader(store) as reader:
        whole = reader.trials(1, after, metrics=["served"])

        parts = list(reader.parts(1, after=after, metrics=["served"]))

    assert (len(parts) > 1) == (size < len(whole))
    for name in ("id", "run", "origin", "feasible", "indices", "metrics", "fidelity", "charge"):
        found = [getattr(part, name) for part in parts]
        assert np.array_equal(
            np.concatenate([getattr(whole, name)[:0], *found]),
            getattr(whole, name),
            equal_nan=name == "metrics",
        )


def test_a_campaign_without_trials_has_no_digest(store):
    record = CampaignResult.load(store, 1).record
    object.__setattr__(record, "reference", None)

    with pytest.raises(DseError, match="no trials yet"):
        CampaignDigest.of(record, [])


@pytest.mark.parametrize("feasible", [False, True])
def test_estimates_are_counted_and_change_nothing_else(store, feasible):
    before = CampaignResult.load(store, 1)
    add_estimates(store, 6, feasible=feasible)

    after = CampaignResult.load(store, 1)

    assert after.front.trials.tolist() == before.front.trials.tolist()
    assert after.front_of("random").trials.tolist() == before.front_of("random").trials.tolist()
    assert {k: v.trial for k, v in after.best.items()} == {k: v.trial for k, v in before.best.items()}
    assert after.violated == before.violated
    first, again = before.digest, after.digest
    assert (again.trials, again.feasible) == (first.trials + 6, first.feasible)
    assert again.estimated == 6
    assert again.agents[0].spent == first.agents[0].spent + 6 * 0.25
    assert again.agents[0].unique == first.agents[0].unique
    assert again.agents[0].hypervolume == first.agents[0].hypervolume
    assert again.agents[1] == first.agents[1]


def test_an_estimate_is_never_nearest_to_feasible(campaign_file, tmp_path):
    path = tmp_path / "store.sqlite"
    Campaign.from_file(campaign_file()).run(store=path, threads=1)
    add_estimates(path, 3)
    result = CampaignResult.load(path, 1)
    object.__setattr__(result.trials, "feasible", np.zeros(len(result.trials), dtype=np.bool_))

    nearest = result.nearest_to_feasible(1000)

    assert len(nearest) > 0
    assert (result.trials.fidelity[nearest] == 1.0).all()


def test_the_frame_has_fidelity_and_charge_and_no_feasible_estimate(store):
    add_estimates(store, 4, feasible=True)

    frame = CampaignResult.load(store, 1).to_frame()

    assert frame["fidelity"].tolist()[-4:] == [0.25] * 4
    assert frame["charge"].tolist()[-4:] == [0.25] * 4
    assert frame["feasible"].tolist()[-4:] == [False] * 4
    assert (frame["fidelity"][:-4] == 1.0).all()
    assert ((frame["charge"] == 0.0) == (frame["origin"] == "repeat")).all()


def test_the_front_of_the_kept_trials_is_that_of_all(store):
    result = CampaignResult.load(store, 1)

    with open_reader(store) as reader:
        front = front_of(result.record, reader.front_trials(1))

    assert front.trials.tolist() == result.front.trials.tolist()
    assert np.array_equal(front.metrics, result.front.metrics)
    assert front.hypervolume == result.front.hypervolume


def asdict_but_record(digest):
    """All numbers of a digest."""
    return (
        digest.trials,
        digest.feasible,
        digest.estimated,
        digest.violated,
        [asdict(agent) for agent in digest.agents],
        digest.nearest,
    )
