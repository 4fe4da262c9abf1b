"""`dse export` on a small campaign: what it prints, writes and refuses."""

from __future__ import annotations

import json

import pytest

TRIAL = "3"


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
