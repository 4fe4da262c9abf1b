"""A campaign out of a store into a file, and out of a file into a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dse.errors import did_you_mean
from dse.exchange.archive import CampaignArchive
from dse.exchange.csv_file import read_csv, write_csv
from dse.exchange.errors import ExchangeError
from dse.exchange.json_file import read_json, read_json_lines, write_json, write_json_lines
from dse.exchange.parquet_file import read_parquet, write_parquet
from dse.exchange.whole_file import Progress, no_progress
from dse.store import AttachedFile, CampaignCopy, StoreReader, TransferWriter, TrialBlock, place_of

FORMATS = {
    "parquet": (write_parquet, read_parquet),
    "csv": (write_csv, read_csv),
    "json": (write_json, read_json),
    "jsonl": (write_json_lines, read_json_lines),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the campaign's name, its trials, and the files (that of the trials first)."""

    campaign: str
    trials: int
    format: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What was added to a store. file_name: what the file calls the campaign."""

    campaign: int
    name: str
    file_name: str
    trials: int


def export_campaign(
    store: Path | str,
    campaign: int | str,
    path: Path | str,
    *,
    format: str | None = None,
    force: bool = False,
    progress: Progress = no_progress,
) -> Exported:
    """Write a campaign to a file; the format is that of the file's suffix unless given.

    progress: is told how many trials are written. Raises LookupFailed for an unknown campaign, ExchangeError
    if the file exists (and not `force`) or cannot be written; then nothing is left of it.
    """
    path = Path(path)
    kind = format_of(path, format)
    archive = CampaignArchive.load(store, campaign)
    files = FORMATS[kind][0](archive, path, force=force, progress=progress)
    return Exported(archive.header.name, len(archive.trials), kind, files)


def import_campaign(
    path: Path | str,
    store: Path | str,
    *,
    name: str | None = None,
    format: str | None = None,
    progress: Progress = no_progress,
) -> Imported:
    """Add the campaign in a file to a store, all of it or nothing.

    name: how to call it there; without one a number is put behind its own name if that is taken. Raises
    ExchangeError with file, line and column for what is wrong in the file.
    """
    path = Path(path)
    kind = format_of(path, format)
    archive = FORMATS[kind][1](path, progress=progress)
    own = archive.header.name
    wanted = name if name is not None else free_name(store, own)
    with TransferWriter(store) as target:
        number = add_archive(target, archive, wanted, archive.header.config_base)
    return Imported(number, wanted, own, len(archive.trials))


def add_archive(
    target: TransferWriter,
    archive: CampaignArchive,
    name: str,
    config_base: str,
    *,
    snapshots: tuple[tuple[int, int, bytes], ...] = (),
    files: tuple[AttachedFile, ...] = (),
    progress: Progress = no_progress,
) -> int:
    """Add a campaign to a store under that name, in one transaction; its number there."""
    schema = archive.header.schema
    benches = tuple(target.add_bench(*key, schema.names) for key in archive.cached_as)
    copy = CampaignCopy(
        header=archive.named(name, config_base),
        benches=benches,
        created=archive.created,
        state=archive.state,
        reference=archive.reference,
        ideal=archive.ideal,
        baseline_point=archive.baseline_point,
        baseline=archive.baseline,
        baseline_trial=archive.baseline_trial,
        front=tuple(archive.front.tolist()),
        snapshots=snapshots,
        files=files,
    )
    return target.add_campaign(copy, _counted(archive.blocks(), progress))


def free_name(store: Path | str, name: str) -> str:
    """The name, or the first of `name-2`, `name-3` ... that no campaign of the store has."""
    if not place_of(store).exists():
        return name
    with StoreReader(store) as reader:
        return numbered(name, set(reader.names()))


def numbered(name: str, taken: set[str]) -> str:
    """The name, or the first of `name-2`, `name-3` ... that is not taken."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def format_of(path: Path, given: str | None) -> str:
    """The format by its name or by the suffix of the file; ExchangeError if there is none of that name."""
    kind = given if given is not None else path.suffix.lstrip(".").lower()
    if kind in FORMATS:
        return kind
    known = ", ".join(FORMATS)
    raise ExchangeError(
        f"{kind!r} is no format of a campaign: expected one of {known}, as --format or as the file's suffix."
        f"{did_you_mean(kind, FORMATS)}",
        path=path,
        key="--format" if given is not None else None,
    )


def _counted(blocks: Iterator[TrialBlock], progress: Callable[[int], None]) -> Iterator[TrialBlock]:
    done = 0
    for block in blocks:
        yield block
        done += len(block)
        progress(done)
