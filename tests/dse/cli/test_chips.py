"""Commands on a campaign of the SoC simulator."""

from __future__ import annotations

import json

import pytest

from dse.cli.main import run_command_line

FILE = """
name = "chips"
[simulator]
name = "soc"
[[workloads]]
trace = "synthetic:chase?n=3000"
copies = 2
warmup = 500
[[objectives]]
metric = "time_us"
[[objectives]]
metric = "area_mm2"
[[agents]]
name = "random"
[budget]
unique = 6
batch = 3
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run `dse ARGS` in this process, in a folder with a campaign file; status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSE_STORE", str(tmp_path / "store.sqlite"))
    (tmp_path / "chips.toml").write_text(FILE)

    def run_here(*args):
        status = run_command_line(list(args))
        out, err = capsys.readouterr()
        return status, out, err

    return run_here


def test_a_campaign_of_chips_is_checked_tried_and_run(run):
    _, checked, _ = run("campaign", "check", "chips.toml")
    assert "chase x 2 (3,000 instructions on 2 cores, weight 1)" in checked
    status, tried, _ = run("run", "chips.toml", "--dry-run")
    assert status == 0
    assert "chase x 2 (3,000 instructions on 2 cores)" in " ".join(tried.split())

    status, *_ = run("run", "chips.toml")
    _, shown, _ = run("front", "chips", "--json")

    assert status == 0
    front = json.loads(shown)
    assert front["trials"] > 6
    assert front["baseline"]["design"]["width"] == 4


@pytest.mark.parametrize("command", [("export", "chips", "1", "--to", "dramsys"), ("replay", "chips", "1")])
def test_a_chip_is_no_memory_controller(run, command):
    run("run", "chips.toml")

    status, _, error = run(*command)

    assert status == 3
    assert "is a design of simulator 'soc', which runs programs" in " ".join(error.split())


def test_the_space_is_listed(run):
    status, out, _ = run("space", "--simulator", "soc", "--json")

    assert status == 0
    assert "llc_replacement" in out


def test_the_simulator_is_listed(run):
    assert "SocSimulator" in run("simulators")[1]
