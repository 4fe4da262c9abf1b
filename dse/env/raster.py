"""A design beside the reference design, as pixels: for films of episodes, and for logs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dse.space import IndexMatrix

Pixels = NDArray[np.uint8]
CELL = 8
"""Pixels of a cell's side, its margin of one pixel at the right and below included."""
WHITE, FREE, REFERENCE, SAME, CHANGED, BETTER, WORSE = np.array(
    [
        [255, 255, 255],
        [225, 225, 225],
        [150, 150, 150],
        [60, 90, 160],
        [230, 130, 30],
        [60, 150, 80],
        [190, 50, 50],
    ],
    dtype=np.uint8,
)


def design_pixels(
    n_values: Sequence[int], row: IndexMatrix, reference: IndexMatrix, gains: Sequence[float]
) -> Pixels:
    """(H, W, 3): a line of cells for each parameter, then a bar for each objective.

    n_values: of each parameter, as many cells. row, reference: positions (D,). The cell of the present value
    is SAME where it is the reference's, else CHANGED, with the reference's in REFERENCE. gains: of each
    objective, -1..1; what lies outside is cut off. A bar goes from the middle to the right (BETTER) or to the
    left (WORSE) and ends at the border for 1.
    """
    width = max(*n_values, 16)
    cells = np.tile(WHITE, (len(n_values) + 1 + len(gains), width, 1))
    for line, (n, here, there) in enumerate(zip(n_values, row.tolist(), reference.tolist(), strict=True)):
        cells[line, :n] = FREE
        cells[line, there] = REFERENCE
        cells[line, here] = SAME if here == there else CHANGED
    pixels = cells.repeat(CELL, axis=0).repeat(CELL, axis=1)
    for line, gain in enumerate(gains, len(n_values) + 1):
        middle = width * CELL // 2
        end = middle + round(min(max(gain, -1.0), 1.0) * middle)
        bar = slice(min(middle, end), max(middle, end))
        pixels[line * CELL : (line + 1) * CELL, bar] = BETTER if gain > 0 else WORSE
    pixels[CELL - 1 :: CELL] = WHITE
    pixels[: len(n_values) * CELL, CELL - 1 :: CELL] = WHITE
    return pixels
