"""A rate as AWS allows it. Amazon EC2 Developer Guide, "Request throttling"."""

import time
from dataclasses import dataclass


@dataclass
class TokenBucket:
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
