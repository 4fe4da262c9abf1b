"""`dse compare` on the fake simulator."""

from __future__ import annotations

import json

import pytest

from dse.campaign.loop import CampaignLoop

MATRIX = """[matrix]
objectives = [
    [{metric = "time_ns"}, {metric = "energy_pj"}],
    [{metric = "time_ns"}],
]
[budget]"""

MEMORY = """
simulator = {name = "dram", space = "dramgym"}
workloads = [{trace = "synthetic:bursty?n=100&seed=1"}]
objectives = [{metric = "energy_per_bit_pj"}]
agents = [{name = "random", seeds = 2}, {name = "local", seeds = 2}]
budget = {unique = 6, batch = 3}
name = "memory"
[space]
arbiter = ["Simple"]
max_active_transactions = [128]
refresh_max_postponed = [1]
refresh_max_pulledin = [1]
refresh_policy = ["AllBank"]
request_buffer_size = [8]
resp_queue = ["Fifo"]
scheduler = ["FrFcfs"]
scheduler_buffer = ["Shared"]
[matrix]
"space.page_policy" = [["Open", "Closed"], ["Open", "OpenAdaptive", "ClosedAdaptive"]]
"""


@pytest.fixture
def study_file(campaign_file):
    return campaign_file(
        ("[budget]", MATRIX),
        ('name = "random"', 'name = "random"\nseeds = 2'),
        ("unique = 60", "unique = 24"),
    )


def test_it_runs_what_is_missing_and_shows_the_tables(dse, study_file):
    done = dse("compare", study_file)

    assert done.returncode == 0
    assert "small: regret after so many unique simulations, interquartile mean (95 %)" in done.stdout
    assert "Median regret after 24 simulations, cell by cell" in done.stdout
    assert "Probability of less regret than random" in done.stdout
    assert "Kaplan-Meier" in done.stdout
    assert "objectives=time_ns + energy_pj" in done.stdout
    assert "The best known is that of all runs here and of the reference sample" in done.stdout


def test_few_seeds_are_warned_of_whatever_is_printed(dse, study_file):
    for options in ((), ("--json",), ("-q",)):
        assert "warning: Fewer than 10 seeds (the least: 2)" in dse("compare", study_file, *options).stderr


def test_json_has_every_table_and_the_warnings(dse, study_file):
    done = dse(
        "compare", study_file, "--json", "--budgets", "10,24", "--targets", "0.5", "--against", "local"
    )

    data = json.loads(done.stdout, parse_constant=pytest.fail)
    assert data["budgets_compared"] == [10, 24]
    assert {row["target"] for row in data["targets"]} == {0.5}
    assert {row["against"] for row in data["improvement"]} == {"local"}
    assert data["warnings"][0].startswith("Fewer than 10 seeds")
    assert data["entries"] == []


def test_quiet_prints_nothing_on_stdout(dse, study_file):
    assert dse("compare", study_file, "-q").stdout == ""


def test_a_folder_gets_the_report_and_a_file_the_curves(dse, study_file, tmp_path):
    done = dse("compare", study_file, "-o", "out", "--plot", "curves.html", "--by", "name")

    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "Wrote out/report.html and 9 more files.")
    assert "Comparison: small" in (tmp_path / "out/report.html").read_text()
    assert "Unique designs simulated" in (tmp_path / "curves.html").read_text()


def test_entries_of_one_algorithm_are_shown_by_name(dse, campaign_file):
    path = campaign_file(
        ('name = "random"', 'name = "local"\nlabel = "one"\nseeds = 2\noptions = { chains = 1 }'),
        ("unique = 60", "unique = 24"),
    )

    done = dse("compare", path, "--by", "name")

    assert "Entries of one algorithm after 24 simulations" in done.stdout
    assert '{"chains": 1}' in done.stdout
    assert "(default)" in done.stdout


def test_an_enumerated_cell_has_an_exact_optimum(dse, study_file):
    dse("compare", study_file, "-q")
    assert dse("enumerate", "small objectives=#2").returncode == 0

    done = dse("compare", study_file, "--no-run", "--json")

    known = {row["cell"]: row["known"] for row in json.loads(done.stdout)["cells"]}
    assert known == {"objectives=time_ns + energy_pj": "best known", "objectives=time_ns": "exact"}


def test_an_interrupted_comparison_goes_on_to_the_same_report(dse, study_file, monkeypatch, tmp_path):
    original = CampaignLoop._batch
    batches = []

    def interrupt(self, run, meter):
        original(self, run, meter)
        batches.append(run)
        self.stop.raised = len(batches) == 9

    with monkeypatch.context() as patch:
        patch.setattr(CampaignLoop, "_batch", interrupt)
        cut = dse("compare", study_file, "-o", "first")
    resumed = dse("compare", study_file, "-o", "first")
    whole = dse("compare", study_file, "-o", "second", "--store", tmp_path / "other.sqlite")

    assert (cut.returncode, resumed.returncode, whole.returncode) == (130, 0, 0)
    assert "The same command goes on" in cut.stderr
    reports = [(tmp_path / name / "report.json").read_bytes() for name in ("first", "second")]
    assert reports[0] == reports[1]
    pages = [(tmp_path / name / "report.html").read_bytes() for name in ("first", "second")]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--against", "locl"), "no agent is called 'locl'. Did you mean 'local'?"),
        (("--budgets", "10,25"), "25 is outside what is run: expected 1 to 24"),
        (("--budgets", "ten"), "--budgets: got 'ten', expected numbers between commas"),
        (("--targets", "2"), "expected a regret from 0 to below 1"),
        (("--by", "agent"), "expected 'label' or 'name'"),
        (("--plot", "x.gif"), "x.gif cannot be drawn"),
        (("--no-run",), "there is no store"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_simulated(dse, study_file, options, said, tmp_path):
    done = dse("compare", study_file, *options)

    assert done.returncode == 3
    assert said in done.stderr
    assert not (tmp_path / "store.sqlite").exists()


def test_a_missing_campaign_is_named_where_nothing_may_be_run(dse, study_file):
    dse("compare", study_file, "-q")
    dse("rm", "small objectives=#2", "--yes")

    done = dse("compare", study_file, "--no-run")

    assert done.returncode == 3
    assert "no campaign 'small objectives=#2'" in done.stderr


def test_one_seed_is_refused_with_its_line(dse, campaign_file):
    done = dse("compare", campaign_file())

    assert done.returncode == 3
    assert "campaign.toml:15: agents[0]: agent 'random' has one seed" in done.stderr


def test_without_a_feasible_design_the_exit_code_is_4(dse, campaign_file):
    path = campaign_file(
        ("at_least = 0.8", "at_least = 1.5"),
        ('name = "random"', 'name = "random"\nseeds = 2'),
        ("unique = 60", "unique = 8"),
    )

    done = dse("compare", path)

    assert done.returncode == 4
    assert "No feasible design was found within the budget of: small" in done.stderr
    assert "every regret is 1" in done.stderr


def test_what_is_no_store_is_exit_code_5(dse, study_file, tmp_path):
    (tmp_path / "novel.txt").write_text("It was a dark and stormy night. " * 100)

    assert dse("compare", study_file, "--store", "novel.txt").returncode == 5


def test_a_folder_that_cannot_be_written_is_an_error_of_its_own(dse, study_file, tmp_path):
    (tmp_path / "taken").write_text("a file")

    done = dse("compare", study_file, "-o", "taken")

    assert done.returncode == 5
    assert "taken cannot be written" in done.stderr


def test_exact_visits_every_design_first_and_only_once(dse, study_file):
    first = dse("compare", study_file, "--exact", "--json")
    again = dse("compare", study_file, "--exact", "--json")

    data = json.loads(first.stdout)
    assert [row["known"] for row in data["cells"]] == ["exact", "exact"]
    assert "-enumerated" in first.stderr
    assert "-enumerated" not in again.stderr
    assert again.stdout == first.stdout


def test_exact_without_running_is_refused(dse, study_file):
    done = dse("compare", study_file, "--exact", "--no-run")

    assert done.returncode == 3
    assert "exclude each other" in done.stderr


@pytest.mark.slow
def test_campaigns_run_at_a_time_give_the_same_report(dse, tmp_path):
    study = tmp_path / "memory.toml"
    study.write_text(MEMORY)

    one = dse("compare", study, "--json", "--exact", "--store", tmp_path / "one.sqlite")
    two = dse("compare", study, "--json", "--exact", "--jobs", "2", "--store", tmp_path / "two.sqlite")

    assert "page_policy=#2 done" in two.stderr
    assert two.stdout == one.stdout != ""


def test_a_mistake_in_one_of_several_at_a_time_is_told(dse, campaign_file):
    wrong = campaign_file(
        ("[budget]", "[matrix]\nseed = [1, 2]\n[budget]"),
        ('name = "random"', 'name = "random"\nseeds = 2\noptions = { n = 1 }'),
    )

    done = dse("compare", wrong, "--jobs", "2")

    assert done.returncode == 3
    assert "unknown option 'n'" in done.stderr
