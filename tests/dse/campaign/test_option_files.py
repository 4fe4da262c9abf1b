"""Files that options name: found beside the campaign file, kept in its store, sent to workers."""

from __future__ import annotations

import shutil
from importlib import resources

import pytest

from dse.campaign import Campaign
from dse.errors import InputError
from dse.executors.package import pack, unpack
from dse.option_files import MOST_BYTES, contents, given, named_files, read_option_file
from dse.registry import make_simulator
from traces import load
from traces.workload import Workload

DEVICE = "mine.toml#ddr4-2400-8gb-x8"
FILE = f"""
name = "own"
[simulator]
name = "dram"
device = "{DEVICE}"
[[workloads]]
trace = "synthetic:stream?n=500&seed=1"
[[objectives]]
metric = "read_latency_p95_ns"
[[agents]]
name = "random"
[budget]
unique = 4
batch = 2
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a campaign file and a memory of its own beside it; the current folder is another one."""
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "elsewhere").mkdir()
    standard = resources.files("simulators.dram.memory") / "standards" / "ddr4.toml"
    (folder / "mine.toml").write_bytes(standard.read_bytes())
    (folder / "campaign.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


def test_an_option_names_a_file_beside_the_campaign_file(project):
    campaign = Campaign.from_file(project / "campaign.toml")

    assert campaign.setup.simulator.describe()["device"] == DEVICE
    assert campaign.setup.option_files == {"mine.toml": (project / "mine.toml").read_bytes()}


def test_a_campaign_goes_on_with_the_kept_file_when_its_folder_is_gone(project, tmp_path):
    store = tmp_path / "store.sqlite"
    first = Campaign.from_file(project / "campaign.toml").run(store=store, threads=1)
    shutil.rmtree(project)

    again = Campaign.from_store(store, "own").resume(store=store, threads=1)

    assert again.trials.metrics.tolist() == first.trials.metrics.tolist()


def test_another_file_of_that_name_is_noticed(project, tmp_path):
    store = tmp_path / "store.sqlite"
    Campaign.from_file(project / "campaign.toml").run(store=store, threads=1)
    text = (project / "mine.toml").read_text()
    (project / "mine.toml").write_text(text.replace("description = ", 'description = "other" # ', 1))

    with pytest.raises(InputError, match="simulator's build changed"):
        Campaign.from_file(project / "campaign.toml").resume(store=store)


def test_workers_in_other_processes_need_no_file(project, tmp_path):
    campaign = Campaign.from_file(project / "campaign.toml")
    threads = campaign.run(store=tmp_path / "threads.sqlite", threads=1)

    processes = campaign.run(store=tmp_path / "processes.sqlite", executor="processes", workers=1)

    assert processes.trials.metrics.tolist() == threads.trials.metrics.tolist()


def test_a_package_brings_the_file_along(project):
    content = (project / "mine.toml").read_bytes()
    workload = Workload.of(load("synthetic:stream?n=100&seed=1"))
    with given({"mine.toml": content}):
        simulator = make_simulator("dram", device=DEVICE)
        package = pack(simulator, [workload])

    bench = unpack(package)

    assert bench.simulator.build_id == simulator.build_id
    with pytest.raises(InputError, match="cannot be read"):
        make_simulator("dram", device=DEVICE)  # it is given to nobody else


def test_names_of_files_have_a_suffix():
    options = {"a": "mine.toml#x", "b": ["data.csv", {"c": "mine.toml"}], "d": "Fifo", "e": 3, "f": "a\0.b"}

    assert named_files(options) == ("mine.toml", "data.csv")


def test_what_is_given_comes_before_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_bytes(b"on disk")

    with given({"a.txt": b"given"}):
        inside = read_option_file("a.txt", 100), contents(["a.txt"], tmp_path)

    assert inside == (b"given", {"a.txt": b"given"})
    assert read_option_file("a.txt", 100) == b"on disk"


def test_a_file_that_is_too_large_is_left_to_the_disk(tmp_path):
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(MOST_BYTES + 1)

    assert contents(["large.bin", "gone.bin"], tmp_path) == {}
