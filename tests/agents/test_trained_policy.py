"""Saved policies and the searcher that starts from one: what it sees, what it proposes, what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.learning.saved_policy import FORMAT, SavedPolicy
from dse.errors import ConfigError
from dse.objective import Objective
from dse.option_files import given
from dse.registry import resolve
from dse.state import pack, unpack
from dse.testing.searcher import drive
from dse.testing.toys import make_toy
from tests.agents.untrained import untrained

TOY = make_toy(1)
SHOWN = replace(TOY.problem, context=np.array([0.2, 0.9]))


def searcher(policy, problem=SHOWN, **options):
    data = policy if isinstance(policy, bytes) else policy.to_bytes()
    with given({"some.npz": data}):
        build = resolve("searcher", "policy")
        return build(problem, np.random.SeedSequence(1), checkpoint="some.npz", **options)


def refused(policy, problem=SHOWN, **options):
    with pytest.raises(ConfigError) as caught:
        searcher(policy, problem, **options)
    return str(caught.value)


def sure(policy, values):
    """The policy, certain of these positions whatever it sees."""
    *others, biases = policy.networks
    biases = np.zeros_like(biases).reshape(policy.allowed.shape)
    for agent, names in enumerate(policy.agents.values()):
        for place, name in enumerate(names):
            biases[agent, place, values[name]] = 50.0
    last = np.zeros_like(others[-1])
    return replace(policy, networks=[*others[:-1], last, biases.reshape(len(policy.agents), 1, -1)])


def test_a_policy_comes_back_from_its_file(tmp_path):
    policy = replace(untrained(TOY.problem), trained={"seed": 3})

    policy.write(tmp_path / "some.npz")
    again = SavedPolicy.read(str(tmp_path / "some.npz"))

    seen = np.random.default_rng(1).random((5, len(policy.sees)))
    assert np.array_equal(again.preferences(seen), policy.preferences(seen))
    assert again.trained == {"seed": 3}
    assert again.digest == policy.digest


def test_the_first_design_is_the_one_that_the_policy_is_sure_of():
    wanted = dict.fromkeys(TOY.problem.space.names, 2)

    proposal = searcher(sure(untrained(TOY.problem), wanted)).ask(4)

    assert (proposal.indices[0] == 2).all()


def test_other_workloads_and_preferences_get_other_designs():
    policy = untrained(TOY.problem, 3)

    firsts = [
        searcher(policy, replace(SHOWN, context=np.array(context))).ask(1).indices
        for context in ([0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0])
    ]

    assert len(np.unique(np.concatenate(firsts), axis=0)) > 1


def test_what_lies_beyond_what_was_learnt_from_is_taken_for_its_end():
    policy = untrained(TOY.problem)
    beyond = np.array([[7.0, -3.0, 0.5, 0.5]])

    assert np.array_equal(policy.preferences(beyond), policy.preferences(np.clip(beyond, 0.0, 1.0)))


def test_after_its_designs_another_searcher_goes_on_that_knows_them():
    started = searcher(untrained(TOY.problem), designs=6, then="local")

    log = drive(started, TOY, 80, batch=5)

    assert len(np.unique(log.indices, axis=0)) == len(log.indices) == 80


def test_a_policy_that_has_nothing_new_hands_over():
    started = searcher(sure(untrained(TOY.problem), dict.fromkeys(TOY.problem.space.names, 2)), designs=50)

    log = drive(started, TOY, 60, batch=10)

    assert len(log.indices) == 60


def test_a_blind_policy_needs_no_workload():
    started = searcher(untrained(TOY.problem, n_context=0), TOY.problem)

    assert len(started.ask(8)) == 8


def test_a_policy_for_two_objectives_serves_one_of_them():
    one = replace(
        SHOWN, objectives=SHOWN.objectives[:1], reference=SHOWN.reference[:1], ideal=SHOWN.ideal[:1]
    )

    assert len(searcher(untrained(TOY.problem), one).ask(8)) == 8


def test_a_restricted_space_keeps_the_values_that_it_has():
    space = SHOWN.space.restrict({"p1": [2, 5], "p4": 3})
    wanted = dict.fromkeys(space.names, 2)

    proposal = searcher(sure(untrained(TOY.problem), wanted), replace(SHOWN, space=space)).ask(4)

    first = space.from_indices(proposal.indices[0])
    assert (first["p1"], first["p4"], first["p2"]) == (2, 3, 2)


def test_a_checkpoint_that_changed_is_noticed_on_resuming():
    state = searcher(untrained(TOY.problem, 1)).state()

    with pytest.raises(ConfigError, match=r"'some.npz' has changed since this run began"):
        searcher(untrained(TOY.problem, 2)).load(state)


def test_a_checkpoint_must_be_named_and_be_there():
    build = resolve("searcher", "policy")

    with pytest.raises(ConfigError, match="'checkpoint' is missing: name the file of a saved policy"):
        build(SHOWN, np.random.SeedSequence(1))
    with pytest.raises(ConfigError, match=r"'nowhere.npz' cannot be read: No such file.*train_policy"):
        build(SHOWN, np.random.SeedSequence(1), checkpoint="nowhere.npz")


@pytest.mark.parametrize("data", [b"", b"PK not a policy", pack({"format": "another"})])
def test_a_file_of_something_else_is_refused(data):
    assert "'some.npz' is not a saved policy: train one" in refused(data)


def test_a_checkpoint_of_another_version_is_refused():
    saved = unpack(untrained(TOY.problem).to_bytes())

    said = refused(pack({**saved, "version": 9}))

    assert "'some.npz' is of version 9, and this is for version 1: train one" in said


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("networks", []),
        ("mean", np.zeros(17)),
        ("allowed", np.ones((4, 3, 6), dtype=np.bool_)),
        ("parameters", {}),
        ("agents", 3),
    ],
)
def test_a_damaged_checkpoint_is_refused(field, value):
    saved = unpack(untrained(TOY.problem).to_bytes())

    assert saved["format"] == FORMAT
    assert "'some.npz' is damaged" in refused(pack({**saved, field: value}))


def test_a_checkpoint_of_another_space_is_refused_by_name():
    said = refused(untrained(make_toy(1, n_parameters=6).problem))

    assert "'some.npz' is of another space" in said
    assert "they differ in 'p6', 'p7'" in said


def test_a_checkpoint_that_lacks_a_value_is_refused():
    space = TOY.problem.space.restrict({"p1": [2, 5]})

    assert "p1=0" in refused(untrained(replace(TOY.problem, space=space)))


def test_a_checkpoint_for_other_objectives_is_refused():
    other = replace(SHOWN, objectives=(SHOWN.objectives[0], Objective("area_mm2", "min")))

    said = refused(untrained(TOY.problem), other)

    assert "was trained for 'cost_0', 'cost_1', not for 'area_mm2'" in said


def test_a_problem_that_does_not_describe_its_workloads_is_refused():
    assert "sees 2 numbers of the workloads, and this problem has no desc" in refused(
        untrained(TOY.problem), TOY.problem
    )


@pytest.mark.parametrize("name", ["grid", "policy"])
def test_who_goes_on_must_learn_from_others(name):
    assert f"then={name!r}: expected a searcher that learns from designs of others" in refused(
        untrained(TOY.problem), then=name
    )
