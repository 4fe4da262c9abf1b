"""Synthetic instruction traces: loops whose behaviour is known in closed form, the same on every machine.

Each is a loop of a few instructions in program order; the last branch of the trace leaves it. Arrays begin at
HEAP, code at CODE. n: instructions at most; a loop is never cut in two, so there may be a few less. Registers
are numbers that name dependences: 1 is the index or pointer, 40 to 43 hold data, FLAGS is what a conditional
branch waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from traces.errors import TraceError
from traces.instructions import MAX_INSTRUCTIONS, Branch, InstructionTrace

CODE, HEAP = 0x40_0000, 0x10_0000_0000
FLAGS = 25
LINE_BYTES, WORD_BYTES, _INSTRUCTION_BYTES = 64, 8, 4
_MOST_BYTES = 1 << 40
_FUNCTIONS = 4096  # bytes behind CODE, where the functions of `code` begin

Addresses = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a loop: registers, and the address of each time round where it reads or writes."""

    writes: tuple[int, ...] = ()
    reads: tuple[int, ...] = ()
    load: Addresses | None = None
    store: Addresses | None = None
    branch: Branch = Branch.NONE


INDEX = Step(writes=(1, FLAGS), reads=(1,))
AGAIN = Step(reads=(FLAGS,), branch=Branch.CONDITIONAL)


def stream(n: int = 100_000, *, seed: int = 0, array_mib: int = 8) -> InstructionTrace:
    """The triad a[i] = b[i] + s * c[i] over arrays of 8-byte numbers: two loads, a store in 6 instructions.

    The seed has no effect: nothing here is random.
    """
    times, size = times_round(n, 6), size_of("array_mib", array_mib, 1 << 20)
    at = np.arange(times, dtype=np.uint64) * np.uint64(WORD_BYTES) % np.uint64(size)
    first, second, result = (np.uint64(HEAP + k * (size + 4096)) + at for k in range(3))
    body = (
        Step(writes=(40,), reads=(1,), load=first),
        Step(writes=(41,), reads=(1,), load=second),
        Step(writes=(42,), reads=(40, 41)),
        Step(reads=(42, 1), store=result),
        INDEX,
        AGAIN,
    )
    return loop("stream", body, times, seed=seed, array_mib=array_mib)


def random(n: int = 100_000, *, seed: int = 1, size_mib: int = 64) -> InstructionTrace:
    """Independent loads of lines drawn uniformly, one every 4 instructions: parallelism to the full."""
    times, lines = times_round(n, 4), size_of("size_mib", size_mib, 1 << 20) // LINE_BYTES
    where = _drawn(seed, lines, times, LINE_BYTES)
    body = (INDEX, Step(writes=(40,), reads=(1,), load=where), Step(writes=(41,), reads=(41,)), AGAIN)
    return loop("random", body, times, seed=seed, size_mib=size_mib)


def gups(n: int = 100_000, *, seed: int = 2, size_mib: int = 64) -> InstructionTrace:
    """Random updates: an 8-byte word drawn uniformly is read, changed and written every 5 instructions."""
    times, words = times_round(n, 5), size_of("size_mib", size_mib, 1 << 20) // WORD_BYTES
    where = _drawn(seed, words, times, WORD_BYTES)
    body = (
        Step(writes=(40,), reads=(1,), load=where),
        Step(writes=(40,), reads=(40, 1)),
        Step(reads=(40, 1), store=where),
        INDEX,
        AGAIN,
    )
    return loop("gups", body, times, seed=seed, size_mib=size_mib)


def scan(n: int = 100_000, *, seed: int = 0, size_kib: int = 3072) -> InstructionTrace:
    """Every line of the size in turn, again and again, one independent load every 4 instructions.

    A cache with LRU that is smaller than the size never hits. The seed has no effect.
    """
    times, lines = times_round(n, 4), size_of("size_kib", size_kib, 1 << 10) // LINE_BYTES
    where = np.uint64(HEAP) + np.arange(times, dtype=np.uint64) % np.uint64(lines) * np.uint64(LINE_BYTES)
    body = (INDEX, Step(writes=(40,), reads=(1,), load=where), Step(writes=(41,), reads=(41,)), AGAIN)
    return loop("scan", body, times, seed=seed, size_kib=size_kib)


def chase(n: int = 100_000, *, seed: int = 3, size_kib: int = 16) -> InstructionTrace:
    """A pointer chase through every line of the size in random order, a load every 2 instructions.

    Each load needs the one before: time a load is the latency of the level that holds the size.
    """
    times, lines = times_round(n, 2), size_of("size_kib", size_kib, 1 << 10) // LINE_BYTES
    order = generator(seed).permutation(lines).astype(np.uint64)
    where = np.uint64(HEAP) + order[np.arange(times) % lines] * np.uint64(LINE_BYTES)
    body = (Step(writes=(1,), reads=(1,), load=where), AGAIN)
    return loop("chase", body, times, seed=seed, size_kib=size_kib)


def matmul(n: int = 100_000, *, seed: int = 0, order: int = 192) -> InstructionTrace:
    """The inner loop of C = A * B, row-major 8-byte numbers, naive order: 5 instructions a product.

    Rows of A are read along, columns of B across; the sum depends on itself. The seed has no effect.
    """
    times = times_round(n, 5)
    within("order", order, 1, 1 << 11)
    side = np.uint64(order)
    count = np.arange(times, dtype=np.uint64)
    inner, column, row = count % side, count // side % side, count // (side * side) % side
    left = np.uint64(HEAP) + (row * side + inner) * np.uint64(WORD_BYTES)
    right = np.uint64(HEAP + max(1 << 24, order * order * WORD_BYTES))
    body = (
        Step(writes=(40,), reads=(1,), load=left),
        Step(writes=(41,), reads=(1,), load=right + (inner * side + column) * np.uint64(WORD_BYTES)),
        Step(writes=(42,), reads=(42, 40, 41)),
        INDEX,
        AGAIN,
    )
    return loop("matmul", body, times, seed=seed, order=order)


def branchy(
    n: int = 100_000, *, seed: int = 4, taken_probability: float = 0.5, size_kib: int = 16
) -> InstructionTrace:
    """A branch on loaded data, taken at random: 6 instructions, 5 where the branch jumps over one.

    A predictor can do no better than the more frequent outcome. n counts instructions as if none were
    jumped over.
    """
    times, words = times_round(n, 6), size_of("size_kib", size_kib, 1 << 10) // WORD_BYTES
    within("taken_probability", taken_probability, 0.0, 1.0)
    draw = generator(seed)
    where = np.uint64(HEAP) + draw.integers(0, words, times).astype(np.uint64) * np.uint64(WORD_BYTES)
    jumps = draw.random(times) < taken_probability
    body = (
        INDEX,
        Step(writes=(40,), reads=(1,), load=where),
        Step(writes=(FLAGS,), reads=(40,)),
        AGAIN,
        Step(writes=(43,), reads=(43,)),
        AGAIN,
    )
    outcome = np.stack([jumps, np.ones(times, np.bool_)], axis=1).ravel()
    outcome[-1] = False
    runs = np.ones((times, len(body)), np.bool_)
    runs[:, 4] = ~jumps
    call = {"seed": seed, "taken_probability": taken_probability, "size_kib": size_kib}
    return loop("branchy", body, times, outcome=outcome, runs=runs, **call)


def code(
    n: int = 100_000, *, seed: int = 5, functions: int = 512, depth: int = 8, blocks: int = 8
) -> InstructionTrace:
    """Calls through a program of many functions: its size counts, not its data, which are 4 KiB.

    A loop calls one of functions / depth chains at random; in a chain each function but the last calls the
    next. A function has `blocks` blocks of a load, four more instructions and a jump to the next block, over
    one instruction, and an end from which it calls and returns: 28 * blocks + 12 bytes. A chain has
    depth * (blocks + 2) - 1 branches, all of them taken.
    """
    within("functions", functions, 1, 1 << 20)
    within("depth", depth, 1, functions)
    within("blocks", blocks, 1, 64)
    if functions % depth:
        raise TraceError(f"functions={functions} is no multiple of depth={depth}: every chain has as many")
    size = (7 * blocks + 3) * _INSTRUCTION_BYTES
    turn = _turn_of_calls(depth, blocks, size)
    times = times_round(n, len(turn))
    chain = generator(seed).integers(0, functions // depth, times).astype(np.uint64)
    steps = [step for _, step in turn]
    where = np.array([place for place, _ in turn], np.uint64)
    start = np.where(where >= _FUNCTIONS, chain[:, None] * np.uint64(depth * size), np.uint64(0))
    branch = np.tile(np.array([step.branch for step in steps], np.uint8), times)
    taken = branch != Branch.NONE
    taken[-1] = False
    loads = np.tile(np.array([step.load is not None for step in steps], np.uint8), times)
    said = {"seed": seed, "functions": functions, "depth": depth, "blocks": blocks}
    return InstructionTrace(
        ip=(np.uint64(CODE) + start + where).ravel(),
        branch=branch,
        taken=taken,
        operation=np.zeros(len(branch), np.uint8),
        sources=np.tile(_registers([step.reads for step in steps], 4), (times, 1)),
        destinations=np.tile(_registers([step.writes for step in steps], 2), (times, 1)),
        n_loads=loads,
        n_stores=np.zeros(len(branch), np.uint8),
        address=HEAP + np.arange(int(loads.sum()), dtype=np.uint64) * np.uint64(WORD_BYTES) % np.uint64(4096),
        name="code",
        provenance={"generator": "code", **{key: str(value) for key, value in said.items()}},
    )


def _turn_of_calls(depth: int, blocks: int, size: int) -> list[tuple[int, Step]]:
    """One turn of `code` through the first chain: where each instruction lies behind CODE, what it does."""
    data = Step(writes=(40,), reads=(1,), load=np.zeros(0, np.uint64))
    simple = [Step(writes=(register,), reads=(register, 40)) for register in (41, 42, 43, 44)]
    block = [data, *simple, Step(branch=Branch.JUMP)]
    starts = [_FUNCTIONS + k * size for k in range(depth)]
    turn = [(0, INDEX), (4, Step(reads=(1,), branch=Branch.INDIRECT_CALL))]
    for start in starts:
        turn += [(start + 28 * k + 4 * j, step) for k in range(blocks) for j, step in enumerate(block)]
        turn.append((start + size - 12, Step(branch=Branch.CALL)))
    turn.pop()  # the last function calls none
    for start in reversed(starts):
        turn += [(start + size - 8, simple[0]), (start + size - 4, Step(branch=Branch.RETURN))]
    return [*turn, (8, AGAIN)]


INSTRUCTION_GENERATORS: dict[str, Callable[..., InstructionTrace]] = {
    function.__name__: function for function in (stream, random, gups, scan, chase, matmul, branchy, code)
}


def loop(
    name: str,
    body: Sequence[Step],
    times: int,
    *,
    outcome: NDArray[np.bool_] | None = None,
    runs: NDArray[np.bool_] | None = None,
    **call: Any,
) -> InstructionTrace:
    """The trace of `body`, `times` round, called GENERATOR or GENERATOR.THREAD.

    call: arguments of the generator, for the provenance.
    outcome: whether each branch is taken, in program order, those that do not run included; all but the last
    unless given. runs: bool (times, len(body)), which instructions run; all unless given.
    """
    n_steps = len(body)
    run = np.ones(times * n_steps, np.bool_) if runs is None else runs.ravel()
    branch = np.tile(np.array([step.branch for step in body], np.uint8), times)
    taken = branch != Branch.NONE
    if outcome is None:
        taken[np.flatnonzero(taken)[-1:]] = False
    else:
        taken[taken] = outcome
    streams = [where for step in body for where in (step.load, step.store) if where is not None]
    owner = [i for i, step in enumerate(body) for where in (step.load, step.store) if where is not None]
    address = np.stack(streams, axis=1)[run.reshape(times, n_steps)[:, owner]]
    ip = CODE + np.arange(n_steps, dtype=np.uint64) * np.uint64(_INSTRUCTION_BYTES)
    columns: dict[str, Any] = {
        "ip": np.tile(ip, times),
        "branch": branch,
        "taken": taken,
        "operation": np.zeros(len(run), np.uint8),
        "sources": np.tile(_registers([step.reads for step in body], 4), (times, 1)),
        "destinations": np.tile(_registers([step.writes for step in body], 2), (times, 1)),
        "n_loads": np.tile(np.array([step.load is not None for step in body], np.uint8), times),
        "n_stores": np.tile(np.array([step.store is not None for step in body], np.uint8), times),
    }
    said = {"generator": name.partition(".")[0], **{key: str(value) for key, value in call.items()}}
    kept = columns if runs is None else {key: column[run] for key, column in columns.items()}
    return InstructionTrace(**kept, address=address, name=name, provenance=said)


def times_round(n: int, n_steps: int) -> int:
    """How often a loop of `n_steps` fits whole into `n` instructions. TraceError when it does not once."""
    within("n", n, n_steps, MAX_INSTRUCTIONS)
    return n // n_steps


def size_of(name: str, value: int, unit: int) -> int:
    """Bytes of a size given in units. Raises TraceError with its name outside 1 unit to 1 TiB."""
    within(name, value, 1, _MOST_BYTES // unit)
    return value * unit


def generator(seed: int, *stream: int) -> np.random.Generator:
    """The random numbers of a seed; with `stream`, one of many for the same seed."""
    within("seed", seed, 0, 2**63)
    return np.random.default_rng((seed, *stream) if stream else seed)


def within(name: str, value: float, low: float, high: float) -> None:
    """Raises TraceError with the name of the option when the value is out of range."""
    if not low <= value <= high:
        raise TraceError(f"{name}={value!r} is out of range: expected {low:g} to {high:g}")


def _drawn(seed: int, count: int, n: int, unit_bytes: int) -> Addresses:
    drawn = generator(seed).integers(0, count, n).astype(np.uint64)
    return np.uint64(HEAP) + drawn * np.uint64(unit_bytes)


def _registers(rows: Sequence[tuple[int, ...]], width: int) -> NDArray[np.uint8]:
    return np.array([[*row, *[0] * (width - len(row))] for row in rows], np.uint8)
