"""Environments as tasks of BenchMARL (Bettini et al., arXiv 2312.01472; tested with its version 1.5.2).

    task = DesignTask("dram/refine-v0", {"workload": "synthetic:stream?n=2000", "steps": 8})
    Experiment(task=task, algorithm_config=MappoConfig.get_from_yaml(), ...).run()

BenchMARL's learners take agents with one `Discrete` action and one number as reward. So each parameter is an
agent, in a group of its own because agents have different numbers of values, and the reward is one of the
scalar modes. Masks and the state for centralised critics come along. Needs the extra `interop`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dse
from dse.env.wrappers import MaskInfos
from dse.errors import ConfigError

try:
    from benchmarl.environments.pettingzoo.common import PettingZooClass
    from torchrl.envs import EnvBase, PettingZooWrapper
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"agents.learning.benchmarl needs {error.name}, which is not installed: "
        "pip install 'marl-dse[interop]'",
        name=error.name,
    ) from error


class DesignTask(PettingZooClass):  # type: ignore[misc]
    """The environment `name` of `dse.make` as a task.

    options: those of `dse.make`, but for `granularity`, which is "parameter". `reward` is "linear" unless
    given. Raises ConfigError for another granularity and for a reward that is a vector, and as `dse.make`.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        super().__init__(name=name.replace("/", "-"), config={"reward": "linear", **options})
        self.environment = name
        asked = self.config.pop("granularity", "parameter")
        if asked != "parameter":
            raise ConfigError(
                f"granularity={asked!r}: agents of BenchMARL have one action each: leave it out, or "
                "say 'parameter'",
                key="granularity",
            )
        env = self._made()
        size = env.reward_space(env.possible_agents[0]).shape[0]
        if size != 1:
            raise ConfigError(
                f"reward={self.config['reward']!r} has {size} components, and BenchMARL learns from one "
                "number: expected a scalar mode, such as 'linear'",
                key="reward",
            )

    def get_env_fun(
        self, num_envs: int, continuous_actions: bool, seed: int | None, device: Any
    ) -> Callable[[], EnvBase]:
        """A function that makes one environment; BenchMARL batches as many as it wants."""
        return lambda: PettingZooWrapper(MaskInfos(self._made()), return_state=True, seed=seed, device=device)

    def supports_continuous_actions(self) -> bool:
        """False."""
        return False

    def supports_discrete_actions(self) -> bool:
        """True."""
        return True

    def has_state(self) -> bool:
        """True: `state()`."""
        return True

    def has_render(self, env: EnvBase) -> bool:
        """False: no films are made."""
        return False

    def max_steps(self, env: EnvBase) -> int:
        """The most steps that an episode has."""
        return int(env.core.longest)

    @staticmethod
    def env_name() -> str:
        """What BenchMARL calls the family of its tasks."""
        return "dse"

    def _made(self) -> Any:
        return dse.make(self.environment, granularity="parameter", **self.config)
