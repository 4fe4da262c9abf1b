"""What is compared with what, and what is refused before anything is simulated."""

from __future__ import annotations

import pytest

from dse.campaign.study import Study
from dse.comparison.plan import Plan
from dse.errors import ConfigError, LookupFailed


def plan_of(study, **options):
    return Plan.of(Study.of(study), **options)


def test_a_file_without_a_matrix_is_one_cell(study):
    del study["matrix"]

    plan = plan_of(study)

    assert [cell.name for cell in plan.cells] == ["which"]
    assert plan.labels == ("random", "local")
    assert (plan.control, plan.budgets) == ("random", (4, 12, 40))


def test_cells_are_named_by_their_values_and_lists_by_what_is_in_them(study):
    study["matrix"]["simulator.device"] = ["plain", "other"]

    plan = plan_of(study)

    assert [cell.name for cell in plan.cells] == [
        "objectives=time_ns + energy_pj device=plain",
        "objectives=time_ns + energy_pj device=other",
        "objectives=energy_pj device=plain",
        "objectives=energy_pj device=other",
    ]


def test_lists_that_read_alike_are_numbered(study):
    study["matrix"]["objectives"] = [
        [{"metric": "energy_pj"}, {"metric": "served", "at_least": bound}] for bound in (0.7, 0.8)
    ]

    assert [cell.name for cell in plan_of(study).cells] == ["objectives=#1", "objectives=#2"]


def test_a_matrix_over_workloads_names_them(study):
    study["matrix"] = {"workloads": [[{"trace": "synthetic:stream?n=100", "name": n}] for n in ("a", "b")]}

    assert [cell.name for cell in plan_of(study).cells] == ["workloads=a", "workloads=b"]


def test_a_matrix_over_the_options_of_an_agent_makes_entries_of_one_cell(study):
    study["matrix"] = {"agents.1.options.chains": [1, 2], "budget.batch": [8, 4]}

    plan = plan_of(study)

    assert [cell.name for cell in plan.cells] == ["batch=8", "batch=4"]
    assert plan.labels == ("random", "local chains=1", "local chains=2")
    assert plan.cells[0].campaigns == ("which chains=1 batch=8", "which chains=2 batch=8")


def test_a_campaign_that_adds_no_agent_to_a_cell_is_not_read(study):
    study["matrix"] = {"agents.0.label": ["a", "a again"]}

    plan = plan_of(study)

    assert plan.labels == ("a", "local", "a again")
    assert [entry.campaign for entry in plan.cells[0].entries] == [
        "which label=a",
        "which label=a",
        "which label=a again",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"budget": {"cpu_seconds": 3.0}}, "expected `unique` and no limit in seconds"),
        ({"budget": {"unique": 9, "wall_seconds": 3.0}}, "expected `unique` and no limit in seconds"),
        ({"share": True}, "have each other's simulations for nothing"),
        ({"agents": [{"name": "random", "seeds": 2}, {"name": "local"}]}, "'local' has one seed"),
        ({"agents": [{"name": "random", "seeds": 2}]}, "one agent only, 'random'"),
    ],
)
def test_what_cannot_be_compared_is_refused(study, change, said):
    with pytest.raises(ConfigError, match=said):
        plan_of({**study, **change})


def test_a_refusal_names_file_and_line(tmp_path):
    path = tmp_path / "one.toml"
    path.write_text(
        'name = "one"\nworkloads = [{trace = "sample:sort"}]\nobjectives = [{metric = "energy_pj"}]\n'
        'budget = {unique = 3}\n[[agents]]\nname = "random"\n'
    )

    with pytest.raises(ConfigError, match=r"one.toml:5: agents\[0\]: agent 'random' has one seed"):
        Plan.of(Study.from_file(path))


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"against": "lokal"}, LookupFailed, "no agent is called 'lokal'. Did you mean 'local'"),
        ({"against": "zzz"}, LookupFailed, "There are 'random', 'local'"),
        ({"budgets": [10, 41]}, ConfigError, "41 is outside what is run: expected 1 to 40"),
        ({"budgets": [0]}, ConfigError, "0 is outside what is run"),
        ({"budgets": []}, ConfigError, "one number of simulations or more"),
        ({"targets": [0.1, 1.0]}, ConfigError, "expected a regret from 0 to below 1"),
        ({"by": "agent"}, ConfigError, "expected 'label' or 'name'"),
    ],
)
def test_a_wrong_option_is_refused(study, options, error, said):
    with pytest.raises(error, match=said):
        plan_of(study, **options)


def test_budgets_end_where_the_smallest_cell_does(study):
    study["matrix"] = {"budget.unique": [100, 50]}

    assert plan_of(study).budgets == (5, 15, 50)
    with pytest.raises(ConfigError, match="1 to 50, the budget of 'unique=50'"):
        plan_of(study, budgets=[60])


def test_budgets_rise_and_targets_fall_whatever_their_order(study):
    plan = plan_of(study, budgets=[40, 10, 10], targets=[0.01, 0.2])

    assert (plan.budgets, plan.targets) == ((10, 40), (0.2, 0.01))


def test_agents_that_differ_between_cells_are_refused(study):
    study["matrix"] = {"seed": [1, 2]}
    first, second = Study.of(study).configs
    renamed = second.agents[1].model_copy(update={"label": "elsewhere"})
    other = second.model_copy(update={"agents": [second.agents[0], renamed]})

    with pytest.raises(ConfigError, match="expected the same in every cell"):
        Plan.of(Study((first, other), Study.of(study).source, Study.of(study).base))
