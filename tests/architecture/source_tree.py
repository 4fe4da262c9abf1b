"""The source tree as the architecture tests see it: files, modules and what each imports."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ext", "traces", "dse", "simulators", "agents", "dashboards")


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement: `module` imports `target` (absolute dotted name) on `line`."""

    module: str
    target: str
    line: int
    inside_function: bool
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def python_files() -> list[Path]:
    """Every Python file of the packages, relative to the root."""
    found = [path for name in PACKAGES for path in (ROOT / name).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in found if "__pycache__" not in path.parts)


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for path in python_files() for found in _imports_of(path))


@cache
def tracked_files() -> tuple[Path, ...]:
    """Files under version control or about to be; without git, every file outside build folders."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split("\0")
        paths = [Path(name) for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
    skipped = {"build", ".venv", "__pycache__", ".git"}
    return tuple(path for path in sorted(paths) if not skipped & set(path.parts) and (ROOT / path).is_file())


def _imports_of(path: Path) -> list[Import]:
    module = module_name(path)
    found: list[Import] = []
    _walk(ast.parse((ROOT / path).read_text(), str(path)), module, False, False, found)
    return found


def _walk(node: ast.AST, module: str, inside: bool, typing_only: bool, found: list[Import]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            found += [Import(module, name.name, child.lineno, inside, typing_only) for name in child.names]
        elif isinstance(child, ast.ImportFrom):
            prefix = "." * child.level + (child.module or "")
            targets = [f"{prefix}.{name.name}" for name in child.names]
            found += [Import(module, target, child.lineno, inside, typing_only) for target in targets]
        function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        guard = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
        _walk(child, module, inside or function, typing_only or guard, found)
