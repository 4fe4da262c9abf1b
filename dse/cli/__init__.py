"""The command `dse`. Sub-commands are loaded when they are called, so that it starts quickly."""

from __future__ import annotations

from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit with the status that `dse.errors.EXIT_CODES` documents."""
    from dse.cli.main import run_command_line

    raise SystemExit(run_command_line(args))
