"""A user's own scheduler, written in Python: read from a file and run on the twin.

The file holds a class that derives from `simulators.dram.reference.ReferenceController` and overrides
`schedule(self, channel, bank)`, which returns the request that the bank serves next, one of those listed
in it.
"""

from __future__ import annotations

import importlib.util
import traceback
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import numpy as np

from dse.errors import DseError, InputError, did_you_mean, listed
from dse.point import DesignPoint
from dse.simulator import Work
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.constraints import COMMANDS
from simulators.dram.reference import ReferenceController, requests_of
from simulators.dram.replay.recording import CommandArrays, Recording, Watch, measured_from
from simulators.dram.simulator import DramSimulator
from simulators.dram.stream import Stream
from simulators.dram.twin.channel import Channel
from simulators.dram.twin.rank import Bank, Request
from simulators.dram.twin.record import TwinResult

EXPECTED = (
    "expected FILE.py:CLASS, a subclass of simulators.dram.reference.ReferenceController with `schedule`"
)
_OPTION = "--scheduler"
_CYCLES_BETWEEN = 1000
_MOST_CYCLES_WAITING = 200_000


class SchedulerError(DseError):
    """A user's scheduler failed while it ran."""


def load_scheduler(text: str) -> type[ReferenceController]:
    """The class that `FILE.py:CLASS` names. InputError says what is wrong with the file or the class."""
    name, _, wanted = text.rpartition(":")
    path = Path(name)
    if not name or not wanted or path.suffix != ".py":
        raise InputError(f"{text!r} names no scheduler: {EXPECTED}", key=_OPTION)
    module = _module(path)
    classes = {name: item for name, item in vars(module).items() if isinstance(item, type)}
    own = [name for name, item in classes.items() if item.__module__ == module.__name__]
    if wanted not in classes:
        raise InputError(
            f"{path} has no class {wanted!r}: it defines {listed(own) or 'none'}."
            f"{did_you_mean(wanted, own)} ({EXPECTED})",
            key=_OPTION,
        )
    found = classes[wanted]
    if not issubclass(found, ReferenceController):
        raise InputError(f"{path}: class {wanted} is no ReferenceController: {EXPECTED}", key=_OPTION)
    if found.schedule is ReferenceController.schedule:
        raise InputError(
            f"{path}: class {wanted} does not override `schedule(self, channel, bank)`: {EXPECTED}",
            key=_OPTION,
        )
    return found


def record_own(
    simulator: DramSimulator,
    point: DesignPoint,
    workload: Work,
    scheduler: type[ReferenceController],
    watch: Watch | None = None,
) -> Recording:
    """Run `point` on the twin, with `scheduler` instead of its own, to the end; the log is kept.

    The twin visits every cycle: thousands of requests a minute, not millions. SchedulerError where the
    user's code fails, with the line and the cycle.
    """
    stream = simulator.stream(workload, point=point)
    config = simulator.config_of(point)
    result = _run(scheduler, config, stream, watch)
    counters = {item.name: getattr(result.counters, item.name) for item in fields(result.counters)}
    measured = measured_from(counters, stream, result.accept, result.finish)
    return Recording(
        device=simulator.device_of(point),
        config=config,
        metrics=simulator.measure(measured, point),
        counters=counters,
        stream=stream,
        accept=result.accept,
        finish=result.finish,
        log=_log(result),
    )


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"{path}: no such file: {EXPECTED}", key=_OPTION)
    spec = importlib.util.spec_from_file_location(f"own_scheduler_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(
            f"{path}{_line(error, path)}: {type(error).__name__}: {error}", key=_OPTION
        ) from error
    return module


def _run(
    scheduler: type[ReferenceController], config: ControllerConfig, stream: Stream, watch: Watch | None
) -> TwinResult:
    """In steps, so that progress can be told, and a failure be put down to its cycle."""
    controller = _checked(scheduler)(config, _requests(stream))
    path = Path(scheduler.schedule.__code__.co_filename)
    try:
        while not controller.advance(until_cycle=controller.now + _CYCLES_BETWEEN):
            _check_progress(controller)
            if watch is not None:
                watch(controller.delivered)
    except Exception as error:
        raise SchedulerError(
            f"{path}{_line(error, path)}: {scheduler.__name__} failed in cycle {controller.now}: "
            f"{type(error).__name__}: {error}"
        ) from error
    return controller.result()


def _requests(stream: Stream) -> list[Request]:
    decoded, requests = stream.decoded, stream.requests
    return requests_of(
        requests.arrival_cycle,
        decoded.channel,
        decoded.bank,
        decoded.row,
        decoded.column,
        requests.is_write,
        requests.source,
    )


def _checked(scheduler: type[ReferenceController]) -> type[ReferenceController]:
    """The class, with what its `schedule` returns looked at."""

    def schedule(self: ReferenceController, channel: Channel, bank: Bank) -> Request | None:
        chosen = scheduler.schedule(self, channel, bank)
        if chosen is not None:
            _check_choice(chosen, bank)
        return chosen

    return type(scheduler.__name__, (scheduler,), {"schedule": schedule})


def _check_choice(chosen: object, bank: Bank) -> None:
    """A request of the bank, and none that overtakes an older one to the same place if one of them
    writes."""
    place = next((place for place, request in enumerate(bank.queue) if request is chosen), None)
    if place is None:
        raise TypeError(f"schedule returned {chosen!r}: expected one of bank.queue, or None to wait")
    own = bank.queue[place]
    for older in bank.queue[:place]:
        if older.line == own.line and (older.is_write or own.is_write):
            raise ValueError(
                f"schedule let request {own.index} overtake request {older.index} to the same row and column "
                "and one of them writes: the data would be wrong"
            )


def _check_progress(controller: ReferenceController) -> None:
    """A scheduler that keeps every bank waiting would never end."""
    banks = (bank for channel in controller.channels for bank in channel.banks)
    oldest = min((request.arrival for bank in banks for request in bank.queue), default=controller.now)
    waited = controller.now - max(oldest, controller.front.last_delivery)
    if waited > _MOST_CYCLES_WAITING:
        raise RuntimeError(
            f"no request was served for {waited:,} cycles, though some wait: "
            "does schedule return None for ever?"
        )


def _line(error: BaseException, path: Path) -> str:
    """`, line 12`: the innermost line of the user's file that the error went through; empty if there is
    none."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f", line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()]
    return f", line {lines[-1]}" if lines else ""


def _log(result: TwinResult) -> CommandArrays:
    """The twin's log as arrays, with the number of each command."""
    numbers = {name: number for number, name in enumerate(COMMANDS)}
    columns: dict[str, list[int]] = {"command": [numbers[line.command] for line in result.log]}
    for name in ("cycle", "channel", "rank", "bank", "row", "column", "request"):
        columns[name] = [getattr(line, name) for line in result.log]
    return {name: np.array(values, dtype=np.int64) for name, values in columns.items()}
