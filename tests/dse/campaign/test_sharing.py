from __future__ import annotations

import numpy as np
import pytest

from dse import registry
from dse.campaign import Campaign
from dse.campaign.loop import CampaignLoop
from dse.campaign.sharing import narrowed
from dse.search import Capabilities, Proposal
from dse.store import Origin
from tests.dse.campaign.test_campaign import digest
from tests.dse.exchange.campaigns import stop_after
from tests.dse.fake import fake_space

AGENTS = (
    '[[agents]]\nname = "random"\n[[agents]]\nname = "nsga2"\nseeds = 2\n',
    "".join(f'[[agents]]\nname = "{name}"\nseeds = 2\n' for name in ("random", "nsga2", "local", "team")),
)
SHARE = ("seed = 7", "seed = 7\nshare = true")


class Attentive:
    """Sweeps the space by itself, and writes down what it heard of and what it proposed, in order."""

    capabilities = Capabilities()
    told: list

    def __init__(self, problem, seed):
        self.space, self.position = problem.space, 0
        rows = problem.space.sample(400, np.random.default_rng(3), feasible=True)
        self.rows = np.unique(rows, axis=0)[::-1]

    def ask(self, n):
        self.position += n
        return Proposal(self.rows[self.position - n : self.position])

    def tell(self, proposal, results):
        Attentive.told.append(("told", proposal.indices, results.costs))

    def hear(self, indices, results):
        Attentive.told.append(("heard", indices, results.costs))

    def state(self):
        return {"position": self.position}

    def load(self, state):
        self.position = state["position"]


@pytest.fixture
def attentive(monkeypatch):
    monkeypatch.setitem(registry.SEARCHERS, "attentive", "tests.dse.campaign.test_sharing:Attentive")
    monkeypatch.setattr(Attentive, "told", [], raising=False)


def test_a_run_hears_of_every_batch_of_the_others_before_its_next(attentive, campaign_file):
    file = campaign_file(
        SHARE,
        ('[[agents]]\nname = "nsga2"\nseeds = 2\n', '[[agents]]\nname = "attentive"\n'),
    )

    result = Campaign.from_file(file).run(threads=1)

    kinds = [kind for kind, _, _ in Attentive.told]
    assert kinds == ["heard", "told"] * 4
    heard = np.concatenate([rows for kind, rows, _ in Attentive.told if kind == "heard"])
    mine = result.trials.taken(result.trials.run == 2)
    theirs = result.trials.taken(result.trials.run == 1)
    known = set(result.record.space.keys(mine.indices).tolist())
    fresh = [row for row in theirs.indices.tolist() if tuple(row) in {tuple(one) for one in heard.tolist()}]
    assert len(fresh) == len(heard)
    assert set(result.record.space.keys(theirs.indices).tolist()) <= known | set(
        result.record.space.keys(heard).tolist()
    )


def test_what_is_heard_comes_with_its_costs(attentive, campaign_file):
    file = campaign_file(
        SHARE,
        ('[[agents]]\nname = "nsga2"\nseeds = 2\n', '[[agents]]\nname = "attentive"\n'),
    )

    result = Campaign.from_file(file).run(threads=1)

    _, rows, costs = Attentive.told[0]
    first = result.trials.taken((result.trials.run == 1) & (result.trials.batch == 0))
    assert rows.tolist() == first.indices.tolist()
    assert costs[:, 0].tolist() == first.metrics[:, result.record.schema.index("time_ns")].tolist()


def test_repetitions_stay_apart(attentive, campaign_file):
    file = campaign_file(
        SHARE,
        ('[[agents]]\nname = "nsga2"\nseeds = 2\n', '[[agents]]\nname = "attentive"\nseeds = 2\n'),
    )

    Campaign.from_file(file).run(threads=1)

    kinds = [kind for kind, _, _ in Attentive.told]
    assert kinds == ["heard", "told", "told"] * 4


def test_no_agent_that_listens_simulates_what_another_did_before(campaign_file):
    result = Campaign.from_file(campaign_file(SHARE, AGENTS)).run(threads=1)

    trials = result.trials.taken(result.trials.run > 0)
    repetition = np.array([run.repetition for run in result.record.runs])[trials.run]
    keys = result.record.space.keys(trials.indices)
    for number in (0, 1):
        mine = keys[(repetition == number) & (trials.origin != Origin.REPEAT)]
        assert len(np.unique(mine)) == len(mine)


def test_without_sharing_agents_have_no_part_in_each_other(campaign_file):
    alone = Campaign.from_file(campaign_file()).run(threads=1)
    shared = Campaign.from_file(campaign_file(SHARE)).run(threads=1)

    assert digest(alone) != digest(shared)


@pytest.mark.parametrize("batches", [1, 5, 10, 17, 23])
@pytest.mark.parametrize("snapshots", [True, False])
def test_a_shared_campaign_resumes_exactly(batches, snapshots, campaign_file, tmp_path, monkeypatch):
    file, store = campaign_file(SHARE, AGENTS), tmp_path / "store.sqlite"
    whole = Campaign.from_file(file).run(threads=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        stop_after(patch, batches)
        if not snapshots:
            patch.setattr(CampaignLoop, "_save_all", lambda self: self.store.flush())
        Campaign.from_file(file).run(store=store, threads=1)

    resumed = Campaign.from_file(file).resume(store=store, threads=1)

    assert digest(resumed) == digest(whole)


def test_snapshots_in_the_middle_change_nothing(campaign_file, tmp_path, monkeypatch):
    file, store = campaign_file(SHARE, AGENTS), tmp_path / "store.sqlite"
    whole = Campaign.from_file(file).run(threads=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        stop_after(patch, 21)
        patch.setattr(CampaignLoop, "__post_init__", _often(CampaignLoop.__post_init__))
        patch.setattr(CampaignLoop, "_save_all", lambda self: self.store.flush())
        Campaign.from_file(file).run(store=store, threads=1)

    resumed = Campaign.from_file(file).resume(store=store, threads=1)

    assert digest(resumed) == digest(whole)


def _often(original):
    """A snapshot after every second batch."""

    def post_init(loop) -> None:
        original(loop)
        loop.snapshot_every = 2

    return post_init


def test_the_number_of_workers_changes_nothing(campaign_file):
    file = campaign_file(SHARE, AGENTS)

    assert digest(Campaign.from_file(file).run(workers=1)) == digest(Campaign.from_file(file).run(workers=2))


def test_rows_of_the_whole_space_are_found_in_a_restricted_one():
    space = fake_space()
    narrow = space.restrict({"colour": ["green"], "depth": [2, 5], "mode": ["slow", "fast"]})
    rows = narrow.canonical(narrow.sample(50, np.random.default_rng(0)))

    assert narrowed(narrow.embed(rows, space), space, narrow).tolist() == rows.tolist()


def test_estimates_are_not_shared(attentive, campaign_file):
    file = campaign_file(
        SHARE,
        ('[[agents]]\nname = "nsga2"\nseeds = 2\n', '[[agents]]\nname = "attentive"\n'),
        ("[budget]", "[fidelity]\nrungs = [0.5]\nsampling = 'head'\n[budget]"),
    )

    result = Campaign.from_file(file).run(threads=1)

    full = result.trials.taken((result.trials.run == 1) & (result.trials.fidelity >= 1.0))
    heard = np.concatenate([rows for kind, rows, _ in Attentive.told if kind == "heard"])
    assert {row.tobytes() for row in heard} <= {row.tobytes() for row in full.indices}
