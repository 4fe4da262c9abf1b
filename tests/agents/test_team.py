from __future__ import annotations

import numpy as np
import pytest

from agents.search.part import apart, around
from dse.errors import ConfigError
from dse.search import Capabilities, Proposal
from dse.state import pack, unpack
from dse.testing import searcher as conformance
from dse.testing.searcher import drive, searched_volume
from dse.testing.toys import make_toy, toy_space

MIXED = [
    {"subsystems": ["part0"], "name": "nsga2", "options": {"population": 4}},
    {"subsystems": ["part1", "part3"], "name": "local", "options": {"chains": 1}},
    {"subsystems": ["part2"], "name": "ippo", "options": {"batch": 8, "hidden": 8}},
]
PLAYS = ("alternating", "simultaneous")
SEEDS = (0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2)))


def optimum(toy) -> float:
    """The least cost of all feasible designs, by listing them."""
    space = toy.problem.space
    positions = np.unravel_index(np.arange(space.raw_size), space.n_values.tolist())
    rows = space.canonical(np.stack(positions, axis=1).astype(np.int16))
    results = toy.evaluate(rows)
    return float(results.costs[results.feasible].min())


@pytest.mark.parametrize("play", [PLAYS[0], pytest.param(PLAYS[1], marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "check",
    [
        conformance.check_proposals,
        conformance.check_resume,
        conformance.check_failed_designs,
        conformance.check_hearing,
    ],
    ids=lambda check: check.__name__,
)
def test_a_mixed_team_conforms(check, play, build):
    check(lambda problem, seed: _team(problem, seed, members=MIXED, play=play))


def _team(problem, seed, **options):
    from agents.team import Team

    return Team(problem, seed, **options)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mixed_team_reaches_the_known_optimum_of_parameters_that_interact(seed, build):
    toy = make_toy(seed, n_objectives=1, n_parameters=5, n_pairs=4, failing=0)

    log = drive(build("team", toy.problem, members=MIXED), toy, 1000)

    assert log.feasible_costs.min() == optimum(toy)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_search_a_subsystem_reaches_it_too(seed, build):
    toy = make_toy(seed, n_objectives=1, n_parameters=5, n_pairs=4, failing=0)

    log = drive(build("team", toy.problem), toy, 1000)

    assert log.feasible_costs.min() == optimum(toy)


@pytest.mark.parametrize("n_objectives", [1, 2])
def test_a_team_that_moves_at_once_beats_random(n_objectives, build):
    toys = [make_toy(seed, n_objectives=n_objectives) for seed in range(3)]
    members = [{"subsystems": [f"part{i}"], "name": "cem"} for i in range(4)]

    teams = [build("team", toy.problem, members=members, play="simultaneous") for toy in toys]
    volumes = [searched_volume(drive(team, toy, 300), toy) for team, toy in zip(teams, toys, strict=True)]
    blind = [searched_volume(drive(build("random", toy.problem), toy, 300), toy) for toy in toys]

    assert sum(volumes) > sum(blind)


@pytest.mark.parametrize("play", PLAYS)
def test_a_team_asks_for_nothing_twice_and_nothing_forbidden(play, build):
    toy = make_toy(3, n_pairs=3)

    log = drive(build("team", toy.problem, members=MIXED, play=play), toy, 200)

    assert len(np.unique(log.indices, axis=0)) == len(log.indices)
    assert not toy.problem.space.violations(log.indices).any()


class Recorder:
    """Proposes fixed rows of its part in turn and writes down what it is told."""

    capabilities = Capabilities()
    told: list

    def __init__(self, problem, seed):
        self.space, self.rows = problem.space, problem.space.sample(4, np.random.default_rng(0))

    def ask(self, n):
        return Proposal(self.rows[:n])

    def tell(self, proposal, results):
        Recorder.told.append((self.space.decode(proposal.indices), results))


def test_members_are_told_what_came_of_the_designs_put_together(monkeypatch, build):
    monkeypatch.setitem(_searchers(), "recorder", "tests.agents.test_team:Recorder")
    monkeypatch.setattr(Recorder, "told", [], raising=False)
    toy = make_toy(1, failing=0)
    members = [{"subsystems": [f"part{i}"], "name": "recorder"} for i in range(4)]
    team = build("team", toy.problem, members=members, play="simultaneous")

    proposal = team.ask(4)
    results = toy.evaluate(proposal.indices)
    team.tell(proposal, results)

    designs = toy.problem.space.decode(proposal.indices)
    asked = [tuple(int(designs[f"p{d}"][i]) for d in (0, 4)) for i in range(len(proposal))]
    of_part0 = Recorder.told[-4]
    parts = list(zip(of_part0[0]["p0"].tolist(), of_part0[0]["p4"].tolist(), strict=True))
    for row, part in enumerate(parts):
        if part in asked:
            assert np.array_equal(of_part0[1].costs[row], results.costs[asked.index(part)], equal_nan=True)
        else:
            assert np.isnan(of_part0[1].costs[row]).all()
            assert of_part0[1].violations[row].sum() > 0


def _searchers():
    from dse import registry

    return registry.SEARCHERS


def test_a_design_that_the_parts_make_forbidden_is_told_as_infeasible_and_not_proposed(monkeypatch, build):
    monkeypatch.setitem(_searchers(), "recorder", "tests.agents.test_team:Clashing")
    monkeypatch.setattr(Recorder, "told", [], raising=False)
    toy = make_toy(1, failing=0)
    members = [{"subsystems": [f"part{i}"], "name": "recorder"} for i in range(4)]
    team = build("team", toy.problem, members=members, play="simultaneous")

    proposal = team.ask(2)

    assert not toy.problem.space.violations(proposal.indices).any()
    assert len(Recorder.told) >= 4
    assert all(np.isnan(results.costs).all() for _, results in Recorder.told)
    assert all((results.violations.sum(axis=1) > 0).all() for _, results in Recorder.told)


class Clashing(Recorder):
    """Its part0 and part1 are fine, and with p1=4 and p2=0 together forbidden."""

    def __init__(self, problem, seed):
        self.space = problem.space
        wanted = {"p1": 4, "p2": 0, "p0": 1}
        self.rows = self.space.encode({k: v for k, v in wanted.items() if k in self.space.names})[None, :]


def test_a_part_around_a_design_keeps_the_others_and_its_rules():
    toy = make_toy(0)
    space = toy.problem.space
    base = space.encode({"p2": 0, "p6": 3})

    part = around(toy.problem, space.subsystems[1].indices, base)
    designs = part.designs(part.problem.space.sample(50, np.random.default_rng(0), feasible=True))

    others = [d for d, one in enumerate(space.parameters) if one.subsystem != "part1"]
    assert (designs[:, others] == base[others]).all()
    assert not space.violations(designs).any()
    assert (part.designs(part.rows(designs)) == designs).all()


def test_a_part_on_its_own_has_only_its_own_rules():
    space = toy_space()
    toy = make_toy(0, space=space)

    part = apart(toy.problem, space.subsystems[1].indices)

    assert [one.name for one in part.problem.space.constraints] == []
    assert part.problem.space.names == ("p1", "p5", "round")


def test_a_team_that_heard_of_a_good_design_goes_on_from_it(build):
    toy = make_toy(2, n_objectives=1, failing=0)
    best = drive(build("local", toy.problem), toy, 600)
    feasible = np.isfinite(best.costs[:, 0]) & (best.violations <= 0).all(axis=1)
    row = best.indices[[np.flatnonzero(feasible)[np.argmin(best.costs[feasible, 0])]]]
    team = build("team", toy.problem)

    team.hear(row, toy.evaluate(row))
    proposal = team.ask(8)

    kept = toy.problem.space.names
    others = [d for d, name in enumerate(kept) if name not in ("p0", "p4", "p3")]  # p0 switches p3 off
    assert (proposal.indices[:, others] == row[0, others]).all()


def test_a_team_saved_in_the_middle_of_a_turn_goes_on_the_same_way(build):
    toy = make_toy(6)
    first, second = (build("team", toy.problem, seed, members=MIXED, turn=20) for seed in (1, 2))
    drive(first, toy, 37, batch=5)

    second.load(unpack(pack(first.state())))

    for _ in range(12):
        one, other = first.ask(5), second.ask(5)
        assert np.array_equal(one.indices, other.indices)
        first.tell(one, toy.evaluate(one.indices))
        second.tell(other, toy.evaluate(other.indices))


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([{"subsystems": ["part9"], "name": "local"}], r"no subsystem 'part9'.*the space has 'part0'"),
        ([{"subsystems": ["Part_0"], "name": "local"}], r"Did you mean 'part0'"),
        ([*MIXED, {"subsystems": ["part0"], "name": "local"}], r"member 4: subsystem 'part0' is member 1's"),
        ([{"subsystems": ["part0"], "name": "nsga"}], r"member 1 \(nsga\): no searcher .*'nsga3'"),
        (
            [{"subsystems": ["part0"], "name": "local", "options": {"chain": 1}}],
            r"member 1 \(local\): .*unknown option 'chain'.*'chains'",
        ),
        ([{"subsystems": ["part0"], "nam": "local"}], r"unknown key 'nam'.*'name'"),
        ([{"subsystems": ["part0"]}], "expected the name of a searcher"),
        ([{"subsystems": [], "name": "local"}], "expected a list of names"),
        ([{"subsystems": "part0", "name": "local"}], "expected a list of names"),
        ([{"subsystems": ["part0"], "name": "local", "options": 3}], "options=3: expected a table"),
        (["local"], "expected a table"),
        ("local", "expected a list of tables"),
    ],
)
@pytest.mark.parametrize("play", PLAYS)
def test_what_no_team_can_be_is_refused(members, said, play, build):
    with pytest.raises(ConfigError, match=said):
        build("team", make_toy(0).problem, members=members, play=play)


def test_an_unknown_searcher_for_the_rest_is_refused(build):
    with pytest.raises(ConfigError, match=r"no searcher is called 'loca'.*'local'"):
        build("team", make_toy(0).problem, rest="loca")
