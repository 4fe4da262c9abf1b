"""Figures as files: `--plot FILE` of the commands that draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dse.errors import ConfigError, listed

_PICTURES = (".png", ".svg", ".pdf")


def check_picture(path: Path | None) -> None:
    """ConfigError unless `--plot` names a kind of file that a figure can be written as; before any work."""
    if path is not None and path.suffix not in (".html", *_PICTURES):
        raise ConfigError(f"{path} cannot be drawn: expected a name in {listed(('.html', *_PICTURES))}")


def write_picture(figure: Any, path: Path, *, width: int) -> None:
    """Write a plotly figure: a page that needs nothing else, or a picture of this width in pixels.

    Raises ConfigError with the install command if what makes pictures is missing.
    """
    if path.suffix == ".html":
        figure.write_html(path, include_plotlyjs=True)
        return
    try:
        figure.write_image(path, width=width)
    except (ImportError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"{path} needs the library kaleido and a Chromium or Chrome browser: "
            f"pip install 'marl-dse[pictures]', or name a file in .html ({_first_line(error)})"
        ) from error


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
