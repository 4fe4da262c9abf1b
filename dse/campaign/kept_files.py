"""The files that a campaign is made of, as they are when it starts: the store keeps them with it.

- `campaign`: the campaign file itself, with its comments.
- `baseline`: the design file that `baseline` names; `trace`: the files that `[[workloads]]` name.
- `option`: files that options of the simulator or of an agent name, alone or as `FILE#part`, for example a
  memory of the user's own (`device = "mine.toml#name"`). A value counts as a file if it has a suffix and
  such a file exists in the current folder, from where options are read.
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
from dse.store import AttachedFile, StoreReader

CAMPAIGN, BASELINE, TRACE, OPTION = "campaign", "baseline", "trace", "option"
_NO_FILES = ("sample:", "synthetic:")

log = logging.getLogger(__name__)


def files_of(config: CampaignConfig, source: Source, base: Path) -> tuple[AttachedFile, ...]:
    """The files of a campaign whose relative paths start at `base`, each as it is now."""
    found: dict[tuple[str, str], Path] = {}
    if source.path is not None:
        found[CAMPAIGN, Path(source.path).name] = Path(source.path)
    for kind, name in _beside(config):
        found[kind, name] = base / Path(name).expanduser()
    options = [config.simulator.options, *(agent.options for agent in config.agents)]
    for text in _texts(options):
        name = text.rpartition("#")[0] or text
        if PurePosixPath(name).suffix:
            found[OPTION, name] = Path(name)
    return tuple(_read(found))


@contextmanager
def folder_with_files(
    reader: StoreReader, campaign: int, config: dict[str, Any], base: Path
) -> Iterator[Path]:
    """A folder with the campaign's design and traces: `base`, or a passing one if one is gone from there.

    Of files whose names lead out of their folder, and of those that the store only notes, there is no copy;
    then it is `base`, too, and what reads them says what is missing.
    """
    _name_missing_options(reader, campaign)
    wanted = [(kind, name) for kind, name in _beside(check_config(config))]
    if all((base / Path(name).expanduser()).exists() for _, name in wanted):
        yield base
        return
    kept = [reader.attached(campaign, kind, name) for kind, name in wanted]
    with tempfile.TemporaryDirectory(prefix="marl-dse-") as made:
        for file in kept:
            if file is None or file.data is None or not _stays_inside(file.name):
                yield base
                return
            path = Path(made) / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
        log.info("the files of campaign %d are taken from the store: some are gone from %s", campaign, base)
        yield Path(made)


def _name_missing_options(reader: StoreReader, campaign: int) -> None:
    """Say which files of options are not here: they are read from the current folder, and not put there."""
    for one in reader.attachments(campaign):
        if one.kind == OPTION and one.kept and not Path(one.name).is_file():
            log.warning(
                "%s is not there, which the campaign was run with; the store has it: "
                "`dse store files %d --out FOLDER` writes it",
                *(one.name, campaign),
            )


def _beside(config: CampaignConfig) -> list[tuple[str, str]]:
    """(kind, name) of the files whose relative names start at the campaign file's folder."""
    names = [(BASELINE, config.baseline)] if isinstance(config.baseline, str) else []
    specs = (spec for workload in config.workloads for spec in workload.specs)
    return names + [(TRACE, spec) for spec in specs if not spec.startswith(_NO_FILES)]


def _texts(value: Any) -> Iterator[str]:
    """Every text in nested options."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


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
