"""The files of a campaign, out of the store that has them and into a folder.

A name is as the campaign wrote it, and is written below the folder only: one that leads elsewhere (an
absolute path, `..`) goes to the folder's own folder `outside`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dse.exchange.errors import ExchangeError
from dse.exchange.whole_file import whole_file
from dse.store import PACKAGE, AttachedFile, Attachment, StoreReader

_OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class ExtractedFile:
    """A file of a campaign, and where it was written; None if the store does not have its content."""

    file: Attachment
    path: Path | None


def list_files(store: Path | str, campaign: int | str) -> tuple[Attachment, ...]:
    """The files that a campaign names, by kind and name; LookupFailed if there is no such campaign."""
    with StoreReader(store) as reader:
        return _listed(reader, reader.campaign(campaign).id)


def files_of(store: Path | str, campaign: int) -> tuple[AttachedFile, ...]:
    """The same with their contents."""
    with StoreReader(store) as reader:
        given = _listed(reader, campaign)
        found = [reader.attached(campaign, one.kind, one.name) for one in given]
    return tuple(one for one in found if one is not None)


def extract_files(
    store: Path | str, campaign: int | str, folder: Path, *, force: bool = False
) -> tuple[ExtractedFile, ...]:
    """Write the files that a campaign names below `folder`, which is made if there is none.

    Raises ExchangeError before anything is written if one exists (and not `force`) or would be written
    elsewhere through a link.
    """
    with StoreReader(store) as reader:
        number = reader.campaign(campaign).id
        given = _listed(reader, number)
        places = _places([one for one in given if one.kept], folder)
        for path in sorted(set(places.values())):
            _check(path, folder, force)
        for one, path in places.items():
            content = reader.attached(number, one.kind, one.name)
            if content is not None and content.data is not None:
                _write(path, content.data)
    return tuple(ExtractedFile(one, places.get(one)) for one in given)


def _listed(reader: StoreReader, campaign: int) -> tuple[Attachment, ...]:
    return tuple(one for one in reader.attachments(campaign) if one.kind != PACKAGE)


def _places(files: list[Attachment], folder: Path) -> dict[Attachment, Path]:
    """A path for each file; two contents of the same name get different ones."""
    made: dict[Attachment, Path] = {}
    taken: dict[Path, str] = {}
    for one in files:
        path, number = folder / _inside(one.name), 2
        plain = path
        while taken.setdefault(path, one.hash) != one.hash:
            path, number = plain.with_name(f"{plain.stem}-{number}{plain.suffix}"), number + 1
        made[one] = path
    return made


def _inside(name: str) -> PurePosixPath:
    """The name as a path below some folder."""
    path = PurePosixPath(name)
    plain = all(part.isprintable() and part != ".." for part in path.parts)
    if plain and path.parts and not path.is_absolute():
        return path
    last = "".join(letter for letter in path.name if letter.isprintable()).strip(".")
    return PurePosixPath(_OUTSIDE, last or "file")


def _check(path: Path, folder: Path, force: bool) -> None:
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ExchangeError(
            f"lies outside {folder} through a link: name another folder with --out", path=path
        )
    if path.exists() and not force:
        raise ExchangeError("exists: name another folder, or overwrite it with --force", path=path)


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExchangeError(f"cannot be made: {error.strerror or error}", path=path.parent) from error
    with whole_file(path, force=True) as draft:
        draft.write_bytes(data)
