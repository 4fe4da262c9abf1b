"""The command: see `tests.kills`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import tests.kills
from tests.dse.postgres import PostgresServer
from tests.kills.child import Wrong
from tests.kills.rounds import kill_rounds
from tests.kills.workers import kill_workers


def main() -> int:
    """Run the rounds that were asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.kills",
        description=tests.kills.__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    victim = parser.add_mutually_exclusive_group()
    victim.add_argument("--server", action="store_true", help="kill the PostgreSQL server instead")
    victim.add_argument("--workers", action="store_true", help='kill workers of executor "processes"')
    victim.add_argument("--lease-workers", action="store_true", help="kill lease workers and their campaign")
    parser.add_argument("--postgres", action="store_true", help="keep the campaigns in PostgreSQL")
    asked = parser.parse_args()
    started = time.monotonic()
    os.environ["DSE_STORE_WAIT_S"] = "0.5"  # for the second process: the one held still may be writing
    with tempfile.TemporaryDirectory(prefix="dse-kills-") as folder, contextlib.ExitStack() as at_the_end:
        server = PostgresServer("fsync=off") if asked.server or asked.postgres else None
        if server is not None:
            at_the_end.callback(server.stop)
        try:
            if asked.workers or asked.lease_workers:
                found = kill_workers(asked.rounds, asked.seed, Path(folder), server, lent=asked.lease_workers)
            else:
                found = kill_rounds(asked.rounds, asked.seed, Path(folder), server, kill_server=asked.server)
        except Wrong as wrong:
            sys.stderr.write(f"seed {asked.seed}: {wrong}\n")
            return 1
    sys.stdout.write(json.dumps({**found, "seconds": round(time.monotonic() - started, 1)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
