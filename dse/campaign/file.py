"""Reading campaign files: TOML to a checked `CampaignConfig`, with mistakes located by file, line and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from dse.campaign.config import CampaignConfig, StudyConfig
from dse.campaign.toml_lines import dotted, key_lines, line_of
from dse.errors import ConfigError, InputError, did_you_mean, listed

_MAX_BYTES = 1_000_000
_SHOWN_MISTAKES = 5

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a configuration was written, to locate mistakes that are found only later (an unknown metric)."""

    path: str | None = None
    lines: Mapping[Location, int] = field(default_factory=dict)

    @contextmanager
    def at(self, *location: str | int) -> Iterator[None]:
        """Add file, line and key to an InputError of the block that has no file yet."""
        try:
            yield
        except InputError as error:
            if error.path is not None:
                raise
            raise self.located(error, location) from error

    def located(self, error: InputError, location: Location) -> InputError:
        """The same error with file, line and key; an error about a key inside `location` is put there."""
        inner = (*location, error.key) if error.key is not None else location
        place = inner if inner in self.lines else location
        line = line_of(place, self.lines)
        return type(error)(error.message, path=self.path, line=line, key=dotted(place) or None)


def read_campaign_file(path: Path | str) -> tuple[CampaignConfig, Source]:
    """Read and check a campaign file of one campaign.

    Raises ConfigError that names file, line and key: no such file, not TOML, unknown key, wrong value, a
    `[matrix]` (read those with `dse.campaign.study`).
    """
    data, source = read_toml(path)
    if "matrix" in data:
        raise source.located(
            ConfigError(
                "this file stands for many campaigns: `dse run` runs and continues them, dse.Study reads it"
            ),
            ("matrix",),
        )
    return check_config(data, source), source


def read_toml(path: Path | str) -> tuple[dict[str, Any], Source]:
    """A TOML file as nested dicts, not checked further, and where its keys stand."""
    text = _read(Path(path))
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else None
        message = str(error).partition(" (at ")[0]
        raise ConfigError(f"not valid TOML: {message}", path=str(path), line=line) from None
    return data, Source(str(path), key_lines(text))


def check_config(data: Mapping[str, Any], source: Source | None = None) -> CampaignConfig:
    """Check a configuration given as nested dicts; ConfigError names the wrong key."""
    place = source or Source()
    try:
        return CampaignConfig.model_validate(data)
    except ValidationError as error:
        mistakes = [_mistake(detail, data) for detail in error.errors()]
    mistakes.sort(key=lambda mistake: line_of(mistake[0], place.lines) or 0)
    first, *others = [
        ConfigError(message, path=place.path, line=line_of(where, place.lines), key=dotted(where) or None)
        for where, message in mistakes[:_SHOWN_MISTAKES]
    ]
    if others:
        first.message += "".join(f"\n{other}" for other in others)
    raise first


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise ConfigError(f"larger than {_MAX_BYTES} bytes: this is not a campaign file", path=str(path))
        return raw.decode("utf-8")
    except FileNotFoundError:
        near = did_you_mean(path.name, [other.name for other in _siblings(path)])
        raise ConfigError(f"there is no such campaign file.{near}", path=str(path)) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=str(path)) from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text: this is not a campaign file", path=str(path)) from None


def _siblings(path: Path) -> list[Path]:
    return list(path.parent.glob("*.toml")) if path.parent.is_dir() else []


def _mistake(detail: Any, data: Mapping[str, Any]) -> tuple[Location, str]:
    location: Location = tuple(detail["loc"])
    kind, given = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return location, _unknown_key(location)
    if kind == "missing":
        return location, "this key is missing"
    where = _written(location, data)
    expected = re.sub(r"^(Value error, |Input should be )", "", detail["msg"])
    shown = repr(given) if len(repr(given)) <= 60 else type(given).__name__
    return where, f"got {shown}, expected {expected}"


def _unknown_key(location: Location) -> str:
    name = str(location[-1])
    known = _known_keys(location[:-1])
    hint = did_you_mean(name, known) or f" The keys here are {listed(known)}."
    return f"unknown key {name!r}.{hint}"


def _known_keys(location: Sequence[str | int]) -> list[str]:
    model: Any = StudyConfig
    for part in location:
        if isinstance(part, str) and issubclass(model, BaseModel):
            annotation = model.model_fields[part].annotation
            model = next((arg for arg in get_args(annotation) if isinstance(arg, type)), annotation)
    return list(model.model_fields)


def _written(location: Location, data: Any) -> Location:
    """The part of a location that the file has; the checker adds names of alternatives to it."""
    kept: list[str | int] = []
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            break
        kept.append(part)
    return tuple(kept)
