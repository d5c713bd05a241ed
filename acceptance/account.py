"""The account and region of whoever runs the command, by the settings of the AWS tools."""

import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)

PREFIX = "restricted-acceptance-"
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
_UNKNOWN = ("InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException")
_REFUSED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
# What would lead the SAM CLI to another template, stack or account.
_NOT_PASSED_ON = (
    "SAM_CONFIG_",
    "SAM_TEMPLATE_",
    "SAM_STACK_",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
)
_HOMES_OF_IAM = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


class AccountError(Exception):
    """There is no account to work in; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """Who we are and where, and the one name that begins all that the run makes.

    `patience` is the share of the longest waits that the run takes.
    """

    session: boto3.Session
    directory: Path
    arn: str
    region: str
    run: str
    patience: float = 1.0
    _clients: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def account_id(self) -> str:
        return self.arn.split(":")[4]

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]

    @property
    def prefix(self) -> str:
        """What the name of everything begins with that the run makes."""
        return f"{PREFIX}{self.run}"

    @property
    def iam_path(self) -> str:
        return f"/{self.prefix}/"

    @property
    def home_of_iam(self) -> str:
        """The region in which CloudTrail tells the calls of IAM."""
        return _HOMES_OF_IAM.get(self.partition, "us-east-1")

    @property
    def endpoint(self) -> str:
        """Where an emulator listens, if this is one."""
        return os.environ.get("AWS_ENDPOINT_URL", "")

    @property
    def poll_seconds(self) -> float:
        return 0.3 if self.endpoint else 1.0

    @property
    def environment(self) -> dict[str, str]:
        """Ours with the credentials of this moment, so that no tool asks for them again."""
        found: Any = self.session.get_credentials()
        key = found.get_frozen_credentials()
        kept = {n: v for n, v in os.environ.items() if not n.startswith(_NOT_PASSED_ON)}
        kept.pop("AWS_SESSION_TOKEN", None)
        token = {"AWS_SESSION_TOKEN": key.token} if key.token else {}
        return {
            **kept,
            **token,
            "AWS_ACCESS_KEY_ID": key.access_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_SECRET_ACCESS_KEY": key.secret_key,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SAM_CLI_TELEMETRY": "0",
        }

    def client(self, service: str, region: str = "") -> Any:
        """A boto3 client of the person."""
        name = f"{service} {region}"
        if name not in self._clients:
            session: Any = self.session
            self._clients[name] = session.client(
                service,
                region_name=region or self.region,
                config=Config(retries={"mode": "standard", "total_max_attempts": 8}),
            )
        return self._clients[name]

    def client_of(
        self, service: str, access_key_id: str, secret_access_key: str, session_token: str = ""
    ) -> Any:
        """A boto3 client of the holder of a key."""
        session: Any = boto3.Session(access_key_id, secret_access_key, session_token or None)
        return session.client(service, region_name=self.region)


def own_account(directory: Path, run: str, patience: float) -> Account:
    """Find out who we are; changes nothing. Raises AccountError, in one sentence."""
    try:
        # boto3 itself reads AWS_DEFAULT_REGION only.
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
        if not session.region_name:
            raise AccountError(
                "No region is set: export AWS_REGION, such as AWS_REGION=eu-west-1, and try again."
            )
        sts: Any = session.client("sts")
        arn = sts.get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError) as error:
        raise AccountError(sentence(error)) from error
    return Account(
        session, directory, arn, session.region_name, run or secrets.token_hex(4), patience
    )


def sentence(error: BotoCoreError | ClientError) -> str:
    """What AWS or boto3 did not do, and what to do about it."""
    if isinstance(error, ClientError):
        return _answer(error)
    match error:
        case NoCredentialsError():
            return "No AWS credentials were found: sign in, or export AWS_PROFILE, and try again."
        case ProfileNotFound():
            return f"{error}: see `aws configure list-profiles`."
        case EndpointConnectionError():
            return f"{error} Is the region right, and is there a network?"
    return f"The AWS credentials cannot be used ({error}): sign in again, and try again."


def _answer(error: ClientError) -> str:
    code, call = error_code(error), error.operation_name
    if code in _EXPIRED:
        return f"The AWS credentials have expired ({call}): sign in again, and try again."
    if code in _UNKNOWN:
        return f"AWS does not accept these credentials ({code}): sign in again, and try again."
    if code in _REFUSED:
        return f"These credentials may not do {call}: {error.response['Error']['Message']}"
    return f"AWS answered {call} with {code}: {error.response['Error']['Message']}"


def error_code(error: ClientError) -> str:
    """What AWS calls its refusal."""
    return str(error.response["Error"]["Code"])


def code_of(call: Callable[[], object]) -> str:
    """The code with which AWS refuses the call; empty where it does not."""
    try:
        call()
    except ClientError as error:
        return error_code(error)
    return ""
