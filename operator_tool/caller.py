"""Who runs the tool, where, and what AWS did not let them read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from operator_tool import ToolError

T = TypeVar("T")
R = TypeVar("R")
# IAM throttles by account: more at once would only take from others.
_AT_ONCE = 8
_CONFIG = Config(
    retries={"mode": "adaptive", "max_attempts": 8},
    max_pool_connections=_AT_ONCE,
    connect_timeout=5,
    read_timeout=30,
    user_agent_extra="restricted-iam-user",
)
_NO_CREDENTIALS = (
    "No AWS credentials were found; log in (aws sso login, or CloudShell), or name a profile "
    "with --profile."
)
_NO_REGION = "No AWS region is set; name one with --region, such as --region eu-west-1."


def error_code(error: Exception) -> str:
    """The code by which AWS names a failure, or the kind of a failure on the way there."""
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__


def explained(error: Exception) -> str:
    """A failure in one line."""
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return _NO_CREDENTIALS
    if isinstance(error, NoRegionError):
        return _NO_REGION
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"{error.operation_name} was refused: {told['Code']}: {_line(told['Message'])}"
    return _line(str(error))


@dataclass
class Caller:
    """The account and region, and what could not be read there so far, each once."""

    session: Any
    arn: str
    account_id: str
    partition: str
    region: str
    gaps: dict[str, str] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock)

    def client(self, service: str) -> Any:
        """The client of a service; clients may be shared between threads, sessions may not."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self.session.client(
                    service, region_name=self.region, config=_CONFIG
                )
            return self._clients[service]

    def arn_of(self, service: str, resource: str, *, regional: bool = False) -> str:
        """An ARN of this account."""
        region = self.region if regional else ""
        return f"arn:{self.partition}:{service}:{region}:{self.account_id}:{resource}"

    def read(self, what: str, call: Callable[[], T], otherwise: T, *absent: str) -> T:
        """What a call answers; `otherwise` where there is nothing, or no right to read it.

        `absent` are the error codes that say there is nothing. Anything else is a gap.
        """
        found = self.ask(what, call, *absent)
        return found[0] if found else otherwise

    def ask(self, what: str, call: Callable[[], T], *absent: str) -> list[T] | None:
        """The same, told apart: a list of one, an empty list of nothing, None without the right."""
        try:
            return [call()]
        except (ClientError, BotoCoreError) as error:
            if error_code(error) in absent:
                return []
            with self._lock:
                self.gaps.setdefault(f"{what}: {error_code(error)}", explained(error))
            return None

    def fields(self, what: str, call: Callable[[], Any], *absent: str) -> dict[str, Any]:
        """What a call answers, an empty map where there is nothing, or no right to read it."""
        return dict(self.read(what, call, {}, *absent))

    def items(
        self, what: str, service: str, operation: str, member: str, **arguments: Any
    ) -> list[Any]:
        """All items of a paginated operation, none where its user is gone or it is refused."""
        none: list[Any] = []
        pages = partial(self.pages, service, operation, member, **arguments)
        return self.read(what, lambda: list(pages()), none, "NoSuchEntity")

    def pages(self, service: str, operation: str, member: str, **arguments: Any) -> Iterator[Any]:
        """All items of a paginated operation."""
        for page in self.client(service).get_paginator(operation).paginate(**arguments):
            yield from page.get(member, ())


def connect(profile: str | None, region: str | None) -> Caller:
    """Find out who calls; raises ToolError without credentials or region."""
    try:
        session: Any = boto3.Session(profile_name=profile, region_name=region)
        if not session.region_name:
            raise ToolError(_NO_REGION)
        sts = session.client("sts", config=_CONFIG)
        identity = sts.get_caller_identity()
    except ProfileNotFound as error:
        raise ToolError(f"{error}; aws configure list-profiles names them.") from None
    except (ClientError, BotoCoreError) as error:
        raise ToolError(explained(error)) from None
    arn = str(identity["Arn"])
    return Caller(session, arn, str(identity["Account"]), arn.split(":")[1], session.region_name)


def at_once(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Do the same for all items, some at a time; the results are in the order of the items."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, items))


def _line(text: str) -> str:
    return " ".join(text.split())
