"""`dse` with the simulators of the tests registered: what the tests of the command line start."""

from __future__ import annotations

from dse.cli import main
from dse.registry import SIMULATORS

if __name__ == "__main__":
    SIMULATORS["fake"] = "tests.dse.fake:FakeSimulator"
    SIMULATORS["sleepy"] = "tests.kills.campaign:SleepySimulator"
    main()
