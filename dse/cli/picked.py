"""What `dse replay` and `dse export` work on: a design from a campaign, from a file, or the default one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dse.campaign.config import WorkloadConfig
from dse.campaign.kept_files import kept_option_files
from dse.campaign.programs import REQUESTS, kind_of
from dse.campaign.setup import read_traces, workload_of
from dse.errors import ConfigError, InputError, LookupFailed, listed
from dse.metrics import Metrics
from dse.option_files import given
from dse.point import DesignPoint
from dse.registry import make_simulator
from dse.simulator import Simulator
from dse.store import CampaignRecord, StoreReader, default_store, place_of
from traces.trace import Trace
from traces.workload import Workload

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Picked:
    """A design and the simulator it belongs to.

    label: how to call it. metrics: what its campaign measured, None if it is from none or was only estimated.
    description: of the simulator, with its build and the hash of its space, as exporters record it.
    workloads: of its campaign, with paths relative to `base`.
    """

    label: str
    point: DesignPoint
    simulator: Simulator
    metrics: Metrics | None
    description: Mapping[str, Any]
    workloads: tuple[WorkloadConfig, ...] = ()
    base: Path = Path()

    def workload(self, name: str | None = None) -> Workload:
        """The campaign's workload of that name (the first when None). LookupFailed if there is none."""
        if not self.workloads:
            raise ConfigError(
                "which trace? A design that is not from a campaign needs --trace TRACE", key="--trace"
            )
        self.check_replays_requests()
        names = [_name(item) for item in self.workloads]
        if name is not None and name not in names:
            raise LookupFailed(f"{self.label} has no workload {name!r}: expected one of {listed(names)}")
        item = self.workloads[names.index(name) if name is not None else 0]
        return workload_of(item, read_traces(item, self.base))

    def check_replays_requests(self) -> None:
        """ConfigError for a design of a simulator of programs, which is no memory controller."""
        if kind_of(self.simulator) != REQUESTS:
            raise ConfigError(
                f"{self.label} is a design of simulator {self.simulator.name!r}, which runs programs: only "
                "designs of memory controllers can be replayed and exported (simulator 'dram')",
                key="simulator",
            )


def pick_trial(campaign: str, trial: int, store: Path | None) -> Picked:
    """A trial of a campaign in a store. LookupFailed if either does not exist."""
    path = store or default_store()
    with StoreReader(path) as reader:
        record = reader.campaign(int(campaign) if campaign.isdigit() else campaign)
        detail = reader.detail(record.id, trial)
        option_files = kept_option_files(reader, record.id)
    with given(option_files):
        simulator = make_simulator(record.simulator["name"], **record.simulator.get("options", {}))
    return Picked(
        label=f"{record.name}-{trial}",
        point=detail.point,
        simulator=simulator,
        metrics=None if detail.metrics.failed or detail.fidelity < 1.0 else detail.metrics,
        description=_description(record),
        workloads=tuple(WorkloadConfig.model_validate(item) for item in record.config["workloads"]),
        base=place_of(path).base_path(record.config_base),
    )


def pick_design(source: str | None, name: str, options: Mapping[str, Any]) -> Picked:
    """The design in a JSON or TOML file, or the default one, on the simulator of that name."""
    simulator: Simulator = make_simulator(name, **options)
    if source in (None, DEFAULT):
        point, label = simulator.space.default(), DEFAULT
    else:
        point, label = _from_file(Path(str(source)), simulator), Path(str(source)).stem
    description = {"name": name, **simulator.describe()}
    description |= {"build_id": simulator.build_id, "space_hash": simulator.space.hash}
    return Picked(label, point, simulator, None, description)


def as_one_trace(workload: Workload) -> Trace:
    """The requests of a workload as one trace: what other simulators can be given."""
    alone = len(workload.traces) == 1 and workload.arrival_scale == 1.0 and not workload.start
    if alone:
        return workload.traces[0].head(len(workload))
    clock_fs = workload.traces[0].clock_fs
    requests = workload.merged(clock_fs)
    return Trace(
        arrival_cycle=requests.arrival_cycle,
        address=requests.address,
        is_write=requests.is_write,
        size_bytes=requests.size_bytes,
        source=requests.source,
        clock_ns=clock_fs / 1_000_000,
        name=workload.name,
        provenance={"workload": workload.hash, "of": " ".join(trace.hash for trace in workload.traces)},
    )


def _from_file(path: Path, simulator: Simulator) -> DesignPoint:
    from dse.campaign.setup import read_design

    try:
        return simulator.space.point(**read_design(path))
    except InputError as error:
        if error.path is None:
            error.path = str(path)
        raise


def _description(record: CampaignRecord) -> dict[str, Any]:
    options = record.simulator.get("options", {})
    build = {"build_id": record.build_id, "space_hash": record.space.hash}
    return {"name": record.simulator["name"], **options, **build}


def _name(item: WorkloadConfig) -> str:
    return item.name or "+".join(spec.partition(":")[2] or Path(spec).stem for spec in item.specs)
