"""The AWS clients; the only module that builds them.

They repeat a call that AWS throttled, or whose failure passes.
"""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import boto3  # noqa: TID251 - the one place
from botocore.config import Config
from botocore.retries.standard import (
    ModeledRetryableChecker,
    OrRetryChecker,
    RetryContext,
    RetryEventAdapter,
    ThrottledRetryableChecker,
    TransientRetryableChecker,
)

from handler.aws import changes
from handler.deadline import Deadline, back_off
from handler.errors import OutOfTimeError, UnrememberedError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sts import STSClient

    from handler.model.keys import AccessKey

# On DEBUG they log answers whole, and Lambda can be told to put every logger there.
for _name in ("boto3", "botocore", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# One attempt of botocore's own: how often a call is repeated is for the deadline to say.
_CONFIG = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1}
)
_THROTTLED = ThrottledRetryableChecker()
_BROKEN = OrRetryChecker([TransientRetryableChecker(), ModeledRetryableChecker()])
# Two changes of one entity at a time, or of one whose name was used a moment ago; botocore knows
# throttling, but not these (API reference of IAM, "Common errors" of the calls).
_PASSING = frozenset({"ConcurrentModification", "EntityTemporarilyUnmodifiable"})
# Of Secrets Manager it means a quota, which waiting does not raise; botocore takes it for a rate.
_QUOTA = "LimitExceededException"
# A lost answer must not make a second key, for the call has no idempotency token.
_NEVER_TWICE = "CreateAccessKey"

# Called before each try of a call that changes something; raises when it must not be made.
BEFORE_CHANGE: ContextVar[Callable[[], None]] = ContextVar("BEFORE_CHANGE", default=lambda: None)
# That of the invocation, which the clients outlive.
_DEADLINE: ContextVar[Deadline] = ContextVar("_DEADLINE")


@cache
def session() -> boto3.Session:
    """The session that every client comes from."""
    made = boto3.Session()
    needs_retry: Any = _wait_to_repeat  # The stubs know no event that takes an answer.
    made.events.register("needs-retry", needs_retry)
    for service in changes.SERVICES:
        made.events.register(f"before-call.{service}", _before_call)
    changes.listen(made.events)
    return made


class Clients:
    """One client for each service, built when an event first needs it, and kept."""

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return session().client("cloudformation", config=_CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return session().client("dynamodb", config=_CONFIG)

    @cached_property
    def iam(self) -> "IAMClient":
        return session().client("iam", config=_CONFIG)

    @cached_property
    def scheduler(self) -> "EventBridgeSchedulerClient":
        return session().client("scheduler", config=_CONFIG)

    @cached_property
    def secretsmanager(self) -> "SecretsManagerClient":
        return session().client("secretsmanager", config=_CONFIG)


_CLIENTS = Clients()


def clients(deadline: Deadline) -> Clients:
    """The clients, whose calls are repeated from now on while this deadline allows it."""
    _DEADLINE.set(deadline)
    return _CLIENTS


def sts_client(key: "AccessKey") -> "STSClient":
    """STS as seen by the holder of `key`."""
    return session().client(
        "sts",
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        aws_session_token="",  # there is none # nosec B106
        config=_CONFIG,
    )


def _before_call(model: Any, **_: Any) -> None:
    if changes.is_change(model):
        BEFORE_CHANGE.get()()


def _wait_to_repeat(operation: Any, attempts: int, **event: Any) -> float | None:
    """Called after each try of a call; waits and returns 0 if it is to be repeated, else None.

    While the table is not served nobody is heard, for hearing asks the table. When AWS throttles
    until the time is over, raises OutOfTimeError, or UnrememberedError for the table; and raises
    what `heed` and BEFORE_CHANGE raise.
    """
    context = RetryEventAdapter().create_retry_context(
        operation=operation, attempts=attempts, **event
    )
    throttled = _is_throttled(context)
    if not (throttled or _passes(context)):
        return None
    deadline, delay = _DEADLINE.get(), back_off(attempts)
    if operation.service_model.service_name == "dynamodb":
        if delay > deadline.seconds_left_to_remember():
            if throttled:
                raise UnrememberedError
            return None
        time.sleep(delay)
        return 0
    if delay > deadline.seconds_left():
        if throttled:
            raise OutOfTimeError(
                f"AWS throttled {operation.name} until the time ran out. What was done stands "
                "until the next request finishes or undoes it; change fewer resources at once, "
                "or try again."
            )
        return None
    deadline.pause(delay)
    _before_call(operation)
    return 0


def _is_throttled(context: RetryContext) -> bool:
    """Whether AWS refused the call because there are too many."""
    return _THROTTLED.is_retryable(context) and _code(context) != _QUOTA


def _passes(context: RetryContext) -> bool:
    """Whether the call failed otherwise, in a way that passes, and may be made once more."""
    code, operation = _code(context), context.operation_model
    if code in _PASSING:
        return True  # It was refused, so nothing has happened.
    repeatable = operation is not None and operation.name != _NEVER_TWICE and code != _QUOTA
    return repeatable and _BROKEN.is_retryable(context)


def _code(context: RetryContext) -> Any:
    return context.get_error_code()  # The stubs take it for a number.
