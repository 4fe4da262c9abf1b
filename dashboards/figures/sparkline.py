"""A curve the size of a word, as an SVG image that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import numpy as np

WIDTH = 96
HEIGHT = 24
MAX_POINTS = 48


def sparkline_points(values: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Pixel positions of a curve scaled to the whole picture; empty with fewer than two values."""
    column = np.asarray(values, dtype=np.float64)
    column = column[np.isfinite(column)]
    if len(column) < 2:
        return ()
    if len(column) > MAX_POINTS:
        column = column[np.linspace(0, len(column) - 1, MAX_POINTS).astype(np.int64)]
    low, high = float(column.min()), float(column.max())
    span = high - low or 1.0
    across = np.linspace(2.0, WIDTH - 4.0, len(column))
    up = HEIGHT - 3.0 - (column - low) / span * (HEIGHT - 6.0)
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in zip(across, up, strict=True))


def sparkline_image(values: Sequence[float], colour: str = "#3d8fd1") -> str | None:
    """A data: address of the picture, or None when there is nothing to draw."""
    points = sparkline_points(values)
    if not points:
        return None
    path = " ".join(f"{x},{y}" for x, y in points)
    x, y = points[-1]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}"><polygon points="2,{HEIGHT} {path} {x},{HEIGHT}" fill="{colour}" '
        f'fill-opacity="0.14"/><polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6" '
        f'stroke-linejoin="round"/><circle cx="{x}" cy="{y}" r="2.2" fill="{colour}"/></svg>'
    )
    return "data:image/svg+xml," + quote(svg)
