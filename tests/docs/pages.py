"""The pages of the guide and the code in them.

A fenced block runs when its info string says so:

    ```python run        a Python program of its own
    ```sh run            a shell script, with the command `dse`
    ```toml file=NAME    is written to NAME before the blocks below it run

All blocks of a page run in order, in one folder. A page with the comment `<!-- slow -->` runs with the slow
tests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(?P<info>[^\n\s][^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: what it is ("python", "sh" or the file it becomes), its text, and its first line."""

    kind: str
    body: str
    line: int


def pages() -> list[Path]:
    """Pages that users read, relative to the root."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")]
    return sorted(path.relative_to(ROOT) for path in found)


def blocks(page: Path) -> list[Block]:
    """Blocks of a page that run or are written, in order."""
    text = (ROOT / page).read_text()
    found = []
    for match in FENCE.finditer(text):
        words = match["info"].split()
        line = text.count("\n", 0, match.start()) + 1
        files = [word.removeprefix("file=") for word in words if word.startswith("file=")]
        if files:
            found.append(Block(files[0], match["body"], line))
        elif "run" in words[1:]:
            found.append(Block(words[0], match["body"], line))
    return found


def is_slow(page: Path) -> bool:
    return "<!-- slow -->" in (ROOT / page).read_text()
