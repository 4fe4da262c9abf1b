"""The registry: names of simulators, searchers, surrogates, exporters, ... as "module:Name" text.

The hall knows the wings only by these strings; a module is imported when its name is asked for.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from dse.errors import ConfigError, LookupFailed, did_you_mean, listed

SIMULATORS = {
    "dram": "simulators.dram.simulator:DramSimulator",
    "soc": "simulators.soc.simulator:SocSimulator",
    "soc-farsi": "simulators.soc.graphs.simulator:GraphSimulator",
}
SEARCHERS = {
    "random": "agents.search.random:RandomSearch",
    "grid": "agents.search.grid:GridSearch",
    "sobol": "agents.search.sobol:SobolSearch",
    "local": "agents.search.local:LocalSearch",
    "annealing": "agents.search.annealing:Annealing",
    "genetic": "agents.search.genetic:Genetic",
    "cem": "agents.search.cem:CrossEntropy",
    "aco": "agents.search.aco:AntColony",
    "nsga2": "agents.search.nsga2:Nsga2",
    "nsga3": "agents.search.nsga3:Nsga3",
    "tpe": "agents.search.tpe:Tpe",
    "scbo": "agents.search.scbo:Scbo",
    "ippo": "agents.learning.ippo:Ippo",
    "ppo": "agents.learning.single_ppo:SinglePpo",
    "mappo": "agents.learning.mappo:Mappo",
    "happo": "agents.learning.happo:Happo",
    "autoregressive": "agents.learning.autoregressive:Autoregressive",
    "sac": "agents.learning.sac:Sac",
    "vdn": "agents.learning.vdn:Vdn",
    "qmix": "agents.learning.qmix:Qmix",
    "pcn": "agents.learning.pcn:Pcn",
    "policy": "agents.learning.trained_policy:TrainedPolicy",
    "team": "agents.team:Team",
}
SURROGATES = {"forest": "agents.models.forest:Forest", "gp": "agents.models.process:Process"}
EXPORTERS = {
    "dramsys": "simulators.dram.export.dramsys:export",
    "ramulator2": "simulators.dram.export.ramulator2:export",
    "dramsim3": "simulators.dram.export.dramsim3:export",
}
ENVIRONMENTS = {
    "dram/design-v0": "dse.env.factories:dram_design",
    "dram/refine-v0": "dse.env.factories:dram_refine",
    "dram/live-v0": "dse.env.factories:dram_live",
    "soc/design-v0": "dse.env.factories:soc_design",
    "soc/refine-v0": "dse.env.factories:soc_refine",
    "soc/live-v0": "dse.env.factories:soc_live",
}
FIGURES = {
    "comparison": "dashboards.figures.comparison:comparison_figure",
    "comparison_page": "dashboards.comparison_page:comparison_page",
    "front": "dashboards.figures.front:front_figure",
    "hypervolume": "dashboards.figures.hypervolume:growth_figure",
    "importance": "dashboards.figures.importance:importance_figure",
    "intervals": "dashboards.figures.intervals:intervals_figure",
    "load_curve": "dashboards.figures.load_curve:load_curve_figure",
    "over_time": "dashboards.figures.over_time:over_time_figure",
    "surrogate": "dashboards.figures.surrogate:surrogate_figure",
}

TABLES: dict[str, dict[str, str]] = {
    "simulator": SIMULATORS,
    "searcher": SEARCHERS,
    "surrogate": SURROGATES,
    "exporter": EXPORTERS,
    "environment": ENVIRONMENTS,
    "figure": FIGURES,
}
_LIBRARIES = ("torch", "pymoo", "dash", "plotly", "pettingzoo", "gymnasium")
_EXTRAS = {"optuna": "bayes", "botorch": "bayes", "gpytorch": "bayes"}


def names(kind: str) -> tuple[str, ...]:
    """What the registry has of one kind (a key of `TABLES`)."""
    return tuple(TABLES[kind])


def resolve(kind: str, name: str) -> Any:
    """The object registered under `name`.

    Raises LookupFailed if there is none (with the nearest name), or if a library it needs is not installed.
    """
    table = TABLES[kind]
    if name not in table:
        hint = did_you_mean(name, table) or f" There are {listed(table)}."
        raise LookupFailed(f"no {kind} is called {name!r}.{hint}", key="name")
    module, _, attribute = table[name].partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in (*_LIBRARIES, *_EXTRAS):
            raise
        wanted = f"'marl-dse[{_EXTRAS[missing]}]'" if missing in _EXTRAS else missing
        raise LookupFailed(
            f"{kind} {name!r} needs {missing}, which is not installed: pip install {wanted}"
        ) from error


def make_simulator(name: str, **options: Any) -> Any:
    """Build a simulator by its registered name; the options are those of its constructor.

    Raises LookupFailed for an unknown name and ConfigError for an unknown option, with the nearest one.
    """
    build = resolve("simulator", name)
    check_keywords(build, options, f"simulator {name!r}")
    return build(**options)


def make(name: str, **options: Any) -> Any:
    """Build an environment by its registered name, for example "dram/design-v0"."""
    build = resolve("environment", name)
    check_keywords(build, options, f"environment {name!r}")
    return build(**options)


def make_vec(name: str, n_envs: int, **options: Any) -> Any:
    """Build `n_envs` environments that step together, as arrays (`dse.env.vector.VectorEnv`)."""
    return make(name, n_envs=n_envs, **options)


def check_keywords(build: Any, options: Mapping[str, Any], who: str) -> None:
    """ConfigError if `build` takes no keyword of that name."""
    parameters = inspect.signature(build).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [parameter.name for parameter in parameters if parameter.name != "self"]
    for option in options:
        if option not in known:
            hint = did_you_mean(option, known) or f" The options are {listed(known)}."
            raise ConfigError(f"{who}: unknown option {option!r}.{hint}", key=option)
