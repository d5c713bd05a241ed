"""The AWS clients; the only module that builds them."""

import logging
import random
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3  # noqa: TID251 - the one place
from botocore.config import Config

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

# At worst 4 x 13 s and the pauses between, which Deadline's reserve covers.
_TIMEOUTS: dict[str, Any] = {"connect_timeout": 3, "read_timeout": 10}
_REPEATED = Config(**_TIMEOUTS, retries={"mode": "standard", "total_max_attempts": 4})
# A lost answer of CreateAccessKey must not make a second key: it has no idempotency token.
_ONCE = Config(**_TIMEOUTS, retries={"total_max_attempts": 1})
# Two changes of one entity at a time, or of one whose name was used a moment ago; botocore retries
# throttling, but not these (API reference of IAM, "Common errors" of the calls).
_PASSING = frozenset({"ConcurrentModification", "EntityTemporarilyUnmodifiable"})
_PASSING_ATTEMPTS = 5
_CHANGING_SERVICES = ("iam", "scheduler", "secrets-manager")
_READING = ("Describe", "Get", "List")

# Called before each try of a call that changes something; raises when it must not be made.
BEFORE_CHANGE: ContextVar[Callable[[], None]] = ContextVar("BEFORE_CHANGE", default=lambda: None)


@dataclass(frozen=True)
class Clients:
    """One client for each service, and one of IAM that never repeats a call."""

    cloudformation: "CloudFormationClient"
    dynamodb: "DynamoDBClient"
    iam: "IAMClient"
    iam_once: "IAMClient"
    scheduler: "EventBridgeSchedulerClient"
    secretsmanager: "SecretsManagerClient"


@cache
def session() -> boto3.Session:
    """The session that every client comes from."""
    made = boto3.Session()
    for service in _CHANGING_SERVICES:
        made.events.register(f"before-call.{service}", _before_call)
        made.events.register(f"request-created.{service}", _before_try)
    return made


@cache
def clients() -> Clients:
    """Built at the first event and kept for the life of the execution environment."""
    iam = session().client("iam", config=_REPEATED)
    needs_retry: Any = _retry_passing_conflict  # The stubs know no event that takes an answer.
    iam.meta.events.register("needs-retry.iam", needs_retry)
    return Clients(
        cloudformation=session().client("cloudformation", config=_REPEATED),
        dynamodb=session().client("dynamodb", config=_REPEATED),
        iam=iam,
        iam_once=session().client("iam", config=_ONCE),
        scheduler=session().client("scheduler", config=_REPEATED),
        secretsmanager=session().client("secretsmanager", config=_REPEATED),
    )


def sts_client(key: "AccessKey") -> "STSClient":
    """STS as seen by the holder of `key`."""
    return session().client(
        "sts",
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        aws_session_token="",  # there is none # nosec B106
        config=_REPEATED,
    )


def _before_call(model: Any, **_: Any) -> None:
    _before_try(model.name)


def _before_try(operation_name: str, **_: Any) -> None:
    if not operation_name.startswith(_READING):
        BEFORE_CHANGE.get()()


def _retry_passing_conflict(response: Any, attempts: int, **_: Any) -> float | None:
    """Seconds to wait before botocore repeats the call, or None."""
    code = response[1].get("Error", {}).get("Code") if response else None
    if code not in _PASSING or attempts >= _PASSING_ATTEMPTS:
        return None
    longest: float = 2**attempts / 2
    return random.uniform(longest / 2, longest)  # noqa: S311 - jitter # nosec B311
