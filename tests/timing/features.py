"""Every feature of the DRAM simulator, and a small trace on which switching it off changes the command log.

A row of FEATURES is one feature: the memory, the requests, the options with it and without it. Options are
fields of a design, or those of `Options`. `tests.timing.test_every_feature` runs the rows; docs/validation.md
lists them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from typing import Any, NamedTuple

import numpy as np

from ext.dram_engine import COMMANDS, DramEngine
from simulators.dram.audit import CommandLog, Limits, Served, Violation, audit
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.constraints import SCOPES, Constraint
from simulators.dram.memory.devices import Device, device, parse_device
from simulators.dram.memory.mapping import AddressMapping
from simulators.dram.reference import ReferenceController, requests_of
from simulators.dram.twin.record import LoggedCommand, TwinResult

_LOGGED = tuple(f.name for f in fields(LoggedCommand))


class Request(NamedTuple):
    """bank: flat in its channel; column: in device columns. With an address, the mapping says where."""

    at: int = 0
    bank: int = 0
    row: int = 1
    column: int = 0
    is_write: int = 0
    channel: int = 0
    source: int = 0
    address: int = -1


def read(**where: int) -> Request:
    return Request(**where)


def write(**where: int) -> Request:
    return Request(**where, is_write=1)


@dataclass(frozen=True)
class Options:
    """One side of a feature: the memory, how its tables are changed, and the design.

    rows: which of the timing rows are kept, or others. lengths, command_buses: other than those of the
    memory. retuned: the cycle from which the design is another, and what is other in it. controller: the
    twin's, for what the engine cannot switch off.
    """

    device: str
    channels: int = 1
    ranks: int | None = None
    temperature_c: float | None = None
    address_mapping: str = "row-bank-column"
    rows: Callable[[Device], tuple[Constraint, ...]] | None = None
    lengths: tuple[int, ...] | None = None
    command_buses: int | None = None
    retuned: tuple[int, Mapping[str, Any]] | None = None
    controller: type[ReferenceController] | None = None
    design: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, device_id: str, options: Mapping[str, Any]) -> Options:
        """From options by name: those of this class, all others are the design's."""
        own = {item.name for item in fields(cls)}
        design = {name: value for name, value in options.items() if name not in own}
        return cls(
            **{"device": device_id, **{name: value for name, value in options.items() if name in own}},
            design={"refresh_policy": "NoRefresh", **design},
        )

    @property
    def memory(self) -> Device:
        return device(self.device).arranged(channels=self.channels, ranks=self.ranks)

    def config(self, **changes: Any) -> ControllerConfig:
        """The memory and the policies of the design, some of them otherwise."""
        memory = self.memory
        built = ControllerConfig.build(memory, {**self.design, **changes}, temperature_c=self.temperature_c)
        if self.rows is not None:
            built = replace(built, rows=self.rows(memory))
        if self.lengths is not None:
            built = replace(built, lengths=self.lengths)
        if self.command_buses is not None:
            built = replace(built, command_buses=self.command_buses)
        return built

    def arrays(self, trace: tuple[Request, ...]) -> tuple[np.ndarray, ...]:
        """The requests as the engine takes them."""
        ordered = sorted(trace, key=lambda request: request.at)
        at, bank, row, column, is_write, channel, source, address = np.array(ordered, dtype=np.int64).T
        if address[0] >= 0:
            found = AddressMapping.of(self.address_mapping, self.memory).decode(address.astype(np.uint64))
            channel, bank, row, column = found.channel, found.bank, found.row, found.column
        columns = (at, channel, bank, row, column, is_write, source)
        kinds = (np.int64, np.uint8, np.uint8, np.int32, np.int32, np.uint8, np.uint8)
        return tuple(
            np.ascontiguousarray(values, dtype=kind) for values, kind in zip(columns, kinds, strict=True)
        )


@dataclass(frozen=True)
class Feature:
    """One row: `id`, what it is called, and the options that switch it on and off, beside those of both."""

    id: str
    name: str
    trace: tuple[Request, ...]
    on: Mapping[str, Any]
    off: Mapping[str, Any]
    device: str = "ddr4-2400-8gb-x8"
    both: Mapping[str, Any] = field(default_factory=dict)
    off_words: str = ""

    @property
    def with_it(self) -> Options:
        return Options.of(self.device, {**self.both, **self.on})

    @property
    def without_it(self) -> Options:
        return Options.of(self.device, {**self.both, **self.off})


def engine_log(options: Options, trace: tuple[Request, ...]) -> list[LoggedCommand]:
    """The commands of the compiled engine; of the twin where the options name a controller of it."""
    if options.controller is not None:
        return twin_log(options, trace)
    return [LoggedCommand(*row) for row in zip(*_columns(_ran(options, trace)), strict=True)]


def twin_log(options: Options, trace: tuple[Request, ...]) -> list[LoggedCommand]:
    """The commands of the twin."""
    controller = (options.controller or ReferenceController)(
        options.config(), requests_of(*options.arrays(trace))
    )
    if options.retuned is not None:
        cycle, changes = options.retuned
        controller.advance(until_cycle=cycle)
        controller.retune(options.config(**changes))
    result: TwinResult = controller.run()
    return list(result.log)


def violations(options: Options, trace: tuple[Request, ...]) -> list[Violation]:
    """What the audit finds in the engine's log."""
    engine, design = _ran(options, trace), options.design
    cycle, command, *places = _columns(engine)
    log = CommandLog.of(cycle=cycle, command=command, **dict(zip(_LOGGED[2:], places, strict=True)))
    limits = Limits.of(
        options.memory,
        refresh=design["refresh_policy"],
        postponed=design.get("refresh_max_postponed", 0),
        pulledin=design.get("refresh_max_pulledin", 0),
        raa_initial=design.get("raa_initial", 0),
        raa_maximum=design.get("raa_maximum", 0),
        temperature_c=options.temperature_c,
    )
    arrival, channel, bank, row, column, is_write, _ = options.arrays(trace)
    forwards = "On" in (design.get("write_forwarding"), design.get("write_coalescing"))
    served = Served(bank, row, column, is_write, arrival, channel, forwards=forwards)
    return audit(log, limits, served, end_cycle=engine.cycle)


def first_difference(feature: Feature) -> tuple[LoggedCommand | None, LoggedCommand | None]:
    """The first command with the feature that is another without it, and that one; None: there is none."""
    ours = engine_log(feature.with_it, feature.trace)
    others = engine_log(feature.without_it, feature.trace)
    for mine, other in zip(ours, others, strict=False):
        if mine != other:
            return mine, other
    at = min(len(ours), len(others))
    return (*ours[at : at + 1], None)[0], (*others[at : at + 1], None)[0]


def in_words(entry: LoggedCommand | None) -> str:
    """A command as docs/validation.md names it."""
    if entry is None:
        return "none"
    place = f" of bank {entry.bank}" if entry.bank >= 0 else f" of rank {entry.rank}"
    where = f" of channel {entry.channel}" if entry.channel else ""
    owner = f" for request {entry.request}" if entry.request >= 0 else ""
    return f"`{entry.command}`{place}{where}{owner} in cycle {entry.cycle}"


def row_of(feature: Feature) -> tuple[str, ...]:
    """Feature, test, memory, on, off, the first command that differs: the table of docs/validation.md."""
    mine, other = first_difference(feature)
    off = feature.off_words or _options_in_words(feature.off)
    changed = f"{in_words(mine)}; off: {in_words(other)}"
    return (
        feature.name, f"`{feature.id}`", f"`{feature.device}`", _options_in_words(feature.on), off, changed,
    )  # fmt: skip


def _options_in_words(options: Mapping[str, Any]) -> str:
    parts = []
    for name, value in options.items():
        if name == "retuned":
            parts.append(f"re-tuned in cycle {value[0]} to {_options_in_words(value[1])}")
        else:
            parts.append(f"`{name}={value}`")
    return ", ".join(parts) or "as the standard has it"


def _ran(options: Options, trace: tuple[Request, ...]) -> DramEngine:
    config = options.config()
    tables = (config.vector(), config.row_array(), config.length_array())
    engine = DramEngine(*tables, *options.arrays(trace), log=True)
    if options.retuned is not None:
        cycle, changes = options.retuned
        engine.advance(until_cycle=cycle)
        engine.retune(options.config(**changes).vector())
    engine.advance()
    return engine


def _columns(engine: DramEngine) -> list[list[Any]]:
    log = engine.command_log()
    names = [COMMANDS[number] for number in log["command"].tolist()]
    return [names if name == "command" else log[name].tolist() for name in _LOGGED]


def without_scope(*scopes: str) -> Callable[[Device], tuple[Constraint, ...]]:
    """The timing rows but those of these scopes."""
    left_out = {SCOPES.index(name) for name in scopes}
    return lambda memory: tuple(row for row in memory.constraints if row.scope not in left_out)


def without_windows(memory: Device) -> tuple[Constraint, ...]:
    """The timing rows but those that count activates in a window."""
    return tuple(row for row in memory.constraints if row.window == 1)


def without_rows_from(command: str) -> Callable[[Device], tuple[Constraint, ...]]:
    """The timing rows but those from this command."""
    number = COMMANDS.index(command)
    return lambda memory: tuple(row for row in memory.constraints if row.before != number)


def rounded_by(rule: str) -> Callable[[Device], tuple[Constraint, ...]]:
    """The timing rows with analogue limits made clocks by another rule."""

    def rows(memory: Device) -> tuple[Constraint, ...]:
        file = resources.files("simulators.dram.memory") / "standards" / f"{memory.standard.lower()}.toml"
        tables = {**tomllib.loads(file.read_text()), "rounding": rule}
        return parse_device(tables, memory.id, file.name).constraints

    return rows


def with_one_data_bus(memory: Device) -> tuple[Constraint, ...]:
    """The timing rows, and those of ranks that share a data bus, for a device of pseudo channels."""
    apart = memory.timings.burst + 1
    scope, read_number, cause = SCOPES.index("other_ranks"), COMMANDS.index("RD"), 8
    return (*memory.constraints, Constraint(scope, read_number, read_number, apart, 1, cause))
