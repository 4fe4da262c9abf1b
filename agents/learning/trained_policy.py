"""A search that starts from what was learnt on other workloads (`agents.learning.saved_policy`).

The first designs are the policy's, shown this campaign's workloads and preferences drawn evenly: under each
the design that it thinks best, then ones drawn from its distribution. After them, or when the policy has
nothing new to say, another searcher goes on that is told of them: which one, and why not further training of
the networks, is measured in docs/zero-shot.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from agents.learning.saved_policy import SavedPolicy
from agents.options import option, read_options
from agents.search.memory import Memory
from agents.search.scalarize import Floats
from dse.errors import ConfigError, listed
from dse.registry import resolve
from dse.search import Capabilities, Listener, Proposal, Results, Searcher, SearchProblem
from dse.space import DesignSpace, IndexMatrix

_ROUNDS = 8  # of drawing, before the policy is taken to have nothing new
_OWN = "policy"  # token of its own proposals


@dataclass(frozen=True, slots=True)
class Options:
    """The policy, for how long it is asked, and who goes on."""

    checkpoint: str = option("", meaning="file of a saved policy")
    designs: int = option(10, low=1, meaning="designs that the policy proposes at first")
    then: str = option("cem", meaning="searcher that goes on, knowing those")


class TrainedPolicy:
    """See the module text. ConfigError for a checkpoint that does not fit the problem, or a searcher to go on
    that cannot be told of designs."""

    capabilities: ClassVar[Capabilities] = Capabilities(contextual=True, workloads=True)

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="policy")
        if not self.options.checkpoint:
            raise ConfigError(
                "searcher 'policy': option 'checkpoint' is missing: name the file of a saved policy, such as "
                "agents.learning.train_policy.train_policy writes",
                key="checkpoint",
            )
        own, others = seed.spawn(2)
        self._memory = Memory(problem, own)
        policy = SavedPolicy.read(self.options.checkpoint)
        self._digest = policy.digest
        self._shown = Shown(policy, problem, self.options.checkpoint)
        self._left = self.options.designs
        self._then, self._hears = _successor(self.options.then, problem, others)

    def ask(self, n: int) -> Proposal:
        """Designs of the policy while there are any left; then what the other searcher asks for."""
        rows = self._proposed(min(n, self._left)) if self._left else self._memory.seen.rows()[:0]
        self._left = self._left - len(rows) if len(rows) else 0
        return Proposal(indices=rows, token=_OWN) if len(rows) else self._then.ask(n)

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Remember the results; the other searcher hears of what it did not ask for."""
        if proposal.token == _OWN:
            self.hear(proposal.indices, results)
        else:
            self._then.tell(proposal, results)

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Remember designs of others: none of them is proposed."""
        self._memory.hear(indices, results)
        self._hears.hear(indices, results)

    def state(self) -> dict[str, Any]:
        """Which policy, what is left to it, what it knows; and the state of the other searcher."""
        own = {"policy": self._digest, "left": self._left, "memory": self._memory.state()}
        return {**own, "then": self._then.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken. ConfigError if the checkpoint is another one now."""
        if state["policy"] != self._digest:
            raise ConfigError(
                f"checkpoint {self.options.checkpoint!r} has changed since this run began: put the old file "
                "back, or start anew under another name",
                key="checkpoint",
            )
        self._left = state["left"]
        self._memory.load(state["memory"])
        self._then.load(state["then"])

    def _proposed(self, n: int) -> IndexMatrix:
        """Up to n designs of the policy that are new and allowed; none where it has none."""
        found = [self._memory.seen.rows()[:0]]
        missing = n
        for _ in range(_ROUNDS):
            candidates = self._shown.designs(self._memory.weights(missing), self._memory.rng)
            found.append(self._memory.propose(candidates, missing))
            missing -= len(found[-1])
            if not missing:
                break
        return np.concatenate(found)


def _successor(name: str, problem: SearchProblem, seed: np.random.SeedSequence) -> tuple[Searcher, Listener]:
    """The searcher of that name, twice, as it is and as one that hears."""
    found = resolve("searcher", name)(problem, seed) if name != "policy" else None
    if not isinstance(found, Searcher) or not isinstance(found, Listener):
        raise ConfigError(
            f"searcher 'policy': option then={name!r}: expected a searcher that learns from designs of "
            "others, such as 'cem' or 'nsga2'",
            key="then",
        )
    return found, found


class Shown:
    """A saved policy that is shown one problem. ConfigError if the two do not belong together."""

    def __init__(self, policy: SavedPolicy, problem: SearchProblem, name: str) -> None:
        self._policy, self._space = policy, problem.space
        self._context = _context(policy, problem, name)
        self._columns = _columns(policy, problem, name)
        self._places = _places(policy, problem.space, name)
        slots = {
            parameter: (agent, place)
            for agent, names in enumerate(policy.agents.values())
            for place, parameter in enumerate(names)
        }
        self._agent, self._slot = np.array([slots[one] for one in problem.space.names]).T
        there = self._places >= 0
        chosen_from = there & policy.allowed[self._agent, self._slot]
        chosen_from[~chosen_from.any(axis=1)] = there[~chosen_from.any(axis=1)]
        self._barred = ~chosen_from

    def designs(self, weights: Floats, rng: np.random.Generator) -> IndexMatrix:
        """(2 B, D) canonical designs for preferences (B, M): the most likely ones, then drawn ones."""
        logits = self._logits(weights)
        drawn = logits + rng.gumbel(size=logits.shape)
        best = np.concatenate([logits.argmax(axis=2), drawn.argmax(axis=2)])
        rows = self._places[np.arange(len(self._space)), best]
        return self._space.canonical(rows.astype(np.int16))

    def _logits(self, weights: Floats) -> Floats:
        """(B, D, V) of the values that the policy knows, -inf where the space has none."""
        seen = np.zeros((len(weights), len(self._policy.sees)))
        seen[:, : len(self._context)] = self._context
        seen[:, self._columns] = weights
        found = self._policy.preferences(seen)[self._agent, :, self._slot].transpose(1, 0, 2)
        return np.where(self._barred, -np.inf, np.where(np.isinf(found), 0.0, found))


def _context(policy: SavedPolicy, problem: SearchProblem, name: str) -> Floats:
    """(C,) what the policy sees of the workloads."""
    if not policy.n_context:
        return np.zeros(0)
    found = problem.context
    if found is None or found.shape != (policy.n_context,):
        got = "no description" if found is None else f"{found.shape} numbers"
        raise ConfigError(
            f"checkpoint {name!r} sees {policy.n_context} numbers of the workloads, and this problem has "
            f"{got} of them: give SearchProblem(context=...), or train a policy with blind=True",
            key="checkpoint",
        )
    return found


def _columns(policy: SavedPolicy, problem: SearchProblem, name: str) -> list[int]:
    """Where in what the policy sees the weight of each objective is."""
    wanted = [one.metric for one in problem.objectives]
    unknown = [metric for metric in wanted if metric not in policy.metrics]
    if unknown:
        raise ConfigError(
            f"checkpoint {name!r} was trained for {listed(policy.metrics)}, not for {listed(unknown)}: "
            "train one for the objectives of this campaign, or leave that objective out",
            key="checkpoint",
        )
    return [list(policy.sees).index(f"weight:{metric}") for metric in wanted]


def _places(policy: SavedPolicy, space: DesignSpace, name: str) -> NDArray[np.int64]:
    """(D, V) position in the space of each value that the policy knows; -1 if it is not there."""
    missing = set(space.names) ^ set(policy.parameters)
    found = np.full((len(space), policy.allowed.shape[2]), -1, dtype=np.int64)
    try:
        for row, one in enumerate([] if missing else space.parameters):
            known = list(policy.parameters[one.name])
            for place, value in enumerate(one.values):
                found[row, known.index(value)] = place
    except ValueError:
        missing = {f"{one.name}={value!r}"}
    if missing:
        raise ConfigError(
            f"checkpoint {name!r} is of another space ({policy.space!r}; this one is {space.name!r}): they "
            f"differ in {listed(sorted(missing))}. Train one in this space, or search that one",
            key="checkpoint",
        )
    return found
