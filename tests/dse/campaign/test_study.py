from __future__ import annotations

import pytest

from dse.campaign import Campaign
from dse.campaign.loop import CampaignLoop
from dse.campaign.study import Study
from dse.errors import ConfigError
from dse.store import open_reader

MATRIX = """[matrix]
seed = [1, 2]
"agents.1.name" = ["nsga2", "local"]
[matrix.budget]
unique = [20]
[budget]"""


@pytest.fixture
def study_file(campaign_file):
    return campaign_file(("[budget]", MATRIX))


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store.sqlite"


def test_every_combination_is_a_campaign_with_a_name_that_tells_it(study_file):
    study = Study.from_file(study_file)

    assert [config.name for config in study.configs] == [
        "small seed=1 name=nsga2 unique=20",
        "small seed=1 name=local unique=20",
        "small seed=2 name=nsga2 unique=20",
        "small seed=2 name=local unique=20",
    ]
    assert [(c.seed, c.agents[1].name, c.budget.unique) for c in study.configs] == [
        (1, "nsga2", 20),
        (1, "local", 20),
        (2, "nsga2", 20),
        (2, "local", 20),
    ]


def test_a_file_without_a_matrix_is_a_study_of_one(campaign_file):
    study = Study.from_file(campaign_file())

    assert not study.expanded
    assert [config.name for config in study.configs] == ["small"]


def test_tables_are_named_by_their_label_or_number(campaign_file):
    text = '[matrix]\nagents = [[{name = "random"}], [{name = "local"}]]\n[budget]'
    whole = Study.from_file(campaign_file(("[budget]", text)))
    loads = [f'{{trace = "sample:sort", name = "{name}"}}' for name in ("sort", "b")]
    text = f"[matrix]\nworkloads.0 = [{', '.join(loads)}]\n[budget]"
    named = Study.from_file(campaign_file(("[budget]", text)))

    assert [config.name for config in whole.configs] == ["small agents=#1", "small agents=#2"]
    assert [config.name for config in named.configs] == ["small workloads=sort", "small workloads=b"]


def test_a_campaign_of_a_study_is_the_campaign_of_its_own_file(study_file, campaign_file, store):
    results = Study.from_file(study_file).run(store=store)

    alone = campaign_file(("seed = 7", "seed = 2"), ("unique = 60", "unique = 20"), name="alone.toml")
    assert digest_of_designs(results[2]) == digest_of_designs(Campaign.from_file(alone).run())


def test_an_interrupted_study_goes_on_where_it_ended(study_file, store, monkeypatch):
    original = CampaignLoop._batch
    batches = []

    def interrupt(self, run, meter):
        original(self, run, meter)
        batches.append(run)
        self.stop.raised = len(batches) == 7

    monkeypatch.setattr(CampaignLoop, "_batch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Study.from_file(study_file).run(store=store)
    with open_reader(store) as reader:
        assert sorted(row.state for row in reader.campaigns()) == ["finished", "interrupted"]

    results = Study.from_file(study_file).run(store=store)

    with open_reader(store) as reader:
        assert {row.state for row in reader.campaigns()} == {"finished"}
        assert len(reader.campaigns()) == 4
    whole = Study.from_file(study_file).run(store=store.with_name("whole.sqlite"))
    simulated = [digest_of_designs(result) for result in results]
    assert simulated == [digest_of_designs(result) for result in whole]


def digest_of_designs(result):
    return [result.trials.indices.tolist(), result.trials.metrics.tolist(), result.trials.run.tolist()]


@pytest.mark.parametrize(
    ("matrix", "line", "key", "said"),
    [
        ("seed = 3", 21, "matrix.seed", "expected a list"),
        ("seed = []", 21, "matrix.seed", "expected a list"),
        ("name = ['a', 'b']", 21, "matrix.name", "leave `name` out"),
        ("'agents.9.name' = ['a']", 21, "matrix", "a number from 0 to 1"),
        ("'seed.x' = [1]", 21, "matrix", "is a value, not a table"),
        ("seed = [1, 1]", 20, "matrix", "listed twice"),
        ("sed = [1]", None, "sed", "Did you mean 'seed'"),
        ("seed = ['x']", 3, "seed", "valid integer"),
        ("", 20, "matrix", "expected keys"),
    ],
)
def test_a_mistake_in_the_matrix_is_reported_with_its_place(campaign_file, matrix, line, key, said):
    path = campaign_file(("[budget]", f"[matrix]\n{matrix}\n[budget]"))

    with pytest.raises(ConfigError) as caught:
        Study.from_file(path)

    assert said in str(caught.value)
    assert caught.value.line == line
    assert caught.value.key.startswith(key)


def test_a_matrix_cannot_be_read_as_one_campaign(study_file):
    with pytest.raises(ConfigError, match=r"campaign.toml:20: matrix: .*`dse run`"):
        Campaign.from_file(study_file)


def test_too_many_combinations_are_refused(campaign_file):
    axes = f"seed = {list(range(101))}\nbudget.batch = {list(range(1, 101))}"
    path = campaign_file(("[budget]", f"[matrix]\n{axes}\n[budget]"))

    with pytest.raises(ConfigError, match="10,100 combinations"):
        Study.from_file(path)
