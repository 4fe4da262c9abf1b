"""What every export promises: complete, inside its directory, never over a file, with a manifest."""

from __future__ import annotations

import json

import pytest

from dse.errors import DseError, InputError
from dse.export import MANIFEST, Loss, Plan, publish
from dse.metrics import Metrics, MetricSchema, MetricSpec
from dse.point import DesignPoint

POINT = DesignPoint(("a", "b"), (1, "x"))
PLAN = Plan("tool", "1.0", {"folder/file.txt": "a = 1\n"}, {"a": "a = 1"}, (Loss("b", "x", "no such thing"),))


def test_files_and_manifest_are_written(tmp_path):
    manifest = publish(PLAN, POINT, {"device": "d"}, tmp_path)

    written = json.loads((tmp_path / MANIFEST).read_text())
    assert (tmp_path / "folder/file.txt").read_text() == "a = 1\n"
    assert manifest.files == (MANIFEST, "folder/file.txt")
    assert written["design"] == {"a": 1, "b": "x"}
    assert written["design_id"] == POINT.id
    assert written["losses"] == [
        {"parameter": "b", "value": "x", "reason": "no such thing", "written_as": None}
    ]


def test_metrics_keep_their_units_and_a_failed_one_becomes_null(tmp_path):
    schema = MetricSchema([MetricSpec("time_ns", "ns", "min"), MetricSpec("energy_pj", "pJ", "min")])

    publish(PLAN, POINT, {}, tmp_path, metrics=Metrics(schema, [2.5, float("nan")]))

    written = json.loads((tmp_path / MANIFEST).read_text())["metrics"]
    assert written == {"time_ns": {"value": 2.5, "unit": "ns"}, "energy_pj": {"value": None, "unit": "pJ"}}


def test_a_parameter_that_is_neither_written_nor_lost_is_a_fault_of_the_exporter(tmp_path):
    forgetful = Plan("tool", "1.0", {"file": ""}, {"a": "a = 1"}, ())

    with pytest.raises(DseError, match="neither wrote nor lost b"):
        publish(forgetful, POINT, {}, tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/outside.txt", "a/../../outside.txt"])
def test_no_path_leaves_the_directory(tmp_path, name):
    escaping = Plan("tool", "1.0", {"fine.txt": "", name: "x"}, PLAN.written, PLAN.losses)
    target = tmp_path / "target"

    with pytest.raises(InputError, match="leads out of"):
        publish(escaping, POINT, {}, target)

    assert list(tmp_path.rglob("*.txt")) == []


def test_a_link_that_leads_out_is_not_followed(tmp_path):
    target, elsewhere = tmp_path / "target", tmp_path / "elsewhere"
    target.mkdir()
    elsewhere.mkdir()
    (target / "folder").symlink_to(elsewhere)

    with pytest.raises(InputError, match="leads out of"):
        publish(PLAN, POINT, {}, target)

    assert list(elsewhere.iterdir()) == []


def test_existing_files_are_kept_unless_overwriting_is_allowed(tmp_path):
    publish(PLAN, POINT, {}, tmp_path)
    (tmp_path / "folder/file.txt").write_text("mine")

    with pytest.raises(InputError, match="--force"):
        publish(PLAN, POINT, {}, tmp_path)
    kept = (tmp_path / "folder/file.txt").read_text()
    publish(PLAN, POINT, {}, tmp_path, force=True)

    assert kept == "mine"
    assert (tmp_path / "folder/file.txt").read_text() == "a = 1\n"
