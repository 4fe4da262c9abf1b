"""What `dse replay` writes: the command log, the trace for Perfetto, the plots; and what the audit says."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import numpy as np

from dse.cli.waiting import waiting
from dse.errors import ConfigError, DseError
from dse.load_curve import LoadCurve, parse_loads

if TYPE_CHECKING:
    from dse.cli.replay_report import Report
    from dse.over_time import OverTime

_BLOCK_LINES = 1 << 16


class Instead(NamedTuple):
    """What runs instead of the engine: the option ("--scheduler" or "--mimic") and what it says."""

    option: str
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The files that were asked for; `window_ns` is the begin and the end of the timeline."""

    log: Path | None
    timeline: Path | None
    window_ns: tuple[float, float | None]
    audit: bool
    plot: Path | None
    load: str | None

    def given(self) -> dict[str, object]:
        """What was asked for, by option."""
        return {
            "--log": self.log,
            "--timeline": self.timeline,
            "--audit": self.audit,
            "--plot": self.plot,
            "--load": self.load,
        }

    @property
    def needs_log(self) -> bool:
        return self.log is not None or self.timeline is not None or self.audit

    def check(self, *, alone: bool, instead: Instead | None) -> None:
        """Refuse, before anything runs, what cannot be had together. ConfigError."""
        begin, end = self.window_ns
        if self.timeline is None and (begin > 0 or end is not None):
            raise ConfigError("--from and --to choose the time of --timeline: give that too", key="--from")
        if end is not None and end <= begin:
            raise ConfigError(f"--from {begin:g} --to {end:g}: expected an end after the begin", key="--to")
        if self.load is not None:
            parse_loads(self.load)
            if instead is not None:
                raise ConfigError(f"--load runs on the engine: leave {instead.option} out", key="--load")
        if self.audit and instead is not None and instead.option == "--mimic":
            raise ConfigError(
                "--audit is for our own logs: what a peer's logs break is listed in docs/validation.md",
                key="--audit",
            )
        single = {
            "--log": self.log,
            "--audit": self.audit or None,
            "--load": self.load,
        }
        given = [name for name, value in single.items() if value is not None]
        if not alone and given:
            raise ConfigError(f"{given[0]} is of one design: leave --diff out", key=given[0])

    def write(self, reports: Sequence[Report]) -> dict[str, Any]:
        """Write the log and audit it (one report), write the timeline; gives what to say of them."""
        report, found = reports[0], dict[str, Any]()
        if self.log is not None:
            with waiting("writing the command log"):
                found["log"] = _write_log(self.log, report.recording)
        if self.timeline is not None:
            with waiting("writing the timeline"):
                found["timeline"] = _write_timeline(self.timeline, reports, self.window_ns)
        if self.audit:
            with waiting("auditing the command log"):
                found["violations"] = _violations(report)
        return found

    def draw(self, reports: Sequence[Report], curve: LoadCurve | None) -> dict[str, Any]:
        """The load curve if there is one, else bandwidth and latency over time, into an HTML file."""
        if self.plot is None:
            return {}
        from dse.registry import resolve

        if curve is not None:
            figure = resolve("figure", "load_curve")(curve)
        else:
            title = f"{reports[0].workload.name}: bandwidth and read latency over time"
            figure = resolve("figure", "over_time")([_over_time(report) for report in reports], title)
        with _written(self.plot, "plot"):
            figure.write_html(self.plot, include_plotlyjs=True)
        return {"plot": str(self.plot)}


def _write_log(path: Path, recording: Any) -> dict[str, Any]:
    """CSV, one line a command; -1 where a command has no bank, row, column or request.

    bank counts through the groups of its rank.
    """
    from simulators.dram.memory.constraints import COMMANDS

    config, log = recording.config, recording.log
    assert log is not None
    flat = np.asarray(log["bank"], dtype=np.int64)
    bank = np.where(flat >= 0, flat % config.n_banks, -1)
    group = np.where(bank >= 0, bank // config.banks_per_group, -1)
    names = np.array(COMMANDS)[log["command"]]
    arrays = [
        log["cycle"],
        names,
        log["channel"],
        log["rank"],
        group,
        bank,
        log["row"],
        log["column"],
        log["request"],
    ]
    columns = [array.tolist() for array in arrays]
    with _written(path, "command log"), _text_file(path) as file:
        file.write("cycle,command,channel,rank,bank_group,bank,row,column,request\n")
        for start in range(0, len(names), _BLOCK_LINES):
            block = zip(*(column[start : start + _BLOCK_LINES] for column in columns), strict=True)
            file.writelines(f"{','.join(map(str, line))}\n" for line in block)
    return {"file": str(path), "commands": len(names)}


def _write_timeline(
    path: Path, reports: Sequence[Report], window_ns: tuple[float, float | None]
) -> dict[str, Any]:
    """The JSON object of Chrome's trace format; two designs are one below the other."""
    from simulators.dram.replay.timeline import MOST_COMMANDS, side_by_side, timeline

    most = MOST_COMMANDS // len(reports)
    parts = [timeline(report.recording, *window_ns, most) for report in reports]
    letters = [f"{letter} ({report.label})" for letter, report in zip("AB", reports, strict=False)]
    made = side_by_side(parts, letters) if len(parts) > 1 else parts[0]
    about = {
        "designs": [report.label for report in reports],
        "devices": [report.recording.device.id for report in reports],
        "workload": reports[0].workload.name,
    }
    whole = {"traceEvents": made.events, "displayTimeUnit": "ns", "otherData": about}
    with _written(path, "timeline"), _text_file(path) as file:
        json.dump(whole, file, separators=(",", ":"), allow_nan=False)
    return {"file": str(path), **made._asdict()} | {"events": len(made.events)}


def _over_time(report: Report) -> OverTime:
    from dse.over_time import over_time

    recording = report.recording
    device, tck_ns = recording.device, recording.device.tck_ns
    done = recording.finish >= 0
    return over_time(
        report.label,
        np.asarray(recording.finish[done] * tck_ns, dtype=np.float64),
        np.asarray((recording.finish - recording.arrival)[done] * tck_ns, dtype=np.float64),
        recording.stream.requests.is_write[done] == 0,
        device.burst_bytes,
        device.peak_bandwidth_gbps,
    )


def _violations(report: Report) -> list[str]:
    """What the independent audit has to say about the log."""
    from simulators.dram.audit import CommandLog, Limits, Served, audit
    from simulators.dram.config import MITIGATIONS, REFRESH_POLICIES
    from simulators.dram.memory.constraints import COMMANDS

    recording = report.recording
    config, log, stream = recording.config, recording.log, recording.stream
    assert log is not None
    manages = MITIGATIONS[config.mitigation] == "Rfm"
    limits = Limits.of(
        recording.device,
        refresh=REFRESH_POLICIES[config.refresh_policy],
        postponed=config.refresh_max_postponed,
        pulledin=config.refresh_max_pulledin,
        raa_initial=config.raa_initial if manages else 0,
        raa_maximum=config.raa_maximum if manages else 0,
        temperature_c=report.picked.simulator.describe().get("temperature_c"),
    )
    decoded, requests = stream.decoded, stream.requests
    served = Served(
        decoded.bank,
        decoded.row,
        decoded.column,
        requests.is_write,
        requests.arrival_cycle,
        decoded.channel,
        forwards=bool(config.write_forwarding or config.write_coalescing),
    )
    rest = {name: array for name, array in log.items() if name != "command"}
    named = CommandLog.of(command=np.array(COMMANDS)[log["command"]], **rest)
    return [violation.text for violation in audit(named, limits, served)]


@contextmanager
def _written(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DseError(f"{path}: the {what} cannot be written: {error.strerror}") from None


def _text_file(path: Path) -> TextIO:
    return (
        gzip.open(path, "wt", encoding="utf-8") if path.suffix == ".gz" else path.open("w", encoding="utf-8")
    )
