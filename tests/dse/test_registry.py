from __future__ import annotations

import subprocess
import sys

import pytest

import dse
from dse import registry
from dse.errors import ConfigError, LookupFailed


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(LookupFailed, match=r"no exporter is called 'zzz'\. There are 'dramsys'"):
        registry.resolve("exporter", "zzz")


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown option 'devise'\. Did you mean 'device'\?"):
        dse.make_simulator("fake", devise="x")


def test_a_simulator_is_built_from_its_own_description():
    simulator = dse.make_simulator("fake", width=2)

    again = dse.make_simulator("fake", **simulator.describe())

    assert again.space == simulator.space
    assert again.describe() == simulator.describe()


def test_a_missing_library_is_one_sentence(monkeypatch):
    monkeypatch.setitem(registry.SEARCHERS, "odd", "torch.no_such_part:X")

    with pytest.raises(LookupFailed, match="needs torch, which is not installed: pip install torch"):
        registry.resolve("searcher", "odd")


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "agents.search.tpe", raising=False)

    with pytest.raises(
        LookupFailed, match=r"needs optuna, which is not installed: pip install 'marl-dse\[bayes\]'"
    ):
        registry.resolve("searcher", "tpe")


def test_importing_dse_loads_nothing_heavy():
    code = (
        "import sys, dse; dse.make_simulator, dse.DesignSpace; "
        "sys.exit(bool({'torch', 'dash', 'plotly', 'pandas', 'pettingzoo', 'pydantic'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", registry.TABLES)
def test_every_entry_exists(kind):
    for name in registry.names(kind):
        if name != "fake":
            assert callable(registry.resolve(kind, name))
