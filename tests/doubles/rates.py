"""The rates of an account: calls take time, and those that are too many are throttled.

AWS publishes no numbers for IAM; those here are what people observe. CloudFormation throttles
DescribeStacks likewise. Amazon EC2 API Reference, "Request throttling", describes such buckets.
"""

import time
from dataclasses import dataclass, field

import pytest

from doubles.aws_calls import LISTENER


@dataclass
class Bucket:
    """Holds at most `burst` tokens, and gets `rate` new ones in a second."""

    rate: float
    burst: float
    refused: int = 0

    def __post_init__(self) -> None:
        self._tokens, self._filled = self.burst, time.monotonic()

    def is_empty(self) -> bool:
        """Take a token, if there is one."""
        now = time.monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
        self._filled = now
        if self._tokens < 1:
            self.refused += 1
            return True
        self._tokens -= 1
        return False


@dataclass
class Rates:
    """What the account allows in a second, and how many tries there were."""

    seconds: float = 0.0
    iam: Bucket = field(default_factory=lambda: Bucket(rate=20, burst=40))
    cloudformation: Bucket = field(default_factory=lambda: Bucket(rate=10, burst=20))
    tries: int = 0

    @property
    def throttled(self) -> int:
        return self.iam.refused + self.cloudformation.refused

    def throttles(self, service: str, _operation: str) -> bool:
        """Whether a try of a call is one too many, after the time that it takes."""
        self.tries += 1
        time.sleep(self.seconds)
        bucket = {"iam": self.iam, "cloudformation": self.cloudformation}.get(service)
        return bucket is not None and bucket.is_empty()


def install(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.0) -> Rates:
    """Put the rates in place for one test, in which each try of a call takes so many seconds."""
    rates = Rates(seconds)
    monkeypatch.setattr(LISTENER, "throttles", rates.throttles)
    return rates
