"""What every store must hold to, as checks that anyone runs on a place of their own: a server, a disk.

    from dse.testing.store import check_store

    def test_our_server_keeps_campaigns():
        check_store(lambda: "postgresql://me@host/" + new_database())

`make()` names a place where no store is yet, another one at every call. Each check raises AssertionError that
says what was wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from dse.errors import LookupFailed, StoreError
from dse.metrics import MetricSchema, MetricSpec
from dse.objective import Objective
from dse.store import CampaignHeader, ResultBlock, RunRow, Store, TrialBlock, Trials, open_reader
from dse.testing.toys import toy_space

MakePlace = Callable[[], str | Path]
COLUMNS = (
    *("id", "run", "batch", "step", "origin", "feasible", "seconds", "fidelity", "charge"),
    *("indices", "metrics"),
)
"""Arrays of trials."""
_SCHEMA = MetricSchema([MetricSpec(name, "", "min") for name in ("time", "energy", "served")])


def check_store(make: MakePlace) -> None:
    """All checks."""
    check_trials(make())
    check_polling(make())
    check_reopening(make())
    check_designs(make())
    check_ownership(make())
    check_stop(make())
    check_front(make())
    check_snapshots(make())
    check_removal(make())


def check_trials(place: str | Path) -> None:
    """Trials come back bit for bit: numbers that are none, too."""
    given = trial_block(300)
    given.metrics[5] = np.nan
    given.metrics[6, 0] = np.inf
    with Store(place) as store:
        campaign = new_campaign(store)
        store.appender(campaign)(given, None)
        store.flush()
        found = store.reader.trials(campaign)
    assert found.id.tolist() == list(range(1, 301)), f"trials are numbered {found.id.tolist()[:3]}..."
    for name in ("indices", "metrics", "feasible", "origin", "seconds", "fidelity", "charge"):
        same = getattr(found, name).tobytes() == getattr(given, name).tobytes()
        assert same, f"{name} of trials comes back changed"


def check_polling(place: str | Path) -> None:
    """A reader that asks for trials after one that it knows gets the later ones, wherever it begins."""
    blocks = [trial_block(7, 7 * batch, batch) for batch in range(5)]
    with Store(place) as store, open_reader(place) as reader:
        campaign = new_campaign(store)
        empty = store.reader.trials(campaign)
        for block in blocks:
            store.appender(campaign)(block, None)
        store.flush()
        whole = empty.extended(blocks)
        for after in (0, 3, 7, 20, 34, 35):
            _check_same(reader.trials(campaign, after), whole.taken(whole.id > after), f"after {after}")
        some = reader.trials(campaign, 20, metrics=["energy"])
        assert some.metrics.tolist() == whole.metrics[20:, 1:2].tolist(), "one metric of several is another"


def check_reopening(place: str | Path) -> None:
    """What was written is there after the store was closed, and the numbers of trials go on."""
    with Store(place) as store:
        campaign = new_campaign(store)
        store.appender(campaign)(trial_block(4), None)
    with Store(place) as store:
        store.appender(campaign)(trial_block(3, 4, 1), None)
        store.flush()
        found = store.reader.trials(campaign)
    assert found.id.tolist() == [1, 2, 3, 4, 5, 6, 7], f"numbers of trials: {found.id.tolist()}"
    assert found.step.tolist() == list(range(7)), f"steps of trials: {found.step.tolist()}"


def check_designs(place: str | Path) -> None:
    """Results of a design are known when all workloads have them, to equal simulators only."""
    keys: list[int | bytes] = [7, 2**62, -5, b"i\x00\xff"]
    values = np.random.default_rng(3).random((4, 2, len(_SCHEMA)))
    with Store(place) as store:
        both = store.benches({"build": "1"}, _SCHEMA.names, ["a", "b"])
        store.keep_results(both, ResultBlock(keys, values, np.ones((4, 2))))
        store.keep_results(both[:1], ResultBlock([11], values[:1, :1], np.ones((1, 1))))
        store.flush()
        found = store.cached(both, [*keys, 11, 13])
        equal = store.benches({"build": "1"}, _SCHEMA.names, ["a", "b"])
        other = store.benches({"build": "2"}, _SCHEMA.names, ["a", "b"])
    assert set(found) == set(keys), f"known designs are {sorted(map(str, found))}"
    for key, kept in zip(keys, values, strict=True):
        assert np.array_equal(found[key], kept), f"results of design {key!r} come back changed"
    assert equal == both, "an equal simulator does not find its results"
    assert not set(other) & set(both), "another build of a simulator shares results"


def check_ownership(place: str | Path) -> None:
    """A campaign runs in one process at a time, and is interrupted when nobody runs it."""
    with Store(place) as first, Store(place) as second:
        campaign = new_campaign(first)
        try:
            second.own(campaign)
        except StoreError:
            pass
        else:
            raise AssertionError("two may run the same campaign")
        running = second.reader.campaign(campaign).state
    assert running == "running", f"the state of a running campaign is {running!r}"
    with open_reader(place) as reader:
        state = reader.campaign(campaign).state
    assert state == "interrupted", f"the state of a campaign that nobody runs is {state!r}"


def check_stop(place: str | Path) -> None:
    """A wish to stop is seen by others, and forgotten with the next start."""
    with Store(place) as store, Store(place) as other:
        campaign = new_campaign(store)
        assert not store.reader.stop_requested(campaign), "a new campaign is asked to stop"
        other.request_stop(campaign)
        assert store.reader.stop_requested(campaign), "a wish to stop is not seen"
        store.set_state(campaign, "running")
        store.flush()
        assert not store.reader.stop_requested(campaign), "a wish to stop outlives the next start"


def check_front(place: str | Path) -> None:
    """The front that is kept is what is read."""
    given = trial_block(50)
    given.feasible[:] = True
    with Store(place) as store:
        campaign = new_campaign(store)
        store.appender(campaign)(given, None)
        store.set_front(campaign, [3, 9, 20], [])
        store.set_front(campaign, [7], [9])
        store.flush()
        found = store.reader.front_trials(campaign)
    assert found.id.tolist() == [3, 7, 20], f"trials of the front: {found.id.tolist()}"
    assert np.array_equal(found.metrics, given.metrics[[2, 6, 19]]), "metrics of the front are others"


def check_snapshots(place: str | Path) -> None:
    """The last snapshots of a run are kept, and the newest that is not too new is found."""
    with Store(place) as store:
        campaign = new_campaign(store)
        for batches in (16, 32, 48):
            store.add_snapshot(campaign, 1, batches, b"state%d" % batches)
        store.flush()
        for at_most, expected in ((1000, (48, b"state48")), (40, (32, b"state32"))):
            found = store.reader.snapshot(campaign, 1, at_most)
            assert found == expected, f"the snapshot after at most {at_most} batches is {found}"


def check_removal(place: str | Path) -> None:
    """A removed campaign takes its trials along and leaves the others; its number does not come again."""
    with Store(place) as store:
        first, second = new_campaign(store, "one"), new_campaign(store, "two")
        store.appender(second)(trial_block(4), None)
    with Store(place) as store:
        removed = store.remove_campaign(second)
        third = new_campaign(store, "three")
        left = [row.id for row in store.reader.campaigns()]
        empty = store.reader.n_trials(third)
        try:
            store.reader.campaign(second)
        except LookupFailed:
            pass
        else:
            raise AssertionError("a removed campaign is still there")
    assert removed == 4, f"{removed} trials were removed, expected 4"
    assert third not in (first, second), "the number of a removed campaign comes again"
    assert (left, empty) == ([third, first], 0), f"campaigns that are left: {left}"


def new_campaign(store: Store, name: str = "one") -> int:
    """A campaign over a toy space with one run, owned by `store`."""
    header = CampaignHeader(
        name=name,
        config={"name": name, "budget": {"unique": 10}},
        config_base=".",
        simulator={"name": "toy", "options": {}},
        build_id="toy-1",
        space=toy_space(),
        search_space=toy_space(),
        schema=_SCHEMA,
        objectives=(Objective("time", "min"), Objective("served", "max", at_least=0.8)),
        workloads=[{"name": "w", "hash": "h", "weight": 1.0}],
        provenance={},
        runs=(RunRow(0, "reference", "reference", 0), RunRow(1, "random", "random", 0)),
    )
    return store.create_campaign(header, store.benches({"s": 1}, _SCHEMA.names, ["h"]))


def trial_block(n: int, first_step: int = 0, batch: int = 0) -> TrialBlock:
    """Random trials of which only some were simulated in full."""
    rng = np.random.default_rng(first_step)
    fidelity = rng.choice([0.0, 0.1, 0.25, 1.0], n)
    return TrialBlock(
        run=1,
        batch=batch,
        first_step=first_step,
        indices=toy_space().sample(n, rng),
        metrics=rng.random((n, len(_SCHEMA))),
        feasible=rng.random(n) < 0.5,
        origin=np.zeros(n, dtype=np.uint8),
        seconds=rng.random(n),
        fidelity=fidelity,
        charge=fidelity + rng.random(n) / 8,
    )


def _check_same(found: Trials, expected: Trials, when: str) -> None:
    for name in COLUMNS:
        assert np.array_equal(getattr(found, name), getattr(expected, name)), f"{name} {when} is another"
