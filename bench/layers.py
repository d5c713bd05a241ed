"""Seconds of each layer of the test suite, each run once by all processors."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.table import Row

PROJECT = Path(__file__).parents[1]
LAYERS = ("unit", "lifecycle", "policies", "template", "docs", "faults", "overlaps", "load")
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Layer:
    """One folder of tests/, its seconds, and what pytest says of it."""

    name: str
    seconds: float
    told: str

    @property
    def row(self) -> Row:
        """A line of the one table."""
        return Row(f"Tests: {self.name} ({self.told}), seconds", f"{self.seconds:.0f}")


def measure(names: tuple[str, ...], tell: Tell) -> list[Layer]:
    """Run each layer as `make test` does; one that fails is told as failed."""
    found = []
    for name in names:
        command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider"]
        workers = ["--numprocesses=auto", "--dist=worksteal"]
        began = time.monotonic()
        run = subprocess.run(
            [*command, *workers, f"tests/{name}"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
        last = run.stdout.strip().splitlines()[-1]
        told = re.search(r"\d.*?(?= in \d)", last)
        found.append(Layer(name, time.monotonic() - began, told[0] if told else "did not run"))
        tell(f"the tests of {name} took {found[-1].seconds:.0f} s: {found[-1].told}")
    return found
