"""Designs measured as a campaign measures them: its simulator, workloads and weights, its store as the cache.

New simulations go to the design cache of the store and not to the campaign's trials, which stay what its
agents proposed; a later campaign or analysis on the store finds them there.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.errors import LookupFailed
from dse.executors import make_executor
from dse.point import DesignPoint
from dse.simulator import Simulator
from dse.space import IndexMatrix
from dse.store import Origin, Store

KNEE = "knee"


class Measured(NamedTuple):
    """metrics (n, M) combined over the workloads, NaN without; feasible, forbidden (n,); new simulations."""

    metrics: NDArray[np.float64]
    feasible: NDArray[np.bool_]
    forbidden: NDArray[np.bool_]
    simulated: int


class Bench:
    """A campaign of a store, open for measuring more designs. Use as a context manager.

    simulator: use this one instead of building the one that the campaign names. Raises LookupFailed if there
    is no such store or campaign.
    """

    def __init__(
        self,
        store: Path | str,
        campaign: int | str,
        *,
        threads: int | None = None,
        simulator: Simulator | None = None,
    ) -> None:
        self.result = CampaignResult.load(store, campaign)
        self._campaign = Campaign.from_store(store, self.result.record.id, simulator=simulator)
        setup = self._campaign.setup
        self.space = setup.full_space
        self._executor = make_executor(setup.simulator, setup.workloads, threads=threads)
        self._store = Store(store)
        self._evaluator = self._campaign.evaluator(self._store, executor=self._executor)

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._executor.close()
        self._store.close()

    def unknown(self, rows: IndexMatrix) -> int:
        """How many of the designs would have to be simulated."""
        allowed = rows[~self._forbidden(rows)]
        keys = np.unique(self.space.keys(allowed)).tolist()
        return len(keys) - len(self._store.cached(self._evaluator.benches, keys))

    def measure(self, rows: IndexMatrix) -> Measured:
        """Metrics of canonical rows (n, D), each distinct design simulated at most once."""
        before = self._evaluator.simulated
        done = self._evaluator.evaluate(rows, self.space.keys(rows).tolist())
        if done.fresh is not None:
            self._store.keep_results(self._evaluator.benches, done.fresh)
        return Measured(
            metrics=done.metrics,
            feasible=self._campaign.setup.scorer.score(rows, done.metrics).feasible,
            forbidden=done.origin == Origin.FORBIDDEN,
            simulated=self._evaluator.simulated - before,
        )

    def baseline(self) -> DesignPoint:
        """The design that the campaign compares all others with."""
        return self._campaign.setup.baseline

    def pick(self, design: DesignPoint | int | str = KNEE) -> tuple[str, DesignPoint]:
        """A design of the campaign and what to call it.

        design: a `DesignPoint`, the number of a trial, the text "knee" (the best compromise of the front),
        "trial N", or the 16 digits of a design's id. Raises LookupFailed if the campaign has none like that.
        """
        if isinstance(design, DesignPoint):
            return design.id, self.space.point(**design.to_dict())
        text = str(design).strip()
        if text == KNEE:
            return self._knee()
        number = text.removeprefix("trial").strip()
        if number.isdigit() and len(number) < 16:
            return f"trial {int(number)}", self._trial(int(number))
        for point in self._points():
            if point.id == text:
                return f"design {text}", point
        raise LookupFailed(
            f"campaign {self.result.name!r} has no design {text!r}: expected knee, the number of a trial, "
            "or the 16 digits of a design_id that `dse front --json` prints"
        )

    def _knee(self) -> tuple[str, DesignPoint]:
        front = self.result.front
        if not len(front):
            raise LookupFailed(
                f"campaign {self.result.name!r} has no feasible design and so no knee; name a trial"
            )
        knee = front.knee
        return f"knee, trial {knee.trial}", knee.point

    def _trial(self, number: int) -> DesignPoint:
        ids = self.result.trials.id
        row = int(np.searchsorted(ids, number))
        if row >= len(ids) or ids[row] != number:
            last = self.result.trials.last_id
            raise LookupFailed(f"campaign {self.result.name!r} has no trial {number}: expected 1 to {last}")
        return self.space.from_indices(self.result.trials.indices[row])

    def _points(self) -> list[DesignPoint]:
        record = self.result.record
        _, first = np.unique(record.space.keys(self.result.trials.indices), return_index=True)
        return record.space.points(self.result.trials.indices[first])

    def _forbidden(self, rows: IndexMatrix) -> NDArray[np.bool_]:
        violated: NDArray[np.bool_] = np.any(self.space.violations(rows) > 0, axis=1)
        return violated
