"""`make demo`: the journey, told on the terminal."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from unittest.mock import patch

from demo.journey import CHAPTERS, BrokenPromiseError, Journey
from demo.local_aws import local_aws


def main() -> int:
    """Run every chapter; returns the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    started = time.monotonic()
    print("Starting a local AWS with IAM enforcement …", flush=True)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="restricted-iam-user-") as directory,
            local_aws(Path(directory)) as aws,
            patch.dict(os.environ, aws.environment, clear=True),
        ):
            journey = Journey(aws, lambda line: print(f"   {line}", flush=True))
            for command, chapter in CHAPTERS.items():
                print(f"\n$ {command}", flush=True)
                chapter(journey)
    except (BrokenPromiseError, RuntimeError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.", file=sys.stderr)
        return 130
    print(f"\nAll of it held, in {time.monotonic() - started:.0f} s.")
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
