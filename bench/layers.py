"""Seconds of each layer of the test suite, each run once, as `make test` and `make prove` do."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.table import Row

PROJECT = Path(__file__).parents[1]
_PARALLEL = ("--numprocesses=auto", "--dist=worksteal")
_FOLDERS = (
    "unit",
    "lifecycle",
    "policies",
    "template",
    "docs",
    "faults",
    "overlaps",
    "load",
    "tool",
)
# What pytest is told for each layer.
OF_TEST = {name: (*_PARALLEL, f"tests/{name}") for name in _FOLDERS}
OF_PROVE = {
    **{
        f"{name}, all of it": ("--exhaustive", *_PARALLEL, f"tests/{name}")
        for name in ("faults", "overlaps", "load")
    },
    "local_aws": ("--numprocesses=auto", "--dist=loadfile", "tests/local_aws"),
    "browser": ("tests/browser",),
    "auditors": ("tests/auditors",),
}
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


def measure(names: Iterable[str], tell: Tell) -> list[Layer]:
    """Run layers; one that fails is told as failed. Raises KeyError for one that is unknown."""
    found = []
    for name in names:
        arguments = {**OF_TEST, **OF_PROVE}[name]
        command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider"]
        began = time.monotonic()
        run = subprocess.run(
            [*command, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        summary = re.findall(r"^\d+ .*(?= in \d)", run.stdout, re.MULTILINE)
        told = summary[-1] if summary else f"pytest ended with {run.returncode}"
        found.append(Layer(name, time.monotonic() - began, told))
        tell(f"the tests of {name} took {found[-1].seconds:.0f} s: {told}")
    return found
