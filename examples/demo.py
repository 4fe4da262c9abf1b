"""The demonstration: five searchers tune a DDR4 controller; the best compromise leaves as a configuration.

Each step is a command that you can type yourself; this script only types it for you.

    python examples/demo.py [FOLDER]      results go to FOLDER, or to out/demo
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from dse.campaign import CampaignResult

HERE = Path(__file__).resolve().parent
NAME = "demo"
TARGET = "dramsys"


def main() -> None:
    """Run the campaign, show and draw its front, export its knee, and say what to do next."""
    begun = time.monotonic()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "out" / "demo"
    store, drawing = _fresh_store(folder), folder / "front.html"
    _dse("run", HERE / "demo.toml", "--store", store)
    _dse("front", NAME, "--store", store, "--plot", drawing)
    knee = str(CampaignResult.load(store, NAME).front.knee.trial)
    _dse("replay", NAME, knee, "--store", store)
    exported = folder / TARGET
    _dse("export", NAME, knee, "--store", store, "--to", TARGET, "--out", exported, "--force")
    print(f"\nDone in {time.monotonic() - begun:.0f} s.")
    print(f"  the front, drawn           {_short(drawing)}")
    print(f"  its knee, for {TARGET:<12} {_short(exported)}")
    command = _short(Path(sys.executable).parent / "dse")
    print(f"  watch it in a browser      {command} dashboard --store {_short(store)}")


def _fresh_store(folder: Path) -> Path:
    """Remove the store of an earlier demonstration, so that designs are simulated and not remembered."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("campaigns.sqlite*"):
        path.unlink()
    return folder / "campaigns.sqlite"


def _dse(*arguments: str | Path) -> None:
    """Show a command, and run it."""
    shown = [_short(part) if isinstance(part, Path) else part for part in arguments]
    print(f"\n$ dse {shlex.join(shown)}", flush=True)
    subprocess.run([sys.executable, "-m", "dse.cli", *map(str, arguments)], check=True)


def _short(path: Path) -> str:
    """The path from the current folder, when it lies below."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


if __name__ == "__main__":
    main()
