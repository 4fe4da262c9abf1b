"""What the command line logs, where to, and what it never shows."""

from __future__ import annotations

import json
import logging

import pytest

from dse.cli.logs import LogFormat, level_of, logging_to, redacted
from dse.cli.main import run_command_line

SECRET = "hunter2"
log = logging.getLogger("dse.test")


@pytest.mark.parametrize(
    "text",
    [
        f"store postgresql://ana:{SECRET}@db.example:5432/dse is locked",
        f"postgres://ana:{SECRET}@db/dse?sslmode=require",
        f"host=db password={SECRET} user=ana",
        f"host=db password='{SECRET} x' user=ana",
        f"postgresql://db/dse?user=ana&password={SECRET}",
    ],
)
def test_passwords_are_replaced_by_stars(text):
    shown = redacted(text)

    assert SECRET not in shown
    assert "***" in shown
    assert "ana" in shown


@pytest.mark.parametrize("text", ["synthetic:stream?n=500", "at 12:30 me@example.org", "http://[::1]:8050/"])
def test_text_without_a_password_stays_as_it_is(text):
    assert redacted(text) == text


def test_an_error_never_shows_a_password(run):
    status, out, err = run("front", "small", "--store", f"mysql://ana:{SECRET}@db/dse")

    assert status == 3
    assert SECRET not in out + err


@pytest.mark.parametrize(
    ("options", "least"),
    [((0, False), "WARNING"), ((1, False), "INFO"), ((2, False), "DEBUG"), ((5, False), "DEBUG"),
     ((0, True), "ERROR")],
)  # fmt: skip
def test_each_v_says_more_and_q_less(options, least):
    assert logging.getLevelName(level_of(*options)) == least


def test_a_warning_is_one_line_on_stderr(capsys):
    with logging_to(logging.WARNING, None, LogFormat.TEXT):
        log.warning("a simulation failed: %s", "poisoned")
        log.info("nobody asked")

    assert capsys.readouterr() == ("", "dse: warning: a simulation failed: poisoned\n")


def test_a_log_file_has_what_happened_even_if_stderr_does_not(tmp_path, capsys):
    file = tmp_path / "dse.log"

    with logging_to(logging.WARNING, file, LogFormat.TEXT):
        log.info("campaign %r started", "small")

    assert file.read_text().endswith("info dse.test: campaign 'small' started\n")
    assert capsys.readouterr().err == ""


def test_json_lines_are_objects_without_secrets(tmp_path):
    file = tmp_path / "dse.log"

    with logging_to(logging.ERROR, file, LogFormat.JSON):
        try:
            raise RuntimeError(f"postgresql://ana:{SECRET}@db/dse")
        except RuntimeError:
            log.exception("store postgresql://ana:%s@db/dse", SECRET)

    line = json.loads(file.read_text())
    assert (line["level"], line["logger"]) == ("error", "dse.test")
    assert line["time"].endswith("+00:00")
    assert "RuntimeError" in line["traceback"]
    assert SECRET not in file.read_text()


def test_the_library_configures_nothing_and_the_command_undoes_what_it_did(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DSE_STORE", str(tmp_path / "none.sqlite"))
    logger = logging.getLogger("dse")
    before = (list(logger.handlers), logger.level, logger.propagate)

    run_command_line(["-v", "--log-file", str(tmp_path / "dse.log"), "agents", "--json"])

    assert (list(logger.handlers), logger.level, logger.propagate) == before
    assert capsys.readouterr().err == ""


def test_a_log_file_that_cannot_be_written_is_named(run, tmp_path):
    status, _, err = run("--log-file", str(tmp_path / "none" / "dse.log"), "agents")

    assert status == 3
    assert "--log-file" in err
    assert "folder that exists" in err


def test_an_unknown_log_format_is_wrong_usage(run):
    assert run("--log-format", "xml", "agents")[0] == 2


@pytest.mark.parametrize("command", [["agents"], ["--help"], ["ls"]])
def test_no_color_is_honoured_even_where_colour_is_forced(run, monkeypatch, command):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")

    _, out, _ = run(*command)

    assert not any(f"\x1b[{code}" in out or f";{code}" in out for code in (*range(31, 38), *range(91, 98)))
