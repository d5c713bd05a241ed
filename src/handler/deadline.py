"""The time that is left for one request, and waiting inside it."""

import random
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from botocore.exceptions import ClientError

from handler.errors import OutOfTimeError, error_code

# Kept back for the answer: the longest single call, undoing a step, and the PUT to CloudFormation.
RESERVE_SECONDS = 60.0
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

    def __init__(self, context: LambdaContext, reserve: float = RESERVE_SECONDS) -> None:
        self._context = context
        self._reserve = reserve
        # Called after each pause; may raise when the waiting has lost its purpose.
        self.heed: Callable[[], None] = lambda: None

    def seconds_left(self) -> float:
        """Seconds until work must stop; negative when it should have."""
        return self._context.get_remaining_time_in_millis() / 1000 - self._reserve

    def check(self, next_step: str) -> None:
        """Called between steps, so that none is begun that could not be answered for."""
        if self.seconds_left() < 0:
            raise OutOfTimeError(
                f"Time ran out before this could be done: {next_step}. What was done stands until "
                "the next request finishes or undoes it; try again."
            )

    def pause(self, seconds: float) -> None:
        """Wait, then hear whether anybody wants this request to stop."""
        time.sleep(seconds)
        self.heed()

    def until_settled(
        self,
        call: Callable[[], T],
        *transient: str,
        seconds: float = 60,
        wait: Callable[[float], None] | None = None,
    ) -> T:
        """Repeat `call` while AWS refuses it with a `transient` code, with back-off and jitter.

        Raises the last failure when the seconds, or the time of the request, are spent. IAM User
        Guide, "Changes that I make are not always immediately visible".
        """
        delay, waited = 1.0, 0.0
        while True:
            try:
                return call()
            except ClientError as error:
                pause = delay * random.uniform(0.5, 1.0)  # noqa: S311 - jitter # nosec B311
                spent = waited + pause > seconds or pause > self.seconds_left()
                if error_code(error) not in transient or spent:
                    raise
            (wait or self.pause)(pause)
            waited += pause
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
