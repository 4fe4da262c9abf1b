from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from dse.errors import LookupFailed, StoreError
from dse.objective import Objective
from dse.store import CampaignHeader, ResultBlock, RunRow, Store, TrialBlock, open_reader
from dse.store.writer import insert_results
from tests.dse.fake import FakeSimulator


def header(name: str = "one") -> CampaignHeader:
    simulator = FakeSimulator()
    return CampaignHeader(
        name=name,
        config={"name": name, "budget": {"unique": 10}},
        config_base=".",
        simulator={"name": "fake", "options": {}},
        build_id="fake-1",
        space=simulator.space,
        search_space=simulator.space,
        schema=simulator.schema,
        objectives=(Objective("time_ns", "min"), Objective("served", "max", at_least=0.8)),
        workloads=[{"name": "w", "hash": "h", "weight": 1.0}],
        provenance={},
        runs=(RunRow(0, "reference", "reference", 0), RunRow(1, "random", "random", 0)),
    )


def block(n: int = 4, first_step: int = 0, batch: int = 0) -> TrialBlock:
    rng = np.random.default_rng(first_step)
    simulator = FakeSimulator()
    return TrialBlock(
        run=1,
        batch=batch,
        first_step=first_step,
        indices=simulator.space.sample(n, rng),
        metrics=rng.random((n, len(simulator.schema))),
        feasible=rng.random(n) < 0.5,
        origin=np.zeros(n, dtype=np.uint8),
        seconds=rng.random(n),
    )


def create(store: Store, name: str = "one") -> int:
    return store.create_campaign(header(name), store.benches({"s": 1}, ["m"], ["h"]))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.sqlite"


def test_trials_come_back_bit_for_bit(path):
    given = block(300)
    given.metrics[5] = np.nan
    given.metrics[6, 0] = np.inf
    with Store(path) as store:
        campaign = create(store)
        store.appender(campaign)(given, None)
        store.flush()

        found = store.reader.trials(campaign)

    assert found.id.tolist() == list(range(1, 301))
    for name in ("indices", "metrics", "feasible", "origin", "seconds"):
        assert getattr(found, name).tobytes() == getattr(given, name).tobytes(), name


def test_polling_gives_only_what_is_new(path):
    with Store(path) as store, open_reader(path) as reader:
        campaign = create(store)
        append = store.appender(campaign)
        append(block(4), None)
        store.flush()
        last = reader.trials(campaign).last_id
        append(block(3, first_step=4, batch=1), None)
        store.flush()

        fresh = reader.trials(campaign, after=last, metrics=["energy_pj"])

    assert fresh.step.tolist() == [4, 5, 6]
    assert fresh.metrics.shape == (3, 1)


def test_extending_columns_equals_reading_them_again(path):
    blocks = [block(4), block(3, first_step=4, batch=1)]
    with Store(path) as store:
        campaign = create(store)
        empty = store.reader.trials(campaign)
        for one in blocks:
            store.appender(campaign)(one, None)
        store.flush()

        extended, read = empty.extended(blocks), store.reader.trials(campaign)

    for name in ("id", "run", "batch", "step", "indices", "metrics", "origin", "feasible", "seconds"):
        assert np.array_equal(getattr(extended, name), getattr(read, name)), name


def test_the_design_cache_answers_only_what_every_workload_has(path):
    with Store(path) as store:
        both = store.benches({"s": 1}, ["m"], ["a", "b"])
        values = np.arange(20.0).reshape(2, 2, 5)
        store._writer.submit(insert_results(both, ResultBlock([7, 9], values, np.ones((2, 2)))))
        store._writer.submit(insert_results(both[:1], ResultBlock([11], values[:1], np.ones((1, 2)))))
        store.flush()

        found = store.cached(both, [7, 9, 11, 13])

    assert sorted(found) == [7, 9]
    assert np.array_equal(found[9], values[1])


def test_a_bench_is_shared_by_equal_simulators_only(path):
    with Store(path) as store:
        first = store.benches({"build": "1"}, ["m"], ["w"])
        same = store.benches({"build": "1"}, ["m"], ["w"])
        other = store.benches({"build": "2"}, ["m"], ["w"])

    assert first == same != other


def test_a_trial_is_shown_in_full(path):
    given = block(2)
    simulator = FakeSimulator()
    with Store(path) as store:
        campaign = create(store)
        key = simulator.space.keys(given.indices[1:]).tolist()
        fresh = ResultBlock(key, given.metrics[1:, None, :], np.ones((1, 1)), [[("too short",)]])
        store.appender(campaign)(given, fresh)
        store.flush()

        detail = store.reader.detail(campaign, 2)

    assert detail.point == simulator.space.from_indices(given.indices[1])
    assert detail.run.agent == "random"
    assert detail.workloads[0][1] == detail.metrics
    assert detail.metrics.notes == ("too short",)


def test_an_unknown_trial_or_campaign_is_named(path):
    with Store(path) as store:
        campaign = create(store)

        with pytest.raises(LookupFailed, match="no trial 5"):
            store.reader.detail(campaign, 5)
        with pytest.raises(LookupFailed, match=r"no campaign 'onne'. Did you mean 'one'\?"):
            store.reader.campaign("onne")


def test_a_missing_store_is_named(path):
    with pytest.raises(LookupFailed, match="there is no store"):
        open_reader(path)


@pytest.mark.parametrize("open_", [Store, open_reader])
def test_a_file_of_another_kind_is_left_untouched(path, open_):
    path.write_bytes(b"this is not a database, but somebody's novel" * 100)
    before = path.read_bytes()

    with pytest.raises(StoreError, match="not a store of marl-dse"):
        open_(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("open_", [Store, open_reader])
def test_a_database_of_another_program_is_left_untouched(path, open_):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE music (title TEXT)")
    other.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="another program"):
        open_(path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("open_", [Store, open_reader])
def test_a_newer_store_is_refused(path, open_):
    Store(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version=99")
    raw.close()

    with pytest.raises(StoreError, match="newer marl-dse"):
        open_(path)


def test_a_store_that_another_program_writes_to_is_locked(path):
    Store(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store(path, busy_seconds=0.1) as store, pytest.raises(StoreError, match="locked"):
        create(store)
    other.close()


def test_a_reader_never_waits_for_a_writer(path):
    with Store(path) as store:
        create(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with open_reader(path) as reader:
        names = [row.name for row in reader.campaigns()]

    other.close()
    assert names == ["one"]


def test_a_campaign_runs_in_one_process_at_a_time(path):
    with Store(path) as first, Store(path) as second:
        campaign = create(first)

        with pytest.raises(StoreError, match="another process is running it"):
            second.own(campaign)


def test_a_closed_campaign_is_free_again(path):
    with Store(path) as first:
        campaign = create(first)

    with Store(path) as second:
        second.own(campaign)

    assert not list(path.parent.glob("*.lock"))


def test_a_full_disk_keeps_what_was_committed(path):
    with Store(path) as store:
        campaign = create(store)
        append = store.appender(campaign)
        append(block(4), None)
        store.flush()
        pages = store._lookup.execute("PRAGMA page_count").fetchone()[0]
        store._writer.submit(lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone() and 0)

        with pytest.raises(StoreError, match="no space left"):  # noqa: PT012
            for i in range(100):
                append(block(256, first_step=4 + 256 * i, batch=1 + i), None)
            store.flush()

    with open_reader(path) as reader:
        kept = reader.trials(campaign)
    assert kept.step[:4].tolist() == [0, 1, 2, 3]
    assert (len(kept) - 4) % 256 == 0


def test_a_folder_is_no_store(tmp_path):
    with pytest.raises(StoreError, match="folder"):
        Store(tmp_path)


def test_only_the_last_snapshots_are_kept(path):
    with Store(path) as store:
        campaign = create(store)
        for batches in (16, 32, 48):
            store.add_snapshot(campaign, 1, batches, b"state%d" % batches)
        store.flush()

        assert store.reader.snapshot(campaign, 1, 1000) == (48, b"state48")
        assert store.reader.snapshot(campaign, 1, 40) == (32, b"state32")
        assert store.reader.snapshot(campaign, 1, 20) is None


def test_a_campaign_whose_process_is_gone_is_not_running(path):
    with Store(path) as store:
        campaign = create(store)
        assert store.reader.campaign(campaign).state == "running"
    path.with_name("store.sqlite-campaign1.lock").touch()  # what kill -9 leaves behind

    with open_reader(path) as reader:
        assert reader.campaign(campaign).state == "interrupted"
        assert reader.campaigns()[0].state == "interrupted"
