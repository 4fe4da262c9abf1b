"""Every kind of store conforms, by the suite that ships; one that breaks a rule is told which."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dse.store import Store
from dse.store.reader import StoreReader
from dse.testing import store as suite
from dse.testing.store import check_store


@pytest.fixture
def files(tmp_path):
    numbers = itertools.count()
    return lambda: tmp_path / f"{next(numbers)}.sqlite"


def test_files_conform(files):
    check_store(files)


def test_a_server_conforms(postgres):
    check_store(postgres.fresh_url)


def _rounded(read):
    def trials(self, *given, **named):
        found = read(self, *given, **named)
        found.metrics[:] = found.metrics.astype(np.float32)
        return found

    return trials


BROKEN = {
    "check_trials": (StoreReader, "trials", _rounded, "metrics of trials comes back changed"),
    "check_polling": (
        StoreReader,
        "trials",
        lambda read: (
            lambda self, campaign, after=0, **named: read(self, campaign, max(after - 1, 0), **named)
        ),
        "id after 3 is another",
    ),
    "check_reopening": (
        Store,
        "appender",
        lambda _: lambda self, campaign: lambda *given: None,
        "numbers of",
    ),
    "check_designs": (
        Store,
        "benches",
        lambda made: lambda self, simulator, *rest: made(self, {}, *rest),
        "another build of a simulator shares results",
    ),
    "check_ownership": (Store, "own", lambda _: lambda self, campaign: None, "two may run the same campaign"),
    "check_stop": (Store, "request_stop", lambda _: lambda self, campaign: None, "is not seen"),
    "check_front": (
        Store,
        "set_front",
        lambda kept: lambda self, campaign, added, removed: kept(self, campaign, added, []),
        "trials of the front",
    ),
    "check_snapshots": (
        StoreReader,
        "snapshot",
        lambda read: lambda self, campaign, run, at_most: read(self, campaign, run, 10**6),
        "the snapshot after at most 40 batches",
    ),
    "check_removal": (Store, "remove_campaign", lambda _: lambda self, campaign: 4, "is still there"),
}


@pytest.mark.parametrize("check", BROKEN)
def test_what_is_broken_is_told(check, files, monkeypatch):
    kind, name, broken, expected = BROKEN[check]
    monkeypatch.setattr(kind, name, broken(getattr(kind, name)))

    with pytest.raises(AssertionError, match=expected):
        getattr(suite, check)(files())


def test_every_check_is_broken_once():
    assert set(BROKEN) == {name for name in vars(suite) if name.startswith("check_")} - {"check_store"}
