"""A clock that moves only while somebody sleeps, for invocations that come one after another."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from handler.keys import grace

# AWS Lambda Developer Guide, "Asynchronous invocation": how long after a failure an event comes
# again. The lease of an environment that died ends a little later.
DELIVERED_AGAIN_AFTER = 60.0


@dataclass
class Clock:
    """The time of the functions and of IAM, in seconds since 1970."""

    now: float = field(default_factory=time.time)

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.0)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put it in place until the patches are undone."""
        monkeypatch.setattr(time, "sleep", self.sleep)
        monkeypatch.setattr(time, "time", lambda: self.now)
        monkeypatch.setattr(time, "time_ns", lambda: int(self.now * 1e9))
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(grace, "now", lambda: datetime.fromtimestamp(self.now, UTC))
        monkeypatch.setattr("moto.iam.models.utcnow", self._utcnow)

    def _utcnow(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC).replace(tzinfo=None)
