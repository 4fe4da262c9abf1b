"""What a campaign file may say, as checked models. `dse.campaign.file` reads them from TOML.

Unknown keys and wrong types are errors. A budget in designs never depends on the machine, one in seconds may.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

from dse.campaign.aggregation import COMBINED, check_aggregate
from dse.errors import ConfigError

Scalar = str | int | float | bool
UNLIMITED = 2**62
"""Designs or proposals of a run that only other limits end."""


def _aggregate(value: str | None) -> str | None:
    try:
        return value if value is None else check_aggregate(value)
    except ConfigError as error:
        raise ValueError(error.message.partition("expected ")[2]) from None


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SimulatorConfig(BaseModel):
    """`[simulator]`: the registered name; every other key is an option of that simulator."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    name: str = "dram"

    @property
    def options(self) -> dict[str, Any]:
        """The other keys."""
        return dict(self.model_extra or {})


class WorkloadConfig(_Model):
    """`[[workloads]]`: traces that run together.

    trace: `sample:NAME`, `synthetic:KIND?key=value&...` or a path beside the campaign file; a list runs
    together. arrival_scale multiplies arrival times. start: so many requests are skipped; length: at most so
    many are replayed. warmup: the first of these, left out of latency statistics.
    For a simulator of cores a trace holds instructions: a list is one program a core, copies runs all of them
    so many times, each in memory of its own; start, length and warmup count instructions of each program.
    """

    trace: str | list[str]
    name: str = ""
    weight: FiniteFloat = Field(default=1.0, gt=0)
    arrival_scale: FiniteFloat = Field(default=1.0, gt=0)
    start: int = Field(default=0, ge=0)
    length: int | None = Field(default=None, ge=1)
    warmup: int = Field(default=0, ge=0)
    copies: int = Field(default=1, ge=1, le=64)
    clock_mhz: FiniteFloat | None = Field(default=None, gt=0)
    clock_ns: FiniteFloat | None = Field(default=None, gt=0)

    @field_validator("trace")
    @classmethod
    def _at_least_one(cls, value: str | list[str]) -> str | list[str]:
        if not value:
            raise ValueError("at least one trace")
        return value

    @property
    def specs(self) -> list[str]:
        """The traces as a list."""
        return [self.trace] if isinstance(self.trace, str) else list(self.trace)


class ObjectiveConfig(_Model):
    """`[[objectives]]`: a metric to optimise, or with a bound a constraint on it.

    aggregate: how it combines over the workloads, where that is not what the whole campaign says.
    """

    metric: str
    direction: Literal["min", "max"] | None = None
    at_most: FiniteFloat | None = None
    at_least: FiniteFloat | None = None
    aggregate: str | None = None

    _known_aggregate = field_validator("aggregate")(_aggregate)


class ConstraintConfig(_Model):
    """`[[constraints]]`: what designs must satisfy, besides the constraints that the space has of its own.

    requires: a condition over parameters that must hold. forbids: instead, parameters with the values that a
    design must not have all at once.
    """

    name: str = ""
    requires: str = ""
    forbids: dict[str, Scalar | list[Scalar]] = Field(default_factory=dict)
    why: str = ""

    @model_validator(mode="after")
    def _one_of_them(self) -> ConstraintConfig:
        if bool(self.requires) == bool(self.forbids):
            raise ValueError("either 'requires' (a condition) or 'forbids' (parameters and values)")
        return self


class TargetConfig(_Model):
    """`[[stop.target]]`: a bound on a metric."""

    metric: str
    at_most: FiniteFloat | None = None
    at_least: FiniteFloat | None = None

    @model_validator(mode="after")
    def _bounded(self) -> TargetConfig:
        if self.at_most is None and self.at_least is None:
            raise ValueError("a bound: at_most, at_least or both")
        return self


class StopConfig(_Model):
    """`[stop]`: when a run ends before its budget does; each run by itself.

    target: bounds that one feasible design has to meet all at once. stalled_designs: unique designs in a row
    that raised the hypervolume of the run's front by at most stalled_percent.
    """

    target: list[TargetConfig] = Field(default_factory=list)
    stalled_designs: int | None = Field(default=None, ge=1)
    stalled_percent: FiniteFloat = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _percent_of_something(self) -> StopConfig:
        if self.stalled_percent and self.stalled_designs is None:
            raise ValueError("stalled_designs beside stalled_percent")
        return self


class AgentConfig(_Model):
    """`[[agents]]`: a searcher by its registered name, with its options and how many seeds to run."""

    name: str
    label: str = ""
    seeds: int = Field(default=1, ge=1, le=1000)
    options: dict[str, Any] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """The label, or the name."""
        return self.label or self.name


class BudgetConfig(_Model):
    """`[budget]`, for every run (agent and seed) alike; the first limit reached ends the run.

    unique: designs new to the run; a repeat costs nothing. With `[fidelity]` it counts full simulations, of
    which a design that was simulated in part costs its share. batch: designs asked for at once. proposals:
    most designs asked for in all, repeats included; ten times `unique` unless given, or ten times what
    `unique` pays for with `[fidelity]`. cpu_seconds: of simulation, as the log has them. wall_seconds: of the
    run's own batches. Seconds are looked at between batches, and a result that they end depends on the
    machine.
    """

    unique: int | None = Field(default=None, ge=1)
    batch: int = Field(default=32, ge=1, le=65536)
    proposals: int | None = Field(default=None, ge=1)
    cpu_seconds: FiniteFloat | None = Field(default=None, gt=0)
    wall_seconds: FiniteFloat | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _ends(self) -> BudgetConfig:
        if (self.unique, self.proposals, self.cpu_seconds, self.wall_seconds) == (None,) * 4:
            raise ValueError("a limit: unique, proposals, cpu_seconds or wall_seconds")
        return self

    @property
    def unique_limit(self) -> int:
        """The most designs that a run can be charged with; `UNLIMITED` if only seconds end it."""
        limits = [limit for limit in (self.unique, self.proposals) if limit is not None]
        return min(limits, default=UNLIMITED)

    @property
    def proposal_limit(self) -> int:
        """The most designs that a run can ask for; `UNLIMITED` if only seconds end it."""
        if self.proposals is not None:
            return self.proposals
        return 10 * self.unique if self.unique is not None else UNLIMITED


class FidelityConfig(_Model):
    """`[fidelity]`: designs are first simulated in part, and only the best of each batch in full.

    rungs: shares of each workload's requests, rising, below 1; the last step, all of them, is implied.
    sampling: which requests; representative "intervals", or "head" for the first ones. keep: share of the
    designs of a rung that go on to the next. surrogate: a model of what the run has simulated in full, and of
    the reference sample, that screens before the first rung. oversample: how many times as many designs it
    gets to see.
    """

    rungs: list[FiniteFloat] = Field(default_factory=list)
    sampling: Literal["intervals", "head"] = "intervals"
    keep: FiniteFloat = Field(default=0.34, gt=0, lt=1)
    surrogate: str | None = None
    oversample: int = Field(default=4, ge=2, le=1000)

    @field_validator("rungs")
    @classmethod
    def _rising(cls, value: list[float]) -> list[float]:
        if not all(a < b for a, b in zip([0.0, *value], [*value, 1.0], strict=True)):
            raise ValueError("shares above 0 and below 1, each larger than the one before")
        return value

    @model_validator(mode="after")
    def _something_before_the_last_step(self) -> FidelityConfig:
        if not self.rungs and self.surrogate is None:
            raise ValueError("rungs, a surrogate or both")
        if self.surrogate is None and "oversample" in self.model_fields_set:
            raise ValueError("a surrogate beside oversample")
        return self


class WarmStartConfig(_Model):
    """`[warm_start]`: every run begins with the best designs of an earlier campaign.

    campaign: its name or number, in the same store, or in `store` (relative to the file). designs: so many.
    """

    campaign: str | int
    store: str | None = None
    designs: int = Field(default=16, ge=1, le=100_000)


class CampaignConfig(_Model):
    """A whole campaign file.

    share: agents are told of what the others of the same seed number have simulated.
    """

    name: str = Field(min_length=1, max_length=100)
    seed: int = Field(default=1, ge=0)
    description: str = ""
    baseline: str | dict[str, Scalar] | None = None
    share: bool = False
    simulator: SimulatorConfig = SimulatorConfig()
    workloads: list[WorkloadConfig] = Field(min_length=1)
    objectives: list[ObjectiveConfig] = Field(min_length=1)
    agents: list[AgentConfig] = Field(min_length=1)
    budget: BudgetConfig
    stop: StopConfig = StopConfig()
    fidelity: FidelityConfig | None = None
    warm_start: WarmStartConfig | None = None
    aggregate: str = COMBINED
    constraints: list[ConstraintConfig] = Field(default_factory=list)
    space: dict[str, Scalar | list[Scalar]] = Field(default_factory=dict)

    _known_aggregate = field_validator("aggregate")(_aggregate)

    @field_validator("name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable() or value != value.strip():
            raise ValueError("printable text without blanks at its ends")
        return value

    @model_validator(mode="after")
    def _distinct_agents(self) -> CampaignConfig:
        titles = [agent.title for agent in self.agents]
        twice = sorted({title for title in titles if titles.count(title) > 1})
        if twice:
            raise ValueError(f"every agent of another name; {twice[0]!r} is there twice: give one a label")
        if "reference" in titles:
            raise ValueError("another label than 'reference', which is that of the baseline and sample")
        return self


class StudyConfig(CampaignConfig):
    """A campaign file as it is written: with `[matrix]` it stands for many campaigns (see `campaign.study`).

    matrix: dotted keys of this file, each with the list of values to try; every combination is a campaign.
    """

    matrix: dict[str, Any] = Field(default_factory=dict)
