"""Files and packages that campaigns name, each content kept once under its hash (BLAKE2b, 32 bytes).

The table `blob` has the contents, deflated; `attachment` says which campaign calls which of them what. Of a
file over `MAX_FILE_BYTES` only name, size and hash are noted. A content that no campaign names any more goes
when a campaign is removed or the store is vacuumed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dse.errors import StoreError
from dse.store.place import Link, Place

MAX_FILE_BYTES = 16 * 2**20
PACKAGE = "package"  # simulator and workloads for workers: no file of the user's
_MOST_BYTES = 4 * 2**30
_READ_AT_ONCE = 2**20
_DEFLATE = 1
_KEPT = "FROM attachment JOIN blob ON blob.hash = attachment.blob"


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that a campaign names. kept: whether the store has its content, not only size and hash."""

    kind: str
    name: str
    size: int
    hash: str
    kept: bool


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """Content to be attached to a campaign. data: None if only its size and hash are to be noted."""

    kind: str
    name: str
    size: int
    hash: str
    data: bytes | None

    @classmethod
    def of(cls, kind: str, name: str, data: bytes) -> AttachedFile:
        """Content of any size, kept whole."""
        return cls(kind, name, len(data), content_hash(data), data)

    @classmethod
    def read(cls, kind: str, name: str, path: Path) -> AttachedFile:
        """A file as it is now; one over `MAX_FILE_BYTES` is noted only. Raises OSError."""
        if path.stat().st_size <= MAX_FILE_BYTES:
            with path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
            if len(data) <= MAX_FILE_BYTES:
                return cls.of(kind, name, data)
        found, size = _hash(), 0
        with path.open("rb") as file:
            while part := file.read(_READ_AT_ONCE):
                found.update(part)
                size += len(part)
        return cls(kind, name, size, found.hexdigest(), None)


def content_hash(data: bytes) -> str:
    """64 hexadecimal digits of a content: its name in the store."""
    found = _hash()
    found.update(data)
    return found.hexdigest()


def attach(link: Link, campaign: int, files: Sequence[AttachedFile]) -> None:
    """Within a transaction: let the campaign name these contents; one of that kind and name is replaced."""
    if not files:
        return
    link.lock_schema()  # nobody may drop a content that is about to be named
    for file in files:
        deflated = None if file.data is None else zlib.compress(file.data, _DEFLATE)
        link.execute(
            "INSERT INTO blob (hash, size, data) VALUES (?, ?, ?) "
            "ON CONFLICT (hash) DO UPDATE SET data = coalesce(blob.data, excluded.data)",
            (file.hash, file.size, deflated),
        )
        link.execute(
            "INSERT INTO attachment (campaign, kind, name, blob) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (campaign, kind, name) DO UPDATE SET blob = excluded.blob",
            (campaign, file.kind, file.name, file.hash),
        )


def detach(link: Link, campaign: int) -> None:
    """Within a transaction: the campaign names nothing any more."""
    link.execute("DELETE FROM attachment WHERE campaign = ?", (campaign,))
    drop_unnamed(link)


def drop_unnamed(link: Link) -> None:
    """Within a transaction: forget every content that no campaign names."""
    link.lock_schema()
    link.execute("DELETE FROM blob WHERE hash NOT IN (SELECT blob FROM attachment)")


def attachments(link: Link, campaign: int) -> list[Attachment]:
    """What the campaign names, by kind and name."""
    sql = f"SELECT kind, name, size, hash, data IS NOT NULL {_KEPT} WHERE campaign = ? ORDER BY kind, name"
    rows = link.execute(sql, (campaign,)).fetchall()
    return [Attachment(kind, name, size, hash_, bool(kept)) for kind, name, size, hash_, kept in rows]


def attached(link: Link, place: Place, campaign: int, kind: str, name: str) -> AttachedFile | None:
    """What the campaign calls that, with its content; None if there is none.

    Raises StoreError if the content is not the one that was attached.
    """
    sql = f"SELECT size, hash, data {_KEPT} WHERE campaign = ? AND kind = ? AND name = ?"
    row = link.execute(sql, (campaign, kind, name)).fetchone()
    if row is None:
        return None
    found = AttachedFile(kind, name, row[0], row[1], None)
    if row[2] is None:
        return found
    try:
        if kind != PACKAGE and found.size > MAX_FILE_BYTES:
            raise ValueError(f"is said to have {found.size} bytes, more than are kept of a file")
        return replace(found, data=b"".join(_inflated(bytes(row[2]), *row[:2])))
    except ValueError as error:
        raise StoreError(
            f"store {place} is damaged: the file {name!r} of campaign {campaign} {error}; restore a copy"
        ) from None


def damaged_blobs(link: Link) -> list[str]:
    """One sentence for each content that is not what its hash says, and each that nobody can own."""
    found = []
    for (hash_,) in link.execute("SELECT hash FROM blob ORDER BY hash").fetchall():
        size, data = link.execute("SELECT size, data FROM blob WHERE hash = ?", (hash_,)).fetchone()
        try:
            if data is not None:
                for _ in _inflated(bytes(data), size, hash_):
                    pass  # only to see whether it ends well
        except ValueError as error:
            names = link.execute("SELECT name FROM attachment WHERE blob = ?", (hash_,)).fetchall()
            called = ", ".join(sorted({repr(name) for (name,) in names})) or "which nothing names"
            found.append(f"the content {hash_[:12]} ({called}) {error}")
    sql = "SELECT DISTINCT campaign FROM attachment WHERE campaign NOT IN (SELECT id FROM campaign)"
    strangers = sorted(row[0] for row in link.execute(sql).fetchall())
    return found + [f"files are attached to campaign {number}, which there is not" for number in strangers]


def _inflated(data: bytes, size: int, expected: str) -> Iterator[bytes]:
    """The content of `size` bytes with that hash, in parts; ValueError says what is wrong with it.

    Never makes many more bytes, whatever `data` unfolds to. The last part comes before the hash is known.
    """
    if not 0 <= size <= _MOST_BYTES:
        raise ValueError(f"is said to have {size} bytes")
    worker, found, made = zlib.decompressobj(), _hash(), 0
    while not worker.eof:
        try:
            part = worker.decompress(data, _READ_AT_ONCE)
        except zlib.error:
            raise ValueError("cannot be unpacked") from None
        data = worker.unconsumed_tail
        made += len(part)
        if made > size or not (part or data or worker.eof):
            break
        found.update(part)
        yield part
    if made != size or not worker.eof:
        raise ValueError(f"does not have the {size} bytes that it had")
    if found.hexdigest() != expected:
        raise ValueError("is not what it was: its hash is another one")


def _hash() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=32)
