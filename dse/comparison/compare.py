"""`compare`: run what is missing of a study, read it from the store, and make the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from dse.campaign.enumeration import exhaustive
from dse.campaign.progress import Watcher
from dse.campaign.study import Study
from dse.comparison.curves import CellCurves, read_cell
from dse.comparison.plan import FEW_SEEDS, Plan
from dse.comparison.result import Comparison
from dse.comparison.tables import (
    algorithm_rows,
    budget_rows,
    cell_rows,
    curve_rows,
    effort_rows,
    ended_before,
    entry_rows,
    improvement_rows,
    profile_rows,
    target_rows,
    win_rows,
)
from dse.errors import ConfigError
from dse.executors import ExecutorOptions
from dse.store import StoreReader, open_reader

_MOST_ENUMERATED = 1_000_000
_REGRET = (
    "Regret: of several objectives the share of the best known hypervolume that a run's front lacks; of one "
    "(best - optimum) / (typical - optimum), typical being the median random design of the reference sample. "
    "0 is the best known; 1 is the most there is, and what a run has that found nothing feasible."
)
_BEST_KNOWN = (
    "best known is that of all runs here and of the reference sample together: a regret of 0 proves no "
    "optimum, and more runs or agents may raise every regret."
)


def compare(
    study: Study | Mapping[str, Any] | Path | str,
    *,
    store: Path | str,
    budgets: Sequence[int] | None = None,
    against: str | None = None,
    targets: Sequence[float] | None = None,
    by: str = "label",
    seed: int = 0,
    run: bool = True,
    exact: bool = False,
    threads: int | None = None,
    progress: Watcher | None = None,
    started: Callable[[str], None] | None = None,
    jobs: int = 1,
    **how: Unpack[ExecutorOptions],
) -> Comparison:
    """Compare the agents of a study over its campaigns and their seeds.

    study: a campaign file, its content, or a `Study`. store: where its campaigns are, and where what is
    missing of them is run, as `Study.run` does; with run=False nothing is simulated. exact: simulate every
    design of every cell first, up to a million each, so that regret is exact. budgets: unique
    simulations at which to compare (default: a tenth, three tenths and all of the smallest budget). against:
    label of the control (default: the first agent). targets: of regret (default 0.1, 0.05, 0.01). by: "name"
    looks at the entries of each algorithm together. seed: of the bootstrap. jobs: campaigns at a time.
    Otherwise as `Study.complete`.
    Raises InputError for what cannot be compared, before anything is simulated, and LookupFailed if something
    is missing and may not be run.
    """
    if not isinstance(study, Study):
        study = Study.of(study) if isinstance(study, Mapping) else Study.from_file(study)
    plan = Plan.of(study, budgets=budgets, against=against, targets=targets, by=by, seed=seed)
    if run:
        if exact:
            every = exhaustive(study, [cell.campaigns[0] for cell in plan.cells], _MOST_ENUMERATED)
            every.complete(store=store, threads=threads, progress=progress, started=started, jobs=jobs, **how)
        study.complete(store=store, threads=threads, progress=progress, started=started, jobs=jobs, **how)
    with open_reader(store) as reader:
        if not run:
            _check_stored(reader, study)
        cells = [read_cell(reader, cell) for cell in plan.cells]
    return comparison_of(cells, plan)


def _check_stored(reader: StoreReader, study: Study) -> None:
    """ConfigError if a campaign of the store is another file's; LookupFailed if one is missing."""
    for config in study.configs:
        asked = config.model_dump(mode="json", exclude_unset=True)
        if {**reader.campaign(config.name).config, "name": ""} != {**asked, "name": ""}:
            raise ConfigError(
                f"the campaign {config.name!r} of the store is not that of this file, which changed since: "
                "expected the same content, or another name or store",
                path=study.source.path,
            )


def comparison_of(cells: Sequence[CellCurves], plan: Plan) -> Comparison:
    """The tables over cells that have been read."""
    entries = entry_rows(cells, plan) if plan.by_name else []
    return Comparison(
        name=plan.name,
        agents=plan.labels,
        control=plan.control,
        budgets_compared=plan.budgets,
        targets_compared=plan.targets,
        seed=plan.seed,
        warnings=tuple(_warnings(cells, plan)),
        notes=tuple(_notes(cells, plan)),
        cells=tuple(cell_rows(cells)),
        budgets=tuple(budget_rows(cells, plan)),
        improvement=tuple(improvement_rows(cells, plan)),
        wins=tuple(win_rows(cells, plan)),
        targets=tuple(target_rows(cells, plan)),
        effort=tuple(effort_rows(cells, plan)),
        algorithms=tuple(algorithm_rows(entries)),
        entries=tuple(entries),
        profiles=tuple(profile_rows(cells, plan)),
        curves=tuple(curve_rows(cells, plan)),
    )


def _warnings(cells: Sequence[CellCurves], plan: Plan) -> list[str]:
    found = []
    seeds = [len(one.curves[label]) for one in cells for label in plan.labels]
    if min(seeds) < FEW_SEEDS:
        found.append(
            f"Fewer than {FEW_SEEDS} seeds (the least: {min(seeds)}): differences may be luck, "
            f"and the intervals are too narrow. Set seeds = {FEW_SEEDS} or more."
        )
    if min(seeds) != max(seeds):
        found.append(f"The agents have {min(seeds)} to {max(seeds)} seeds: their intervals rest on as many.")
    for one in cells:
        found += [f"{one.cell.name}: {said}" for said in _warnings_of(one, plan)]
    return found


def _warnings_of(one: CellCurves, plan: Plan) -> Iterator[str]:
    """What has to be known of one cell."""
    early = {label: ended_before(one, label, plan.budgets[-1]) for label in plan.labels}
    said = "; ".join(
        f"{label} {n} of {len(one.curves[label])}: {_why_ended(one, label)}"
        for label, n in early.items()
        if n
    )
    if said:
        yield (
            f"runs ended before {plan.budgets[-1]:,} simulations ({said}). What they had found counts on; "
            "samples to a target take them as censored where they ended."
        )
    if all(one.scores(label, plan.budgets[-1]).max() == 0 for label in plan.labels):
        yield "every run found the best known: this cell tells no agents apart, and waters down the others."
    if not one.scale.found:
        yield "no feasible design was found (within the reference point, if there is one): every regret is 1."
    elif one.scale.typical is None and len(one.record.objectives) == 1:
        yield "random designs are as good as the best known, so that the regret is 0 or 1 only."


def _why_ended(one: CellCurves, label: str) -> str:
    """What ended an agent's runs early, as far as its campaign file and log tell."""
    config = one.record.config
    limit = config["budget"].get("proposals") or 10 * config["budget"]["unique"]
    if all(curve.proposals >= limit for curve in one.curves[label]):
        return "all proposals spent"
    if config.get("stop"):
        return "a rule of [stop], or nothing left to ask for"
    return "nothing left to ask for, or as many designs as its option `most` allows"


def _notes(cells: Sequence[CellCurves], plan: Plan) -> list[str]:
    found = [_REGRET]
    exact = [one.cell.name for one in cells if one.scale.exact]
    if exact:
        found.append(f"The optimum is exact, every design having been simulated, in: {', '.join(exact)}.")
    if len(exact) < len(cells):
        found.append(f"{'Elsewhere the' if exact else 'The'} {_BEST_KNOWN}")
    if any("fidelity" in one.record.config for one in cells):
        found.append("Simulations are full ones; a design that was simulated in part cost its share.")
    budgets = {one.cell.budget for one in cells}
    if len(budgets) > 1:
        found.append(
            f"Cells have budgets from {min(budgets):,} to {max(budgets):,}; all are compared up to the least."
        )
    return found
