"""All campaigns and design-cache results of one store added to another.

Each campaign is added in one transaction, and results before the campaigns that they belong to; what is there
already is left as it is. So a merge that was interrupted left both stores whole, and is finished by doing it
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dse.exchange.archive import CampaignArchive, content_hash, origin_hash, origin_of
from dse.exchange.attached import files_of
from dse.exchange.errors import ExchangeError
from dse.exchange.transfer import add_archive, numbered
from dse.exchange.whole_file import Progress, no_progress
from dse.store import StoreReader, TransferReader, TransferWriter, place_of

Outcome = Literal["added", "renamed", "skipped"]


@dataclass(frozen=True, slots=True)
class MergedCampaign:
    """One campaign of the source. renamed: another one has its name; skipped: it is there already."""

    name: str
    outcome: Outcome
    name_there: str
    trials: int


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did. results: simulations of the source's design cache that the target did not have."""

    campaigns: tuple[MergedCampaign, ...]
    results: int


def merge_stores(source: Path | str, target: Path | str, *, progress: Progress = no_progress) -> Merged:
    """Add everything in the store `source` to the store `target`, which is made if there is none.

    A campaign is there already if one comes from the same run (file, build, machine, moment) and has the same
    trials, whatever its name. One that is running in `source` is added as it is now, interrupted. progress:
    is told how many trials and results are done. Raises LookupFailed without a source, ExchangeError
    if both are the same store, StoreError if the target cannot be written.
    """
    _check_different(source, target)
    with StoreReader(source) as reader, TransferWriter(target) as writer:
        steps = _Steps(progress)
        results = _merge_results(source, target, writer, steps)
        with StoreReader(target) as there:
            known = _Known(there)
            numbers = sorted(row.id for row in reader.campaigns())
            campaigns = tuple(
                _merge_campaign(source, target, number, writer, known, steps) for number in numbers
            )
    return Merged(campaigns, results)


def work_of(source: Path | str) -> int:
    """Trials and results in a store: what `merge_stores` tells of its progress at the end."""
    with StoreReader(source) as reader, TransferReader(source) as cache:
        return cache.n_results() + sum(row.n_trials for row in reader.campaigns())


class _Steps:
    """Progress over several things that each count from 0."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._before = 0

    def __call__(self, done: int) -> None:
        self._progress(self._before + done)

    def finished(self, done: int) -> None:
        """The thing at hand is through."""
        self._before += done
        self(0)


def _merge_results(source: Path | str, target: Path | str, writer: TransferWriter, steps: _Steps) -> int:
    with TransferReader(source) as cache, TransferReader(target) as there:
        before = there.n_results()
        for bench in cache.benches():
            number = writer.add_bench(bench.simulator, bench.workload, bench.metrics)
            last, block = cache.results(bench)
            while len(block.designs):
                writer.add_results(number, block)
                steps.finished(len(block.designs))
                last, block = cache.results(bench, last)
        return there.n_results() - before


def _merge_campaign(
    source: Path | str, target: Path | str, number: int, writer: TransferWriter, known: _Known, steps: _Steps
) -> MergedCampaign:
    with TransferReader(source) as cache:
        snapshots = cache.snapshots(number)  # before the trials, so that none is ahead of them
    archive = CampaignArchive.load(source, number)
    name, n = archive.header.name, len(archive.trials)
    same = known.name_of(archive)
    if same is not None:
        steps.finished(n)
        return MergedCampaign(name, "skipped", same, n)
    free = numbered(name, known.names)
    folder = place_of(source).base_path(archive.header.config_base)
    base = place_of(target).base_text(folder)
    files = files_of(source, number)
    added = add_archive(writer, archive, free, base, snapshots=snapshots, files=files, progress=steps)
    known.add(free, archive, added)
    steps.finished(n)
    return MergedCampaign(name, "added" if free == name else "renamed", free, n)


class _Known:
    """The campaigns of the target: those of the same moment and size are compared in full."""

    def __init__(self, there: StoreReader) -> None:
        self._there = there
        rows = there.campaigns()
        self.names = {row.name for row in rows}
        self._numbers: dict[tuple[str, int], list[int]] = {}
        for row in rows:
            self._numbers.setdefault((row.created, row.n_trials), []).append(row.id)

    def add(self, name: str, archive: CampaignArchive, number: int) -> None:
        """Know a campaign that was added."""
        self.names.add(name)
        self._numbers.setdefault((archive.created, len(archive.trials)), []).append(number)

    def name_of(self, archive: CampaignArchive) -> str | None:
        """How the target calls the campaign with the same origin and the same trials, if it has it."""
        candidates = self._numbers.get((archive.created, len(archive.trials)), [])
        for number in candidates:
            record = self._there.campaign(number)
            same = origin_of(record) == origin_hash(archive.header, archive.created)
            if same and content_hash(self._there.trials(number)) == archive.content:
                return record.name
        return None


def _check_different(source: Path | str, target: Path | str) -> None:
    one, other = place_of(source), place_of(target)
    if str(one) == str(other) or _same_file(one.path, other.path):
        raise ExchangeError(f"{one} and {other} are the same store: there is nothing to merge")


def _same_file(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)
