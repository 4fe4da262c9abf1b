"""Where the log of a command goes: stderr, and a file if one is asked for, as text or as JSON lines.

The packages only write to the logger tree `dse` and configure nothing; this is the one place that does, for
the time of one command. Passwords in URLs never reach a handler's output.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from dse.errors import ConfigError

ROOT = "dse"
_LIBRARY = "psycopg"  # warns, where nobody listens to it, about every connection that was lost
_URL_PASSWORD = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*:/{1,2}[^\s:/@'\"]*):[^\s/'\"]*@", re.IGNORECASE)
_KEY_PASSWORD = re.compile(
    r"(?P<head>\b(?:password|passwd|pgpassword)\s*=\s*)('[^']*'|[^\s&'\"]+)", re.IGNORECASE
)


class LogFormat(StrEnum):
    """How a line of the log is written."""

    TEXT = "text"
    JSON = "json"


def redacted(text: str) -> str:
    """The text with every password of a URL or of a `password=...` replaced by three stars."""
    return _KEY_PASSWORD.sub(r"\g<head>***", _URL_PASSWORD.sub(r"\g<head>:***@", text))


def level_of(verbose: int, quiet: bool) -> int:
    """The least level shown: warnings by default, -v adds what happened, -vv details, -q leaves errors."""
    if quiet:
        return logging.ERROR
    return (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]


@contextmanager
def logging_to(level: int, file: Path | None, form: LogFormat) -> Iterator[None]:
    """Send the tree `dse` to stderr from `level` on, and to a file from INFO on, within the block.

    Raises ConfigError if the file cannot be written.
    """
    logger = logging.getLogger(ROOT)
    handlers: list[logging.Handler] = [_Stderr(level)]
    if file is not None:
        handlers.append(_file_handler(file, min(level, logging.INFO)))
    before = (logger.level, logger.propagate)
    library = logging.getLogger(_LIBRARY)
    library_before = library.level
    library.setLevel(logging.CRITICAL)  # what went wrong is said by the error of the store
    logger.setLevel(min(handler.level for handler in handlers))
    logger.propagate = False
    for handler in handlers:
        handler.setFormatter(_JsonFormatter() if form is LogFormat.JSON else _text_formatter(handler))
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
        logger.level, logger.propagate = before
        logger.setLevel(before[0])
        library.setLevel(library_before)


class _Stderr(logging.Handler):
    """Writes to what is stderr at that moment, so that a progress bar on it stays whole."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        record.kind = record.levelname.lower()
        return redacted(super().format(record))


class _JsonFormatter(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        data = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        if record.exc_info:
            data["traceback"] = redacted(self.formatException(record.exc_info))
        return json.dumps(data)


def _text_formatter(handler: logging.Handler) -> logging.Formatter:
    if isinstance(handler, logging.FileHandler):
        return _TextFormatter("%(asctime)s %(kind)s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S%z")
    return _TextFormatter("dse: %(kind)s: %(message)s")


def _file_handler(file: Path, level: int) -> logging.Handler:
    try:
        handler = logging.FileHandler(file, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{str(file)!r} cannot be written: {error.strerror}; name a file in a folder that exists",
            key="--log-file",
        ) from None
    handler.setLevel(level)
    return handler
