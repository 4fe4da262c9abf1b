"""What the environments add to the simulations: microseconds a step for all agents together.

    python -m tests.benchmarks.bench_env

`new` are designs that have to be simulated (not those that a rule of the space forbids), with the time
inside `run_batch` taken off; `known` are all designs again. `reset` begins an episode. Medians over the
designs, each the best of three rounds. `inside` is the share of the time of all episodes, resets included,
that the simulator had. Then 64 environments at once on new designs, and epochs of 1,000 device cycles of a
running controller, a quarter loaded, that agents re-tune in every epoch: through PettingZoo, and 64 at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dse
from dse.env.base import BaseEnv

_DESIGNS, _ROUNDS, _SIDE_BY_SIDE = 200, 3, 64
_LIVE_EPOCHS, _TUNINGS = 6_400, 16
_EPOCH_NS = 1_000 / 1.2  # 1,000 cycles of DDR4-2400
_MEDIUM_LOAD = "synthetic:uniform_random?n=60000&seed=1&interval_cycles=16"
_WORKLOADS = {"dram": "synthetic:bursty?n={}&seed=1", "soc": "synthetic:chase?n={}"}
_CASES: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("dram/design-v0", {}, 10_000),
    ("dram/design-v0", {"granularity": "parameter"}, 10_000),
    ("dram/design-v0", {"granularity": "all"}, 10_000),
    ("dram/design-v0", {"reward": "difference"}, 10_000),
    ("dram/refine-v0", {}, 10_000),
    ("dram/refine-v0", {"moves": "nudge", "start": "random"}, 10_000),
    ("soc/design-v0", {}, 10_000),
    ("soc/refine-v0", {}, 10_000),
)

Seconds = NDArray[np.float64]


class _Clock:
    """Counts the seconds inside a function."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self.seconds, self._work = 0.0, work

    def __call__(self, *given: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return self._work(*given, **named)
        finally:
            self.seconds += time.perf_counter() - started


def _steps(env: BaseEnv, clock: _Clock, actions: list[dict[str, Any]]) -> tuple[Seconds, Seconds, float]:
    """Seconds outside the simulator of each step (n, 2), with 1 where something was simulated, and of each
    reset; the share of the time inside the simulator."""
    steps, resets, before, began = [], [], clock.seconds, time.perf_counter()
    for action in actions:
        if not env.agents:
            inside, started = clock.seconds, time.perf_counter()
            env.reset()
            resets.append(time.perf_counter() - started - (clock.seconds - inside))
        inside, started = clock.seconds, time.perf_counter()
        env.step(action)
        simulated = clock.seconds - inside
        steps.append((time.perf_counter() - started - simulated, simulated > 0))
    share = (clock.seconds - before) / (time.perf_counter() - began)
    return np.array(steps), np.array(resets), share


def _round(name: str, options: dict[str, Any], n: int) -> tuple[Seconds, Seconds, Seconds, float]:
    """New steps, known steps, resets, share inside: of a fresh environment with always the same actions."""
    env = dse.make(name, workload=_WORKLOADS[name.partition("/")[0]].format(n), **options)
    clock = _Clock(env.problem.simulator.run_batch)
    env.problem.simulator.run_batch = clock
    spaces = {agent: env.action_space(agent) for agent in env.possible_agents}
    for seed, space in enumerate(spaces.values()):
        space.seed(seed)
    actions = [{agent: space.sample() for agent, space in spaces.items()} for _ in range(_DESIGNS)]
    env.reset(seed=0)
    new, resets, share = _steps(env, clock, actions)
    new = new[new[:, 1] > 0]
    env.reset(seed=0)
    known, _, _ = _steps(env, clock, actions)
    return new[:, 0], known[:, 0], resets, share


def row(name: str, options: dict[str, Any], n: int) -> str:
    """One environment on a workload of n requests or instructions."""
    rounds = [_round(name, options, n) for _ in range(_ROUNDS)]
    new, known, resets = (np.median(np.min(side, axis=0)) * 1e6 for side in [*zip(*rounds, strict=True)][:3])
    inside = max(share for *_, share in rounds)
    shown = " ".join(f"{key}={value}" for key, value in options.items())
    return f"{name:<15} {shown:<26} {new:>7.0f} {known:>7.0f} {resets:>7.0f} {inside:>8.1%}\n"


def vector_row(name: str, n: int) -> str:
    """New designs in 64 environments at once: the share of the time inside the simulator."""
    env = dse.make_vec(name, _SIDE_BY_SIDE, workload=_WORKLOADS[name.partition("/")[0]].format(n))
    clock = _Clock(env.problem.simulator.run_batch)
    env.problem.simulator.run_batch = clock
    for seed, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(seed)
    env.reset(seed=0)
    shares = []
    for _ in range(_ROUNDS):
        actions = {agent: env.action_space(agent).sample() for agent in env.possible_agents}
        before, began = clock.seconds, time.perf_counter()
        env.step(actions)
        shares.append((clock.seconds - before) / (time.perf_counter() - began))
    return f"{name:<15} {_SIDE_BY_SIDE} at once {max(shares):>8.1%} inside\n"


def live_rows() -> str:
    """Epochs a second of `dram/live-v0`."""
    options = {"workload": _MEDIUM_LOAD, "epoch_ns": _EPOCH_NS}
    rates = {
        "PettingZoo": _live_rate(dse.make("dram/live-v0", **options), 1),
        f"{_SIDE_BY_SIDE} at once": _live_rate(
            dse.make_vec("dram/live-v0", _SIDE_BY_SIDE, **options), _SIDE_BY_SIDE
        ),
    }
    return "".join(f"dram/live-v0    {face:<12} {rate:>10,.0f} epochs/s\n" for face, rate in rates.items())


def _live_rate(env: Any, n: int) -> float:
    """The best of three rounds."""
    for seed, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(seed)
    pool = [{a: env.action_space(a).sample() for a in env.possible_agents} for _ in range(_TUNINGS)]
    env.reset(seed=0)
    best = 0.0
    for _ in range(_ROUNDS):
        epochs, began = 0, time.perf_counter()
        while epochs < _LIVE_EPOCHS:
            if n == 1 and not env.agents:
                env.reset()
            env.step(pool[epochs // n % _TUNINGS])
            epochs += n
        best = max(best, epochs / (time.perf_counter() - began))
    return best


def main() -> None:
    head = f"{'environment':<15} {'options':<26} {'new us':>7} {'known':>7} {'reset':>7} {'inside':>8}\n"
    sys.stdout.write(head)
    for name, options, n in _CASES:
        sys.stdout.write(row(name, options, n))
        sys.stdout.flush()
    for name in ("dram/design-v0", "soc/design-v0"):
        sys.stdout.write(vector_row(name, 10_000))
    sys.stdout.write(live_rows())


if __name__ == "__main__":
    main()
