"""`LeaseExecutor`: simulations by workers that know nothing but the store (`dse worker`).

Parts of a batch lie in the store's lease table; a worker takes one, keeps it renewed while it simulates, and
puts the answer there. The part of a worker that died is lent again when its lease runs out. Simulator and
workloads lie in the store too, packed, so that a worker needs neither the campaign file nor the traces.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dse.errors import DseError, InputError, StoreError
from dse.executors.batches import ChunkSizes, Works, joined, picked, positions_of
from dse.executors.package import Bench, digest, pack, unpack
from dse.executors.protocol import Executor
from dse.metrics import MetricsBatch, MetricSchema
from dse.simulator import Simulator
from dse.space import IndexMatrix
from dse.store import PACKAGE, AttachedFile, Lease, LeaseQueue, Store, StoreReader
from traces.instruction_workload import AnyWorkload

log = logging.getLogger(__name__)

_PACKAGE_NAME = "simulator and workloads"  # campaigns on the same ones share it
_LEAST_SECONDS = 0.2
_SECONDS_BETWEEN_LOOKS = 0.02
_SECONDS_UNTIL_HINT = 10.0
_LEASE_SECONDS = 30.0
_SECONDS_BETWEEN_STATES = 1.0


@dataclass(frozen=True, slots=True)
class CampaignPlace:
    """A campaign's number in a store that is open for writing, and where that store is."""

    url: Path | str
    store: Store
    campaign: int


class LeaseExecutor:
    """Implements `Executor` for the process of the campaign; `workers`: how many to cut a batch for."""

    def __init__(
        self,
        simulator: Simulator,
        workloads: Sequence[AnyWorkload],
        workers: int,
        place: CampaignPlace,
    ) -> None:
        package = pack(simulator, workloads)
        self._digest = digest(package)
        self._schema = simulator.schema
        self._workloads = workloads
        self._workers = workers
        self._chunk_sizes = ChunkSizes(_LEAST_SECONDS)
        self._batches = 0
        place.store.attach(place.campaign, AttachedFile.of(PACKAGE, _PACKAGE_NAME, package))
        place.store.flush()
        self._queue = LeaseQueue(place.url, place.campaign)
        self._queue.clear()

    def evaluate(self, rows: IndexMatrix, works: Sequence[int] | None = None) -> MetricsBatch:
        """Metrics of rows (B, D), in their order; waits for workers as long as it takes."""
        where = positions_of(works)
        chunk_size = self._chunk_sizes.of(where)
        chunks = chunk_size.cut(len(rows), self._workers)
        batch = self._batches
        self._batches += 1
        self._queue.put(0, batch, [_question(self._digest, rows[part], where) for part in chunks])
        parts = []
        for positions, answer in zip(chunks, self._collected(batch), strict=True):
            part, elapsed = _read_answer(self._schema, answer)
            chunk_size.learn(len(positions), elapsed)
            parts.append(part)
        return joined(self._schema, len(picked(self._workloads, where)), chunks, parts)

    def close(self) -> None:
        """Take all parts back."""
        self._queue.clear()
        self._queue.close()

    def _collected(self, batch: int) -> list[bytes]:
        hint_at = time.monotonic() + _SECONDS_UNTIL_HINT
        while (found := self._queue.collect(0, batch)) is None:
            if time.monotonic() > hint_at:
                log.warning("still waiting for workers: start some with `dse worker CAMPAIGN --store STORE`")
                hint_at = float("inf")
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return found


class LeaseWorker:
    """Simulates parts of a campaign's batches until the campaign is no longer running.

    build: makes the executor that simulates here. stopped: asked between parts whether to end. Raises
    WorkerMismatch if this machine's version would measure something else.
    """

    def __init__(
        self,
        url: Path | str,
        campaign: int,
        build: Callable[[Bench], Executor],
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._url = url
        self._campaign = campaign
        self._build = build
        self._stopped = stopped
        self._digest = ""
        self._executor: Executor | None = None

    def run(self) -> int:
        """How many parts were simulated."""
        done = 0
        next_look = 0.0
        try:
            with LeaseQueue(self._url, self._campaign) as queue, StoreReader(self._url) as reader:
                while not self._stopped():
                    # A name of its own for each lease: a number may come again after a restart.
                    lease = queue.claim(uuid.uuid4().hex, _LEASE_SECONDS)
                    if lease is not None:
                        done += self._simulate(queue, reader, lease)
                    elif time.monotonic() < next_look:
                        time.sleep(_SECONDS_BETWEEN_LOOKS)
                    elif reader.campaign(self._campaign).state != "running":
                        break
                    else:
                        next_look = time.monotonic() + _SECONDS_BETWEEN_STATES
        finally:
            if self._executor is not None:
                self._executor.close()
        return done

    def _simulate(self, queue: LeaseQueue, reader: StoreReader, lease: Lease) -> int:
        """One part; returns whether its answer was taken."""
        try:
            with _Renewal(self._url, self._campaign, lease):
                wanted, rows, works = _read_question(lease.payload)
                answer = self._answer(self._ready(reader, wanted), rows, works)
        except BaseException:
            queue.release(lease)
            raise
        return int(queue.finish(lease, answer))

    def _answer(self, executor: Executor, rows: IndexMatrix, works: Works) -> bytes:
        started = time.monotonic()
        try:
            batch = executor.evaluate(rows, works)
        except InputError as error:
            return _packed({"input_error": str(error)})
        header = {"notes": [list(row) for row in batch.notes], "elapsed": time.monotonic() - started}
        return _packed(header, values=batch.values, seconds=batch.seconds)

    def _ready(self, reader: StoreReader, wanted: str) -> Executor:
        """The executor for the package of that digest; another one comes with a campaign that is resumed."""
        if self._executor is not None and wanted == self._digest:
            return self._executor
        found = reader.attached(self._campaign, PACKAGE, _PACKAGE_NAME)
        package = found.data if found is not None else None
        if package is None or digest(package) != wanted:
            raise DseError(
                "the store has another simulator or workload than this part is for: start the worker again"
            )
        if self._executor is not None:
            self._executor.close()
        self._executor = self._build(unpack(package))
        self._digest = wanted
        return self._executor


class _Renewal:
    """Within the block a thread renews the lease, through a connection of its own."""

    def __init__(self, url: Path | str, campaign: int, lease: Lease) -> None:
        self._url, self._campaign, self._lease = url, campaign, lease
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="dse-lease", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._over.wait(_LEASE_SECONDS / 3):
            with contextlib.suppress(StoreError), LeaseQueue(self._url, self._campaign) as queue:
                while queue.renew(self._lease, _LEASE_SECONDS):
                    if self._over.wait(_LEASE_SECONDS / 3):
                        return
                return  # somebody else has the part by now
            # The store cannot be reached or is locked: once more, while the lease lasts and after.


def _question(wanted: str, rows: IndexMatrix, works: Works) -> bytes:
    return _packed({"package": wanted, "works": works}, rows=rows)


def _read_question(data: bytes) -> tuple[str, IndexMatrix, Works]:
    header, arrays = _unpacked(data)
    return header["package"], arrays["rows"], positions_of(header["works"])


def _read_answer(schema: MetricSchema, data: bytes) -> tuple[MetricsBatch, float]:
    header, arrays = _unpacked(data)
    if "input_error" in header:
        raise InputError(header["input_error"])
    notes = [[tuple(remarks) for remarks in row] for row in header["notes"]]
    return MetricsBatch(schema, arrays["values"], notes, arrays["seconds"]), header["elapsed"]


def _packed(header: dict[str, Any], **arrays: np.ndarray[Any, Any]) -> bytes:
    """A NumPy archive without pickle."""
    buffer = io.BytesIO()
    text: Any = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(buffer, allow_pickle=False, header=text, **arrays)
    return buffer.getvalue()


def _unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files if name != "header"}
        return json.loads(archive["header"].tobytes()), arrays
