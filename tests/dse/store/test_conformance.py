"""What every kind of store does alike, beside what `dse.testing.store` checks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.errors import LookupFailed, StoreError
from dse.exchange import merge_stores
from dse.front import non_dominated
from dse.store import Origin, ResultBlock, Store, open_reader, place_of
from dse.store.upkeep import check_store
from dse.store.writer import insert_results
from tests.dse.fake import FakeSimulator
from tests.dse.store.campaigns import COLUMNS, block, create, estimates


def test_extending_columns_equals_reading_them_again(url):
    blocks = [block(4), estimates(3, first_step=4, batch=1)]
    with Store(url) as store:
        campaign = create(store)
        empty = store.reader.trials(campaign)
        for one in blocks:
            store.appender(campaign)(one, None)
        store.flush()

        extended, read = empty.extended(blocks), store.reader.trials(campaign)

    for name in COLUMNS:
        assert np.array_equal(getattr(extended, name), getattr(read, name)), name


def test_the_design_cache_answers_only_what_every_workload_has(url):
    with Store(url) as store:
        both = store.benches({"s": 1}, ["m"], ["a", "b"])
        values = np.arange(20.0).reshape(2, 2, 5)
        store._writer.submit(insert_results(both, ResultBlock([7, 9], values, np.ones((2, 2)))))
        store._writer.submit(insert_results(both[:1], ResultBlock([11], values[:1], np.ones((1, 2)))))
        store.flush()

        found = store.cached(both, [7, 9, 11, 13])

    assert sorted(found) == [7, 9]
    assert np.array_equal(found[9], values[1])


def test_a_trial_is_shown_in_full(url):
    given = block(2)
    simulator = FakeSimulator()
    with Store(url) as store:
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


def test_trials_that_say_nothing_of_it_were_simulated_in_full_and_repeats_are_free(url):
    given = block(4)
    given.origin[2] = Origin.REPEAT
    given.origin[3] = Origin.FORBIDDEN
    given = replace(given, charge=None)
    with Store(url) as store:
        campaign = create(store)
        store.appender(campaign)(given, None)
        store.flush()

        found = store.reader.trials(campaign)

    assert found.fidelity.tolist() == [1.0, 1.0, 1.0, 1.0]
    assert found.charge.tolist() == [1.0, 1.0, 0.0, 1.0]


def test_what_the_agents_spent_is_the_sum_of_their_charges(url):
    reference, given = replace(block(3), run=0), estimates(50, first_step=3)
    with Store(url) as store:
        campaign = create(store)
        before = store.reader.spent(campaign)
        store.appender(campaign)(reference, None)
        store.appender(campaign)(given, None)
        store.flush()

        assert before == 0.0
        assert store.reader.spent(campaign) == pytest.approx(given.charge.sum(), rel=1e-12)  # order of sums
        assert store.reader.spent(campaign, at_most=4) == given.charge[0]


def test_an_estimate_has_no_results_of_its_workloads_even_if_its_design_was_simulated_later(url):
    given = block(1)
    given = replace(given, fidelity=np.array([0.25]), charge=np.array([0.3]))
    key = FakeSimulator().space.keys(given.indices).tolist()
    with Store(url) as store:
        campaign = create(store)
        store.appender(campaign)(given, ResultBlock(key, given.metrics[:, None, :], np.ones((1, 1))))
        store.flush()

        detail = store.reader.detail(campaign, 1)

    assert (detail.fidelity, detail.charge, detail.workloads) == (0.25, 0.3, ())
    assert detail.metrics.values_array.tolist() == given.metrics[0].tolist()


def test_an_unknown_trial_or_campaign_is_named(url):
    with Store(url) as store:
        campaign = create(store)

        with pytest.raises(LookupFailed, match="no trial 5"):
            store.reader.detail(campaign, 5)
        with pytest.raises(LookupFailed, match=r"no campaign 'onne'. Did you mean 'one'\?"):
            store.reader.campaign("onne")


def test_a_missing_store_is_named(url):
    with pytest.raises(LookupFailed, match="there is no store"):
        open_reader(url)


def best(trials) -> list[int]:
    """The front under the one objective that `header` has."""
    names = list(trials.metric_names)
    costs = trials.metrics[:, [names.index("time_ns")]].copy()
    costs[~trials.feasible] = np.nan
    return trials.id[non_dominated(costs)].tolist()


def test_the_front_is_computed_where_none_is_kept(url):
    with Store(url) as store:
        campaign = create(store)
        store.appender(campaign)(block(50), None)
        store.flush()

        found = store.reader.front_trials(campaign)

        assert found.id.tolist() == best(store.reader.trials(campaign))


def test_trials_after_the_kept_front_are_compared_with_it(url):
    with Store(url) as store:
        campaign = create(store)
        store.appender(campaign)(block(40), None)
        store.flush()
        store.set_front(campaign, best(store.reader.trials(campaign)), [])
        store.appender(campaign)(block(40, first_step=40, batch=1), None)
        store.flush()

        found = store.reader.front_trials(campaign)

        assert found.id.tolist() == best(store.reader.trials(campaign))


def test_a_campaign_without_feasible_trials_has_an_empty_front(url):
    with Store(url) as store:
        campaign = create(store)
        given = block(5)
        given.feasible[:] = False
        store.appender(campaign)(given, None)
        store.flush()

        assert len(store.reader.front_trials(campaign)) == 0


def test_a_running_campaign_is_not_removed(url):
    with Store(url) as store, Store(url) as other:
        campaign = create(store)

        with pytest.raises(StoreError, match="another process is running it"):
            other.remove_campaign(campaign)

        assert store.reader.n_trials(campaign) == 0


def test_wide_keys_of_designs_are_kept_beside_numbers(url):
    with Store(url) as store:
        benches = store.benches({"s": 1}, ["m"], ["a"])
        keys = [b"i\x00\xff", -5, 2**62, b""]
        values = np.arange(20.0).reshape(4, 1, 5)
        store._writer.submit(insert_results(benches, ResultBlock(keys, values, np.ones((4, 1)))))
        store._writer.submit(insert_results(benches, ResultBlock(keys[:1], values[1:2], np.ones((1, 1)))))
        store.flush()

        found = store.cached(benches, keys)

    assert {key: row[0, 0] for key, row in found.items()} == dict(
        zip(keys, [0.0, 5.0, 10.0, 15.0], strict=True)
    )


def test_a_failed_write_is_told_and_what_was_flushed_stays(url):
    with Store(url) as store:
        campaign = create(store)
        append = store.appender(campaign)
        append(block(4), None)
        store.flush()
        store._writer.submit(lambda link: link.execute("INSERT INTO no_such_table VALUES (1)").rowcount)

        with pytest.raises(StoreError, match="no_such_table"):  # noqa: PT012
            append(block(4, first_step=4, batch=1), None)
            store.flush()

    with open_reader(url) as reader:
        assert reader.n_trials(campaign) == 4


def test_a_newer_version_is_refused(url):
    Store(url).close()
    link = place_of(url).writer()
    link.set_version(99)
    link.close()

    with pytest.raises(StoreError, match="newer marl-dse"):
        Store(url)
    with pytest.raises(StoreError, match="newer marl-dse"):
        open_reader(url)


def test_the_place_knows_whether_there_is_a_store(url):
    before = place_of(url).exists()
    Store(url).close()

    assert (before, place_of(url).exists()) == (False, True)


def test_the_arrays_of_trials_equal_their_rows_wherever_a_poll_begins(url):
    with Store(url) as store:
        campaign = create(store)
        append = store.appender(campaign)
        for batch in range(5):
            append(estimates(7, first_step=7 * batch, batch=batch), None)
        store.flush()
        names = store.reader.campaign(campaign).schema.names[1:3]
        for after in (0, 3, 7, 20, 34, 35):
            arrays = store.reader.trials(campaign, after, metrics=names)
            rows = store.reader.rows(campaign, after, names)

            assert arrays.id.tolist() == list(range(after + 1, 36))
            for name in COLUMNS:
                assert np.array_equal(getattr(arrays, name), getattr(rows, name)), name
                assert getattr(arrays, name).dtype == getattr(rows, name).dtype, name


@pytest.mark.parametrize("lost", [1, 3, 5])
def test_trials_whose_array_is_missing_are_read_from_their_rows(url, lost):
    with Store(url) as store:
        campaign = create(store)
        append = store.appender(campaign)
        for batch in range(5):
            append(block(7, first_step=7 * batch, batch=batch), None)
        store.flush()
        link = place_of(url).writer()
        link.execute("DELETE FROM packed WHERE last = ?", (7 * lost,))
        link.close()

        assert store.reader.trials(campaign).step.tolist() == list(range(35))


def test_a_campaign_gives_the_same_trials_in_every_store(url, tmp_path, campaign_file):
    file = campaign_file()
    first = Campaign.from_file(file).run(store=tmp_path / "other.sqlite", threads=1)

    second = Campaign.from_file(file).run(store=url, threads=1)

    for name in set(COLUMNS) - {"seconds"}:
        assert getattr(first.trials, name).tobytes() == getattr(second.trials, name).tobytes(), name
    assert check_store(url).problems == ()
    resumed = Campaign.from_store(url, "small").resume(store=url, threads=1)
    assert resumed.front.trials.tolist() == second.front.trials.tolist()


def test_a_campaign_is_merged_from_and_into_every_kind_of_store(url, tmp_path, campaign_file):
    there, back = tmp_path / "there.sqlite", tmp_path / "back.sqlite"
    given = Campaign.from_file(campaign_file()).run(store=there, threads=1)

    merge_stores(there, url)
    merge_stores(url, back)

    with open_reader(back) as reader:
        found = reader.trials(1)
        assert reader.front_trials(1).id.tolist() == sorted(given.front.trials.tolist())
    assert found.metrics.tobytes() == given.trials.metrics.tobytes()
    assert check_store(url).problems == check_store(back).problems == ()
