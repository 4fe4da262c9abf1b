"""BenchMARL's learners on tasks whose agents each own one parameter."""

from __future__ import annotations

import math

import pytest
import torch
from benchmarl.algorithms import IppoConfig, MappoConfig
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig

from agents.learning.benchmarl import DesignTask
from dse.errors import ConfigError
from tests.dse.env.registered import NAMES, SHORT, WORKLOADS, made

pytestmark = pytest.mark.filterwarnings("ignore:PettingZoo in TorchRL is tested using")


# Few agents: BenchMARL's own work, for each of them, is what these tests take their time for.
SPACES = {"dram": "dramgym", "soc": "soc-small"}
RUNS = [(name, MappoConfig if name.startswith("dram/") else IppoConfig) for name in NAMES]
FRAMES = 16


def _task(name, **options):
    family = name.partition("/")[0]
    return DesignTask(name, {"workload": WORKLOADS[family], "space": SPACES[family], **options})


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """Build an experiment of one small iteration, with an evaluation, that writes to an empty folder."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    config = ExperimentConfig.get_from_yaml()
    config.max_n_iters, config.max_n_frames = 1, None
    config.on_policy_collected_frames_per_batch = config.evaluation_interval = FRAMES
    config.on_policy_n_envs_per_worker = config.on_policy_n_minibatch_iters = 1
    config.on_policy_minibatch_size, config.evaluation_episodes = FRAMES, 1
    config.loggers, config.create_json, config.render = [], False, False
    config.save_folder = str(tmp_path)

    def build(task, algorithm):
        model = MlpConfig.get_from_yaml()
        return Experiment(
            task=task,
            algorithm_config=algorithm,
            model_config=model,
            critic_model_config=model,
            seed=0,
            config=config,
        )

    yield build
    torch.set_num_threads(before)


@pytest.mark.parametrize(("name", "algorithm"), RUNS)
def test_one_iteration_of_a_learner(experiment, name, algorithm):
    options, _ = SHORT[name.partition("/")[2]]
    run = experiment(_task(name, **options), algorithm.get_from_yaml())
    before = [weight.detach().clone() for weight in run.policy.parameters()]

    run.run()

    assert run.total_frames == FRAMES
    assert math.isfinite(run.mean_return)
    assert any(not torch.equal(old, new) for old, new in zip(before, run.policy.parameters(), strict=True))


def test_policies_get_the_masks_and_critics_the_state(experiment):
    run = experiment(_task("dram/design-v0"), MappoConfig.get_from_yaml())
    env = made("dram/design-v0", space=SPACES["dram"])

    assert set(run.group_map) == set(run.action_mask_spec.keys()) == set(env.problem.space.names)
    assert tuple(run.state_spec["state"].shape) == env.state_space.shape


def test_an_episode_is_as_long_as_that_of_the_environment(experiment):
    run = experiment(_task("dram/refine-v0", steps=3), IppoConfig.get_from_yaml())

    assert run.max_steps == 3


def test_another_granularity_is_refused():
    with pytest.raises(ConfigError, match="'parameter'"):
        _task("dram/design-v0", granularity="subsystem")


def test_a_vector_of_rewards_is_refused():
    with pytest.raises(ConfigError, match=r"2 components.*'linear'"):
        _task("dram/design-v0", reward="improvement")
