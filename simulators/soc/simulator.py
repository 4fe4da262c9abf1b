"""`SocSimulator`: a system on chip as a `Simulator`, over the compiled engine.

A workload is a set of programs, one a core (`traces.instruction_workload`). One simulation is a pure function
of the design and the workload. Programs are decoded and placed in memory once and shared, read-only, by all
simulations of a batch; the engine runs without the GIL, so a batch uses threads.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import resources
from threading import Lock
from typing import Any

import numpy as np

from dse.errors import InputError
from dse.metrics import Metrics, MetricsBatch, MetricSchema
from dse.parameter import Value
from dse.point import DesignPoint
from dse.simulator import Work
from dse.space import DesignSpace, IndexMatrix
from ext import dram_engine, soc_engine
from simulators.soc.build import Built, chip_of, completed
from simulators.soc.fleet import SocFleet
from simulators.soc.live import live_schema
from simulators.soc.mapping import mapped
from simulators.soc.options import Options, checked_space
from simulators.soc.parameters import DEFAULT_DEVICE
from simulators.soc.points import software_choice
from simulators.soc.schema import soc_schema
from simulators.soc.session import SocSession, live_parameters
from simulators.soc.workload import Loader, compiled
from traces.instruction_workload import InstructionWorkload

_FOLDERS = ("simulators.soc", "simulators.soc.power", "simulators.dram", "simulators.dram.memory")
_DATA = (("simulators.soc.power", "data"), ("simulators.dram.memory", "standards"))
_OF_ACCELERATORS = ("network.py", "systolic.py", "array_task.py")
_NO_PART = ("reference.py", "space.py", "__init__.py")
_CHIPS_KEPT = 512


class SocSimulator:
    """Cores, caches, interconnect, memory controllers and memory of one chip, and what it costs.

    space: a preset (`simulators.soc.space.space_names()`) or a `DesignSpace` with parameters of `soc`. The
    other options hold for every design: see `simulators.soc.options.Options`.
    Raises LookupFailed for an unknown name, InputError or SpaceError for what cannot be.
    """

    name = "soc"
    workload_kind = "instructions"

    def __init__(
        self,
        space: str | DesignSpace = "soc-small",
        node_nm: float = 22,
        core_style: str = "performance",
        ambient_c: float = 45.0,
        package: str = "server",
        page_kib: int = 4,
        page_placement: str = "first-touch",
        page_seed: int = 0,
        translation: bool = True,
        l1_ways: str = "within-page",
        device: str = DEFAULT_DEVICE,
        temperature_c: float | None = None,
        instructions: int | None = None,
        governor_us: float = 100.0,
        network: str | None = None,
        number_format: str = "int8",
        fixed: Mapping[str, Value] | None = None,
    ) -> None:
        self.options = Options(
            node_nm=node_nm,
            core_style=core_style,
            ambient_c=ambient_c,
            package=package,
            page_kib=page_kib,
            page_placement=page_placement,
            page_seed=page_seed,
            translation=translation,
            l1_ways=l1_ways,
            device=device,
            temperature_c=temperature_c,
            instructions=instructions,
            governor_us=governor_us,
            network=network,
            number_format=number_format,
            fixed=dict(fixed or {}),
        )
        self.space = checked_space(space, self.options)
        self._preset = space if isinstance(space, str) else self.space.name
        self._loader = Loader(instructions)
        self._chips: OrderedDict[tuple[DesignPoint, int, bool, int], Built] = OrderedDict()
        self._lock = Lock()
        chip_of(self.space.default(), self.options, self._fewest_programs())

    @property
    def schema(self) -> MetricSchema:
        return soc_schema()

    @property
    def live_parameters(self) -> tuple[str, ...]:
        """Operating points, governor, prefetch degrees, and the policies of the memory controller."""
        return live_parameters(self.space)

    @property
    def live_schema(self) -> MetricSchema:
        """What an epoch of a running chip counts."""
        return live_schema()

    @property
    def live_work(self) -> str:
        """The sum that says how much of the workload is done."""
        return "instructions"

    @property
    def live_fixed(self) -> tuple[str, ...]:
        """The sum that is the same however a run is re-tuned."""
        return ("instructions",)

    @property
    def build_id(self) -> str:
        """Identity of everything that decides a result but the design and the workload."""
        text = json.dumps(self.options.changed(), sort_keys=True)
        text += repr((self.options.memory, self.options.accelerated))
        digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
        return f"soc-{_code_hash()}-{digest}"

    def describe(self) -> dict[str, Any]:
        """Options that build an equal simulator."""
        return {"space": self._preset, **self.options.changed()}

    def check_workload(self, workload: Work, baseline: DesignPoint) -> None:
        """InputError for a workload that no design of the space, or not that one, can run."""
        work = InstructionWorkload.of(workload)
        compiled(work, software_choice(self.space.default()))
        self._check_warmup(work)
        most = max(self.space.parameter("cores").values) if "cores" in self.space.names else None
        if most is not None and int(most) < len(work.programs):
            raise InputError(
                f"workload {work.name!r} has {len(work.programs)} programs, and the largest chip of the "
                f"space {most} cores: run fewer together, or leave `cores` out of the space",
                key="trace",
            )
        try:
            completed(baseline, self.options, len(work.programs))
        except InputError as error:
            raise InputError(
                f"the baseline, with which all designs are compared, cannot run workload {work.name!r}: "
                f"{error.message}; or write another `baseline` into the campaign, such as {{cores = "
                f"{1 << (len(work.programs) - 1).bit_length()}}}",
                key=error.key,
            ) from None

    def _check_warmup(self, work: InstructionWorkload) -> None:
        if self.options.accelerated is not None and work.warmup:
            raise InputError(
                f"warmup={work.warmup} of workload {work.name!r}: accelerators start with the chip, and what "
                "they do while programs warm up would not be measured: remove warmup and [fidelity] rungs",
                key="warmup",
            )

    def open(self, point: DesignPoint, workload: Work, seed: int = 0) -> SocSession:
        """A session at time 0. seed: of what caches decide at random.

        InputError for a design that cannot run the workload: too few cores, too little memory, accelerators
        during a warm-up.
        """
        self.space.encode(point)
        work = compiled(InstructionWorkload.of(workload), software_choice(point))
        built = chip_of(point, self.options, len(work.programs), coherent=work.shares_memory, seed=seed)
        self._check_warmup(work)
        prepared = mapped(self._loader.prepared(work, built.pages), built)
        return SocSession(
            self,
            point,
            built,
            built.open(prepared.programs, prepared.instructions),
            prepared.mixes,
            prepared.instructions,
            work.warmup,
            self.options.thermal,
            self.options.epoch_fs,
        )

    def fleet(self, n: int, threads: int = 1) -> SocFleet:
        """`n` simulations side by side, none of them begun; up to `threads` of them run at a time."""
        return SocFleet(self, self.live_parameters, n, threads)

    def _fewest_programs(self) -> int:
        """With which the default design can be built: without `cores`, little ones need a big one beside."""
        known = {**self.options.fixed, **self.space.default().to_dict()}
        return 1 if "cores" in known else 1 + int(known.get("little_cores", 0))

    def rebuilt(self, point: DesignPoint, like: Built) -> Built:
        """The chip of another design that runs what `like` runs; kept for the next time."""
        chip = like.chip
        n_cores, coherent, seed = len(chip.cores), chip.coherent, chip.cores[0].second.seed
        key = point, n_cores, coherent, seed
        with self._lock:
            found = self._chips.get(key)
        if found is not None:
            return found
        found = chip_of(point, self.options, n_cores, coherent=coherent, seed=seed)
        with self._lock:
            self._chips[key] = found
            while len(self._chips) > _CHIPS_KEPT:
                self._chips.popitem(last=False)
        return found

    def run(self, point: DesignPoint, workload: Work, seed: int = 0) -> Metrics:
        """One design on one workload to its end."""
        return self.open(point, workload, seed).finish()

    def run_batch(
        self, points: Sequence[DesignPoint] | IndexMatrix, workloads: Sequence[Work], threads: int = 1
    ) -> MetricsBatch:
        """Every design on every workload, in `threads` threads; the result does not depend on how many.

        A design that cannot run a workload is a failed run, whose note says why.
        """
        designs = self.space.points(points) if isinstance(points, np.ndarray) else list(points)
        works = [InstructionWorkload.of(workload) for workload in workloads]
        values = np.full((len(designs), len(works), len(self.schema)), np.nan)
        seconds = np.zeros(values.shape[:2])
        notes: list[list[tuple[str, ...]]] = [[() for _ in works] for _ in designs]

        def one(cell: tuple[int, ...]) -> None:
            p, w = cell
            started = time.perf_counter()
            try:
                measured = self.run(designs[p], works[w])
            except InputError as error:
                notes[p][w] = (error.message,)
                return
            values[p, w], notes[p][w] = measured.values_array, measured.notes
            seconds[p, w] = time.perf_counter() - started

        cells = list(np.ndindex(values.shape[:2]))
        if threads <= 1 or len(cells) <= 1:
            for cell in cells:
                one(cell)
        else:
            with ThreadPoolExecutor(max_workers=threads) as pool:
                list(pool.map(one, cells))
        return MetricsBatch(self.schema, values, notes, seconds)


@cache
def _code_hash() -> str:
    """Hash of the engines' sources and of the Python and data that turn their counts into metrics."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update((soc_engine.SOURCE_HASH + dram_engine.SOURCE_HASH).encode())
    folders = [resources.files(name) for name in _FOLDERS]
    files = [one for folder in folders for one in folder.iterdir() if one.name.endswith(".py")]
    files += [one for package, name in _DATA for one in (resources.files(package) / name).iterdir()]
    files.append(resources.files("simulators") / "metric_rows.py")
    files += [resources.files("simulators.soc.graphs") / name for name in _OF_ACCELERATORS]
    for file in sorted(files, key=str):
        if file.is_file() and file.name not in _NO_PART:
            digest.update(file.read_bytes())
    return digest.hexdigest()
