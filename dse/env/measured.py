"""`Measured`: numbers of a step by name, put together for who asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.metrics import MetricSchema


class Measured(Mapping[str, float]):
    """Name to number, without what was not measured (NaN); equal to such a dict, and pickled as one.

    values: (M,) in the order of the schema, not written to any more. Most steps nobody asks for them, and a
    dict of a hundred numbers takes as long as masks and observations together.
    """

    def __init__(self, schema: MetricSchema, values: NDArray[np.float64]) -> None:
        self._schema, self._values = schema, values

    @cached_property
    def _found(self) -> dict[str, float]:
        found = zip(self._schema.names, self._values.tolist(), strict=True)
        return {name: value for name, value in found if value == value}  # NaN is not itself

    def __getitem__(self, name: str) -> float:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return repr(self._found)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (self._found,)
