"""What is compared with what: the cells of a study, the agents in each, budgets, targets and the control.

A cell is a problem: workloads, objectives, simulator, space, budget and seed of the campaign, which all its
agents share. Campaigns of a study that differ in their agents alone make one cell, so that a `[matrix]` over
the options of an agent makes several entries of it. Everything here is known before anything is simulated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dse.campaign.config import AgentConfig, CampaignConfig
from dse.campaign.file import Source
from dse.campaign.study import Study
from dse.errors import ConfigError, LookupFailed, did_you_mean, listed

FEW_SEEDS = 10
TARGETS = (0.1, 0.05, 0.01)
_BUDGET_SHARES = (0.1, 0.3, 1.0)


@dataclass(frozen=True, slots=True)
class Entry:
    """An agent in one cell. label: what tables call it, the same in every cell; title: in its campaign."""

    label: str
    name: str
    options: dict[str, Any]
    seeds: int
    campaign: str
    title: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A problem and the agents that search it. batch: designs asked for at once; budget: of each run."""

    name: str
    entries: tuple[Entry, ...]
    campaigns: tuple[str, ...]
    budget: int
    batch: int
    stops: bool

    def entry(self, label: str) -> Entry:
        """The entry of that label."""
        return next(entry for entry in self.entries if entry.label == label)


@dataclass(frozen=True, slots=True)
class Plan:
    """cells: at least one. budgets: at which tables are made, rising. targets: of regret, falling.

    control: the label that the others are compared with. by_name: whether entries of one algorithm are
    looked at together. seed: of the bootstrap.
    """

    name: str
    cells: tuple[Cell, ...]
    budgets: tuple[int, ...]
    targets: tuple[float, ...]
    control: str
    by_name: bool
    seed: int

    @property
    def labels(self) -> tuple[str, ...]:
        """The agents, in the order of the file."""
        return tuple(entry.label for entry in self.cells[0].entries)

    @classmethod
    def of(
        cls,
        study: Study,
        *,
        budgets: Sequence[int] | None = None,
        against: str | None = None,
        targets: Sequence[float] | None = None,
        by: str = "label",
        seed: int = 0,
    ) -> Plan:
        """The plan of a study; see `dse.compare`.

        Raises ConfigError for what cannot be compared (budgets in seconds, one seed, one agent), for a budget
        beyond what is run and for a target outside 0 to 1; LookupFailed for an unknown control.
        """
        if by not in ("label", "name"):
            raise ConfigError(f"got {by!r}, expected 'label' or 'name'", key="by")
        for config in study.configs:
            _check(config, study.source)
        cells = tuple(_cells(study))
        labels = [entry.label for entry in cells[0].entries]
        for cell in cells:
            _check_labels(cell, cells[0])
        return cls(
            name=_name(study),
            cells=cells,
            budgets=_budgets(budgets, cells),
            targets=_targets(targets),
            control=_control(against, labels),
            by_name=by == "name",
            seed=seed,
        )


def _check(config: CampaignConfig, source: Source) -> None:
    if config.share:
        error = ConfigError(
            "agents that share have each other's simulations for nothing, so that no budget is equal: leave "
            "`share` out to compare them"
        )
        raise source.located(error, ("share",))
    budget = config.budget
    if budget.unique is None or budget.cpu_seconds is not None or budget.wall_seconds is not None:
        error = ConfigError(
            "a comparison is at equal numbers of unique simulations: expected `unique` and no limit in "
            "seconds, which would end each run somewhere else",
        )
        raise source.located(error, ("budget",))
    for i, agent in enumerate(config.agents):
        if agent.seeds < 2:
            error = ConfigError(
                f"agent {agent.title!r} has one seed, of which nothing can be said: expected at least 2, "
                f"better `seeds = {FEW_SEEDS}` or more (a `seed` in [matrix] makes another problem)",
            )
            raise source.located(error, ("agents", i))


def _cells(study: Study) -> Iterator[Cell]:
    chosen = study.chosen or ({},) * len(study)
    groups: dict[str, list[int]] = {}
    for i, config in enumerate(study.configs):
        problem = config.model_dump(mode="json", exclude={"name", "description", "agents"})
        groups.setdefault(json.dumps(problem, sort_keys=True), []).append(i)
    firsts = [members[0] for members in groups.values()]
    names = [_cell_name(study.configs[i], chosen[i], in_words=True) for i in firsts]
    if len(set(names)) < len(names):
        names = [_cell_name(study.configs[i], chosen[i], in_words=False) for i in firsts]
    for name, members in zip(names, groups.values(), strict=True):
        first = study.configs[members[0]]
        entries = tuple(_entries([(study.configs[i], chosen[i]) for i in members]))
        assert first.budget.unique is not None
        yield Cell(
            name=name or _name(study),
            entries=entries,
            campaigns=tuple(dict.fromkeys(entry.campaign for entry in entries)),
            budget=first.budget.unique,
            batch=first.budget.batch,
            stops=bool(first.stop.target) or first.stop.stalled_designs is not None,
        )


def _cell_name(config: CampaignConfig, chosen: Mapping[str, str], *, in_words: bool) -> str:
    """What a cell has of the matrix; a list of objectives or workloads (`#1`) in words if wanted."""
    metrics = (one.metric for one in config.objectives if one.at_most is None and one.at_least is None)
    words = {
        "objectives": " + ".join(metrics),
        "workloads": " + ".join(one.name or ", ".join(one.specs) for one in config.workloads),
    }
    said = {key: text for key, text in chosen.items() if not _of_agents(key)}
    return " ".join(
        f"{key}={words[key]}" if in_words and key in words else text for key, text in said.items()
    )


def _entries(members: Sequence[tuple[CampaignConfig, Any]]) -> Iterator[Entry]:
    """The agents of all campaigns of a cell, each once; a matrix over an agent tells its entries apart."""
    given = [
        (agent, " ".join(text for key, text in said.items() if _of_agents(key, i)), config.name)
        for config, said in members
        for i, agent in enumerate(config.agents)
    ]
    seen: dict[str, list[AgentConfig]] = {}
    for agent, _, _ in given:
        same = seen.setdefault(agent.title, [])
        if agent not in same:
            same.append(agent)
    done: set[str] = set()
    for agent, text, campaign in given:
        label = f"{agent.title} {text}" if len(seen[agent.title]) > 1 else agent.title
        if label not in done:
            done.add(label)
            yield Entry(label, agent.name, dict(agent.options), agent.seeds, campaign, agent.title)


def _of_agents(key: str, number: int | None = None) -> bool:
    """Whether a key of the matrix is about the agents, or about the one of this number."""
    parts = key.split(".")
    return parts[0] == "agents" and (number is None or len(parts) == 1 or parts[1] == str(number))


def _check_labels(cell: Cell, first: Cell) -> None:
    ours, theirs = ({entry.label for entry in one.entries} for one in (cell, first))
    if len(ours) < 2:
        raise ConfigError(
            f"there is one agent only, {listed(ours)}: expected two or more to compare", key="agents"
        )
    if ours != theirs:
        raise ConfigError(
            f"{cell.name} has the agents {listed(sorted(ours))}, {first.name} has {listed(sorted(theirs))}: "
            "expected the same in every cell, with labels that do not depend on [matrix]",
            key="matrix",
        )


def _budgets(given: Sequence[int] | None, cells: Sequence[Cell]) -> tuple[int, ...]:
    smallest = min(cells, key=lambda cell: cell.budget)
    if given is None:
        return tuple(sorted({max(1, round(share * smallest.budget)) for share in _BUDGET_SHARES}))
    for budget in given:
        if not 1 <= budget <= smallest.budget:
            raise ConfigError(
                f"{budget:,} is outside what is run: expected 1 to {smallest.budget:,}, the budget of "
                f"{smallest.name!r}; raise `unique` in [budget] to compare later",
                key="budgets",
            )
    if not given:
        raise ConfigError("expected one number of simulations or more", key="budgets")
    return tuple(sorted(set(given)))


def _targets(given: Sequence[float] | None) -> tuple[float, ...]:
    for target in given or ():
        if not 0 <= target < 1:
            raise ConfigError(f"{target:g}: expected a regret from 0 to below 1", key="targets")
    return tuple(sorted(set(given or TARGETS), reverse=True))


def _control(against: str | None, labels: Sequence[str]) -> str:
    if against is None:
        return labels[0]
    if against not in labels:
        hint = did_you_mean(against, labels) or f" There are {listed(labels)}."
        raise LookupFailed(f"no agent is called {against!r}.{hint}", key="against")
    return against


def _name(study: Study) -> str:
    said = " ".join(study.chosen[0].values()) if study.chosen else ""
    return study.configs[0].name.removesuffix(said).strip()
