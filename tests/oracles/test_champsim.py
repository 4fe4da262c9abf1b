"""Our cores, caches and ChampSim's memory against what ChampSim measured (champsim/README.md).

The bounds are those of the goal that the simulator was built to. Rows beyond them are in BEYOND with how far
they may be, each with its cause on docs/soc-validation.md; one that comes within is to be taken out.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest

from tests.docs.pages import ROOT
from tests.oracles.champsim import chips, compare
from tests.oracles.champsim.compare import Run, measured, percent, runs, table

IN_CACHES = ("branchy50", "branchy90", "chase16k", "chase256k", "chase1m", "matmul192", "real_mm")
CACHED_PERCENT, MEMORY_PERCENT, LINES_PERCENT = 10.0, 15.0, 2.0
BEYOND = {"dram2ch-random64m-200k": 20.0}
APART_PERCENT = 3.0
PAGE = ROOT / "docs" / "soc-validation.md"


def _named(*, cached: bool) -> list[object]:
    return [pytest.param(run, id=run.name) for run in runs() if (run.trace in IN_CACHES) is cached]


def _is_near(ours: float, theirs: float, most_percent: float) -> bool:
    return ours == theirs or abs(percent(ours, theirs)) <= most_percent


@pytest.mark.parametrize("run", _named(cached=True))
def test_programs_in_the_caches_run_as_fast_as_there(run: Run) -> None:
    assert _is_near(measured(run).ipc, run.champsim.ipc, CACHED_PERCENT)


@pytest.mark.parametrize("run", _named(cached=True))
def test_branches_are_mispredicted_as_often_as_there(run: Run) -> None:
    assert measured(run).branch_mpki == pytest.approx(run.champsim.branch_mpki, rel=0.01, abs=0.01)


@pytest.mark.parametrize(("trace", "cycles"), [("chase16k", 5), ("chase256k", 14)])
def test_a_step_of_a_pointer_chase_takes_the_latency_of_its_level(trace: str, cycles: int) -> None:
    run = next(run for run in runs() if run.trace == trace)

    assert 2 / measured(run).ipc == pytest.approx(cycles, rel=0.001)  # two instructions a step


@pytest.mark.slow
@pytest.mark.parametrize("run", _named(cached=False))
def test_programs_in_memory_run_as_fast_as_there_with_its_memory(run: Run) -> None:
    if run.name in BEYOND:
        assert not _is_near(measured(run).ipc, run.champsim.ipc, MEMORY_PERCENT)
    assert _is_near(measured(run).ipc, run.champsim.ipc, BEYOND.get(run.name, MEMORY_PERCENT))


@pytest.mark.slow
@pytest.mark.parametrize("run", _named(cached=True) + _named(cached=False))
def test_the_last_level_brings_as_many_lines_as_there(run: Run) -> None:
    ours, theirs = measured(run), run.champsim

    assert _is_near(ours.brought, theirs.brought, LINES_PERCENT)
    if run.configuration in ("base", "dram2ch"):
        assert _is_near(ours.demand, theirs.demand, LINES_PERCENT)


@pytest.mark.slow
@pytest.mark.parametrize("run", [run for run in runs() if run.trace in ("stream", "real_gups")])
def test_page_walks_of_sequential_programs_read_memory_as_often_as_there(run: Run) -> None:
    assert _is_near(measured(run).walks, run.champsim.walks, LINES_PERCENT)


@pytest.mark.slow
def test_configurations_that_differ_there_differ_the_same_way_here() -> None:
    apart = 0
    for one, other in itertools.combinations(runs(), 2):
        same = one.trace == other.trace and one.instructions // 1000 == other.instructions // 1000
        change = percent(one.champsim.ipc, other.champsim.ipc)
        if same and abs(change) > APART_PERCENT:
            apart += 1
            assert (measured(one).ipc > measured(other).ipc) is (change > 0), (one.name, other.name)
    assert apart == 6


@pytest.mark.slow
def test_it_is_the_register_file_that_keeps_a_stream_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    run = next(run for run in runs() if run.name == "base-stream-400k")
    bounded = chips.chip

    def unbounded(configuration: str, trace: object) -> object:
        config = bounded(configuration, trace)  # type: ignore[arg-type]
        return replace(config, cores=(replace(config.cores[0], registers=0),))

    monkeypatch.setattr(compare, "chip", unbounded)

    assert percent(measured.__wrapped__(run).ipc, run.champsim.ipc) > 50


@pytest.mark.slow
def test_the_page_shows_what_is_measured() -> None:
    shown = re.findall(r"^(\| `.*\|)[^|]*\|$", PAGE.read_text(), re.MULTILINE)

    assert shown == list(table())
