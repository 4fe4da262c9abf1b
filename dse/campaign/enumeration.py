"""A campaign that visits every design of a space: what `dse enumerate` runs, and what makes regret exact."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from dse.campaign.config import CampaignConfig
from dse.campaign.file import check_config
from dse.campaign.study import Study
from dse.errors import ConfigError

AGENT = "grid"
_BATCH = 256
_KEPT_KEYS = ("seed", "baseline", "simulator", "workloads", "objectives", "aggregate", "constraints")
"""Of the campaign file; what searches and what ends a search is replaced."""


def enumeration(
    config: CampaignConfig, designs: int, name: str, space: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The campaign `name` over the problem of `config`, whose one agent visits all its `designs`.

    space: restrictions of the space besides those of `config`.
    """
    data = config.model_dump(mode="json", exclude_unset=True)
    return {
        **{key: data[key] for key in _KEPT_KEYS if key in data},
        "name": name,
        "space": {**data.get("space", {}), **(space or {})},
        "agents": [{"name": "grid", "label": AGENT, "options": {"order": "lexicographic"}}],
        "budget": {"unique": max(1, designs), "batch": _BATCH},
    }


def check_size(designs: int, limit: int, advice: str, key: str) -> None:
    """ConfigError if there are more designs than the limit."""
    if designs > limit:
        raise ConfigError(f"{designs:,} designs are more than the limit of {limit:,}: {advice}", key=key)


def exhaustive(study: Study, names: Collection[str], limit: int) -> Study:
    """Campaigns `NAME-enumerated`, which visit every design of those campaigns of a study.

    ConfigError if one of them has more than `limit` designs.
    """
    made = []
    chosen = replace(study, configs=tuple(config for config in study.configs if config.name in names))
    for campaign in chosen.campaigns():
        designs = campaign.setup.space.feasible_size
        check_size(designs, limit, "restrict [space], or do without", "exact")
        made.append(enumeration(campaign.config, designs, f"{campaign.config.name}-enumerated"))
    return Study(tuple(check_config(one, study.source) for one in made), study.source, study.base)
