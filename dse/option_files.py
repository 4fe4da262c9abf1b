"""Files that options name: of a simulator (`device = "mine.toml#name"`), of a searcher (a saved policy).

A name means the file in the current folder, unless a content of that name is given: a campaign gives what
lies beside its file or was kept in its store, a worker what came with its work. So the name in the options,
which tells simulators apart, says nothing of folders, and a worker needs no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path, PurePosixPath
from typing import Any

MOST_BYTES = 16 * 2**20  # of a file that is given or kept

_given: ContextVar[Mapping[str, bytes]] = ContextVar("option_files", default={})  # noqa: B039


@contextmanager
def given(files: Mapping[str, bytes]) -> Iterator[None]:
    """Within: these contents instead of files of those names; what was given around it holds for others."""
    token = _given.set({**_given.get(), **files})
    try:
        yield
    finally:
        _given.reset(token)


def read_option_file(name: str, most: int) -> bytes:
    """At most `most` + 1 bytes of the file that an option names. Raises OSError."""
    content = _given.get().get(name)
    if content is not None:
        return content[: most + 1]
    with Path(name).open("rb") as file:
        return file.read(most + 1)


def named_files(options: Any) -> tuple[str, ...]:
    """Texts in nested options that may name a file, alone or as FILE#part: those with a suffix."""
    names = (text.rpartition("#")[0] or text for text in _texts(options))
    return tuple(dict.fromkeys(name for name in names if PurePosixPath(name).suffix and "\0" not in name))


def find_option_file(name: str, base: Path) -> Path | None:
    """The file of that name in the folder `base`, else in the current one; None if it is in neither."""
    places = (base / Path(name).expanduser(), Path(name))
    try:
        return next((place for place in places if place.is_file()), None)
    except OSError:  # a name that no file can have
        return None


def contents(options: Any, base: Path = Path()) -> dict[str, bytes]:
    """What the files hold that options name, as given or found; those that are too large are left out."""
    found = {}
    for name in named_files(options):
        content = _given.get().get(name) or _read(find_option_file(name, base))
        if content is not None and len(content) <= MOST_BYTES:
            found[name] = content
    return found


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError:
        return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
