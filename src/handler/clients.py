"""The AWS clients; the only module that builds them."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import boto3  # noqa: TID251 - the one place
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sts import STSClient

    from handler.model import AccessKey

_TIMEOUTS = {"connect_timeout": 5, "read_timeout": 15}
_REPEATED = Config(**_TIMEOUTS, retries={"mode": "standard", "total_max_attempts": 5})  # type: ignore[arg-type] # a dict of mixed settings
# A lost answer of CreateAccessKey must not make a second key: it has no idempotency token.
_ONCE = Config(**_TIMEOUTS, retries={"total_max_attempts": 1})  # type: ignore[arg-type] # as above


@dataclass(frozen=True)
class Clients:
    """One client for each service, and one of IAM that never repeats a call."""

    cloudformation: "CloudFormationClient"
    iam: "IAMClient"
    iam_once: "IAMClient"
    secretsmanager: "SecretsManagerClient"


@cache
def session() -> boto3.Session:
    """The session that every client comes from."""
    return boto3.Session()


@cache
def clients() -> Clients:
    """Built at the first event and kept for the life of the execution environment."""
    return Clients(
        cloudformation=session().client("cloudformation", config=_REPEATED),
        iam=session().client("iam", config=_REPEATED),
        iam_once=session().client("iam", config=_ONCE),
        secretsmanager=session().client("secretsmanager", config=_REPEATED),
    )


def sts_client(key: "AccessKey") -> "STSClient":
    """STS as seen by the holder of `key`."""
    return session().client(
        "sts",
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        aws_session_token="",
        config=_REPEATED,
    )
