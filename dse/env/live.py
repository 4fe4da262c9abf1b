"""The environment `live`: the simulation runs on, and every epoch agents re-tune what runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from dse.env.base import BaseEnv
from dse.env.context import Context
from dse.env.core import Core, Members
from dse.env.live_costs import Costs, Profile, profile
from dse.env.moves import moves_of
from dse.env.observation import Vector, View
from dse.env.own_metrics import SIGNALS, OwnMetrics, Shares, shares_of
from dse.env.picture import live_table
from dse.env.problem import DesignProblem
from dse.env.scores import missed
from dse.env.whole_runs import context_names, measured
from dse.errors import ConfigError, did_you_mean, listed
from dse.metrics import Metrics
from dse.simulator import LiveSimulator
from dse.space import IndexMatrix

REWARDS = ("saved", "linear")
PATIENCE = 10
SAVED_LIMIT = 10.0
"""What agents see of a saving is cut off there; what they are paid is not."""


class LiveCore(Core):
    """An episode is a run of a workload; it terminates with the last request or instruction.

    epoch_ns: simulated time of a step. max_epochs: where an episode is truncated (None: after PATIENCE times
    the epochs of the baseline, for a chip can be re-tuned so often that it stands still). moves: as
    `RefineCore`. reward, penalty: see below. own_metrics: subsystem to the metrics of an epoch that it sees
    as its own. Agents own the parameters that can change while the simulator runs; the others are those of
    the baseline. The rest as `Core`. ConfigError for what does not exist, for a simulator that cannot
    re-tune, and for objectives that epochs do not add up to (`live_costs`).

    The reward "saved" (M,) is what the baseline paid meanwhile less what was paid now, as a share of what
    the whole run costs the baseline: the rewards of a run add up to the share of each cost that was saved.
    Meanwhile is in the same epoch where requests come by the clock, and for the same work where programs go
    as fast as they can. "linear" (1,) is the same weighted by the preference. At the end of a run, a penalty
    for each bound that the whole run breaks is taken off. A design that a rule of the space forbids is not
    taken: the member goes on as it was, and `infos` say so.
    """

    def __init__(
        self,
        problem: DesignProblem,
        n: int = 1,
        *,
        epoch_ns: float = 1000.0,
        max_epochs: int | None = None,
        moves: str = "set",
        reward: str = "saved",
        penalty: float = 2.0,
        own_metrics: OwnMetrics | None = None,
        granularity: str = "subsystem",
        **options: Any,
    ) -> None:
        simulator = problem.simulator
        if not isinstance(simulator, LiveSimulator):
            raise ConfigError(f"simulator {simulator.name!r} cannot be re-tuned while it runs", key="name")
        _check(epoch_ns, max_epochs, reward, penalty)
        self._own_metrics, self._simulator = own_metrics, simulator
        super().__init__(
            problem,
            moves_of(moves, problem.space),
            n,
            n_steps=max_epochs or 0,
            granularity=granularity,
            live=simulator.live_parameters,
            **options,
        )
        self.epoch_ns, self.penalty, self.reward = epoch_ns, penalty, reward
        size = len(problem.objectives) if reward == "saved" else 1
        self.reward_space = Box(-np.inf, np.inf, (size,), dtype=np.float32)
        self.costs = Costs(simulator, problem.objectives)
        self._fleet = simulator.fleet(n, problem.threads)
        self._reference = simulator.fleet(1)
        self._by_clock = getattr(simulator, "workload_kind", None) != "instructions"
        self._profiles: dict[int, Profile] = {}
        self._epochs = np.zeros((n, len(simulator.live_schema)))
        self._work = np.zeros(n)
        self._reached = np.zeros((n, len(problem.objectives)))
        self._sizes = np.ones((n, len(problem.objectives)))
        self._lengths, self._totals = np.ones(n), np.ones(n)
        self._saved = np.zeros((n, len(problem.objectives)))
        self._done = np.zeros(n, dtype=np.bool_)
        self._refused = np.zeros(n, dtype=np.bool_)
        self._final: list[Metrics | None] = [None] * n

    @property
    def longest(self) -> int:
        """The most epochs that an episode has; runs the baseline on every workload where that decides."""
        workloads = range(len(self.problem.workloads))
        return self.n_steps or PATIENCE * max(self.profile(one).epochs for one in workloads)

    def ends(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n,) which runs are over, (n,) which episodes were cut off."""
        most = self.n_steps or PATIENCE * self._lengths
        return self._done.copy(), (self.steps >= most) & ~self._done

    def profile(self, workload: int) -> Profile:
        """What the baseline pays on the workload of that number; run once."""
        if workload not in self._profiles:
            problem, reference = self.problem, self._reference
            self._profiles[workload] = profile(problem, reference, self.costs, workload, self.epoch_ns)
        return self._profiles[workload]

    def states(self) -> Vector:
        """(n, S): see `View.states`."""
        saved = np.minimum(np.maximum(self._saved * self._lengths[:, None], -SAVED_LIMIT), SAVED_LIMIT)
        progress = np.minimum(self._work / self._totals, 1.0)[:, None]
        read = self._read.values(self._epochs)
        signals, own = read[:, : self._n_signals], read[:, self._n_signals :]
        return self.view.states([self._seen, saved, signals, progress, own], self.rows)

    def info(self, member: int) -> dict[str, Any]:
        """What runs, and what the last epoch counted; "metrics" of the whole run when it is over."""
        final, schema = self._final[member], self._simulator.live_schema
        return {
            "workload": self.problem.workloads[self.works[member]].name,
            "design": self.design(member),
            "epoch": measured(schema, self._epochs[member]) if self.steps[member] else {},
            "refused": bool(self._refused[member]),
            "metrics": {} if final is None else measured(final.schema, final.values_array),
        }

    def infos(self) -> dict[str, Any]:
        """Arrays: "workload" (n,) numbers, "design" (n, D) rows, "epoch" (n, S) in the order of the
        simulator's `live_schema`, "refused" (n,); "metrics": n, None until a run is over.
        """
        return {
            "workload": self.works.copy(),
            "design": self.rows.copy(),
            "epoch": self._epochs.copy(),
            "refused": self._refused.copy(),
            "metrics": list(self._final),
        }

    def table(self, member: int) -> str:
        """What runs beside the reference, and what was saved in the last epoch."""
        progress = float(self._work[member] / self._totals[member])
        epochs = self._saved[member] * self._lengths[member]
        return live_table(self.problem, self.context(member), self.rows[member], epochs, progress)

    def snapshot(self, member: int) -> dict[str, Any]:
        """The state of a member's episode."""
        final = self._final[member]
        return {
            **super().snapshot(member),
            "epoch": self._epochs[member].tolist(),
            "work": float(self._work[member]),
            "saved": self._saved[member].tolist(),
            "reached": self._reached[member].tolist(),
            "done": bool(self._done[member]),
            "refused": bool(self._refused[member]),
            "final": None if final is None else final.values_array.tolist(),
            "bytes": self._fleet.snapshot(member),
        }

    def restore(self, member: int, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot of an equal environment."""
        super().restore(member, state)
        self._fleet.restore(member, state["bytes"])
        self._epochs[member], self._work[member] = state["epoch"], state["work"]
        self._saved[member], self._done[member] = state["saved"], state["done"]
        self._reached[member] = state["reached"]
        self._refused[member] = state["refused"]
        final = state["final"]
        self._final[member] = None if final is None else Metrics(self.problem.schema, np.array(final))

    # -- what an episode is ----------------------------------------------------------------------------------

    def _view(self) -> View:
        problem, schema = self.problem, self._simulator.live_schema
        name = problem.simulator.name
        signals = SIGNALS.get(name, ())
        subsystems = [part.name for part in problem.space.subsystems]
        shared = [
            *context_names(problem),
            *((f"saved:{one.metric}", -SAVED_LIMIT, SAVED_LIMIT) for one in problem.objectives),
            *((f"epoch:{signal}", 0.0, 1.0) for signal in signals),
            ("progress", 0.0, 1.0),
        ]
        own = shares_of(name, schema, subsystems, self._own_metrics)
        self._read = Shares(schema, {name: (*signals, *own.names)}, [name])  # both at once
        self._n_signals = len(signals)
        return View(problem.space, self.owned, own, shared, self._observe)

    def _look(self, members: Members, contexts: Sequence[Context], rows: IndexMatrix) -> None:
        profiles = [self.profile(context.workload) for context in contexts]
        for member, context, row, known in zip(members.tolist(), contexts, rows, profiles, strict=True):
            self._fleet.begin(member, row, self.problem.workloads[context.workload])
            self._final[member], self._sizes[member] = None, known.size
            self._lengths[member], self._totals[member] = known.epochs, known.work[-1]
        self._epochs[members], self._work[members], self._saved[members] = 0.0, 0.0, 0.0
        self._reached[members] = 0.0
        self._done[members], self._refused[members] = False, False

    def _paid(self, rows: IndexMatrix) -> NDArray[np.float64]:
        refused = self._put_back(rows)
        self._fleet.retune(rows)
        done, epochs = self._fleet.advance(self.epoch_ns)
        after = self._work + self.costs.work(epochs)
        over = done.nonzero()[0].tolist()
        self._saved = (self._meanwhile(after, over) - self.costs.of(epochs)) / self._sizes
        self._epochs, self._work, self._done, self._refused = epochs, after, done, refused
        paid = self._saved
        if over:
            paid = paid - self._penalties(over)[:, None]
        if self.reward == "linear":
            paid = (paid * self.weights).sum(axis=1, keepdims=True)
        return paid[:, None, :]

    def _put_back(self, rows: IndexMatrix) -> NDArray[np.bool_]:
        """Make rows that a rule of the space forbids what runs: (n,) which."""
        found = np.zeros(self.n, dtype=np.bool_)
        for member in (rows != self.rows).any(axis=1).nonzero()[0].tolist():
            if self.problem.forbids(rows[member]):
                rows[member], found[member] = self.rows[member], True
        return found

    def _meanwhile(self, work: NDArray[np.float64], over: Sequence[int]) -> NDArray[np.float64]:
        """(n, M) what the baseline paid meanwhile; all that is left of it when a run is over.

        work: (n,) done by now. over: members whose runs are over now.
        """
        paid = np.empty_like(self._reached)
        alone = len(self.problem.workloads) == 1
        for workload in set(self.works.tolist()):
            these = slice(None) if alone else self.works == workload
            known = self._profiles[workload]
            if self._by_clock:
                paid[these] = known.paid_by(self.steps[these] + 1)
            else:
                paid[these] = known.paid_for(work[these])
        for member in over:
            paid[member] = self._profiles[int(self.works[member])].costs[-1]
        since, self._reached = self._reached, paid
        return paid - since

    def _penalties(self, members: Sequence[int]) -> NDArray[np.float64]:
        """(n,) for the bounds that runs which are over have broken."""
        taken = np.zeros(self.n)
        for member in members:
            final = self._fleet.measured(member)
            self._final[member] = final
            values = np.array([[final[bound.metric] for bound in self.problem.bounds]])
            broken = np.clip(missed(values, self.context(member).limits), 0.0, 1.0)
            taken[member] = self.penalty * broken.sum()
        return taken


class LiveEnv(BaseEnv):
    """`LiveCore` as a PettingZoo environment; the options are those of the two."""

    kind, usual_name = LiveCore, "live_v0"


def _check(epoch_ns: float, max_epochs: int | None, reward: str, penalty: float) -> None:
    if not (np.isfinite(epoch_ns) and epoch_ns > 0):
        raise ConfigError(f"epoch_ns={epoch_ns!r}: expected a time above 0", key="epoch_ns")
    if max_epochs is not None and (type(max_epochs) is not int or max_epochs < 1):
        raise ConfigError(f"max_epochs={max_epochs!r}: expected a whole number from 1 on", key="max_epochs")
    if reward not in REWARDS:
        hint = did_you_mean(reward, REWARDS)
        raise ConfigError(f"reward {reward!r}: expected one of {listed(REWARDS)}.{hint}", key="reward")
    if not (np.isfinite(penalty) and penalty >= 0):
        raise ConfigError(f"penalty={penalty!r}: expected a number from 0 on", key="penalty")
