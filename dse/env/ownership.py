"""Who owns which parameters: the agents of an environment over a design space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

from dse.errors import ConfigError, LookupFailed, did_you_mean, listed
from dse.space import DesignSpace
from dse.subsystem import Subsystem

GRANULARITIES = ("subsystem", "parameter", "all")
SINGLE_AGENT = "designer"


def owners(space: DesignSpace, granularity: str, owned: Sequence[str] | None = None) -> dict[str, Subsystem]:
    """Agent to the parameters that it owns; every parameter has exactly one owner.

    granularity: "subsystem" (one agent each), "parameter" (one agent each, called like it) or "all" (one
    agent, SINGLE_AGENT). owned: names of the parameters that have an owner (None: all); who would own none is
    no agent. ConfigError for another granularity.
    """
    columns = [c for c, name in enumerate(space.names) if owned is None or name in owned]
    if granularity == "subsystem":
        parts = {part.name: [c for c in part.indices if c in columns] for part in space.subsystems}
        return {name: _part(space, name, own) for name, own in parts.items() if own}
    if granularity == "parameter":
        return {space.names[column]: _part(space, space.names[column], [column]) for column in columns}
    if granularity == "all":
        return {SINGLE_AGENT: _part(space, SINGLE_AGENT, columns)}
    hint = did_you_mean(granularity, GRANULARITIES)
    raise ConfigError(
        f"granularity {granularity!r}: expected one of {listed(GRANULARITIES)}.{hint}", key="granularity"
    )


def _part(space: DesignSpace, name: str, columns: Sequence[int]) -> Subsystem:
    return Subsystem(name, tuple(space.names[column] for column in columns), tuple(columns))


def subsystems_of(space: DesignSpace, part: Subsystem) -> tuple[str, ...]:
    """The subsystems that the parameters of `part` belong to, each once."""
    return tuple(dict.fromkeys(space.parameters[column].subsystem for column in part.indices))


def slices(sizes: Sequence[int]) -> list[slice]:
    """Pieces of those sizes, one behind the other."""
    ends = [0, *accumulate(map(int, sizes))]
    return [slice(*piece) for piece in pairwise(ends)]


def known_agent(owned: Mapping[str, Subsystem], agent: str, environment: str) -> str:
    """`agent`; LookupFailed with the nearest name if the environment has none of that name."""
    if agent not in owned:
        hint = did_you_mean(agent, owned) or f" The agents are {listed(owned)}."
        raise LookupFailed(f"{environment} has no agent {agent!r}.{hint}", key="agent")
    return agent
