"""What a campaign file may say, as checked models. `campaign_file` reads them from TOML.

Unknown keys and wrong types are errors; budgets count designs, so that a result never depends on the machine.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator

Scalar = str | int | float | bool


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
    together. arrival_scale multiplies arrival times. warmup: first requests left out of latency statistics.
    """

    trace: str | list[str]
    name: str = ""
    weight: FiniteFloat = Field(default=1.0, gt=0)
    arrival_scale: FiniteFloat = Field(default=1.0, gt=0)
    length: int | None = Field(default=None, ge=1)
    warmup: int = Field(default=0, ge=0)
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
    """`[[objectives]]`: a metric to optimise, or with a bound a constraint on it."""

    metric: str
    direction: Literal["min", "max"] | None = None
    at_most: FiniteFloat | None = None
    at_least: FiniteFloat | None = None


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
    """`[budget]`, for every run (agent and seed) alike.

    unique: designs new to the run; a repeat costs nothing. batch: designs asked for at once. proposals: most
    designs asked for in all, repeats included; ten times `unique` unless given.
    """

    unique: int = Field(ge=1)
    batch: int = Field(default=32, ge=1, le=65536)
    proposals: int | None = Field(default=None, ge=1)

    @property
    def proposal_limit(self) -> int:
        """The cap that holds."""
        return self.proposals if self.proposals is not None else 10 * self.unique


class CampaignConfig(_Model):
    """A whole campaign file."""

    name: str = Field(min_length=1, max_length=100)
    seed: int = Field(default=1, ge=0)
    description: str = ""
    baseline: str | dict[str, Scalar] | None = None
    simulator: SimulatorConfig = SimulatorConfig()
    workloads: list[WorkloadConfig] = Field(min_length=1)
    objectives: list[ObjectiveConfig] = Field(min_length=1)
    agents: list[AgentConfig] = Field(min_length=1)
    budget: BudgetConfig
    space: dict[str, Scalar | list[Scalar]] = Field(default_factory=dict)

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
