"""The time that is left for one request, and waiting inside it."""

import random
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from botocore.exceptions import ClientError

# Kept back for the answer: undoing a step and the retries of the PUT to CloudFormation.
RESERVE_SECONDS = 40.0
_LONGEST_DELAY_SECONDS = 8.0

T = TypeVar("T")


class LambdaContext(Protocol):
    """What the Lambda runtime tells the function of an invocation."""

    invoked_function_arn: str
    aws_request_id: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int: ...


class Deadline:
    """Knows how many seconds may still be spent before CloudFormation must be answered."""

    def __init__(self, context: LambdaContext) -> None:
        self._context = context

    def seconds_left(self) -> float:
        """Seconds until work must stop; negative when it should have."""
        return self._context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS

    def until_settled(self, call: Callable[[], T], transient: Callable[[ClientError], bool]) -> T:
        """Repeat `call` while its failure is IAM's eventual consistency, with back-off and jitter.

        Raises the last failure when time is up. IAM User Guide, "Changes that I make are not
        always immediately visible".
        """
        delay = 1.0
        while True:
            try:
                return call()
            except ClientError as error:
                pause = delay * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
                if not transient(error) or self.seconds_left() < pause:
                    raise
            time.sleep(pause)
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)


def error_code(error: ClientError) -> str:
    """The code by which AWS names a failure."""
    return str(error.response["Error"]["Code"])
