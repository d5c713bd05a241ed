"""Runs a command in a local AWS of its own, and leaves nothing behind however it ends."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from unittest.mock import patch

from demo.journey import BrokenPromiseError
from demo.local_aws import LocalAws, local_aws
from demo.sam import PROJECT
from demo.terminal import Terminal

# Ignored by git, and removed by `make clean`.
_BASE = PROJECT / ".aws-sam"


def run(command: Callable[[LocalAws, Terminal], None], when_stopped: int) -> int:
    """Run the command; returns the exit status, which is `when_stopped` after Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    terminal = Terminal(sys.stdout)
    try:
        terminal.doing("Starting a local AWS with IAM enforcement")
        _BASE.mkdir(exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix="local-", dir=_BASE) as directory,
            local_aws(Path(directory)) as aws,
            patch.dict(os.environ, aws.environment, clear=True),
        ):
            command(aws, terminal)
    except (BrokenPromiseError, RuntimeError) as error:
        terminal.doing("")
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        terminal.doing("")
        print("\nStopped; nothing is left running.", file=sys.stderr)
        return when_stopped
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
