"""A clock that moves only while somebody sleeps, for invocations that come one after another."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from handler import clock

# AWS Lambda Developer Guide, "Asynchronous invocation": how long after a failure an event comes
# again. The lease of an environment that died ends a little later.
DELIVERED_AGAIN_AFTER = 60.0


class Slept(list[float]):
    """Seconds that somebody slept, each time; time does not go back when they are forgotten."""

    total = 0.0

    def append(self, seconds: float) -> None:
        super().append(seconds)
        self.total += seconds


@dataclass
class Clock:
    """The time of the functions and of AWS, in seconds since 1970, and what they slept of it."""

    began: float = field(default_factory=time.time)
    slept: Slept = field(default_factory=Slept)

    @property
    def now(self) -> float:
        return self.began + self.slept.total

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.slept.append(seconds)

    def advance(self, **parts: float) -> None:
        """Let time pass in which nobody sleeps: the same as for `timedelta`."""
        self.began += timedelta(**parts).total_seconds()

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put it in place until the patches are undone."""
        install(monkeypatch, self.sleep, lambda: self.now, lambda: self.now)


def install(
    monkeypatch: pytest.MonkeyPatch,
    sleep: Callable[[float], None],
    function_time: Callable[[], float],
    aws_time: Callable[[], float],
) -> None:
    """Let everybody sleep and read the time so; Lambda's and AWS's clocks are right."""
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "time", function_time)
    monkeypatch.setattr(time, "time_ns", lambda: int(function_time() * 1e9))
    monkeypatch.setattr(time, "monotonic", aws_time)
    monkeypatch.setattr(clock, "now", lambda: datetime.fromtimestamp(function_time(), UTC))
    for module in ("iam", "secretsmanager"):
        monkeypatch.setattr(f"moto.{module}.models.utcnow", lambda: _naive(aws_time()))


def _naive(seconds: float) -> datetime:
    """As moto writes times."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
