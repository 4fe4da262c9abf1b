"""Prefetching in ext/soc_prefetch.pxd: equal to the twin, and what each kind makes of streams."""

from __future__ import annotations

import numpy as np
import pytest

from ext.soc_policies import (
    ON_DEMAND_FILL,
    ON_HIT,
    ON_MISS,
    ON_PREFETCH_FILL,
    ON_USELESS,
    PREFETCHERS,
    PrefetcherAlone,
)
from simulators.soc.twin.prefetch import OFFSETS, prefetcher
from tests.ext.policy_cases import IPS, STREAMS, EndlessCache, TwinPrefetcher, stream

PAGE = 64  # lines
BITS_THAT_DIFFER = [range(12), range(15), range(17), range(20), [*range(12), 19], [*range(10), 40]]
KINDS = [kind for kind in PREFETCHERS if kind != "none"]


def _events(n, seed):
    """Events, instructions and lines: streams that repeat, in few pages or many, with noise between them."""
    draw = np.random.default_rng(seed)
    line, ip = stream(STREAMS[seed % 4], n, int(draw.choice([64, 512, 40_000])), seed)
    walks = draw.random(n) < 0.6
    steps = np.tile(draw.integers(-3, 6, draw.integers(1, 5)), n)[: walks.sum()]
    steps = np.where(draw.random(len(steps)) < 0.05, draw.integers(-99, 99, len(steps)), steps)
    line[walks] = (np.cumsum(steps) % (PAGE * 300)).astype(np.uint64)
    ip[walks] = IPS[700]
    event = draw.choice(6, n, p=[0.4, 0.15, 0.2, 0.1, 0.1, 0.05]).astype(np.uint8)
    return event, ip, line


def _told(kernel, events):
    count, line, below = kernel.run(*events)
    rows = list(zip(line.tolist(), below.tolist(), strict=True))
    ends = np.cumsum(count)
    return [rows[end - n : end] for n, end in zip(count.tolist(), ends.tolist(), strict=True)]


def _difference(kind, n, seed):
    """The first event after which kernel and twin advise otherwise, or an empty text."""
    draw = np.random.default_rng(seed)
    degree, distance = int(draw.integers(0, 17)), int(draw.integers(1, 33))
    page_bits = int(draw.choice([12, 12, 14, 21]))
    kernel = PrefetcherAlone(kind, degree, distance, page_bits)
    twin = TwinPrefetcher(prefetcher(kind, degree, distance, page_bits))
    for part in range(2):
        events = _events(n // 2, 2 * seed + part)
        found, wanted = _told(kernel, events), twin.run(*events)
        if found != wanted:
            at = next(k for k, (one, other) in enumerate(zip(found, wanted, strict=True)) if one != other)
            return f"part {part}, event {at}: {found[at]}, expected {wanted[at]}"
        kernel.degree = twin.prefetcher.degree = 3
    return ""


@pytest.mark.parametrize("kind", PREFETCHERS)
def test_the_kernel_equals_the_twin(kind):
    parted = {seed: _difference(kind, 3000, seed) for seed in range(16)}

    assert {seed: text for seed, text in parted.items() if text} == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PREFETCHERS)
def test_the_kernel_equals_the_twin_for_long(kind):
    parted = {seed: _difference(kind, 40_000, seed) for seed in range(100, 130)}

    assert {seed: text for seed, text in parted.items() if text} == {}


def _scattered(n, bits, seed):
    """Random lines that differ in some bits, fetched at once: few of them lie an offset apart."""
    draw = np.random.default_rng(seed)
    places = np.array(bits, np.uint64)
    line = (draw.integers(0, 2, (n, len(places)), dtype=np.uint64) << places).sum(axis=1, dtype=np.uint64)
    event = np.tile(np.array([ON_MISS, ON_PREFETCH_FILL, ON_DEMAND_FILL], np.uint8), n)
    return event, np.zeros(3 * n, np.uint64), np.stack([line, line + np.uint64(1), line], 1).ravel()


@pytest.mark.parametrize(
    "bits", [range(12), range(15), range(17), range(20), [*range(12), 19], [*range(10), 40]]
)
def test_the_kernel_scores_offsets_as_the_twin_does(bits):
    kernel, twin = PrefetcherAlone("bop", 2), TwinPrefetcher(prefetcher("bop", 2))

    events = _scattered(12_000, bits, seed=0)

    assert _told(kernel, events) == twin.run(*events)


@pytest.mark.parametrize("steps", [(1,), (1, 2), (5, -2)])
def test_the_kernel_follows_long_paths_as_the_twin_does(steps):
    line = 10 * PAGE + np.cumsum(np.tile(steps, 3000 // len(steps)))
    events = []
    kernel, twin = PrefetcherAlone("spp", 16), TwinPrefetcher(prefetcher("spp", 16))

    class Recorder:
        def run(self, *told):
            events.append(told)
            return kernel.run(*told)

    missed = EndlessCache(Recorder()).misses(line, np.zeros_like(line))
    again = PrefetcherAlone("spp", 16)
    told = [np.concatenate(column).astype(np.uint64) for column in zip(*events, strict=True)]

    assert _told(again, told) == twin.run(*told)
    assert missed.sum() < len(line) / 4


def test_a_path_of_spp_ends_after_sixteen_steps():
    prefetch = PrefetcherAlone("spp", 16)
    line = np.arange(20 * PAGE)
    EndlessCache(prefetch).misses(line, np.zeros_like(line))  # every step is sure by now

    count, advised, below = prefetch.run([ON_MISS] * 2, [0] * 2, (1 << 30) + np.array([1, 2]))

    assert count.tolist() == [0, 16]
    assert (advised - np.uint64(1 << 30)).tolist() == list(range(3, 19))
    assert not below.any()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", KINDS)
def test_advice_stays_in_the_page_and_is_never_the_line_itself(kind, seed):
    degree = 1 + seed
    event, ip, line = map(np.concatenate, zip(*(_events(2000, seed + 8 * k) for k in range(4)), strict=True))

    count, advised, _ = PrefetcherAlone(kind, degree).run(event, ip, line)

    asked = np.repeat(line, count)
    assert count.max() <= degree
    assert len(advised) > 0
    assert (advised // np.uint64(PAGE) == asked // np.uint64(PAGE)).all()
    assert (advised != asked).all()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_asked_for_at_degree_zero(kind):
    _, advised, _ = PrefetcherAlone(kind, 0).run(*_events(4000, 1))

    assert len(advised) == 0


def test_nothing_is_asked_for_without_a_prefetcher():
    _, advised, _ = PrefetcherAlone("none", 8).run(*_events(4000, 1))

    assert len(advised) == 0


# --------------------------------------------------------------------------- what each kind makes of a stream


@pytest.mark.parametrize("degree", [1, 2, 8])
def test_next_line_covers_all_but_the_first_line_of_each_page(degree):
    lines = np.arange(10 * PAGE)
    cache = EndlessCache(PrefetcherAlone("next_line", degree))

    missed = cache.misses(lines, np.zeros_like(lines))

    assert np.flatnonzero(missed).tolist() == list(range(0, 10 * PAGE, PAGE))
    assert cache.prefetched == 10 * (PAGE - 1)


def test_next_line_is_silent_on_a_hit_that_is_no_first_use():
    count, _, _ = PrefetcherAlone("next_line", 4).run([ON_MISS, ON_HIT], [0, 0], [7, 7])

    assert count.tolist() == [4, 0]


@pytest.mark.parametrize("stride", [1, 3, -5])
def test_a_stride_is_followed_from_the_fourth_access_of_its_instruction_on(stride):
    lines = 100_000 + stride * np.arange(200)
    new_page = np.flatnonzero(np.diff(lines // PAGE)) + 1

    missed = EndlessCache(PrefetcherAlone("ip_stride", 1)).misses(lines, np.full(200, IPS[5]))

    assert sorted(set(range(4)) | set(new_page.tolist())) == np.flatnonzero(missed).tolist()


def test_strides_of_several_instructions_do_not_disturb_each_other():
    strides = np.array([1, 2, 7, -3])
    lines = (100_000 * (1 + np.arange(4)) + strides * np.arange(100)[:, None]).ravel()

    missed = EndlessCache(PrefetcherAlone("ip_stride", 2)).misses(lines, np.tile(IPS[:4], 100))

    pages_entered = sum(len(set((lines[k::4] // PAGE).tolist())) - 1 for k in range(4))
    assert 4 * 4 <= missed.sum() <= 4 * 4 + pages_entered


def test_one_other_access_does_not_shake_a_stride():
    prefetch = PrefetcherAlone("ip_stride", 1)
    prefetch.run([ON_MISS] * 6, [1] * 6, [0, 2, 4, 6, 8, 10])

    count, advised, _ = prefetch.run([ON_MISS, ON_MISS, ON_MISS], [1] * 3, [40, 42, 44])

    assert count.tolist() == [1, 1, 1]
    assert advised.tolist() == [42, 44, 46]


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("degree", [1, 4])
def test_a_stream_misses_three_lines_of_each_page(step, degree):
    lines = (10 * PAGE - 1) * (step < 0) + step * np.arange(10 * PAGE)
    cache = EndlessCache(PrefetcherAlone("stream", degree, distance=8))

    missed = cache.misses(lines, np.zeros_like(lines))

    assert (np.flatnonzero(missed) % PAGE).tolist() == [0, 1, 2] * 10
    assert cache.prefetched == 10 * (PAGE - 3)


@pytest.mark.parametrize("distance", [4, 8, 20])
def test_a_stream_runs_ahead_by_its_distance_and_no_further(distance):
    prefetch = PrefetcherAlone("stream", 2, distance)
    ahead = []
    for line in range(40):
        _, advised, _ = prefetch.run([ON_MISS], [0], [line])
        ahead += [int(other) - line for other in advised]

    assert distance <= max(ahead) <= distance + 2


def test_sixteen_streams_are_kept_apart_and_seventeen_are_not():
    def misses_with(n_streams):
        lines = (1000 * PAGE * np.arange(n_streams) + np.arange(PAGE)[:, None]).ravel()
        return EndlessCache(PrefetcherAlone("stream", 4)).misses(lines, np.zeros_like(lines)).sum()

    assert misses_with(16) == 3 * 16
    assert misses_with(17) == PAGE * 17


def test_the_offsets_of_the_paper_are_fifty_two():
    assert len(OFFSETS) == 52
    assert OFFSETS[-6:] == [216, 225, 240, 243, 250, 256]


@pytest.mark.parametrize("stride", [2, 3, 5, 9])
def test_best_offset_learns_the_stride_of_a_stream(stride):
    lines = stride * np.arange(10_000)
    prefetch = PrefetcherAlone("bop", 1, page_bits=30)  # multiples of the stride score less in small pages
    EndlessCache(prefetch).misses(lines, np.zeros_like(lines))

    _, advised, _ = prefetch.run([ON_MISS], [0], [1 << 30])

    assert advised.tolist() == [(1 << 30) + stride]


def test_best_offset_turns_itself_off_on_random_lines_and_on_again_for_a_stream():
    draw = np.random.default_rng(0)
    scattered = draw.integers(0, 1 << 30, 6000)
    prefetch = PrefetcherAlone("bop", 1)
    cache = EndlessCache(prefetch)

    cache.misses(scattered, np.zeros_like(scattered))
    off, _, _ = prefetch.run([ON_MISS], [0], [1 << 31])
    cache.misses((1 << 32) + np.arange(6000), np.zeros(6000, np.int64))
    on, advised, _ = prefetch.run([ON_MISS], [0], [1 << 31])

    assert off.tolist() == [0]
    assert on.tolist() == [1]
    assert advised.tolist() == [(1 << 31) + 1]


def test_best_offset_prefers_an_offset_whose_lines_come_in_time():
    prefetch = PrefetcherAlone("bop", 1)
    late = 6  # a line comes in six accesses after it was asked for
    coming = []
    for line in range(PAGE * 100):
        _, advised, _ = prefetch.run([ON_MISS], [0], [line])
        coming += [(line + late, int(other)) for other in advised]
        while coming and coming[0][0] <= line:
            prefetch.run([ON_PREFETCH_FILL], [0], [coming.pop(0)[1]])

    _, advised, _ = prefetch.run([ON_MISS], [0], [1 << 30])

    assert advised[0] - (1 << 30) >= late


@pytest.mark.parametrize("steps", [(1,), (2,), (1, 2), (1, 1, 4), (3, -1)])
def test_spp_learns_a_pattern_of_steps(steps):
    offsets = np.concatenate([[0], np.cumsum(np.tile(steps, PAGE))])
    offsets = offsets[: np.argmax(offsets >= PAGE)]
    lines = (PAGE * np.arange(0, 400, 2)[:, None] + offsets).ravel()  # every other page: no path leads there

    missed = EndlessCache(PrefetcherAlone("spp", 8)).misses(lines, np.zeros_like(lines))

    a_page = missed.reshape(200, -1)[100:]
    assert a_page.sum(axis=1).max() <= 3
    assert not a_page[:, 3:].any()


def test_spp_knows_a_page_by_the_path_that_leads_into_it():
    lines = np.arange(200 * PAGE)

    missed = EndlessCache(PrefetcherAlone("spp", 8)).misses(lines, np.zeros_like(lines))

    assert missed.reshape(200, PAGE)[100:].sum(axis=1).max() == 1


def test_spp_asks_for_little_on_random_lines():
    lines = np.random.default_rng(0).integers(0, 200 * PAGE, 20_000)
    cache = EndlessCache(PrefetcherAlone("spp", 8))

    cache.misses(lines, np.zeros_like(lines))

    assert cache.prefetched < 200 * PAGE / 4


def test_spp_marks_unlikely_lines_for_the_next_level():
    prefetch = PrefetcherAlone("spp", 8)
    draw = np.random.default_rng(1)
    lines = np.concatenate([page * PAGE + np.cumsum(draw.choice([1, 2], 30)) for page in range(300)])

    _, _, below = prefetch.run(np.full(len(lines), ON_MISS), np.zeros_like(lines), lines)

    assert 0.5 < below.mean() < 1


def test_spp_asks_again_for_a_line_that_left_unused():
    lines = np.arange(40)
    asks = PrefetcherAlone("spp", 1)
    for _ in range(2):
        asks.run(np.full(40, ON_MISS), lines, lines + 4096 * PAGE)
        asks.run(np.full(40, ON_MISS), lines, lines + 8192 * PAGE)
    head = [10 * PAGE + line for line in range(6)]
    _, first, _ = asks.run([ON_MISS] * 6, [0] * 6, head)
    _, again, _ = asks.run([ON_MISS] * 2, [0] * 2, [head[-2], head[-1]])

    asks.run([ON_USELESS], [0], [int(first[-1])])
    _, after, _ = asks.run([ON_MISS] * 2, [0] * 2, [head[-2], head[-1]])

    assert first[-1] not in again
    assert first[-1] in after


# --------------------------------------------------------------------------------------------------- the face


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ghb",), "kind='ghb': expected one of none, next_line"),
        (("stream", 17), "degree=17: expected 0 to 16"),
        (("stream", 1, 65), "distance=65, page_bits=12: expected 1 to 64 and 12 to 30"),
    ],
)
def test_what_a_prefetcher_cannot_be_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        PrefetcherAlone(*arguments)


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        PrefetcherAlone("none").run([ON_DEMAND_FILL], [0], [1, 2])
