"""The time that is left for one invocation, and waiting inside it."""

import math
import random
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from botocore.exceptions import ClientError

from handler.errors import OutOfTimeError, error_code

# Kept back for the answer: the try of a call that has begun, which takes 13 s at most, undoing a
# step, remembering what was done, and the PUT to CloudFormation.
RESERVE_SECONDS = 60.0
_FIRST_DELAY_SECONDS = 1.0
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
        self.heed: Callable[[], None] = _heed_nobody

    def seconds_left(self) -> float:
        """Seconds until work must stop; negative when it should have."""
        return self._context.get_remaining_time_in_millis() / 1000 - self._reserve

    def seconds_left_to_remember(self) -> float:
        """Seconds until the table must have taken what was done: half of the reserve is for it."""
        return self.seconds_left() + self._reserve / 2

    def check(self, next_step: str) -> None:
        """Called between steps, so that none is begun that could not be answered for."""
        if self.seconds_left() <= 0:
            raise OutOfTimeError(
                f"Time ran out before this could be done: {next_step}. What was done stands until "
                "the next request finishes or undoes it; try again."
            )

    def pause(self, seconds: float) -> None:
        """Wait, then hear whether anybody wants this request to stop.

        A call that is made to hear it may have to wait as well; then nobody else is heard.
        """
        time.sleep(seconds)
        heed, self.heed = self.heed, _heed_nobody
        try:
            heed()
        finally:
            self.heed = heed

    def until_settled(self, call: Callable[[], T], *transient: str, seconds: float = 60) -> T:
        """Repeat `call` while AWS refuses it with a `transient` code, with back-off and jitter.

        Raises the last failure when the seconds, or the time of the request, are spent. IAM User
        Guide, "Changes that I make are not always immediately visible".
        """
        pauses = self._pauses(seconds)
        while True:
            try:
                return call()
            except ClientError as error:
                if error_code(error) not in transient or not next(pauses, False):
                    raise

    def until(
        self, look: Callable[[], T], settled: Callable[[T], bool], *, seconds: float = math.inf
    ) -> T:
        """Look again, with back-off and jitter, until what was found is `settled`.

        Returns what was found last when the seconds, or the time of the request, are spent.
        """
        pauses = self._pauses(seconds)
        while not settled(found := look()) and next(pauses, False):
            continue
        return found

    def until_found(self, look: Callable[[], T | None], *, seconds: float) -> T | None:
        """Look again for what AWS may not know everywhere yet."""
        return self.until(look, lambda found: found is not None, seconds=seconds)

    def _pauses(self, seconds: float) -> Iterator[bool]:
        """Pause before each True; ends when the seconds, or the time of the request, are spent."""
        attempts, waited = 1, 0.0
        while (left := min(seconds - waited, self.seconds_left())) > 0:
            delay = min(back_off(attempts), left)
            self.pause(delay)
            yield True
            attempts, waited = attempts + 1, waited + delay


def back_off(attempts: int) -> float:
    """Seconds to wait after so many attempts: exponential, with full jitter.

    Many who were refused at once come back at different times. AWS Architecture Blog, "Exponential
    Backoff And Jitter".
    """
    longest = min(_FIRST_DELAY_SECONDS * 2 ** (attempts - 1), _LONGEST_DELAY_SECONDS)
    return random.uniform(0, longest)  # noqa: S311 - jitter # nosec B311


def _heed_nobody() -> None:
    """While nothing of an invocation can be stopped."""
