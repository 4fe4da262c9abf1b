"""`Study`: a campaign file with `[matrix]`, which stands for a campaign for every combination of its values.

study = Study.from_file("study.toml")
results = study.run(store="campaigns.sqlite")

    [matrix]
    "simulator.device" = ["ddr4-2400-8gb-x8", "ddr5-4800-16gb-x8"]
    seed = [1, 2, 3]

makes six campaigns, named `sort device=ddr4-2400-8gb-x8 seed=1` and so on.
"""

from __future__ import annotations

import copy
import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Unpack

from dse.campaign import Campaign
from dse.campaign.config import CampaignConfig
from dse.campaign.file import Source, check_config, read_toml
from dse.campaign.progress import Watcher
from dse.campaign.result import CampaignResult
from dse.errors import ConfigError
from dse.executors import ExecutorOptions
from dse.provenance import usable_cores
from dse.store import CampaignRecord, Store, open_reader, place_of

_MOST_CAMPAIGNS = 10_000
_KEY = re.compile(r"[^.\[\]]+")


@dataclass(frozen=True, slots=True)
class Study:
    """Campaigns of one file, by their checked configurations; without `[matrix]` there is one.

    base: folder where relative paths start. expanded: whether the file has a matrix. chosen: for each
    campaign, keys of the matrix with what its name says of their values ("seed": "seed=1").
    """

    configs: tuple[CampaignConfig, ...]
    source: Source
    base: Path
    expanded: bool = False
    chosen: tuple[Mapping[str, str], ...] = ()

    @classmethod
    def from_file(cls, path: Path | str) -> Study:
        """Read a campaign file (TOML); ConfigError with its place for any mistake in any combination."""
        data, source = read_toml(path)
        return cls.of(data, base=Path(path).parent, source=source)

    @classmethod
    def of(cls, data: Mapping[str, Any], *, base: Path | str = ".", source: Source | None = None) -> Study:
        """The same from nested dicts."""
        place = source or Source()
        made = expanded(data, place)
        configs = tuple(check_config(one, place) for one, _ in made)
        names = [config.name for config in configs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            error = ConfigError(f"two campaigns would be called {twice!r}: a value is listed twice")
            raise place.located(error, ("matrix",))
        return cls(configs, place, Path(base), "matrix" in data, tuple(chosen for _, chosen in made))

    def __len__(self) -> int:
        return len(self.configs)

    def campaigns(self) -> Iterator[Campaign]:
        """The campaigns, each set up when it is asked for."""
        return (Campaign(config, base=self.base, source=self.source) for config in self.configs)

    def run(
        self,
        *,
        store: Path | str,
        threads: int | None = None,
        progress: Watcher | None = None,
        started: Callable[[str], None] | None = None,
        **how: Unpack[ExecutorOptions],
    ) -> list[CampaignResult]:
        """Run the campaigns one after the other and return what they found.

        Those that the store has already are resumed where they ended, so that calling this again after an
        interruption continues the study. All are set up before the first one starts: a mistake in the last
        is found at once. started: called with the name of each before it runs. Otherwise as `Campaign.run`.
        """
        for _ in self.campaigns():
            pass
        return list(self._each(self.campaigns(), store, threads, progress, started, how))

    def complete(
        self,
        *,
        store: Path | str,
        threads: int | None = None,
        progress: Watcher | None = None,
        started: Callable[[str], None] | None = None,
        jobs: int = 1,
        **how: Unpack[ExecutorOptions],
    ) -> None:
        """Run what the store lacks, as `run` does, but neither read nor keep what it has already.

        jobs: campaigns at a time, each in a process of its own; with several, `threads` are those of each
        (default: the cores divided by the jobs) and nobody watches the progress of one. Changes no result.
        Raises ConfigError if a finished campaign of the store is not the one of this file.
        """
        finished = set()
        records = _records(store, {config.name for config in self.configs})
        for campaign in self.campaigns():
            record = records.get(campaign.config.name)
            if record is not None and record.state == "finished":
                campaign.check_same(record)
                finished.add(record.name)
        left = tuple(config for config in self.configs if config.name not in finished)
        rest = replace(self, configs=left, chosen=())
        if jobs == 1 or len(left) < 2:
            for _ in rest._each(rest.campaigns(), store, threads, progress, started, how):
                pass
            return
        rest._at_once(jobs, store, threads or max(1, usable_cores() // jobs), started, how)

    def _at_once(
        self,
        jobs: int,
        store: Path | str,
        threads: int,
        started: Callable[[str], None] | None,
        how: ExecutorOptions,
    ) -> None:
        """Run the campaigns in `jobs` processes; the first error stops those that have not begun."""
        said = started or (lambda name: None)
        with Store(store):
            pass  # made once, before all of them would make it
        singles = [replace(self, configs=(config,)) for config in self.configs]
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            running = {pool.submit(_run_one, one, store, threads, how): one for one in singles}
            try:
                for done in as_completed(running):
                    done.result()
                    said(running[done].configs[0].name)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    @staticmethod
    def _each(
        campaigns: Iterable[Campaign],
        store: Path | str,
        threads: int | None,
        progress: Watcher | None,
        started: Callable[[str], None] | None,
        how: ExecutorOptions,
    ) -> Iterator[CampaignResult]:
        for campaign in campaigns:
            name = campaign.config.name
            if started is not None:
                started(name)
            continue_ = campaign.resume if name in _names(store) else campaign.run
            yield continue_(store=store, name=name, threads=threads, progress=progress, **how)


def _run_one(study: Study, store: Path | str, threads: int, how: ExecutorOptions) -> None:
    """Run or resume the only campaign of a study, in a process of its own."""
    for _ in study._each(study.campaigns(), store, threads, None, None, how):
        pass


def expanded(data: Mapping[str, Any], source: Source) -> list[tuple[dict[str, Any], dict[str, str]]]:
    """A file's nested dicts as those of its campaigns, without `matrix`, and what each has chosen of it.

    ConfigError for a wrong `matrix`.
    """
    plain = {key: value for key, value in data.items() if key != "matrix"}
    if "matrix" not in data:
        return [(plain, {})]
    axes = _axes(data["matrix"], source)
    total = math.prod(len(values) for values in axes.values())
    if total > _MOST_CAMPAIGNS:
        error = ConfigError(f"{total:,} combinations: expected at most {_MOST_CAMPAIGNS:,}")
        raise source.located(error, ("matrix",))
    labels = _labels(list(axes))
    found = []
    for chosen in itertools.product(*axes.values()):
        one = copy.deepcopy(plain)
        said: dict[str, str] = {}
        for key, label, value in zip(axes, labels, chosen, strict=True):
            with source.at("matrix", key):
                _put(one, key, value)
            said[key] = f"{label}={_shown(value, axes[key])}"
        if "name" in plain:
            one["name"] = " ".join([str(plain["name"]), *said.values()])
        found.append((one, said))
    return found


def _axes(matrix: Any, source: Source) -> dict[str, Sequence[Any]]:
    """Dotted key to its values; keys may be written quoted or as tables."""
    axes: dict[str, Sequence[Any]] = {}
    waiting: list[tuple[tuple[str, ...], Any]] = [((), matrix)] if isinstance(matrix, Mapping) else []
    while waiting:
        path, table = waiting.pop(0)
        for key, value in table.items():
            place = (*path, key)
            if isinstance(value, Mapping):
                waiting.append((place, value))
            elif isinstance(value, list) and value:
                axes[".".join(place)] = value
            else:
                error = ConfigError(f"got {value!r}, expected a list of values to try")
                raise source.located(error, ("matrix", *place))
    if not axes:
        raise source.located(ConfigError("expected keys of this file with lists of values"), ("matrix",))
    if "name" in axes:
        error = ConfigError("the names follow from the other keys: leave `name` out")
        raise source.located(error, ("matrix", "name"))
    return axes


def _labels(keys: Sequence[str]) -> list[str]:
    """The last part of each key that is not a number, or the whole key where two would be the same."""
    short = [[part for part in _KEY.findall(key) if not part.isdecimal()][-1:] or [key] for key in keys]
    return [key if short.count(one) > 1 else one[0] for key, one in zip(keys, short, strict=True)]


def _shown(value: Any, values: Sequence[Any]) -> str:
    if isinstance(value, str | int | float):
        return str(value)
    name = value.get("label", value.get("name")) if isinstance(value, dict) else None
    return str(name) if name is not None else f"#{values.index(value) + 1}"


def _put(data: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key (`agents.0.options.population`); tables on the way are made."""
    *way, last = _KEY.findall(key)
    place: Any = data
    for part in way:
        place = _entry(place, part, key) if isinstance(place, list) else place.setdefault(part, {})
        if not isinstance(place, dict | list):
            raise ConfigError(f"{key!r}: {part!r} is a value, not a table")
    if isinstance(place, list):
        _entry(place, last, key)
        place[int(last)] = copy.deepcopy(value)
    else:
        place[last] = copy.deepcopy(value)


def _entry(items: list[Any], part: str, key: str) -> Any:
    if not (part.isdecimal() and int(part) < len(items)):
        raise ConfigError(f"{key!r}: expected a number from 0 to {len(items) - 1} instead of {part!r}")
    return items[int(part)]


def _names(store: Path | str) -> set[str]:
    if not place_of(store).exists():
        return set()
    with open_reader(store) as reader:
        return set(reader.names())


def _records(store: Path | str, wanted: set[str]) -> dict[str, CampaignRecord]:
    if not place_of(store).exists():
        return {}
    with open_reader(store) as reader:
        return {name: reader.campaign(name) for name in reader.names() if name in wanted}
