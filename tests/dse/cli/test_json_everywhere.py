"""Every command that prints results prints them as JSON when asked; those that print none say why here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dse.cli.main import COMMANDS, load_command

NO_RESULTS = {
    "campaign schema": "prints a JSON Schema, which is JSON with or without being asked",
    "dashboard": "serves pages until it is ended and prints only its address",
}


def leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The command itself, or the commands of a group under `group command`."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child, found in children.items():
        yield from leaves(f"{name} {child}", found)


ALL = dict(found for name in COMMANDS for found in leaves(name, load_command(name)))


def options_of(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("name", [name for name in ALL if name not in NO_RESULTS])
def test_the_command_prints_its_results_as_json(name):
    assert "--json" in options_of(ALL[name])


@pytest.mark.parametrize("name", list(NO_RESULTS))
def test_a_command_on_the_list_exists_and_has_no_json(name):
    assert "--json" not in options_of(ALL[name])


@pytest.mark.parametrize("name", list(ALL))
def test_every_command_and_option_is_explained_in_sentences(name):
    command = ALL[name]

    assert (command.help or "").strip().partition("\n\n")[0].rstrip().endswith((".", ")"))
    assert all(p.help and p.help.rstrip().endswith((".", ")")) for p in command.params if p.name != "help")
