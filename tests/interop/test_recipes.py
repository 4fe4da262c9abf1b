"""The programs of docs/interoperability.md that need other libraries run as they stand there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.docs.pages import FENCE, ROOT

PAGE = (ROOT / "docs/interoperability.md").read_text()
PROGRAMS = {
    f"line {PAGE.count(chr(10), 0, fence.start()) + 1}": fence["body"]
    for fence in FENCE.finditer(PAGE)
    if fence["info"].split() == ["python", "interop"]
}


@pytest.mark.parametrize("line", PROGRAMS)
def test_a_program_of_the_page_runs(line, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    ran = subprocess.run(
        [sys.executable],
        input=PROGRAMS[line],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
