"""Compile ext/*.pyx, one Extension each, and list the packages; everything else is in pyproject.toml.

    python setup.py build_ext --inplace                      only what changed is compiled again
    DSE_EXT=trace_scan python setup.py build_ext --inplace   only the kernels named (comma-separated)
    DSE_CHECKED=1 python setup.py build_ext --inplace        bounds, initialisation and overflow checks on
    DSE_SKIP_EXT=1 pip install -e .                          no kernels now (make builds them afterwards)

Compiler directives are set here, once. The build writes ext/_build_info.json (not under version control):
the sources and flags each kernel was compiled from, which dse/build_info.py compares with the tree to find
a stale kernel.
"""

from __future__ import annotations

import fcntl
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
CHECKED = os.environ.get("DSE_CHECKED", "") not in ("", "0")
FLAVOUR = "checked" if CHECKED else "release"
BUILD = Path("build") / FLAVOUR
JOBS = os.cpu_count() or 1

PACKAGES = [
    "ext",
    "traces",
    "dse",
    "dse.campaign",
    "dse.cli",
    "dse.comparison",
    "dse.env",
    "dse.exchange",
    "dse.executors",
    "dse.store",
    "dse.testing",
    "simulators",
    "simulators.dram",
    "simulators.dram.audit",
    "simulators.dram.export",
    "simulators.dram.memory",
    "simulators.dram.mimic",
    "simulators.dram.replay",
    "simulators.dram.twin",
    "simulators.soc",
    "simulators.soc.audit",
    "simulators.soc.graphs",
    "simulators.soc.power",
    "simulators.soc.twin",
    "agents",
    "agents.analysis",
    "agents.learning",
    "agents.models",
    "agents.search",
    "dashboards",
    "dashboards.figures",
    "dashboards.pages",
]

PACKAGE_DATA = {
    "*": ["py.typed"],
    "ext": ["*.pyx", "*.pxd", "*.pyi", "_build_info.json"],
    "traces": ["samples/*", "samples/instructions/*"],
    "simulators.dram.memory": ["standards/*.toml"],
    "simulators.soc.graphs": ["workloads/*.toml", "networks/*.toml"],
    "simulators.soc.power": ["data/*.csv"],
    "dashboards": ["assets/*"],
}

# No -march=native and no contraction to fused multiply-add: the same numbers on every machine.
COMPILE_ARGS = ["-O3", "-ffp-contract=off"]
MACROS = [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": CHECKED,
    "wraparound": CHECKED,
    "initializedcheck": CHECKED,
    "overflowcheck": CHECKED,
    "cdivision": True,
    "embedsignature": True,
    "freethreading_compatible": True,
    "show_performance_hints": not CHECKED,
}


def kernels() -> list[str]:
    """Names of the extension modules: every ext/*.pyx, or those that DSE_EXT names."""
    present = sorted(path.stem for path in (ROOT / "ext").glob("*.pyx"))
    wanted = [name.strip() for name in os.environ.get("DSE_EXT", "").split(",") if name.strip()]
    unknown = sorted(set(wanted) - set(present))
    if unknown:
        sys.exit(f"DSE_EXT: there is no ext/{unknown[0]}.pyx; expected some of {', '.join(present)}")
    return wanted or present


def extensions() -> list[Extension]:
    if os.environ.get("DSE_SKIP_EXT"):
        return []
    return [
        Extension(f"ext.{name}", [f"ext/{name}.pyx"], extra_compile_args=COMPILE_ARGS, define_macros=MACROS)
        for name in kernels()
    ]


def write_build_info(names: list[str]) -> None:
    """Write ext/_build_info.json, keeping the entries of kernels that this build left alone."""
    path = ROOT / "ext" / "_build_info.json"
    known = json.loads(path.read_text())["kernels"] if path.exists() else {}
    source_hash = runpy.run_path(str(ROOT / "ext" / "sources.py"))["source_hash"]
    fresh = {name: {"source": source_hash(name, ROOT / "ext"), "flavour": FLAVOUR} for name in names}
    rows = {**known, **fresh}
    kept = {name: rows[name] for name in sorted(rows) if (ROOT / "ext" / f"{name}.pyx").exists()}
    path.write_text(json.dumps({"flags": COMPILE_ARGS, "kernels": kept}, indent=1) + "\n")


class BuildKernels(build_ext):
    """Cythonize only when a build is asked for, one build of a tree at a time."""

    def finalize_options(self) -> None:
        if self.distribution.ext_modules:
            self._lock = self._acquire()
            self.distribution.ext_modules[:] = self._cythonized()
        super().finalize_options()
        self.parallel = self.parallel or JOBS

    def run(self) -> None:
        names = [extension.name.removeprefix("ext.") for extension in self.extensions]
        super().run()
        if names:
            write_build_info(names)

    @staticmethod
    def _acquire() -> Any:
        """Wait for another build of this tree; the lock goes with the process."""
        BUILD.mkdir(parents=True, exist_ok=True)
        lock = open(BUILD.parent / "lock", "w")  # noqa: SIM115
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    @staticmethod
    def _cythonized() -> list[Extension]:
        import numpy
        from Cython.Build import cythonize

        found = cythonize(
            extensions(),
            build_dir=str(BUILD / "cython"),
            compiler_directives=DIRECTIVES,
            nthreads=JOBS if len(kernels()) > 1 else 0,
            force=CHECKED,
        )
        for extension in found:
            extension.include_dirs.append(numpy.get_include())
        return list(found)


if __name__ == "__main__":
    setup(
        packages=PACKAGES,
        package_data=PACKAGE_DATA,
        ext_modules=extensions(),
        cmdclass={"build_ext": BuildKernels},
        options={"build": {"build_base": str(BUILD)}},
    )
