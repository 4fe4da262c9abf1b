"""Which design or designs `dse replay` was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dse.cli.picked import DEFAULT, Picked, pick_design, pick_trial
from dse.errors import ConfigError

ONE = "write `dse replay CAMPAIGN TRIAL`, or give a .json or .toml file"
TWO = (
    "two designs are compared: `dse replay CAMPAIGN TRIAL TRIAL --diff`, or `dse replay A B --diff`, where A "
    "and B are CAMPAIGN:TRIAL, a .json or .toml file, or `default`"
)
_NOT_OPTIONS = ("name", "build_id", "space_hash")


@dataclass(frozen=True, slots=True)
class Options:
    """What belongs to designs that are not from a campaign: the simulator's options; and the store."""

    simulator: Mapping[str, Any]
    store: Path | None

    @classmethod
    def of(cls, store: Path | None, pairs: Sequence[str] = (), **given: str | None) -> Options:
        """pairs: KEY=VALUE or TABLE.KEY=VALUE texts of --option; ConfigError for one that is none."""
        named: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        for key, value in map(_key_value, pairs):
            table, dot, own = key.partition(".")
            if dot:
                named[table] = {**named.get(table, {}), own: value}
            else:
                named[key] = value
        return cls(named, store)


def pick_one(words: Sequence[str], options: Options) -> Picked:
    """`CAMPAIGN TRIAL`, `CAMPAIGN:TRIAL`, a file, `default`, or nothing (the default design)."""
    match list(words):
        case []:
            return _pick(DEFAULT, options)
        case [one]:
            return _pick(one, options)
        case [campaign, trial] if trial.isdigit() and not _is_design(campaign):
            return _pick(f"{campaign}:{trial}", options)
        case [first, second] if _is_design(first) and _is_design(second):
            raise ConfigError(
                f"{first!r} and {second!r} are two designs: compare them with --diff alone, or give one",
                key="--diff",
            )
    raise ConfigError(f"{' '.join(words)!r} is not one design: {ONE}", key="CAMPAIGN")


def pick_two(words: Sequence[str], options: Options) -> tuple[Picked, Picked]:
    """The two designs of `--diff`. One that is from no campaign runs on the simulator of the other."""
    match list(words):
        case [first, second] if _is_design(first) and _is_design(second):
            names = first, second
        case [campaign, *rest] if len(rest) == 2 and not _is_design(campaign):
            first, second = (f"{campaign}:{word}" if word.isdigit() else word for word in rest)
            names = first, second
        case [campaign, trial] if trial.isdigit() and not _is_design(campaign):
            raise ConfigError(
                f"{campaign!r} {trial} is one design: name the other too, for example "
                f"`dse replay {campaign} {trial} default --diff`; {TWO}",
                key="--diff",
            )
        case _:
            raise ConfigError(f"{' '.join(words)!r}: {TWO}", key="--diff")
    return _both(*names, options)


def _key_value(text: str) -> tuple[str, str | int | float | bool]:
    """The value as a number, or as true or false, where it is one."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"{text!r}: expected KEY=VALUE", key="--option")
    for kind in (int, float):
        try:
            return key, kind(value)
        except ValueError:
            continue
    return key, {"true": True, "false": False}.get(value, value)


def _both(first: str, second: str, options: Options) -> tuple[Picked, Picked]:
    if not _is_trial(first) and _is_trial(second):
        after = _pick(second, options)
        return _beside(first, after), after
    before = _pick(first, options)
    after = _pick(second, options) if _is_trial(second) else _beside(second, before)
    return before, after


def _beside(name: str, other: Picked) -> Picked:
    """A design from a file, or the default one, on the simulator of `other`."""
    simulator = {key: value for key, value in other.description.items() if key not in _NOT_OPTIONS}
    made = pick_design(name, str(other.description["name"]), simulator)
    return replace(made, simulator=other.simulator)


def _pick(name: str, options: Options) -> Picked:
    if not _is_design(name):
        raise ConfigError(
            f"{name!r} is neither a .json or .toml file nor followed by a trial: {ONE}", key="CAMPAIGN"
        )
    if not _is_trial(name):
        return pick_design(name, "dram", options.simulator)
    if options.simulator:
        own: dict[str, Any] = dict(options.simulator)
        raise ConfigError(
            f"a campaign has its own {', '.join(own)}: leave the option out", key=f"--{next(iter(own))}"
        )
    campaign, _, trial = name.rpartition(":")
    return pick_trial(campaign, int(trial), options.store)


def _is_design(word: str) -> bool:
    return word == DEFAULT or Path(word).suffix in (".json", ".toml") or _is_trial(word)


def _is_trial(word: str) -> bool:
    campaign, _, trial = word.rpartition(":")
    return bool(campaign) and trial.isdigit()
