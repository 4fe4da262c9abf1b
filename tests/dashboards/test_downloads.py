"""Configurations to take away."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from dashboards.app import create_app
from dashboards.downloads import export_address, exported, file_name, zipped
from dashboards.source import CampaignSource
from tests.dashboards.frames import frame as made_frame
from tests.dashboards.stores import HOSTILE


@pytest.fixture
def client(dram_campaign):
    return create_app(dram_campaign).server.test_client()


@pytest.fixture
def trial(dram_campaign) -> int:
    frame = CampaignSource(dram_campaign).frame("1")
    return int(frame.trial[frame.front[0]])


@pytest.mark.parametrize("target", ["dramsys", "ramulator2", "dramsim3"])
def test_a_design_comes_as_a_zip_with_its_manifest(client, trial, target):
    answer = client.get(export_address("1", trial, target))

    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    manifest = json.loads(archive.read("export.json"))
    assert set(manifest["files"]) == set(archive.namelist())
    assert manifest["target"].lower().startswith(target[:6])
    assert f"tiny-{trial}-{target}.zip" in answer.headers["Content-Disposition"]


def test_the_same_design_gives_the_same_bytes(client, trial):
    first, second = (client.get(export_address("1", trial, "dramsys")).data for _ in range(2))

    assert first == second


@pytest.mark.parametrize(
    "path",
    [
        "/export/1/999999/dramsys.zip",
        "/export/9/1/dramsys.zip",
        "/export/tiny/1/dramsys.zip",
        "/export/1/1/verilog.zip",
        "/export/1/-1/dramsys.zip",
        "/export/..%2f..%2fetc/1/dramsys.zip",
        "/export/1/1/..%5c..%5cx.zip",
        "/export/1/1/%2e%2e%2fpasswd.zip",
        "/export/1/1/%252e%252e.zip",
        "/export/1/1/x%00.zip",
    ],
)
def test_what_is_not_there_is_not_found_and_nothing_leaks(client, path):
    answer = client.get(path)

    assert answer.status_code in (404, 422)
    assert b"root:" not in answer.data
    assert b"Traceback" not in answer.data


def test_a_design_that_the_target_cannot_hold_says_why(finished_store):
    client = create_app(finished_store).server.test_client()

    answer = client.get(export_address("1", 1, "dramsys"))

    assert answer.status_code == 422
    assert b"dramsys cannot hold this design" in answer.data


def test_a_file_name_has_nothing_to_mistake():
    frame = made_frame([(1, 2, 3)])
    object.__setattr__(frame, "name", HOSTILE + '"; filename="../../x\r\n')

    name = file_name(frame, 3, "dramsys")

    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    assert name.endswith("-3-dramsys.zip")


def test_links_are_not_followed_into_the_zip(tmp_path):
    (tmp_path / "real.txt").write_text("kept")
    (tmp_path / "link.txt").symlink_to("/etc/hostname")

    names = zipfile.ZipFile(io.BytesIO(zipped(tmp_path))).namelist()

    assert names == ["real.txt"]


def test_the_configuration_of_an_estimate_claims_no_measurement(dram_campaign):
    made = CampaignSource(dram_campaign).frame("1")
    row = int(made.front[0])
    guess = replace(made, fidelity=np.full(len(made), 0.25))

    manifests = [
        json.loads(zipfile.ZipFile(io.BytesIO(exported(one, row, "dramsys"))).read("export.json"))
        for one in (made, guess)
    ]

    assert [bool(manifest["metrics"]) for manifest in manifests] == [True, False]
