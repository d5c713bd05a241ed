"""The cold start: our module with its clients, against bare boto3 clients of the same services.

Lambda mounts the package read-only, so what is not compiled in it is compiled at each cold start.
Whether the SDK of its runtime is compiled is for AWS to know, so both are measured.
"""

import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.table import Row, markdown, row
from support.operations import Operation

FRESH = Path(__file__).with_name("fresh")
AT_MOST = 1.10


@dataclass(frozen=True)
class Start:
    """Milliseconds of ours and of bare clients, medians of runs that alternate."""

    way: str
    ours: float
    bare: float

    @property
    def ratio(self) -> float:
        """Ours against bare."""
        return self.ours / self.bare


def environment(package: Path, **more: str) -> dict[str, str]:
    """Of a fresh process: nothing of the person's own, and the package before all else."""
    kept = {name: os.environ[name] for name in ("LANG", "PATH") if name in os.environ}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(package),
    } | more


def without_package(environ: dict[str, str]) -> dict[str, str]:
    """The environment of the bare process, whose SDK comes with the runtime alone."""
    return environ | {"PYTHONPATH": ""}


def fresh(script: str, arguments: list[str], environ: dict[str, str], place: Path) -> Any:
    """Run a script of bench/fresh/ in a process of its own; returns what it told."""
    result = place / "result.json"
    command = [sys.executable, str(FRESH / script), str(result), *arguments]
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
    return json.loads(result.read_text())


def services(create: Operation) -> list[str]:
    """The services that a Create calls, as boto3 names their clients."""
    return [service.replace("-", "") for service in create.by_service]


def measure(package: Path, place: Path, runs: int, called: list[str]) -> list[Start]:
    """The cold start of a package as it is deployed, compiled, and with nothing compiled."""
    compiled = place / "compiled"
    shutil.copytree(package, compiled)
    compileall.compile_dir(compiled, quiet=2)
    empty = place / "no-bytecode"
    ways = {
        "nothing compiled": environment(package, PYTHONPYCACHEPREFIX=str(empty)),
        "only the SDK compiled": environment(package),
        "all compiled": environment(compiled),
    }
    # Once for the disk, and for what the SDK has not compiled yet.
    _alternate("", environment(compiled, PYTHONDONTWRITEBYTECODE=""), place, 1, called)
    return [_alternate(way, environ, place, runs, called) for way, environ in ways.items()]


def _alternate(
    way: str, environ: dict[str, str], place: Path, runs: int, called: list[str]
) -> Start:
    ours, bare = [], []
    for _ in range(runs):
        ours.append(fresh("ours.py", called, environ, place)["seconds"] * 1000)
        told = fresh("bare.py", ["build", *called], without_package(environ), place)
        bare.append(told["seconds"] * 1000)
    return Start(way, statistics.median(ours), statistics.median(bare))


def rows(starts: list[Start]) -> list[Row]:
    """Lines of the one table."""
    return [
        row(f"Cold start against bare clients, {one.way}", one.ratio, AT_MOST, "{:.2f}")
        for one in starts
    ]


def details(starts: list[Start]) -> str:
    """Milliseconds."""
    return markdown(
        ("", "ours, ms", "bare clients, ms", "ratio"),
        [(one.way, f"{one.ours:.0f}", f"{one.bare:.0f}", f"{one.ratio:.2f}") for one in starts],
    )
