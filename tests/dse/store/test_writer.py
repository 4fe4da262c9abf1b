"""The writing thread when what it writes to fails."""

from __future__ import annotations

import threading

import pytest

from dse.errors import StoreError
from dse.store.sqlite import SqlitePlace
from dse.store.writer import Writer


class LostAtCommit:
    """A link that waits in its first commit until it is told, and then is lost."""

    lost = True
    in_transaction = False

    def __init__(self):
        self.committing, self.may_fail = threading.Event(), threading.Event()
        self.closed = False

    def begin(self):
        pass

    def commit(self):
        self.committing.set()
        assert self.may_fail.wait(10)
        raise StoreError("the server is gone")

    def close(self):
        self.closed = True


def ends(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


@pytest.fixture
def link():
    return LostAtCommit()


@pytest.fixture
def writer(link, tmp_path):
    return Writer(link, SqlitePlace(tmp_path / "store.sqlite"))


def test_closing_comes_to_an_end_although_the_last_commit_fails(writer, link):
    link.may_fail.set()
    writer.submit(lambda link: 1)

    assert ends(writer.close)  # the commit that fails is the one that the closing ended
    assert link.closed
    with pytest.raises(StoreError, match="gone"):
        writer.check()


def test_a_flush_comes_to_an_end_although_its_commit_fails(writer, link):
    link.may_fail.set()
    writer.submit(lambda link: 1)

    with pytest.raises(StoreError, match="gone"):
        writer.flush()

    assert ends(writer.close)


def test_closing_comes_to_an_end_after_an_earlier_failure(writer, link):
    writer.submit(lambda link: 1)
    assert link.committing.wait(10)
    link.may_fail.set()
    ended = ends(writer.close)

    assert ended
    assert link.closed
