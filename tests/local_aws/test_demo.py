"""`make demo` ends as it should, however it is ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from demo.sam import PROJECT

LONGEST_SECONDS = 120  # A killed demo lets `sam build` come to its end, which takes what it takes.


@pytest.mark.parametrize(
    ("ending", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["Ctrl-C", "terminated", "killed"],
)
def test_stopped_demo_leaves_no_process(tmp_path: Path, ending: int, status: int) -> None:
    """Stopped while the SAM CLI builds, the demo takes MiniStack and everything else with it."""
    # Where the tests run in the background, Ctrl-C may be ignored, and would be by the demo too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    demo = subprocess.Popen(
        [sys.executable, "-m", "demo"],
        env=os.environ | {"PYTHONPATH": str(PROJECT / "tests"), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout
    for line in demo.stdout:
        if line.startswith("$ sam build"):
            break
    started = psutil.Process(demo.pid).children(recursive=True)
    demo.send_signal(ending)
    demo.communicate(timeout=LONGEST_SECONDS)
    _, alive = psutil.wait_procs(started, timeout=LONGEST_SECONDS)

    assert demo.returncode == status
    assert len(started) >= 1
    assert alive == []
