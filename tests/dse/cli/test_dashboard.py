"""`dse dashboard` as a process."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request

from tests.dse.cli.conftest import heed_interrupts
from tests.dse.fake import fake_environment


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "dse.cli", "dashboard", *words]


def test_it_serves_until_it_is_interrupted(tmp_path):
    command = _command("--store", str(tmp_path / "absent.sqlite"), "--port", "0")
    process = subprocess.Popen(
        command,
        env=fake_environment(),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  no thread runs yet
    )
    try:
        address = re.search(r"http://\S+", process.stdout.readline()).group()
        with urllib.request.urlopen(address) as answer:
            page = answer.read().decode()
    finally:
        process.send_signal(signal.SIGINT)

    assert "_dash-renderer" in page
    assert process.wait(timeout=30) == 0


def test_beyond_loopback_it_asks_for_a_token_and_exits_as_documented(tmp_path):
    command = _command("--store", str(tmp_path / "absent.sqlite"), "--host", "0.0.0.0", "--port", "0")

    ended = subprocess.run(
        command, check=False, env=fake_environment(), capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == 3
    assert "--token" in ended.stderr
    assert "Traceback" not in ended.stderr
