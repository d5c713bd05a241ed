"""The rates of an account: calls take time, and those that are too many are throttled.

AWS publishes no numbers for IAM and CloudFormation; those here are what people observe.
"""

import time
from dataclasses import dataclass, field

import pytest

from doubles.aws_calls import LISTENER
from support.token_bucket import TokenBucket


@dataclass
class Rates:
    """What the account allows in a second, and how many tries there were."""

    seconds: float = 0.0
    iam: TokenBucket = field(default_factory=lambda: TokenBucket(rate=20, burst=40))
    cloudformation: TokenBucket = field(default_factory=lambda: TokenBucket(rate=10, burst=20))
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
