"""A user's scheduler is read from a file, runs on the twin, and fails with the line that failed."""

from __future__ import annotations

import textwrap

import pytest

from dse.errors import InputError
from simulators.dram.replay import own_scheduler
from simulators.dram.replay.own_scheduler import SchedulerError, load_scheduler, record_own
from simulators.dram.replay.recording import record
from simulators.dram.simulator import DramSimulator
from traces.synthetic import uniform_random
from traces.trace import Trace

HEAD = "from simulators.dram.reference import ReferenceController\n"
AS_CONFIGURED = """
class Same(ReferenceController):
    def schedule(self, channel, bank):
        return super().schedule(channel, bank)
"""
IN_ORDER = """
class InOrder(ReferenceController):
    def schedule(self, channel, bank):
        return bank.queue[0]
"""
FAILS = """
class Fails(ReferenceController):
    def schedule(self, channel, bank):
        return bank.queue[99]
"""


LAST_FIRST = """
class LastFirst(ReferenceController):
    def schedule(self, channel, bank):
        return bank.queue[-1]
"""
STRANGE = """
class Strange(ReferenceController):
    def schedule(self, channel, bank):
        return 7
"""
NEVER = """
class Never(ReferenceController):
    def schedule(self, channel, bank):
        return None
"""


@pytest.fixture
def written(tmp_path):
    """Writes a scheduler file and gives its path."""

    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(HEAD + textwrap.dedent(text))
        return path

    return write


@pytest.fixture(scope="module")
def simulator():
    return DramSimulator()


TRACE = uniform_random(n=300, seed=2, interval_cycles=3, footprint_bytes=1 << 20)


def test_the_design_s_own_scheduler_measures_what_the_engine_does(simulator, written):
    point = simulator.space.default()

    own = record_own(simulator, point, TRACE, load_scheduler(f"{written(AS_CONFIGURED)}:Same"))

    engine = record(simulator, point, TRACE, log=True)
    assert own.metrics == engine.metrics
    assert own.counters == engine.counters
    assert {name: array.tolist() for name, array in own.log.items()} == {
        name: array.tolist() for name, array in engine.log.items()
    }


def test_another_scheduler_gives_another_log(simulator, written):
    point = simulator.space.default()

    own = record_own(simulator, point, TRACE, load_scheduler(f"{written(IN_ORDER)}:InOrder"))

    engine = record(simulator, point, TRACE, log=True)
    assert own.log["request"].tolist() != engine.log["request"].tolist()
    assert own.metrics["requests"] == engine.metrics["requests"]


def test_progress_is_told(simulator, written):
    told = []

    record_own(
        simulator,
        simulator.space.default(),
        TRACE,
        load_scheduler(f"{written(IN_ORDER)}:InOrder"),
        told.append,
    )

    assert told == sorted(told)
    assert 0 < told[-1] <= 300


def test_a_failure_names_the_file_the_line_and_the_cycle(simulator, written):
    path = written(FAILS)
    own = load_scheduler(f"{path}:Fails")

    with pytest.raises(SchedulerError) as raised:
        record_own(simulator, simulator.space.default(), TRACE, own)

    assert f"{path}, line 5: Fails failed in cycle" in str(raised.value)
    assert "IndexError" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAST_FIRST, "LastFirst failed in cycle"),
        (LAST_FIRST, "overtake request 0 to the same row and column"),
        (STRANGE, "schedule returned 7: expected one of bank.queue"),
        (NEVER, "no request was served for"),
    ],
    ids=["reordered", "overtaking", "strange", "never"],
)
def test_a_choice_that_no_controller_may_make_is_refused(monkeypatch, simulator, written, text, words):
    monkeypatch.setattr(own_scheduler, "_MOST_CYCLES_WAITING", 3_000)
    same_place = Trace(
        arrival_cycle=[0, 0, 0], address=[0, 0, 0], is_write=[True, False, True], clock_ns=1.0, name="same"
    )
    own = load_scheduler(f"{written(text)}:{text.split()[1].partition('(')[0]}")

    with pytest.raises(SchedulerError) as raised:
        record_own(simulator, simulator.space.default(), same_place, own)

    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "mine.py", "names no scheduler"),
        (AS_CONFIGURED, "{path}:Sam", "Did you mean 'Same'?"),
        (AS_CONFIGURED, "{path}.txt:Same", "names no scheduler"),
        (AS_CONFIGURED, "missing.py:Same", "no such file"),
        ("class Other: ...", "{path}:Other", "is no ReferenceController"),
        ("class Bare(ReferenceController): ...", "{path}:Bare", "does not override"),
        ("def f(:", "{path}:Same", "line 2: SyntaxError"),
        ("import no_such_module", "{path}:Same", "line 2: ModuleNotFoundError"),
    ],
    ids=["no name", "near name", "no .py", "missing", "other class", "no schedule", "syntax", "import"],
)
def test_what_is_no_scheduler_is_refused_with_what_was_expected(written, text, name, words):
    path = written(text)

    with pytest.raises(InputError) as raised:
        load_scheduler(name.format(path=path))

    assert words in str(raised.value)
    assert words.startswith("line") or "FILE.py:CLASS" in str(raised.value)
