"""What the shell is offered for an argument beyond commands and options: campaigns, samples, exporters.

An argument or option is completed by what its help calls it: `CAMPAIGN` by the campaigns of the store,
`TRACE` by the recorded samples, `TARGET` by the exporters. So a command gets completion by its usage line
alone. A store that is missing, locked or not ours offers nothing; completion never prints an error.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from dse.errors import DseError, InputError

VARIABLE = "_DSE_COMPLETE"
_BASH = "complete_bash"

Offer = Callable[[Any], Iterable[str]]


def add_completion(command: Any) -> None:
    """Give the parameters of a command, and of its sub-commands, the completion that their name asks for."""
    for parameter in command.params:
        words = (parameter.metavar or "").replace("[", " ").replace("]", " ").replace("...", " ").split()
        if words and words[0] in _OFFERED and parameter._custom_shell_complete is None:
            parameter._custom_shell_complete = _completer(_OFFERED[words[0]])
    for child in getattr(command, "commands", {}).values():
        add_completion(child)


def join_at_colons(environment: MutableMapping[str, str]) -> None:
    """Undo that bash takes `sample:sort` for three words; does nothing for other shells.

    environment: that of the process, in which bash's function passes the words of the line.
    """
    if environment.get(VARIABLE) != _BASH:
        return
    words = environment.get("COMP_WORDS", "").split("\n")
    at = int(environment.get("COMP_CWORD", "0"))
    joined = [""]
    new_at = 0
    for i, word in enumerate(words):
        glued = i > 1 and (word.startswith(":") or words[i - 1].endswith(":"))
        joined = [*joined[:-1], joined[-1] + word] if glued or i == 0 else [*joined, word]
        new_at = len(joined) - 1 if i <= at else new_at
    environment["COMP_WORDS"] = "\n".join(joined)
    environment["COMP_CWORD"] = str(new_at)


def _completer(offer: Offer) -> Callable[[Any, Any, str], list[str]]:
    def complete(ctx: Any, parameter: Any, incomplete: str) -> list[str]:
        if parameter.nargs == -1 and ctx.params.get(parameter.name):
            return []
        try:
            return [_for_shell(name, incomplete) for name in offer(ctx) if name.startswith(incomplete)]
        except (DseError, InputError, OSError):
            return []

    return complete


def _for_shell(name: str, incomplete: str) -> str:
    """The name as the shell must insert it; bash replaces only what comes after the last colon."""
    if os.environ.get(VARIABLE) != _BASH:
        return name
    there = incomplete.rpartition(":")
    return shlex.quote(name.removeprefix(there[0] + there[1])) if name.isprintable() else name


def _campaigns(ctx: Any) -> list[str]:
    from dse.store import default_store, open_reader

    with open_reader(ctx.params.get("store") or default_store()) as reader:
        return reader.names()


def _samples(ctx: Any) -> list[str]:
    from traces.catalog import samples

    return [f"sample:{name}" for name in samples()]


def _exporters(ctx: Any) -> tuple[str, ...]:
    from dse.registry import names

    return names("exporter")


_OFFERED: dict[str, Offer] = {"CAMPAIGN": _campaigns, "TRACE": _samples, "TARGET": _exporters}
