"""`Parameter`: one knob of a design, with the finite list of values it may take.

Every kind is a list of values in the end; the kind says how searchers may step through it (a choice has no
order, the others do) and how the list was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dse.errors import SpaceError, did_you_mean, listed

Value = str | int | float | bool
Kind = Literal["choice", "integer", "power_of_two", "real"]
KINDS: tuple[Kind, ...] = ("choice", "integer", "power_of_two", "real")
MAX_VALUES = 32767  # a value's position is stored as int16


@dataclass(frozen=True, slots=True)
class Parameter:
    """One knob: its name, its values in order, its default and the subsystem that owns it.

    Raises SpaceError when the values are empty, repeated or too many, or do not hold the default.
    """

    name: str
    values: tuple[Value, ...]
    default: Value
    subsystem: str
    kind: Kind = "choice"
    unit: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.name.isidentifier():
            raise SpaceError(f"parameter name {self.name!r} is not an identifier: use letters, digits and _")
        if self.kind not in KINDS:
            raise SpaceError(
                f"parameter {self.name}: kind {self.kind!r} is unknown: use one of {listed(KINDS)}"
            )
        if not 1 <= len(self.values) <= MAX_VALUES:
            raise SpaceError(f"parameter {self.name}: {len(self.values)} values; expected 1 to {MAX_VALUES}")
        if len({(_family(value), value) for value in self.values}) != len(self.values):
            raise SpaceError(f"parameter {self.name}: a value is listed twice in {listed(self.values)}")
        self.index(self.default)

    @classmethod
    def choice(
        cls, name: str, values: Sequence[Value], default: Value, subsystem: str, *, description: str = ""
    ) -> Parameter:
        """An unordered list of alternatives."""
        return cls(name, tuple(values), default, subsystem, "choice", "", description)

    @classmethod
    def integer(
        cls,
        name: str,
        low: int,
        high: int,
        default: int,
        subsystem: str,
        *,
        step: int = 1,
        unit: str = "",
        description: str = "",
    ) -> Parameter:
        """The whole numbers low, low + step, ... up to high."""
        _need(
            name,
            step >= 1 and low <= high,
            f"expected low <= high and step >= 1, got {low}..{high} step {step}",
        )
        values = tuple(range(low, high + 1, step))
        return cls(name, values, default, subsystem, "integer", unit, description)

    @classmethod
    def power_of_two(
        cls,
        name: str,
        low: int,
        high: int,
        default: int,
        subsystem: str,
        *,
        unit: str = "",
        description: str = "",
    ) -> Parameter:
        """The powers of two from low to high, both included (and both powers of two)."""
        whole = all(bound >= 1 and bound & (bound - 1) == 0 for bound in (low, high)) and low <= high
        _need(name, whole, f"expected two powers of two, low <= high, got {low} and {high}")
        values = tuple(1 << bit for bit in range(low.bit_length() - 1, high.bit_length()))
        return cls(name, values, default, subsystem, "power_of_two", unit, description)

    @classmethod
    def real(
        cls,
        name: str,
        low: float,
        high: float,
        levels: int,
        default: float,
        subsystem: str,
        *,
        log: bool = False,
        unit: str = "",
        description: str = "",
    ) -> Parameter:
        """`levels` numbers evenly spaced (in the logarithm if `log`), rounded to 12 significant digits."""
        _need(
            name, low < high and levels >= 2, f"expected low < high and 2 levels, got {low}, {high}, {levels}"
        )
        _need(name, not log or low > 0, f"a logarithmic scale needs low > 0, got {low}")
        steps = [position / (levels - 1) for position in range(levels)]
        spaced = [low * (high / low) ** step if log else low + (high - low) * step for step in steps]
        values = tuple(float(f"{value:.12g}") for value in spaced)
        return cls(name, values, default, subsystem, "real", unit, description)

    @property
    def ordinal(self) -> bool:
        """Whether neighbouring positions are neighbouring values."""
        return self.kind != "choice"

    def __len__(self) -> int:
        return len(self.values)

    def index(self, value: object) -> int:
        """Position of `value`; SpaceError, with the nearest value, if it is not one of them."""
        for position, known in enumerate(self.values):
            if known is value or (known == value and _family(known) == _family(value)):
                return position
        raise SpaceError(
            f"{self.name}={value!r} is outside the design space: expected one of {listed(self.values)}."
            f"{_closest(value, self.values)}",
            key=self.name,
        )

    def parse(self, text: str) -> Value:
        """The value written as `text` (as the command line gives it); SpaceError if there is none."""
        for value in self.values:
            if str(value) == text or (isinstance(value, bool) and str(value).lower() == text.lower()):
                return value
        number = _number(text)
        return self.values[self.index(text if number is None else number)]

    def to_dict(self) -> dict[str, Any]:
        """JSON form; `Parameter.from_dict` undoes it."""
        return {
            "name": self.name,
            "values": list(self.values),
            "default": self.default,
            "subsystem": self.subsystem,
            "kind": self.kind,
            "unit": self.unit,
            "description": self.description,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Parameter:
        """The parameter that `to_dict` described."""
        return cls(**{**data, "values": tuple(data["values"])})


def _need(name: str, condition: bool, message: str) -> None:
    if not condition:
        raise SpaceError(f"parameter {name}: {message}")


def _family(value: object) -> str:
    """Keeps True apart from 1, and lets 2 equal 2.0 (also as a numpy scalar)."""
    kind = type(value).__name__
    if kind.startswith("bool"):
        return "bool"
    return "text" if isinstance(value, str) else "number"


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _closest(value: object, values: Sequence[Value]) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        numbers = [known for known in values if _family(known) == "number"]
        if numbers:
            return f" The nearest is {min(numbers, key=lambda known: abs(float(known) - value))!r}."
    return did_you_mean(value, values)
