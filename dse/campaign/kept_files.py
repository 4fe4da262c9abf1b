"""The files that a campaign is made of, as they are when it starts: the store keeps them with it.

- `campaign`: the campaign file itself, with its comments.
- `baseline`: the design file that `baseline` names; `trace`: the files that `[[workloads]]` name.
- `option`: files that options of the simulator or of an agent name, alone or as `FILE#part`, for example a
  memory of the user's own (`device = "mine.toml#name"`): see `dse.option_files`.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from dse.campaign.config import CampaignConfig
from dse.campaign.file import Source, check_config
from dse.option_files import find_option_file, named_files
from dse.store import AttachedFile, StoreReader

CAMPAIGN, BASELINE, TRACE, OPTION = "campaign", "baseline", "trace", "option"
_NO_FILES = ("sample:", "synthetic:")
_MADE_FROM = "accesses:"

log = logging.getLogger(__name__)


def files_of(config: CampaignConfig, source: Source, base: Path) -> tuple[AttachedFile, ...]:
    """The files of a campaign whose relative paths start at `base`, each as it is now."""
    found: dict[tuple[str, str], Path] = {}
    if source.path is not None:
        found[CAMPAIGN, Path(source.path).name] = Path(source.path)
    for kind, name in _beside(config):
        found[kind, name] = base / Path(name).expanduser()
    for name in named_files(_options(config)):
        found[OPTION, name] = find_option_file(name, base) or Path(name)
    return tuple(_read(found))


@contextmanager
def folder_with_files(
    reader: StoreReader, campaign: int, config: dict[str, Any], base: Path
) -> Iterator[Path]:
    """A folder with the files that the campaign names: `base`, or a passing one if some are gone from there.

    Of files whose names lead out of their folder, and of those that the store only notes, there is no copy;
    then it is `base`, too, and what reads them says what is missing.
    """
    places: dict[tuple[str, str], Path | None] = {}
    for kind, name in _beside(check_config(config)):
        beside = base / Path(name).expanduser()
        places[kind, name] = beside if beside.exists() else None
    for one in reader.attachments(campaign):
        if one.kind == OPTION:
            places[OPTION, one.name] = find_option_file(one.name, base)
    gone = [key for key, place in places.items() if place is None]
    kept = {key: reader.attached(campaign, *key) for key in gone}
    if not gone or not all(file and file.data is not None for file in kept.values()):
        yield base
        return
    with tempfile.TemporaryDirectory(prefix="marl-dse-") as made:
        for (kind, name), place in places.items():
            if Path(name).expanduser().is_absolute() and place is not None:
                continue
            if not _stays_inside(name):
                yield base
                return
            path = Path(made) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            file = kept.get((kind, name))
            if file is not None and file.data is not None:
                path.write_bytes(file.data)
            elif place is not None and not path.exists():
                path.symlink_to(place.resolve())
        log.info("the files of campaign %d are taken from the store: some are gone from %s", campaign, base)
        yield Path(made)


def kept_option_files(reader: StoreReader, campaign: int) -> dict[str, bytes]:
    """What the files held that options of the simulator named, as the store has kept them."""
    names = [one.name for one in reader.attachments(campaign) if one.kind == OPTION and one.kept]
    kept = {name: reader.attached(campaign, OPTION, name) for name in names}
    return {name: file.data for name, file in kept.items() if file is not None and file.data is not None}


def _options(config: CampaignConfig) -> list[dict[str, Any]]:
    """All that may name files: options of the simulator and of the agents."""
    return [config.simulator.options, *(agent.options for agent in config.agents)]


def _beside(config: CampaignConfig) -> list[tuple[str, str]]:
    """(kind, name) of the files whose relative names start at the campaign file's folder."""
    names = [(BASELINE, config.baseline)] if isinstance(config.baseline, str) else []
    specs = (_source(spec) for workload in config.workloads for spec in workload.specs)
    return names + [(TRACE, spec) for spec in specs if not spec.startswith(_NO_FILES)]


def _source(spec: str) -> str:
    """What a trace is made from: accesses:FILE?gap=3 is made from FILE."""
    return spec.removeprefix(_MADE_FROM).partition("?")[0] if spec.startswith(_MADE_FROM) else spec


def _read(paths: dict[tuple[str, str], Path]) -> Iterable[AttachedFile]:
    for (kind, name), path in paths.items():
        try:
            if path.is_file():
                yield AttachedFile.read(kind, name, path)
        except (OSError, ValueError) as error:  # ValueError: no name of a file, as one with a NUL
            log.warning("%s is not kept with the campaign: %s", name, error)


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and not name.startswith("~")
