"""`dse worker`: simulate for a campaign that runs elsewhere, through the store alone."""

from __future__ import annotations

from typing import Annotated

import typer

from dse.cli.run import MemoryLimit, StoreOption, TimeLimit, Workers
from dse.cli.terminal import print_json
from dse.errors import DseError
from dse.executors import make_executor
from dse.executors.leases import LeaseWorker
from dse.executors.package import Bench
from dse.executors.protocol import Executor
from dse.interrupt import stop_on_interrupt
from dse.store import default_store, open_reader


def command(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or number in the store.")],
    store: StoreOption = None,
    workers: Workers = None,
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Simulate for a campaign that was started with `--executor leases`, until it ends.

    It needs nothing but the store: simulator and workloads come from there. Ctrl-C ends the part at hand and
    leaves. A limit runs simulations in processes, and threads otherwise.
    """
    path = store or default_store()
    with open_reader(path) as reader:
        record = reader.campaign(int(campaign) if campaign.isdigit() else campaign)
    if record.state != "running":
        raise DseError(
            f"campaign {record.name!r} is {record.state}: start it with `dse resume {record.name} "
            "--executor leases` first"
        )
    limited = time_limit is not None or memory_limit is not None

    def build(bench: Bench) -> Executor:
        return make_executor(
            bench.simulator,
            bench.workloads,
            executor="processes" if limited else "threads",
            workers=workers,
            time_limit_s=time_limit,
            memory_limit_mib=memory_limit,
        )

    with stop_on_interrupt() as stop:
        parts = LeaseWorker(path, record.id, build, lambda: stop.raised).run()
    if as_json:
        print_json({"campaign": record.name, "parts": parts})
    else:
        print(f"Simulated {parts} parts of {record.name}.")
