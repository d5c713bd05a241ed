"""Stacks made with boto3, which tell in what order things happened and how late AWS told it."""

import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from acceptance.account import Account

_LONGEST_SECONDS = 1800
_LATE_SECONDS = 60

Template = dict[str, Any]
T = TypeVar("T")


class StackFailedError(Exception):
    """A stack did not end as it should."""


@dataclass(frozen=True)
class Lateness:
    """For how long DescribeStacks told an old status, in seconds from the caller's side."""

    operation: str
    at_the_beginning: float
    at_the_end: float


@dataclass(frozen=True)
class Event:
    """A line of the stack's events."""

    logical_id: str
    status: str
    reason: str
    at: datetime


@dataclass
class Stack:
    """A stack of the run; every operation returns the status in which it ended."""

    account: Account
    name: str
    measured: list[Lateness]
    # A client of somebody else who makes it; we only look at it then.
    maker: Any = None
    id: str = ""
    _seen: set[str] = field(default_factory=set, init=False)

    def create(self, template: Template, **further: Any) -> str:
        answer = self._maker.create_stack(
            StackName=self.name,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM"],
            **further,
        )
        self.id = answer["StackId"]
        return self._ended("create", "")

    def update(self, template: Template, **further: Any) -> str:
        before = self._begin()
        self._maker.update_stack(
            StackName=self.id,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM"],
            **further,
        )
        return self._ended("update", before)

    def delete(self, **further: Any) -> str:
        before = self._begin()
        self._maker.delete_stack(StackName=self.id, **further)
        return self._ended("delete", before)

    def outputs(self) -> dict[str, str]:
        return {o["OutputKey"]: o["OutputValue"] for o in self._described().get("Outputs", ())}

    def reasons(self) -> str:
        """What the last operation says of its failures."""
        return "; ".join(
            f"{event.logical_id}: {event.reason}"
            for event in self.events()
            if event.status.endswith("_FAILED") and event.reason
        )

    def events(self) -> list[Event]:
        """What happened in the last operation, oldest first."""
        return [
            Event(
                e["LogicalResourceId"],
                e["ResourceStatus"],
                e.get("ResourceStatusReason", ""),
                e["Timestamp"],
            )
            for e in self._raw_events()
            if e["EventId"] not in self._seen
        ]

    @property
    def _cloudformation(self) -> Any:
        return self.account.client("cloudformation")

    @property
    def _maker(self) -> Any:
        return self.maker or self._cloudformation

    def _described(self) -> dict[str, Any]:
        return dict(self._cloudformation.describe_stacks(StackName=self.id)["Stacks"][0])

    def updated(self) -> datetime | None:
        """When the last update began, as DescribeStacks tells it."""
        told: datetime | None = self._described().get("LastUpdatedTime")
        return told

    def status(self) -> str:
        """What DescribeStacks tells; nothing of a stack that is not there yet."""
        try:
            return str(self._described()["StackStatus"])
        except ClientError as error:
            return _nothing_yet(error, "")

    def _raw_events(self) -> list[dict[str, Any]]:
        try:
            answer = self._cloudformation.describe_stack_events(StackName=self.id)
        except ClientError as error:
            return _nothing_yet(error, [])
        return list(reversed(answer["StackEvents"]))

    def _begin(self) -> str:
        self._seen = {event["EventId"] for event in self._raw_events()}
        return self.status()

    def _ended(self, operation: str, before: str) -> str:
        """Events only ever come late; a status may be that of before.

        It was that of before if another one came afterwards; else it may be the last one.
        """
        # A deletion may cut off a creation, whose end is not that of the deletion then.
        begins_with = "DELETE_" if operation == "delete" else ""
        started, ended, same_at, old_for = time.monotonic(), "", 0.0, 0.0
        while not ended and time.monotonic() < started + _LONGEST_SECONDS:
            if self.status() == before:
                same_at = time.monotonic() - started
            else:
                old_for = same_at
            time.sleep(self.account.poll_seconds)
            ended = next(
                (
                    event.status
                    for event in self.events()
                    if event.logical_id == self.name
                    and event.status.startswith(begins_with)
                    and not event.status.endswith("_IN_PROGRESS")
                ),
                "",
            )
        if not ended:
            raise StackFailedError(f"The {operation} of {self.name} did not end.")
        told = time.monotonic()
        while self.status() != ended and time.monotonic() < told + _LATE_SECONDS:
            time.sleep(self.account.poll_seconds)
        self.measured.append(Lateness(operation, old_for, time.monotonic() - told))
        return ended


def _nothing_yet(error: ClientError, nothing: T) -> T:
    if error.response["Error"]["Code"] != "ValidationError":
        raise error
    return nothing
