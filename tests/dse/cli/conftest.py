"""Running `dse` with the fake simulator, in this process or in one of its own, and on a small campaign."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dse.campaign import Campaign
from dse.cli.main import run_command_line
from dse.cli.trace import app
from tests.dse.fake import fake_environment

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "tests.dse.fake_command"]
SMALL_CAMPAIGN = {
    "name": "small",
    "seed": 1,
    "simulator": {"name": "dram", "device": "ddr4-2400-8gb-x8"},
    "workloads": [
        {"trace": "synthetic:uniform_random?n=600&seed=1", "name": "scattered"},
        {"trace": "synthetic:stream?n=400", "name": "stream", "arrival_scale": 2.0, "length": 300},
    ],
    "objectives": [{"metric": "read_latency_p95_ns"}, {"metric": "energy_per_bit_pj"}],
    "agents": [{"name": "random"}],
    "budget": {"unique": 4, "batch": 2},
}


@pytest.fixture
def campaign_file(campaign_file: Callable[..., Path]) -> Callable[..., Path]:
    """The small campaign without NSGA-II, whose library takes a second to load in every process."""
    return lambda *replacements: campaign_file(('"nsga2"', '"local"'), *replacements)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**fake_environment(), "PYTHONPATH": str(ROOT), "DSE_STORE": str(tmp_path / "store.sqlite")}


@pytest.fixture
def dse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `dse ARGS` in this process, in an empty folder, and return what it did."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSE_STORE", str(tmp_path / "store.sqlite"))

    def run(*args: object, **more: str) -> subprocess.CompletedProcess[str]:
        words = [str(arg) for arg in args]
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name, value in more.items():
                patch.setenv(name, value)
            status = run_command_line(words)
        return subprocess.CompletedProcess(words, status, *capsys.readouterr())

    return run


@pytest.fixture
def dse_process(
    tmp_path: Path, environment: dict[str, str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The same in a process of its own, which takes a second."""

    def run(*args: object, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *map(str, args)],
            cwd=tmp_path,
            env={**environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def heed_interrupts() -> None:
    """In a child: a shell starts background jobs with SIGINT ignored, and their children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start_dse(tmp_path: Path, environment: dict[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Start `dse ARGS` and return the process."""

    def start(*args: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *map(str, args)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interrupts,  # noqa: PLW1509  no thread runs yet
        )

    return start


@pytest.fixture(scope="session")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a campaign of four designs of the DRAM controller on two workloads."""
    path = tmp_path_factory.mktemp("campaign") / "campaigns.sqlite"
    Campaign(SMALL_CAMPAIGN).run(store=path, threads=1)
    return path


@pytest.fixture
def run(
    small_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs `dse ...` in an empty folder on the small campaign; gives status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSE_STORE", str(small_store))

    def run(*args: str) -> tuple[int, str, str]:
        status = run_command_line(list(args))
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def dse_trace():
    """Run `dse trace ARGS`; errors of the user come out as they are raised."""

    def run(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run
