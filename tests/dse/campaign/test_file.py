from __future__ import annotations

import pytest

from dse.campaign import Campaign
from dse.campaign.file import read_campaign_file
from dse.errors import ConfigError, InfeasibleError, InputError, LookupFailed, SpaceError


def test_a_good_file_is_read(campaign_file):
    config, source = read_campaign_file(campaign_file())

    assert config.name == "small"
    assert config.budget.proposal_limit == 600
    assert source.lines[("budget", "unique")] == 21


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "message"),
    [
        ("seed = 7", "sede = 7", 3, "sede", "unknown key 'sede'. Did you mean 'seed'?"),
        ("seed = 7", 'seed = "7"', 3, "seed", "got '7', expected a valid integer"),
        ("seed = 7", "seed = -7", 3, "seed", "expected greater than or equal to 0"),
        ("at_least = 0.8", "atleast = 0.8", 14, "objectives[2].atleast", "Did you mean 'at_least'?"),
        ("seeds = 2", "seeds = 0", 19, "agents[1].seeds", "expected greater than or equal to 1"),
        ("unique = 60\n", "", 20, "budget", "expected a limit: unique, proposals"),
        ('metric = "energy_pj"', 'metric = "energy_p"', 11, "objectives[1].metric", "'energy_pj'?"),
        ('name = "nsga2"', 'name = "nsg2"', 18, "agents[1].name", "Did you mean 'nsga2'?"),
        ('name = "fake"', 'name = "fak"', 5, "simulator.name", "Did you mean 'fake'?"),
        ('name = "fake"', 'name = "fake"\ndevise = 3', 6, "simulator.devise", "Did you mean 'device'?"),
        ("seeds = 2", 'options = {popula = 3}', 19, "agents[1].options", "popula"),
        ("[budget]", "[space]\nbuffers = [3]\n[budget]", 21, "space.buffers", "The nearest is 2"),
        ("[budget]", "[space]\nbufers = [2]\n[budget]", 21, "space.bufers", "Did you mean 'buffers'?"),
        ('metric = "served"\nat_least', 'metric = "power_mw"\n#', 12, "objectives[2]", "power_mw needs"),
        ("[budget]", "[budget", 20, None, "not valid TOML"),
        ('"nsga2"', '"random"', None, None, "give one a label"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_its_place(campaign_file, old, new, line, key, message):
    path = campaign_file((old, new))

    with pytest.raises(InputError) as caught:
        Campaign.from_file(path)

    assert message in str(caught.value)
    assert (caught.value.path, caught.value.line, caught.value.key) == (str(path), line, key)


def test_several_mistakes_are_reported_together(campaign_file):
    path = campaign_file(("seed = 7", "sede = 7"), ("seeds = 2", "seedz = 2"))

    with pytest.raises(ConfigError, match=r"(?s)sede.*campaign\.toml:19: agents\[1\].seedz"):
        Campaign.from_file(path)


def test_a_missing_file_names_the_nearest(campaign_file):
    path = campaign_file()

    with pytest.raises(ConfigError, match=r"Did you mean 'campaign.toml'\?"):
        read_campaign_file(path.with_name("campain.toml"))


def test_a_binary_file_is_refused(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match="UTF-8"):
        read_campaign_file(path)


def test_a_space_without_feasible_design_is_refused(campaign_file):
    path = campaign_file(("[budget]", '[space]\nmode = "unsafe"\n[budget]'))

    with pytest.raises(InfeasibleError, match="safe"):
        Campaign.from_file(path)


def test_a_missing_trace_is_located(campaign_file):
    path = campaign_file(("synthetic:stream?n=500&seed=1", "nowhere.stl"))

    with pytest.raises(InputError, match="nowhere"):
        Campaign.from_file(path)


def test_the_baseline_may_come_from_a_file(campaign_file, tmp_path):
    (tmp_path / "base.json").write_text('{"design": {"buffers": 64}}')
    path = campaign_file(("seed = 7", 'seed = 7\nbaseline = "base.json"'))

    assert Campaign.from_file(path).setup.baseline.buffers == 64


def test_a_baseline_outside_the_space_is_located(campaign_file):
    path = campaign_file(("[budget]", "[baseline]\nbuffers = 3\n[budget]"))

    with pytest.raises(SpaceError) as caught:
        Campaign.from_file(path)

    assert (caught.value.line, caught.value.key) == (21, "baseline.buffers")


def test_an_unknown_simulator_is_a_lookup_error(campaign_file):
    with pytest.raises(LookupFailed):
        Campaign.from_file(campaign_file(('name = "fake"', 'name = "zzz"')))
