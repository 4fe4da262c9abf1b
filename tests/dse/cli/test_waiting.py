"""The progress bar of what takes a while: on a terminal only, and only once it takes a while."""

from __future__ import annotations

import io
import sys

from dse.cli.waiting import _Bar, waiting


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch):
    """Makes stderr a terminal; called in the test, because pytest sets stderr anew before it."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    return stream


def test_without_a_terminal_nothing_is_drawn(capsys):
    with waiting("sort", 10, after_s=0.0) as watch:
        watch(5)

    assert capsys.readouterr().err == ""


def test_what_is_soon_done_is_never_drawn(monkeypatch):
    terminal = on_a_terminal(monkeypatch)

    with waiting("sort", 10, after_s=60.0) as watch:
        watch(10)

    assert terminal.getvalue() == ""


def test_a_bar_says_how_many_requests_are_done(monkeypatch):
    terminal = on_a_terminal(monkeypatch)
    bar = _Bar("sort", 2_000, "requests")

    bar.update(1_500)
    bar.show()
    bar.hide()

    assert "1,500/2,000 requests" in terminal.getvalue()


def test_a_bar_that_has_ended_is_not_drawn_late(monkeypatch):
    terminal = on_a_terminal(monkeypatch)
    bar = _Bar("sort", None, "requests")

    bar.hide()
    bar.show()

    assert terminal.getvalue() == ""
