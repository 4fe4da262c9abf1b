"""`dse export` and `dse replay` on a small campaign: what they print, write and refuse."""

from __future__ import annotations

import csv
import gzip
import json

import pytest

import dse
from dse.cli.main import run_command_line

CONFIG = {
    "name": "small",
    "seed": 1,
    "simulator": {"name": "dram", "device": "ddr4-2400-8gb-x8"},
    "workloads": [
        {"trace": "synthetic:uniform_random?n=600&seed=1", "name": "scattered"},
        {"trace": "synthetic:stream?n=400", "name": "stream", "arrival_scale": 2.0, "length": 300},
    ],
    "objectives": [{"metric": "read_latency_p95_ns"}, {"metric": "energy_per_bit_pj"}],
    "agents": [{"name": "random"}],
    "budget": {"unique": 4, "batch": 2},
}
TRIAL = "3"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("campaign") / "campaigns.sqlite"
    dse.Campaign(CONFIG).run(store=path, threads=1)
    return path


@pytest.fixture
def run(store, tmp_path, monkeypatch, capsys):
    """Runs `dse ...` in a fresh folder with the store of the small campaign; gives status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSE_STORE", str(store))

    def run(*args):
        status = run_command_line(list(args))
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.mark.parametrize("target", ["dramsys", "ramulator2", "dramsim3"])
def test_a_design_is_exported_with_trace_manifest_and_losses(run, tmp_path, target):
    status, out, _ = run("export", "small", TRIAL, "--to", target)

    manifest = json.loads((tmp_path / f"small-{TRIAL}-{target}" / "export.json").read_text())
    assert status == 0
    assert manifest["trace"]["requests"] == 600
    assert manifest["simulator"]["device"] == "ddr4-2400-8gb-x8"
    assert {"build_id", "space_hash"} <= set(manifest["simulator"])
    assert manifest["metrics"]["energy_per_bit_pj"]["unit"] == "pJ/bit"
    assert "does not carry over" in out


def test_another_workload_is_written_as_it_was_run(run, tmp_path):
    run("export", "small", TRIAL, "--to", "dramsim3", "--workload", "stream", "--out", "there")

    assert len((tmp_path / "there" / "traces" / "stream.trc").read_text().splitlines()) == 300


def test_the_manifest_is_printed_as_json(run):
    status, out, _ = run("export", "small", TRIAL, "--to", "dramsys", "--no-trace", "--json")

    assert status == 0
    assert json.loads(out)["trace"] is None


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["small", "3", "--to", "dramsyss"], "Did you mean 'dramsys'?"),
        (["small", "999", "--to", "dramsys"], "no trial 999"),
        (["smal", "3", "--to", "dramsys"], "Did you mean 'small'?"),
        (["small", "3", "--to", "dramsys", "--workload", "streem"], "'scattered', 'stream'"),
        (["small", "3", "--to", "dramsys", "--target-version", "1"], "'5.5', '4.0'"),
    ],
)
def test_a_wrong_name_is_answered_with_those_that_exist(run, args, words):
    status, _, err = run("export", *args)

    assert status == 3
    assert words in err


def test_an_export_never_overwrites_by_itself(run):
    run("export", "small", TRIAL, "--to", "dramsys")

    refused, _, err = run("export", "small", TRIAL, "--to", "dramsys")
    allowed, _, _ = run("export", "small", TRIAL, "--to", "dramsys", "--force")

    assert (refused, allowed) == (3, 0)
    assert "--force" in err


def test_a_replay_measures_what_the_campaign_measured(run, store):
    status, out, _ = run("replay", "small", TRIAL, "--json")

    with dse.store.open_reader(store) as reader:
        detail = reader.detail(reader.campaign("small").id, int(TRIAL))
    assert status == 0
    assert json.loads(out)["metrics"] == pytest.approx(dict(detail.workloads[0][1]))


def test_a_design_from_a_file_runs_on_any_trace(run, tmp_path):
    (tmp_path / "mine.toml").write_text('[design]\npage_policy = "Closed"\n')

    status, out, _ = run(
        "replay", "mine.toml", "--trace", "synthetic:stream?n=200", "--device", "ddr4-3200-8gb-x8", "--json"
    )

    report = json.loads(out)
    assert status == 0
    assert report["design"]["page_policy"] == "Closed"
    assert report["simulator"]["device"] == "ddr4-3200-8gb-x8"
    assert report["metrics"]["auto_precharges"] == 200


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_the_command_log_holds_every_command(run, tmp_path, suffix):
    name = f"commands{suffix}"

    _, out, _ = run("replay", "--trace", "synthetic:stream?n=200", "--log", name, "--audit", "--json")

    written = (tmp_path / name).read_bytes()
    text = gzip.decompress(written) if suffix == ".csv.gz" else written
    rows = list(csv.DictReader(text.decode().splitlines()))
    report = json.loads(out)
    assert len(rows) == report["log"]["commands"]
    assert sum(row["command"].startswith(("RD", "WR")) for row in rows) == 200
    assert report["violations"] == []


def test_the_load_curve_is_tabulated_and_drawn(run, tmp_path):
    _, out, _ = run("replay", "--trace", "synthetic:uniform_random?n=500", "--load", "0.2:0.8:0.3", "--json")
    status, shown, _ = run(
        "replay", "--trace", "synthetic:uniform_random?n=500", "--load", "0.2,0.8", "--plot", "curve.html"
    )

    points = json.loads(out)["load_curve"]["points"]
    assert [round(point["load"], 2) for point in points] == [0.2, 0.5, 0.8]
    assert status == 0
    assert "latency against bandwidth" in shown
    assert "plotly" in (tmp_path / "curve.html").read_text().lower()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "--trace"),
        (["nothing"], "CAMPAIGN TRIAL"),
        (["missing.json", "--trace", "synthetic:stream?n=9"], "missing.json"),
        (["small", TRIAL, "--device", "ddr4-3200-8gb-x8"], "leave the option out"),
        (["small", TRIAL, "--trace", "synthetic:stream?n=9", "--workload", "stream"], "exclude each other"),
        (["--trace", "synthetic:stream?n=9", "--load", "0.5:0.1:0.1"], "FIRST:LAST:STEP"),
        (["--trace", "synthetic:stream?n=9", "--plot", "x.html"], "--load"),
        (["--trace", "synthetic:stream?n=9", "--device", "ddr5"], "ddr4-2400-8gb-x8"),
    ],
)
def test_what_a_replay_lacks_is_said(run, args, words):
    status, _, err = run("replay", *args)

    assert status == 3
    assert words in err


def test_a_wrong_parameter_in_a_design_file_names_the_file(run, tmp_path):
    (tmp_path / "mine.json").write_text('{"page_polcy": "Open"}')

    status, _, err = run("replay", "mine.json", "--trace", "synthetic:stream?n=9")

    assert status == 3
    assert "mine.json" in err
    assert "page_policy" in err


def test_a_log_that_cannot_be_written_is_a_message(run):
    status, _, err = run("replay", "--trace", "synthetic:stream?n=9", "--log", "no/such/folder/log.csv")

    assert status == 1
    assert "cannot be written" in err
