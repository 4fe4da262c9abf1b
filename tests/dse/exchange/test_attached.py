"""The files of a campaign out of a store, into a folder and into another store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dse.cli.main import run_command_line
from dse.errors import LookupFailed
from dse.exchange import ExchangeError, extract_files, list_files, merge_stores
from dse.store import PACKAGE, AttachedFile, Store, open_reader
from tests.dse.exchange.campaigns import header, stored


def with_files(path: Path, *files: AttachedFile, name: str = "one") -> Path:
    """A store with one campaign that names these files."""
    with Store(path) as store:
        store.create_campaign(header(name), store.benches({"s": 1}, ["m"], ["h"]), files)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return with_files(
        tmp_path / "store.sqlite",
        AttachedFile.of("campaign", "mine.toml", b"# mine\n"),
        AttachedFile.of("trace", "traces/a.csv", b"1,2\n"),
        AttachedFile("trace", "huge.bin", 1 << 40, "f" * 64, None),
        AttachedFile.of(PACKAGE, "simulator and workloads", b"not a file"),
    )


def test_files_are_written_below_the_folder_as_they_were(store, tmp_path):
    found = extract_files(store, "one", tmp_path / "out")

    assert (tmp_path / "out" / "mine.toml").read_bytes() == b"# mine\n"
    assert (tmp_path / "out" / "traces" / "a.csv").read_bytes() == b"1,2\n"
    assert [(one.file.name, one.path is not None) for one in found] == [
        ("mine.toml", True),
        ("huge.bin", False),
        ("traces/a.csv", True),
    ]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("../../evil", "outside/evil"),
        ("/etc/passwd", "outside/passwd"),
        ("a/../../b.toml", "outside/b.toml"),
        ("..", "outside/file"),
        (".", "outside/file"),
        ("", "outside/file"),
        ("a\nb", "outside/ab"),
        ("a\0b", "outside/ab"),
        ("~/x.toml", "~/x.toml"),
        ("C:\\x", "C:\\x"),
    ],
)
def test_a_name_never_leaves_the_folder(name, place, tmp_path):
    store = with_files(tmp_path / "store.sqlite", AttachedFile.of("trace", name, b"data"))
    out = tmp_path / "deep" / "out"

    extract_files(store, "one", out)

    written = [str(path.relative_to(out)) for path in tmp_path.glob("deep/**/*") if path.is_file()]
    assert written == [place]


def test_a_link_in_the_folder_is_not_followed(store, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "traces").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ExchangeError, match="lies outside"):
        extract_files(store, "one", tmp_path / "out", force=True)

    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["traces"]


def test_files_that_exist_are_overwritten_only_when_asked(store, tmp_path):
    (tmp_path / "mine.toml").write_text("precious")

    with pytest.raises(ExchangeError, match="exists: name another folder, or overwrite it with --force"):
        extract_files(store, "one", tmp_path)

    assert not (tmp_path / "traces").exists()
    extract_files(store, "one", tmp_path, force=True)
    assert (tmp_path / "mine.toml").read_bytes() == b"# mine\n"


def test_two_contents_of_one_name_are_both_written(tmp_path):
    store = with_files(
        tmp_path / "store.sqlite",
        AttachedFile.of("baseline", "x.toml", b"one"),
        AttachedFile.of("option", "x.toml", b"two"),
        AttachedFile.of("trace", "x.toml", b"one"),
    )

    found = extract_files(store, "one", tmp_path / "out")

    assert [(one.path.name, one.path.read_bytes()) for one in found] == [
        ("x.toml", b"one"),
        ("x-2.toml", b"two"),
        ("x.toml", b"one"),
    ]


def test_a_merge_carries_files_and_leaves_packages(store, tmp_path):
    target = stored(tmp_path / "target.sqlite", "other")

    merge_stores(store, target)

    assert list_files(target, "one") == list_files(store, "one")
    with open_reader(target) as reader:
        number = reader.campaign("one").id
        assert reader.attached(number, "campaign", "mine.toml").data == b"# mine\n"
        assert len(reader.attachments(number)) == 3


def test_an_unknown_campaign_is_named(store, tmp_path):
    with pytest.raises(LookupFailed, match="no campaign 'two'"):
        list_files(store, "two")
    with pytest.raises(LookupFailed, match="no campaign 'two'"):
        extract_files(store, "two", tmp_path)


def test_the_command_lists_and_writes(store, tmp_path, capsys):
    listed = run_command_line(["store", "files", "one", "--store", str(store)])
    shown = capsys.readouterr().out
    out = tmp_path / "out"
    written = run_command_line(["store", "files", "one", "--store", str(store), "--out", str(out), "--json"])
    data = json.loads(capsys.readouterr().out)
    again = run_command_line(["store", "files", "one", "--store", str(store), "--out", str(out)])

    assert (listed, written, again) == (0, 0, 3)
    assert "mine.toml" in shown
    assert "no: too large" in shown
    assert "simulator and workloads" not in shown
    assert [one["path"] for one in data["files"]] == [
        str(out / "mine.toml"),
        None,
        str(out / "traces" / "a.csv"),
    ]


def test_the_command_says_that_there_are_none(tmp_path, capsys):
    store = stored(tmp_path / "store.sqlite")

    status = run_command_line(["store", "files", "1", "--store", str(store)])

    assert (status, capsys.readouterr().out) == (0, "The store has no files of 1.\n")


def test_an_old_store_has_none(old):
    assert list_files(old, 1) == ()
