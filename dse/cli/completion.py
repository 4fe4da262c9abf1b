"""What the shell is offered for an argument beyond commands and options: campaigns, samples, exporters.

An argument or option is completed by what its help calls it: `CAMPAIGN` by the campaigns of the store,
`TRACE` by the recorded samples, `TARGET` by the exporters. So a command gets completion by its usage line
alone. The first argument of the commands in `FIRST_ARGUMENT` is completed without loading the command, which
halves the time. A store that is missing, locked or not ours offers nothing; completion never prints an error.
"""

from __future__ import annotations

import importlib
import os
import shlex
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from dse.errors import DseError, InputError

VARIABLE = "_DSE_COMPLETE"
_BASH = "complete_bash"
_ESCAPED = {"'": {"'": "'\\''"}, '"': {letter: "\\" + letter for letter in '"$`\\'}}
"""How bash writes letters within each kind of quote."""

FIRST_ARGUMENT = {
    **dict.fromkeys(("resume", "front", "tail", "stop", "rm", "enumerate", "replay", "export"), "CAMPAIGN"),
    **dict.fromkeys(("importance", "surrogate", "worker", "store export", "store files"), "CAMPAIGN"),
    **dict.fromkeys(("trace info", "trace convert", "trace intervals"), "TRACE"),
}
"""Command to what its usage line calls its first argument."""


def add_completion(command: Any) -> None:
    """Give the parameters of a command, and of its sub-commands, the completion that their name asks for."""
    for parameter in command.params:
        words = (parameter.metavar or "").replace("[", " ").replace("]", " ").replace("...", " ").split()
        if words and words[0] in _OFFERED and parameter._custom_shell_complete is None:
            parameter._custom_shell_complete = _completer(words[0])
    for child in getattr(command, "commands", {}).values():
        add_completion(child)


def prepare_completion(environment: MutableMapping[str, str]) -> None:
    """Make the shells' requests quick and right; does nothing when no shell asks.

    environment: that of the process, in which the shell's function passes the words of the line.
    """
    if VARIABLE in environment:
        _join_at_colons(environment)
        _answer_quickly()


def _join_at_colons(environment: MutableMapping[str, str]) -> None:
    """Undo that bash takes `sample:sort` for three words."""
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


def _answer_quickly() -> None:
    """Put our answer before that of typer, in each shell's own form."""
    shells: Any = importlib.import_module("typer._completion_classes")

    class Quick:
        def get_completions(self, args: list[str], incomplete: str) -> list[Any]:
            found = quick_offer(args, incomplete)
            if found is None:
                asked: list[Any] = super().get_completions(args, incomplete)  # type: ignore[misc]
                return asked
            return [shells.CompletionItem(name) for name in found]

    for name in ("bash", "zsh", "fish"):
        base = getattr(shells, f"{name.capitalize()}Complete")
        shells.add_completion_class(type(base.__name__, (Quick, base), {}), name)


def quick_offer(args: Sequence[str], incomplete: str) -> list[str] | None:
    """What completes the first argument of a command; None if something else is to be completed."""
    words, store = list(args), None
    if words[-2:-1] == ["--store"]:
        *words, _, store = words
    kind = FIRST_ARGUMENT.get(" ".join(words))
    if kind is None or incomplete.startswith("-"):
        return None
    return _offer(kind, store, incomplete)


def _completer(kind: str) -> Callable[[Any, Any, str], list[str]]:
    def complete(ctx: Any, parameter: Any, incomplete: str) -> list[str]:
        if parameter.nargs == -1 and ctx.params.get(parameter.name):
            return []
        store = ctx.params.get("store")
        return _offer(kind, None if store is None else str(store), incomplete)

    return complete


def _offer(kind: str, store: str | None, incomplete: str) -> list[str]:
    try:
        return [_for_shell(name, incomplete) for name in _OFFERED[kind](store) if name.startswith(incomplete)]
    except (DseError, InputError, OSError):
        return []


def _for_shell(name: str, incomplete: str) -> str:
    """The name as the shell must insert it; bash replaces only what comes after the last colon.

    After an opening quote bash replaces all but the quote, and closes it.
    """
    if os.environ.get(VARIABLE) != _BASH:
        return name
    quote = _word(os.environ)[:1]
    if quote in _ESCAPED:
        return "".join(_ESCAPED[quote].get(letter, letter) for letter in name)
    before, colon, _ = incomplete.rpartition(":")
    return shlex.quote(name.removeprefix(before + colon))


def _word(environment: Mapping[str, str]) -> str:
    """The word that bash wants completed, with its quotes."""
    words = environment.get("COMP_WORDS", "").split("\n")
    at = int(environment.get("COMP_CWORD", "0"))
    return words[at] if at < len(words) else ""


def _campaigns(store: str | None) -> list[str]:
    from dse.store import default_store, open_reader

    with open_reader(store or default_store()) as reader:
        return reader.names()


def _samples(_: str | None) -> list[str]:
    from traces.catalog import samples

    return [f"sample:{name}" for name in samples()]


def _exporters(_: str | None) -> tuple[str, ...]:
    from dse.registry import names

    return names("exporter")


_OFFERED: dict[str, Callable[[str | None], Iterable[str]]] = {
    "CAMPAIGN": _campaigns,
    "TRACE": _samples,
    "TARGET": _exporters,
}
