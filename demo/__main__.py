"""`make demo`: the journey, told on the terminal."""

import sys
import time

from demo.command import run
from demo.journey import CHAPTERS, Journey
from demo.local_aws import LocalAws
from demo.terminal import Terminal


def demo(aws: LocalAws, terminal: Terminal) -> None:
    """Tell every chapter, under the command that a person would type for it."""
    started = time.monotonic()
    journey = Journey(aws, terminal.say, terminal.doing)
    for command, chapter in CHAPTERS.items():
        terminal.heading(f"$ {command}")
        chapter(journey)
    terminal.heading(f"Everything worked, in {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    sys.exit(run(demo, when_stopped=130))
