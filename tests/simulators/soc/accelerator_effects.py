"""What accelerators and programs cost each other, and a shipped network on which each parameter matters.

    python -m tests.simulators.soc.accelerator_effects

writes the tables of docs/soc-accelerators.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from dse.option_files import given
from simulators.soc.simulator import SocSimulator
from tests.simulators.soc.parameter_effects import Effect, row, simulator
from traces import load_instructions
from traces.instruction_workload import InstructionWorkload

DONE, ENERGY = "accelerator_time_us", "energy_accelerator_uj"
_BLOCK, _LENET = "transformer-block", "lenet-5"
_BESIDE = ("synthetic:branchy?n=1000",)
"""A program that hardly asks for memory."""
HEADER = """| parameter | from | to | network | with | metric | change |
|---|---|---|---|---|---|---|
"""


def _effect(
    parameter: str, before: int, after: int, network: str = _BLOCK, metric: str = DONE, **given: Any
) -> Effect:
    values: Mapping[str, Any] = given
    return Effect(parameter, before, after, _BESIDE, values, metric, network)


EFFECTS = (
    _effect("accelerators", 1, 4, channels=4),
    _effect("array_rows", 8, 64),
    _effect("array_columns", 8, 64),
    _effect("array_input_kib", 16, 256),
    _effect("array_weight_kib", 16, 256, _LENET, array_rows=64, array_columns=64),
    _effect("dma_bytes", 8, 64, _LENET),
    _effect("dma_lines", 4, 64),
    _effect("accelerator_point", 1, 6, metric=ENERGY),
)


_LARGE = {"array_rows": 64, "array_columns": 64, "dma_bytes": 64}
_ONE_TILE = b"[[layers]]\nm = 8\nk = 64\nn = 8\n"
_COPIES, _STREAM, _QUIET = 4, "synthetic:stream?n=150000", "synthetic:branchy?n=1000"
CONTENTION_HEADER = """| lines | channels | programs | beside the array | array alone | beside the programs |
|---|---|---|---|---|---|
"""


def contention_rows() -> Iterator[str]:
    """Time of four programs and of an array, each with next to nothing beside it, and together."""
    busy = simulator(_BLOCK)
    with given({"one-tile.toml": _ONE_TILE}):
        idle = SocSimulator("soc-accelerator", network="one-tile.toml")
    stream, quiet = (InstructionWorkload((load_instructions(spec),) * _COPIES) for spec in (_STREAM, _QUIET))
    for lines in (4, 16, 64):
        for channels in (1, 4):
            point = busy.space.default().replace(**_LARGE, dma_lines=lines, channels=channels)
            together, programs, array = (
                busy.run(point, stream), idle.run(point, stream), busy.run(point, quiet),
            )  # fmt: skip
            programs_us, beside_us = (one["programs_time_us"] for one in (programs, together))
            alone_us, slowed_us = array["accelerator_time_us"], together["accelerator_time_us"]
            yield (
                f"| {lines} | {channels} | {programs_us:.0f} us | {beside_us:.0f} us "
                f"({beside_us / programs_us - 1:+.0%}) | {alone_us:.0f} us | {slowed_us:.0f} us "
                f"({slowed_us / alone_us - 1:+.0%}) |\n"
            )


def main() -> None:
    sys.stdout.write(CONTENTION_HEADER)
    for line in contention_rows():
        sys.stdout.write(line)
    sys.stdout.write(HEADER)
    for effect in EFFECTS:
        sys.stdout.write(row(effect))


if __name__ == "__main__":
    main()
