"""A table answers what the simulator does, and is refused where it is of something else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dse import registry
from dse.env.design import DesignEnv
from dse.env.problem import DesignProblem
from dse.errors import ConfigError, InputError, LookupFailed
from dse.metrics import MetricSchema, MetricSpec
from dse.space import DesignSpace
from dse.tabulated import MOST_DESIGNS, Tabulated, distinct_designs, tabulate
from dse.testing.simulator import check_simulator
from simulators.dram.space import space
from tests.dse.env.problems import OBJECTIVES, actions_for, workload
from tests.dse.fake import FakeSimulator

WORKS = [workload(200, 1), workload(300, 2)]


@pytest.fixture
def path(tmp_path):
    return tabulate(FakeSimulator(poison=[5]), WORKS, tmp_path / "fake.npz")


@pytest.fixture
def table(path):
    return Tabulated(path, FakeSimulator(poison=[5]))


def test_it_measures_what_the_simulator_does(table):
    simulator = FakeSimulator(poison=[5])
    rows = simulator.space.sample(200, np.random.default_rng(1))

    found, expected = (one.run_batch(rows, WORKS[::-1]) for one in (table, simulator))

    np.testing.assert_array_equal(found.values, expected.values)
    assert [list(row) for row in found.notes] == [list(row) for row in expected.notes]
    assert found.schema == expected.schema


def test_it_holds_to_what_simulators_hold_to(path, monkeypatch):
    monkeypatch.setitem(registry.SIMULATORS, "fake", "tests.dse.fake:FakeSimulator")

    check_simulator(Tabulated(path), WORKS)


def test_every_distinct_design_is_in_it_once(table):
    rows = distinct_designs(table.space)

    assert len(rows) == table.space.distinct_size == len(table.rows)
    assert len(np.unique(table.space.keys(rows))) == len(rows)
    np.testing.assert_array_equal(table.space.canonical(rows), rows)


def test_the_space_of_dramgym_has_as_many_as_are_counted():
    gym = space("dramgym-published")

    assert len(distinct_designs(gym)) == gym.distinct_size == 166_464


def test_designs_that_are_not_canonical_are_looked_up_as_what_they_are(table):
    slow = table.space.rows([{"mode": "slow", "colour": "red"}])
    other = slow.copy()
    other[0, table.space.names.index("colour")] = 2

    np.testing.assert_array_equal(*(table.run_batch(rows, WORKS).values for rows in (slow, other)))


def test_only_the_metrics_asked_for_are_kept_with_the_parts_of_ratios(tmp_path):
    made = tabulate(FakeSimulator(), WORKS, tmp_path / "part.npz", metrics=["power_mw"])

    table = Tabulated(made, FakeSimulator())

    assert table.schema.names == ("time_ns", "energy_pj", "power_mw")
    point = table.space.default()
    assert table.run(point, WORKS[0]).power_mw == FakeSimulator().run(point, WORKS[0]).power_mw


def test_the_same_table_has_the_same_build_and_another_has_another(tmp_path):
    paths = [tmp_path / name for name in ("one.npz", "two.npz", "three.npz")]
    for path, works in zip(paths, ([WORKS[0]], [WORKS[0]], [WORKS[1]]), strict=True):
        tabulate(FakeSimulator(), works, path)

    one, two, three = (Tabulated(path, FakeSimulator()).build_id for path in paths)
    assert one == two != three


def test_values_are_those_of_all_designs(table):
    whole = FakeSimulator(poison=[5]).run_batch(table.rows, [WORKS[1]]).values[:, 0]

    np.testing.assert_array_equal(table.values(WORKS[1]), whole)


def test_an_environment_over_the_table_pays_what_one_over_the_simulator_does(table):
    paid = []
    for simulator in (table, FakeSimulator(poison=[5])):
        env = DesignEnv(DesignProblem(simulator, WORKS[:1], OBJECTIVES))
        env.reset(seed=1)
        row = env.problem.space.sample(1, np.random.default_rng(3), feasible=True)[0]
        paid.append(env.step(actions_for(env, row))[1])

    assert paid[0].keys() == paid[1].keys()
    for agent, reward in paid[0].items():
        np.testing.assert_array_equal(reward, paid[1][agent])


def test_a_workload_that_is_not_in_it_is_named(table):
    with pytest.raises(LookupFailed, match=r"'load 9'.*load 1"):
        table.run(table.space.default(), workload(50, 9))
    with pytest.raises(LookupFailed, match="'load 9'"):
        DesignProblem(table, [workload(50, 9)], OBJECTIVES)


class Renamed(FakeSimulator):
    """Another design space."""

    def __init__(self):
        super().__init__(poison=[5])
        self.space = DesignSpace("renamed", self.space.parameters[:3])


class Wider(FakeSimulator):
    """Another schema."""

    def __init__(self):
        super().__init__(poison=[5])
        self.schema = MetricSchema([*self.schema, MetricSpec("more", "", "min")])


class Other(FakeSimulator):
    """Another name."""

    name = "other"


@pytest.mark.parametrize(
    ("simulator", "what"),
    [
        (Renamed(), "space"),
        (Wider(), "schema"),
        (FakeSimulator(build="2"), "build_id"),
        (Other(), "simulator"),
    ],
)
def test_a_table_of_something_else_is_refused_by_name(path, simulator, what):
    with pytest.raises(ConfigError, match=f"a table of another {what}"):
        Tabulated(path, simulator)


def test_nothing_runs_in_a_table(table):
    with pytest.raises(ConfigError, match="no running simulation"):
        table.open(table.space.default(), WORKS[0])


def test_a_space_that_is_too_large_is_refused():
    with pytest.raises(ConfigError, match=f"up to {MOST_DESIGNS:,}"):
        distinct_designs(space("dram"))


@pytest.mark.parametrize("content", [b"", b"not a table", b"PK\x03\x04broken"])
def test_a_file_that_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)

    with pytest.raises(InputError, match=r"bad\.npz: this is no table"):
        Tabulated(tmp_path / "bad.npz", FakeSimulator())


def test_a_file_of_objects_is_refused(tmp_path):
    np.savez(tmp_path / "bad.npz", header=np.array([{"format": "dse-table"}], dtype=object))

    with pytest.raises(InputError, match="this is no table"):
        Tabulated(tmp_path / "bad.npz", FakeSimulator())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "expected format"),
        ({"version": 9}, "version 9"),
        ({"workloads": []}, "damaged"),
    ],
)
def test_a_damaged_table_is_refused(path, change, message):
    with np.load(path) as file:
        members = {name: file[name] for name in file.files}
    header = json.loads(members["header"].tobytes()) | change
    members["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(path, **members)

    with pytest.raises(InputError, match=message):
        Tabulated(path, FakeSimulator(poison=[5]))


def test_a_table_that_would_take_all_memory_is_refused_before_it_is_read(path, monkeypatch):
    monkeypatch.setattr("dse.tabulated.MOST_BYTES", 1000)

    with pytest.raises(InputError, match="and up to 1,000 are expected"):
        Tabulated(path)


def test_a_missing_table_is_said_to_be_missing(tmp_path):
    with pytest.raises(InputError, match="no such table"):
        Tabulated(tmp_path / "none.npz", FakeSimulator())


def test_progress_is_told(tmp_path):
    told = []
    tabulate(FakeSimulator(), WORKS[:1], tmp_path / "a.npz", told=lambda *now: told.append(now))

    n = FakeSimulator().space.distinct_size
    assert told[-1] == (n, n)
