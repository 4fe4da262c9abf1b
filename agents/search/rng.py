"""A searcher's own random generator and its state as plain data (PCG64; never the global generator)."""

from __future__ import annotations

from typing import Any

import numpy as np


def generator(seed: np.random.SeedSequence) -> np.random.Generator:
    """A PCG64 generator of this seed."""
    return np.random.Generator(np.random.PCG64(seed))


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """The state as JSON scalars; the two 128-bit numbers as hexadecimal text."""
    state: Any = rng.bit_generator.state
    inner = state["state"]
    return {
        "kind": state["bit_generator"],
        "state": f"{inner['state']:x}",
        "inc": f"{inner['inc']:x}",
        "has_uint32": int(state["has_uint32"]),
        "uinteger": int(state["uinteger"]),
    }


def restore_generator(rng: np.random.Generator, state: dict[str, Any]) -> None:
    """Put `rng` back to where `generator_state` found it."""
    rng.bit_generator.state = {
        "bit_generator": state["kind"],
        "state": {"state": int(state["state"], 16), "inc": int(state["inc"], 16)},
        "has_uint32": state["has_uint32"],
        "uinteger": state["uinteger"],
    }
