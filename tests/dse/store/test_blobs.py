"""Contents that campaigns name: kept once, found again, dropped with the last name, checked."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dse.errors import StoreError
from dse.executors.leases import CampaignPlace, LeaseExecutor
from dse.store import AttachedFile, Store, blobs, open_reader, place_of
from dse.store.upkeep import check_store, vacuum_store
from tests.dse.fake import FakeSimulator
from tests.dse.store.campaigns import create, header
from traces import synthetic
from traces.workload import Workload

TEXT = b"# why we do this\nname = 'one'\n" * 200


def create_with(store: Store, name: str, *files: AttachedFile) -> int:
    return store.create_campaign(header(name), store.benches({"s": 1}, ["m"], ["h"]), files)


def blob_sizes(url: str) -> list[int]:
    link = place_of(url).reader()
    sizes = [size for (size,) in link.execute("SELECT size FROM blob ORDER BY size").fetchall()]
    link.close()
    return sizes


def change(url: str, sql: str, *values: object) -> None:
    link = place_of(url).writer()
    link.execute(sql, values)
    link.close()


def test_a_content_comes_back_under_its_name(url):
    given = AttachedFile.of("campaign", "a.toml", TEXT)
    with Store(url) as store:
        campaign = create_with(store, "one", given, AttachedFile.of("trace", "empty", b""))

        listed = store.reader.attachments(campaign)
        found = store.reader.attached(campaign, "campaign", "a.toml")

    assert [(one.kind, one.name, one.size, one.kept) for one in listed] == [
        ("campaign", "a.toml", len(TEXT), True),
        ("trace", "empty", 0, True),
    ]
    assert found == given


def test_what_was_never_attached_is_not_found(url):
    with Store(url) as store:
        campaign = create(store)

        assert store.reader.attachments(campaign) == []
        assert store.reader.attached(campaign, "campaign", "a.toml") is None


def test_two_campaigns_share_one_content_until_both_are_gone(url):
    with Store(url) as store:
        first = create_with(store, "one", AttachedFile.of("campaign", "a.toml", TEXT))
        second = create_with(store, "two", AttachedFile.of("campaign", "b.toml", TEXT))
    shared = blob_sizes(url)

    with Store(url) as store:
        store.remove_campaign(first)
        left = blob_sizes(url)
        found = store.reader.attached(second, "campaign", "b.toml")
        store.remove_campaign(second)

    assert (shared, left, blob_sizes(url)) == ([len(TEXT)], [len(TEXT)], [])
    assert found.data == TEXT


def test_a_vacuum_drops_what_was_replaced(url):
    with Store(url) as store:
        campaign = create_with(store, "one", AttachedFile.of("package", "p", b"before"))
        store.attach(campaign, AttachedFile.of("package", "p", b"now"))
        store.flush()
    before = blob_sizes(url)

    vacuum_store(url)

    assert (before, blob_sizes(url)) == ([3, 6], [3])
    with open_reader(url) as reader:
        assert reader.attached(campaign, "package", "p").data == b"now"


def test_a_large_file_is_noted_until_somebody_keeps_it(url, tmp_path, monkeypatch):
    path = tmp_path / "large.bin"
    path.write_bytes(TEXT)
    monkeypatch.setattr(blobs, "MAX_FILE_BYTES", len(TEXT) - 1)
    noted = AttachedFile.read("trace", "large.bin", path)
    monkeypatch.setattr(blobs, "MAX_FILE_BYTES", len(TEXT))
    kept = AttachedFile.read("trace", "large.bin", path)
    with Store(url) as store:
        first = create_with(store, "one", noted)
        before = store.reader.attachments(first)[0].kept, store.reader.attached(first, "trace", "large.bin")
        create_with(store, "two", kept)
        create_with(store, "three", noted)

        assert before == (False, noted)
        assert store.reader.attached(first, "trace", "large.bin") == kept
    assert noted.hash == kept.hash
    assert (noted.size, noted.data) == (len(TEXT), None)


def test_a_campaign_whose_files_cannot_be_kept_is_not_made_by_halves(url):
    broken = AttachedFile("campaign", "a.toml", 1, None, b"a")  # type: ignore[arg-type]

    with pytest.raises(StoreError), Store(url) as store:
        create_with(store, "one", broken)

    with open_reader(url) as reader:
        assert reader.names() == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (zlib.compress(TEXT[:-1] + b"x"), "is not what it was: its hash is another one"),
        (zlib.compress(TEXT)[:-20], "does not have the"),
        (zlib.compress(TEXT + TEXT), "does not have the"),
        (b"no deflated bytes", "cannot be unpacked"),
    ],
    ids=["another", "cut", "longer", "garbage"],
)
def test_a_damaged_content_is_found_and_never_given_out(url, damage, problem):
    with Store(url) as store:
        campaign = create_with(store, "one", AttachedFile.of("campaign", "a.toml", TEXT))
    whole = check_store(url).problems
    change(url, "UPDATE blob SET data = ?", damage)

    problems = check_store(url).problems

    assert whole == ()
    assert any(problem in text and "'a.toml'" in text for text in problems), problems
    with open_reader(url) as reader, pytest.raises(StoreError, match=f"'a.toml' of campaign 1 {problem}"):
        reader.attached(campaign, "campaign", "a.toml")


def test_a_content_that_unfolds_without_end_is_not_unfolded(url):
    with Store(url) as store:
        campaign = create_with(store, "one", AttachedFile.of("campaign", "a.toml", b"short"))
    change(url, "UPDATE blob SET data = ?", zlib.compress(bytes(64 << 20)))

    with open_reader(url) as reader, pytest.raises(StoreError, match="does not have the 5 bytes"):
        reader.attached(campaign, "campaign", "a.toml")
    for size, seen in ((32 << 20, "does not have the"), (1 << 60, "is said to have")):
        change(url, "UPDATE blob SET size = ?", size)
        with open_reader(url) as reader, pytest.raises(StoreError, match="is said to have"):
            reader.attached(campaign, "campaign", "a.toml")
        assert any(seen in text for text in check_store(url).problems)


def test_files_of_a_campaign_that_is_gone_are_named(url):
    with Store(url) as store:
        create_with(store, "one", AttachedFile.of("campaign", "a.toml", TEXT))
    change(url, "UPDATE attachment SET campaign = 9")

    assert check_store(url).problems == ("files are attached to campaign 9, which there is not",)


def test_a_file_that_grows_while_it_is_read_is_noted_only(tmp_path, monkeypatch):
    path = tmp_path / "grows"
    path.write_bytes(TEXT)
    monkeypatch.setattr(blobs, "MAX_FILE_BYTES", len(TEXT) - 1)
    real = Path.stat
    monkeypatch.setattr(Path, "stat", lambda self: real(tmp_path / "small"))
    (tmp_path / "small").write_bytes(b"")

    found = AttachedFile.read("trace", "grows", path)

    assert (found.size, found.data) == (len(TEXT), None)
    assert found.hash == blobs.content_hash(TEXT)


def test_campaigns_that_lend_the_same_simulator_and_workloads_share_one_package(tmp_path):
    url = str(tmp_path / "store.sqlite")
    workloads = [Workload((synthetic.stream(500, seed=1),))]
    with Store(url) as store:
        for name in ("one", "two"):
            place = CampaignPlace(url, store, create_with(store, name))
            LeaseExecutor(FakeSimulator(), workloads, 1, place).close()
        listed = [store.reader.attachments(campaign) for campaign in (1, 2)]

    assert listed[0] == listed[1]
    assert listed[0][0].kind == "package"
    assert len(blob_sizes(url)) == 1


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 2 << 20])
@pytest.mark.parametrize("letter", [b"a", None], ids=["plain", "random"])
def test_contents_of_every_size_unfold(size, letter):
    data = np.random.default_rng(size).bytes(size) if letter is None else letter * size
    deflated = zlib.compress(data, 1)

    parts = list(blobs._inflated(deflated, size, blobs.content_hash(data)))

    assert b"".join(parts) == data


def test_one_may_drop_a_content_while_another_takes_it_up(url):
    Store(url).close()

    def come_and_go(name: str) -> None:
        with Store(url) as store:
            for i in range(8):
                given = AttachedFile.of("campaign", "a.toml", TEXT)
                campaign = create_with(store, f"{name} {i}", given)
                assert store.reader.attached(campaign, "campaign", "a.toml") == given
                store._owned.pop().release()
                store.remove_campaign(campaign)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(come_and_go, name) for name in ("one", "two")]:
            done.result(timeout=60)

    assert blob_sizes(url) == []
    assert check_store(url).problems == ()
