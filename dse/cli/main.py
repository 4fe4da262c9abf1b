"""The group of sub-commands and what happens to errors.

A user's mistake is one message on stderr and a documented exit code; DSE_TRACEBACK=1 shows its origin.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from dse.cli.completion import add_completion, prepare_completion
from dse.cli.logs import LogFormat, level_of, logging_to, redacted

if TYPE_CHECKING:
    from typer._click.core import Command, Context

# Name: (module, attribute: a function or a Typer app, what `dse --help` says).
COMMANDS: dict[str, tuple[str, str, str]] = {
    "run": ("dse.cli.run", "run", "Run a campaign file; --dry-run first to see what it would cost."),
    "campaign": ("dse.cli.campaign", "app", "Check campaign files, and print their schema."),
    "resume": ("dse.cli.run", "resume", "Continue an interrupted campaign where its log ends."),
    "worker": ("dse.cli.worker", "command", "Simulate for a campaign that runs elsewhere on the store."),
    "front": ("dse.cli.front", "command", "Show the Pareto front of a campaign beside its baseline."),
    "compare": ("dse.cli.compare", "command", "Compare the agents of a file over workloads and seeds."),
    "importance": ("dse.cli.importance", "command", "Show what decides a metric, or sets a design apart."),
    "surrogate": ("dse.cli.surrogate", "command", "Show how well models predict a campaign's metrics."),
    "ls": ("dse.cli.ls", "command", "List the campaigns of a store: state, budget done, front."),
    "tail": ("dse.cli.tail", "command", "Follow a running campaign until it ends."),
    "stop": ("dse.cli.stop", "command", "Ask a running campaign to stop after its batch."),
    "rm": ("dse.cli.rm", "command", "Remove a campaign from a store."),
    "store": ("dse.cli.store", "app", "Look after a store; export, import and merge campaigns."),
    "enumerate": ("dse.cli.enumerate", "command", "Simulate every design of a small space."),
    "dashboard": ("dse.cli.dashboard", "command", "Watch campaigns in a browser."),
    "replay": ("dse.cli.replay", "command", "Run one design on one trace and show all its metrics."),
    "export": ("dse.cli.export", "command", "Write a design as another simulator's configuration."),
    "trace": ("dse.cli.trace", "app", "Look at traces, convert, generate and record them."),
    "systolic": ("dse.cli.systolic", "command", "Run a network on a systolic array, layer by layer."),
    "space": ("dse.cli.listing", "space", "Show the parameters and sizes of a design space."),
    "agents": ("dse.cli.listing", "agents", "List the searchers that a campaign can use."),
    "simulators": ("dse.cli.listing", "simulators", "List the simulators and their options."),
}
ALIASES = {"list": "ls"}
"""Former names, which still work and are not shown."""


class LazyGroup(TyperGroup):
    """A group that knows the names and one-line helps of its commands, and imports only the one called."""

    _resolving = False

    def list_commands(self, ctx: Context) -> list[str]:
        """Names in the order of use."""
        return list(COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """The command itself while one is being called, else a stand-in that only carries its help."""
        cmd_name = ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in COMMANDS:
            return None
        if self._resolving:
            command: Command = load_command(cmd_name)
            return command
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][2])

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Find the command to call."""
        self._resolving = True
        try:
            found: tuple[str | None, Command | None, list[str]] = super().resolve_command(ctx, args)
            return found
        finally:
            self._resolving = False


def load_command(name: str) -> Any:
    """Import a sub-command."""
    name = ALIASES.get(name, name)
    module, attribute, _ = COMMANDS[name]
    target = getattr(importlib.import_module(module), attribute)
    if isinstance(target, typer.Typer):
        command = typer.main.get_command(target)
    else:
        single = typer.Typer(add_completion=False)
        single.command(name)(target)
        command = typer.main.get_command(single)
    command.name = name
    add_completion(command)
    return command


app = typer.Typer(
    cls=LazyGroup, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)


def _show_version(value: bool) -> None:
    if value:
        import dse

        print(f"marl-dse {dse.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Say what happens on stderr; -vv says more.")
    ] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No warnings on stderr, only errors.")] = False,
    log_file: Annotated[
        Path | None, typer.Option("--log-file", metavar="FILE", help="Add what happens to this file.")
    ] = None,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How the log is written, on stderr and to the file.")
    ] = LogFormat.TEXT,
) -> None:
    """Design-space exploration: agents tune real hardware on the traces of real programs."""
    ctx.with_resource(logging_to(level_of(verbose, quiet), log_file, log_format))


def run_command_line(args: Sequence[str] | None = None) -> int:
    """Run and return the exit status; every error the tool knows becomes one message on stderr."""
    command = typer.main.get_command(app)
    prepare_completion(os.environ)
    try:
        command.main(args=None if args is None else list(args), prog_name="dse", standalone_mode=True)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _report(error)
    return 0


def _report(error: Exception) -> int:
    from dse.errors import DseError, InputError, exit_code

    if os.environ.get("DSE_TRACEBACK"):
        raise error
    if isinstance(error, DseError | InputError):
        print(f"dse: error: {redacted(str(error))}", file=sys.stderr)
        return exit_code(error)
    print(
        f"dse: internal error: {type(error).__name__}: {redacted(str(error))}\n"
        "This is a fault of dse, not of your input. Set DSE_TRACEBACK=1 to see where it happened.",
        file=sys.stderr,
    )
    return 1
