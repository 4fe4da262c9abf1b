"""`dse replay` on a small campaign: what it prints, writes, compares and refuses."""

from __future__ import annotations

import csv
import gzip
import json

import numpy as np
import pytest

import dse
import traces
from traces.trace import Trace

TRIAL = "3"
STREAM = "synthetic:stream?n=200"
SCATTERED = "synthetic:uniform_random?n=400&seed=1"
SCHEDULER = """
from simulators.dram.reference import ReferenceController


class InOrder(ReferenceController):
    def schedule(self, channel, bank):
        return bank.queue[0]
"""


def test_a_replay_measures_what_the_campaign_measured(run, small_store):
    status, out, _ = run("replay", "small", TRIAL, "--json")

    with dse.store.open_reader(small_store) as reader:
        detail = reader.detail(reader.campaign("small").id, int(TRIAL))
    assert status == 0
    assert json.loads(out)["metrics"] == pytest.approx(dict(detail.workloads[0][1]))


def test_a_design_from_a_file_runs_on_any_trace(run, tmp_path):
    (tmp_path / "mine.toml").write_text('[design]\npage_policy = "Closed"\n')

    status, out, _ = run("replay", "mine.toml", "--trace", STREAM, "--device", "ddr4-3200-8gb-x8", "--json")

    report = json.loads(out)
    assert status == 0
    assert report["design"]["page_policy"] == "Closed"
    assert report["simulator"]["device"] == "ddr4-3200-8gb-x8"
    assert report["metrics"]["auto_precharges"] == 200


def test_the_memory_is_arranged_as_asked(run, tmp_path):
    args = [
        "replay",
        "--trace",
        STREAM,
        "-o",
        "channels=2",
        "-o",
        "ranks=2",
        "-o",
        "controller.page_timeout=9",
        "--audit",
    ]

    _, out, _ = run(*args, "--log", "log.csv", "--timeline", "out.json", "--json")

    report = json.loads(out)
    channels = {line["channel"] for line in csv.DictReader((tmp_path / "log.csv").read_text().splitlines())}
    events = json.loads((tmp_path / "out.json").read_text())["traceEvents"]
    assert channels == {"0", "1"}
    assert {event["pid"] for event in events} == {0, 1}
    assert sum(report["time_by_cause_ns"].values()) == pytest.approx(report["metrics"]["elapsed_ns"])
    assert report["violations"] == []


def test_a_trace_read_piece_by_piece_gives_the_metrics_of_the_whole(run, tmp_path):
    lines = [f"{12 * k}: {'write' if k % 3 else 'read'} 0x{64 * (k * 37 % 5000):x}" for k in range(3000)]
    (tmp_path / "mine.stl").write_text("\n".join(lines) + "\n")
    args = ["replay", "--trace", "mine.stl", "--clock-mhz", "1200", "--warmup", "100", "--json"]

    whole, pieces = run(*args), run(*args, "--in-pieces")

    assert whole[0] == pieces[0] == 0
    assert json.loads(pieces[1])["metrics"] == json.loads(whole[1])["metrics"]


def test_a_part_of_a_trace_is_replayed_as_if_it_were_all(run, tmp_path):
    lines = [f"{12 * k}: read 0x{64 * (k * 37 % 5000):x}" for k in range(3000)]
    (tmp_path / "all.stl").write_text("\n".join(lines) + "\n")
    part = [f"{12 * k}: read 0x{64 * ((k + 1000) * 37 % 5000):x}" for k in range(500)]
    (tmp_path / "part.stl").write_text("\n".join(part) + "\n")
    args = ["--clock-mhz", "1200", "--warmup", "100", "--json"]

    cut = run("replay", "--trace", "all.stl", "--start", "1000", "--length", "500", *args)
    alone = run("replay", "--trace", "part.stl", *args)

    found, expected = (json.loads(out)["metrics"] for _, out, _ in (cut, alone))
    same = ("requests", "reads", "row_hits", "row_conflicts", "activates", "elapsed_ns")
    assert [found[name] for name in same] == [expected[name] for name in same]


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--trace", "sample:sort"], "expected --trace FILE"),
        (["--trace", "mine.stl", "--audit"], "leave --audit out"),
        (["--trace", "mine.stl", "--length", "5"], "leave --length out"),
        (["--trace", "mine.stl", "--start", "0"], "leave --start out"),
    ],
)
def test_what_needs_the_whole_run_is_refused_piece_by_piece(run, extra, words):
    status, _, err = run("replay", "--in-pieces", *extra)

    assert status == 3
    assert words in err


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_the_command_log_holds_every_command(run, tmp_path, suffix):
    name = f"commands{suffix}"

    _, out, _ = run("replay", "--trace", STREAM, "--log", name, "--audit", "--json")

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
        (["missing.json", "--trace", STREAM], "missing.json"),
        (["small", TRIAL, "--device", "ddr4-3200-8gb-x8"], "leave the option out"),
        (["small", TRIAL, "--trace", STREAM, "--workload", "stream"], "exclude each other"),
        (["--trace", STREAM, "--load", "0.5:0.1:0.1"], "FIRST:LAST:STEP"),
        (["small:999"], "no trial 999"),
        (["small", "3", "4", "5"], "is not one design"),
        (["small:3", "default"], "two designs: compare them with --diff"),
        (["small:3", "default", "--diff", "--mimic", "dramsim3"], "with --diff alone, or give one"),
        (["mine.toml", "4", "--diff"], "two designs are compared"),
        (["small", "3", "--diff"], "dse replay small 3 default --diff"),
        (["--trace", STREAM, "--diff"], "two designs are compared"),
        (["small", "3", "4", "--diff", "--log", "x.csv"], "leave --diff out"),
        (["small", "3", "default", "--diff", "--device", "ddr4-3200-8gb-x8"], "leave the option out"),
        (["--trace", STREAM, "--from", "5"], "--timeline"),
        (["--trace", STREAM, "-o", "channels"], "expected KEY=VALUE"),
        (["--trace", STREAM, "-o", "chanels=2"], "'channels'"),
        (["--trace", STREAM, "--timeline", "x.json", "--from", "9", "--to", "5"], "an end after the begin"),
        (["--trace", STREAM, "--timeline", "x.json", "--from", "1e12"], "no command was issued"),
        (["--trace", STREAM, "--scheduler", "mine"], "FILE.py:CLASS"),
        (["--trace", STREAM, "--scheduler", "mine.py:Mine"], "mine.py: no such file"),
        (["--trace", STREAM, "--scheduler", "mine.py:Mine", "--load", "0.5"], "leave --scheduler out"),
        (["--trace", STREAM, "--scheduler", "mine.py:Mine", "--mimic", "dramsys5"], "exclude each other"),
        (["--trace", STREAM, "--mimic", "ramulator"], "Did you mean 'ramulator2'?"),
        (["--trace", STREAM, "--mimic", "ramulator2", "--audit"], "docs/validation.md"),
        (["--trace", STREAM, "--device", "ddr5"], "ddr4-2400-8gb-x8"),
    ],
)
def test_what_a_replay_lacks_is_said(run, args, words):
    status, _, err = run("replay", *args)

    assert status == 3
    assert words in err


def test_a_wrong_parameter_in_a_design_file_names_the_file(run, tmp_path):
    (tmp_path / "mine.json").write_text('{"page_polcy": "Open"}')

    status, _, err = run("replay", "mine.json", "--trace", STREAM)

    assert status == 3
    assert "mine.json" in err
    assert "page_policy" in err


def test_a_log_that_cannot_be_written_is_a_message(run):
    status, _, err = run("replay", "--trace", STREAM, "--log", "no/such/folder/log.csv")

    assert status == 1
    assert "cannot be written" in err


def test_a_report_says_where_the_time_went(run):
    _, out, _ = run("replay", "--trace", SCATTERED, "--json")
    _, shown, _ = run("replay", "--trace", SCATTERED)

    report = json.loads(out)
    assert sum(report["time_by_cause_ns"].values()) == pytest.approx(report["metrics"]["elapsed_ns"])
    assert "where the time went" in shown
    assert "row cycle" in shown


def test_sources_are_reported_apart(run):
    _, out, _ = run("replay", "small", TRIAL, "--json")

    (source,) = json.loads(out)["sources"]
    metrics = json.loads(out)["metrics"]
    assert source["reads"] + source["writes"] == 600
    assert source["read_latency_mean_ns"] == pytest.approx(metrics["read_latency_mean_ns"])


def test_several_sources_have_a_table(run, tmp_path):
    rng = np.random.default_rng(1)
    two = Trace(
        arrival_cycle=np.arange(200) * 8,
        address=rng.integers(0, 1 << 20, 200) * 64,
        is_write=np.zeros(200, dtype=bool),
        source=np.arange(200) % 2,
        clock_mhz=1200,
        name="two",
    )
    traces.write(two, tmp_path / "two.npz")

    _, shown, _ = run("replay", "--trace", "two.npz")
    _, out, _ = run("replay", "--trace", "two.npz", "--json")

    assert "by source of requests" in shown
    assert [source["reads"] for source in json.loads(out)["sources"]] == [100, 100]


@pytest.mark.parametrize(
    "designs",
    [
        ("small", TRIAL, "default"),
        ("small", "default", TRIAL),
        ("small", "1", TRIAL),
        ("small:1", "mine.toml"),
    ],
)
def test_two_designs_are_compared_on_the_workload_of_the_campaign(run, tmp_path, designs):
    (tmp_path / "mine.toml").write_text('[design]\npage_policy = "Closed"\n')

    status, out, err = run("replay", *designs, "--diff", "--json")

    report = json.loads(out)
    assert (status, err) == (0, "")
    assert {design["workload"]["name"] for design in report["designs"]} == {"scattered"}
    elapsed = report["difference"][0]
    assert elapsed["title"] == "elapsed time by cause"
    total = report["designs"][1]["metrics"]["elapsed_ns"] - report["designs"][0]["metrics"]["elapsed_ns"]
    assert sum(row["difference"] for row in elapsed["rows"]) == pytest.approx(total)


def test_a_difference_is_shown_with_the_parameters_that_make_it(run, tmp_path):
    (tmp_path / "closed.toml").write_text('[design]\npage_policy = "Closed"\n')

    status, out, _ = run("replay", "default", "closed.toml", "--trace", "synthetic:stream?n=300", "--diff")

    assert status == 0
    assert "page_policy" in out
    for title in ("elapsed time by cause", "latency", "energy by component", "traffic"):
        assert title in out


def test_equal_designs_have_no_difference(run):
    _, out, _ = run("replay", "default", "default", "--trace", STREAM, "--diff")

    assert "the designs are equal" in out
    assert "elapsed time by cause: no difference" in out


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_the_timeline_is_a_trace_that_perfetto_reads(run, tmp_path, suffix):
    status, out, _ = run("replay", "--trace", STREAM, "--timeline", f"out{suffix}")

    written = (tmp_path / f"out{suffix}").read_bytes()
    trace = json.loads(gzip.decompress(written) if suffix.endswith(".gz") else written)
    kinds = {event["ph"] for event in trace["traceEvents"]}
    assert status == 0
    assert kinds == {"M", "X", "C"}
    assert sum(event["name"] in ("RD", "RDA", "WR", "WRA") for event in trace["traceEvents"]) == 200
    assert "perfetto" in out


def test_the_timeline_is_cut_to_the_window(run, tmp_path):
    _, out, _ = run(
        "replay", "--trace", STREAM, "--timeline", "out.json", "--from", "100", "--to", "300", "--json"
    )

    trace = json.loads((tmp_path / "out.json").read_text())
    times = [event["ts"] for event in trace["traceEvents"] if event["ph"] == "X"]
    assert 0.098 <= min(times) <= max(times) <= 0.3
    assert json.loads(out)["timeline"]["commands"] < 200


def test_two_designs_are_one_below_the_other_in_the_timeline(run, tmp_path):
    run("replay", "small", TRIAL, "default", "--diff", "--timeline", "both.json")

    events = json.loads((tmp_path / "both.json").read_text())["traceEvents"]
    names = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    reads = [event["pid"] for event in events if event["name"] in ("RD", "RDA")]
    assert names == {0: f"A (small-{TRIAL}): channel 0", 1: "B (default): channel 0"}
    assert reads.count(0) == reads.count(1) > 0


def test_bandwidth_and_latency_over_time_are_drawn(run, tmp_path):
    status, out, _ = run("replay", "--trace", SCATTERED, "--plot", "over-time.html")

    assert status == 0
    assert "over-time.html" in out
    assert "read latency (ns)" in (tmp_path / "over-time.html").read_text()


def test_two_designs_are_drawn_in_one_plot(run, tmp_path):
    run("replay", "small", TRIAL, "default", "--diff", "--plot", "both.html")

    text = (tmp_path / "both.html").read_text()
    assert f"small-{TRIAL}: bandwidth" in text
    assert "default: bandwidth" in text


def test_a_scheduler_of_one_s_own_runs_on_the_twin(run, tmp_path):
    (tmp_path / "mine.py").write_text(SCHEDULER)

    status, out, err = run(
        "replay",
        "--trace",
        SCATTERED,
        "--scheduler",
        "mine.py:InOrder",
        "--length",
        "100",
        "--audit",
        "--json",
    )

    report = json.loads(out)
    assert (status, err) == (0, "")
    assert report["scheduler"] == "InOrder"
    assert report["metrics"]["requests"] == 100
    assert report["violations"] == []


def test_a_scheduler_of_one_s_own_is_compared_with_the_design_s(run, tmp_path):
    (tmp_path / "mine.py").write_text(SCHEDULER)

    status, out, _ = run("replay", "--trace", SCATTERED, "--scheduler", "mine.py:InOrder", "--diff", "--json")

    report = json.loads(out)
    assert status == 0
    assert [design["scheduler"] for design in report["designs"]] == [None, "InOrder"]
    assert report["parameters"]["scheduler"] == ["FrFcfs", "InOrder"]


@pytest.mark.parametrize("peer", ["ramulator2:column_cap=4", "dramsim3", "dramsys5"])
def test_a_peer_is_compared_with_the_design(run, peer):
    status, out, err = run("replay", "--trace", SCATTERED, "--mimic", peer, "--diff", "--json")

    report = json.loads(out)
    assert (status, err) == (0, "")
    assert [design["scheduler"] for design in report["designs"]] == [None, peer]
    elapsed = report["difference"][0]
    assert elapsed["total"]["b"] == report["designs"][1]["metrics"]["elapsed_ns"]
