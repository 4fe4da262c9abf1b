"""Snapshots of episodes as bytes: a table of JSON values, and raw bytes behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dse.errors import InputError

_MAGIC = b"marl-dse episode 1\n"
_LENGTH = 8


def packed(state: Mapping[str, Any]) -> bytes:
    """`unpacked` undoes it. state: values that JSON takes; "bytes", if there, may be bytes."""
    raw: bytes = state.get("bytes", b"")
    text = json.dumps({key: value for key, value in state.items() if key != "bytes"}).encode()
    return _MAGIC + len(text).to_bytes(_LENGTH, "little") + text + raw


def unpacked(data: bytes) -> dict[str, Any]:
    """What was packed, with "bytes". InputError for anything else."""
    start = len(_MAGIC) + _LENGTH
    if not data.startswith(_MAGIC) or len(data) < start:
        raise InputError("not a snapshot of an environment: expected what its snapshot() gave")
    end = start + int.from_bytes(data[len(_MAGIC) : start], "little")
    try:
        found: dict[str, Any] = json.loads(data[start:end])
    except ValueError as error:
        raise InputError(f"a damaged snapshot of an environment: {error}") from None
    return {**found, "bytes": data[end:]}
