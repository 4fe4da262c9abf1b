"""`dse campaign`: what a campaign file may say, and what a given one means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dse.campaign import Campaign
from dse.campaign.config import UNLIMITED, AgentConfig, BudgetConfig, StudyConfig, WarmStartConfig
from dse.campaign.dry_run import steps_of
from dse.campaign.fidelity import Ladder
from dse.campaign.programs import size_text
from dse.campaign.study import Study
from dse.cli.terminal import console, print_json
from dse.units import format_duration

app = typer.Typer(no_args_is_help=True, help="Check campaign files, and print their schema.")

_MOST_NAMED = 12


@app.command()
def schema() -> None:
    """Print the JSON Schema of campaign files, for editors and other tools."""
    print_json(StudyConfig.model_json_schema())


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The campaign file (TOML).")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check a campaign file and show what it means; nothing is simulated or stored.

    Names, traces, designs, options of agents and constraints are looked up, for every campaign of a matrix.
    """
    study = Study.from_file(file)
    found = [resolved(campaign) for campaign in study.campaigns()]
    if as_json:
        print_json(found)
        return
    shown = console()
    if len(found) > 1:
        shown.print(f"{len(found)} campaigns; the first of them:", markup=False)
    for name, value in found[0].items():
        lines = value if isinstance(value, list) else [value]
        for i, line in enumerate(lines):
            shown.print(f"  {name if i == 0 else '':<12} {line}", markup=False, highlight=False)
    others = [one["campaign"] for one in found[1:]]
    for name in others[:_MOST_NAMED]:
        shown.print(f"and {name}", markup=False, highlight=False)
    if len(others) > _MOST_NAMED:
        shown.print(f"and {len(others) - _MOST_NAMED} more")


def resolved(campaign: Campaign) -> dict[str, Any]:
    """What a campaign means, name to a text, a number or a list of texts."""
    setup, config = campaign.setup, campaign.config
    rules = setup.aggregation.rules
    objectives = [
        f"{one.text} ({rules[one.metric].name} over workloads)" if one.metric in rules else one.text
        for one in setup.objectives
    ]
    return {
        "campaign": config.name,
        "simulator": setup.simulator.name,
        "workloads": [
            f"{workload.name} ({size_text(workload)}, weight {weight:g})"
            for workload, weight in zip(setup.workloads, setup.weights.tolist(), strict=True)
        ],
        "raw_designs": setup.space.raw_size,
        "distinct": setup.space.distinct_size,
        "feasible": setup.space.feasible_size,
        "constraints": [one.name for one in setup.space.constraints],
        "objectives": objectives,
        "agents": [_agent(agent) for agent in config.agents],
        "budget": _budget(config.budget, setup.ladder),
        "fidelity": list(steps_of(setup)),
        **({"warm_start": _warm_start(config.warm_start)} if config.warm_start is not None else {}),
        "stop": [f"when one design has {one.text}" for one in setup.stop.target] + _stalled(campaign),
        "seed": config.seed,
    }


def _agent(agent: AgentConfig) -> str:
    name = agent.name if agent.title == agent.name else f"{agent.title} ({agent.name})"
    return name if agent.seeds == 1 else f"{name}, {agent.seeds} seeds"


def _budget(budget: BudgetConfig, ladder: Ladder | None) -> list[str]:
    limits = []
    proposals = ladder.proposal_limit(budget) if ladder else budget.proposal_limit
    if ladder is not None and budget.unique is not None:
        limits.append(f"{budget.unique:,} full simulations")
    elif ladder is None and budget.unique_limit < UNLIMITED:
        limits.append(f"{budget.unique_limit:,} unique designs")
    if proposals < UNLIMITED:
        limits.append(f"{proposals:,} proposals")
    if budget.cpu_seconds is not None:
        limits.append(f"{format_duration(budget.cpu_seconds)} of simulation (processor)")
    if budget.wall_seconds is not None:
        limits.append(f"{format_duration(budget.wall_seconds)} (clock)")
    return [f"{limit}, each run" for limit in limits] + [f"in batches of {budget.batch}"]


def _warm_start(wanted: WarmStartConfig) -> str:
    where = f" of {wanted.store}" if wanted.store is not None else ""
    return f"up to {wanted.designs:,} designs of campaign {wanted.campaign!r}{where}"


def _stalled(campaign: Campaign) -> list[str]:
    stop = campaign.setup.stop
    if not stop.stalled_designs:
        return []
    return [
        f"when {stop.stalled_designs:,} designs raise the hypervolume by {stop.stalled_percent:g} % or less"
    ]
