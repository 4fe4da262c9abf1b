"""Saving nested state as bytes: JSON for structure and numbers, npz for arrays, never pickle.

`pack` takes dicts with text keys, lists, tuples (which come back as lists), text, numbers, booleans, None,
numpy scalars and arrays. Equal states give equal bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np

State = dict[str, Any]

_ARRAY = "__array__"
_VERSION = 1


def pack(state: State) -> bytes:
    """Bytes of a nested state. Raises TypeError for a value that has no safe form, naming its place."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    tree = _encode(state, arrays, "state")
    text = json.dumps({"version": _VERSION, "tree": tree}, separators=(",", ":"))
    buffer = io.BytesIO()
    np.savez(buffer, tree=np.frombuffer(text.encode(), dtype=np.uint8), **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack(data: bytes) -> State:
    """The state that `pack` saved. Raises ValueError if the bytes are something else.

    Nothing is larger than its bytes: `pack` does not compress, and what is compressed is refused.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
            raise ValueError("saved state is compressed, which it never is")
    with np.load(io.BytesIO(data), allow_pickle=False) as saved:
        header = json.loads(saved["tree"].tobytes().decode())
        if header["version"] != _VERSION:
            raise ValueError(f"saved state has version {header['version']}, expected {_VERSION}")
        state: State = _decode(header["tree"], saved)
    return state


def _encode(value: Any, arrays: dict[str, np.ndarray[Any, Any]], where: str) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError(f"{where}: an array of objects cannot be saved")
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {_key(k, where): _encode(v, arrays, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item, arrays, f"{where}[{i}]") for i, item in enumerate(value)]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{where}: a {type(value).__name__} cannot be saved; use JSON values and numpy arrays")


def _decode(value: Any, arrays: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            return arrays[value[_ARRAY]]
        return {key: _decode(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_decode(item, arrays) for item in value]
    return value


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str) or key == _ARRAY:
        raise TypeError(f"{where}: key {key!r} is not allowed; keys are text other than {_ARRAY!r}")
    return key
