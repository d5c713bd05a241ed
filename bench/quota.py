"""Runs a command with the share of a processor that Lambda gives to a size of memory.

AWS Lambda Developer Guide, "Configure Lambda function memory": the share is in proportion to the
memory, and 1,769 MB have one whole processor.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MEMORY_OF_ONE_PROCESSOR = 1769
_PERIOD_MICROSECONDS = 20_000
_ROOT = Path("/sys/fs/cgroup")
_INTO_GROUP = 'echo $$ > "$0" && exec "$@"'


@dataclass(frozen=True)
class Throttle:
    """A way to give a process a share of a processor, with its name for the reader."""

    name: str
    start: Callable[[list[str], dict[str, str], float], "subprocess.Popen[bytes]"]


@contextmanager
def throttle() -> Iterator[Throttle]:
    """The kernel's quotas where they can be set, or else stopping and continuing the process."""
    for version, parent, sign, limit in (
        ("2", _ROOT, "cgroup.controllers", _limit_version_2),
        ("1", _ROOT / "cpu", "cpu.cfs_quota_us", _limit_version_1),
    ):
        group = parent / f"bench-{os.getpid()}"
        if not (parent / sign).exists():
            continue
        try:
            group.mkdir()
        except OSError:  # Only root may, where nobody has delegated a group to us.
            continue
        try:
            limit(group, 1.0)
        except OSError:
            group.rmdir()
            continue
        try:
            yield Throttle(f"CPU quotas of cgroup v{version}", _Group(group, limit).start)
        finally:
            group.rmdir()
        return
    yield Throttle("stopping and continuing the process (no cgroup may be made here)", _stop_and_go)


def share(megabytes: int) -> float:
    """What Lambda gives of one processor."""
    return min(1.0, megabytes / MEMORY_OF_ONE_PROCESSOR)


@dataclass(frozen=True)
class _Group:
    """A control group whose processes share a quota."""

    directory: Path
    limit: Callable[[Path, float], None]

    def start(
        self, command: list[str], environment: dict[str, str], part: float
    ) -> "subprocess.Popen[bytes]":
        self.limit(self.directory, part)
        into = ["sh", "-c", _INTO_GROUP, str(self.directory / "cgroup.procs")]
        return subprocess.Popen([*into, *command], env=environment, stdout=subprocess.DEVNULL)


def _limit_version_2(group: Path, part: float) -> None:
    (group / "cpu.max").write_text(f"{_microseconds(part)} {_PERIOD_MICROSECONDS}")


def _limit_version_1(group: Path, part: float) -> None:
    (group / "cpu.cfs_period_us").write_text(str(_PERIOD_MICROSECONDS))
    (group / "cpu.cfs_quota_us").write_text(str(_microseconds(part)))


def _microseconds(part: float) -> int:
    return round(_PERIOD_MICROSECONDS * part)


def _stop_and_go(
    command: list[str], environment: dict[str, str], part: float
) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    period = _PERIOD_MICROSECONDS / 1e6

    def alternate() -> None:
        while process.poll() is None:
            time.sleep(period * part)
            process.send_signal(signal.SIGSTOP)
            time.sleep(period * (1 - part))
            process.send_signal(signal.SIGCONT)

    if part < 1:
        threading.Thread(target=alternate, daemon=True).start()
    return process
