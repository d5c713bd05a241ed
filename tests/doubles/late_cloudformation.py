"""CloudFormation tells what stacks and resources are doing some seconds late, as AWS's does.

For some seconds DescribeStacks tells the status of before: REVIEW_IN_PROGRESS when a stack is being
created already, *_COMPLETE when an update or a deletion has begun, UPDATE_IN_PROGRESS when it is
being rolled back (aws-cdk-cli #1802 and #1848; powertools-lambda-typescript #5537, 6 of 40
deployments). The same is assumed of DescribeStackResource, which moto answers from the template
alone. The seconds are those of `time.monotonic`, so they pass while the functions sleep.
"""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from doubles.unkind import OF_A_FUNCTION

_describe_stacks = CloudFormationResponse.describe_stacks
STACK_SECONDS = 4.0
RESOURCE_SECONDS = 2.0
_AT_WORK = "_IN_PROGRESS"
_WHOLE = ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS")
Event = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What is so, since when, and what was so before."""

    now: Any
    since: float
    before: Any

    def after(self, seconds: float) -> Any:
        """What is told, if that is so many seconds late."""
        return self.before if 0 <= time.monotonic() - self.since < seconds else self.now

    def then(self, now: Any) -> "Told":
        return Told(now, time.monotonic(), self.now)


@dataclass(frozen=True)
class Status:
    """The status of a stack, and the number of the update that it is of."""

    name: str
    update: int


@dataclass(frozen=True)
class Resource:
    """One resource, and the request that CloudFormation has sent for it."""

    type: str
    status: str
    physical_id: str = ""
    request_id: str = ""


def set_status(stack: Any, name: str) -> None:
    """The stack goes on; an update begins where none was at work."""
    known = _statuses(stack)
    begins = name == "UPDATE_IN_PROGRESS" and known.now.name != name
    stack.told = known.then(Status(name, known.now.update + begins))
    stack.status = name


def tell_again(stack: Any, name: str) -> None:
    """For some seconds the stack is told to be in a status of before, after a later one was."""
    known = _statuses(stack)
    update = known.now.update - (not name.startswith("UPDATE"))
    stack.told = Told(known.now, time.monotonic(), Status(name, update))


def sends(event: Event) -> None:
    """CloudFormation sends an event, and says so of its resource; a second delivery is Lambda's."""
    stack = _stacks().get(event.get("StackId", ""))
    if stack is None or event["RequestId"] in vars(stack).setdefault("sent", set()):
        return
    stack.sent.add(event["RequestId"])
    signed = datetime.fromtimestamp(time.monotonic(), UTC)
    event["ResponseURL"] += f"?X-Amz-Date={signed:%Y%m%dT%H%M%SZ}"
    resources = vars(stack).setdefault("told_resources", {})
    told = resources.get(event["LogicalResourceId"]) or Told(None, 0.0, None)
    kind, physical_id = event["RequestType"], event.get("PhysicalResourceId", "")
    replaced = told.now and told.now.physical_id not in ("", physical_id)
    if kind == "Delete" and replaced and stack.status not in _WHOLE:
        # It is of the resource as it was before, and the resource itself is at rest by now.
        at_rest = replace(told.now, status="UPDATE_COMPLETE", request_id="")
        resources[event["LogicalResourceId"]] = told.then(at_rest)
        return
    resources[event["LogicalResourceId"]] = told.then(
        Resource(
            event["ResourceType"], f"{kind.upper()}{_AT_WORK}", physical_id, event["RequestId"]
        )
    )


def takes(answer: dict[str, Any]) -> None:
    """CloudFormation takes an answer, unless it waits for another one by now."""
    stack = _stacks().get(answer["StackId"])
    told = vars(stack).get("told_resources", {}).get(answer["LogicalResourceId"]) if stack else None
    if stack is None or told is None or told.now.request_id != answer["RequestId"]:
        return
    ended = "_COMPLETE" if answer["Status"] == "SUCCESS" else "_FAILED"
    stack.told_resources[answer["LogicalResourceId"]] = told.then(
        replace(
            told.now,
            status=told.now.status.replace(_AT_WORK, ended),
            physical_id=answer["PhysicalResourceId"],
            request_id="",
        )
    )


class LateResponses:
    """Actions that replace moto's; `self` is moto's response object."""

    @staticmethod
    def describe_stacks(response: CloudFormationResponse) -> ActionResult:
        """DescribeStacks: late, and with the time at which the last update began.

        Whoever else asks hears what moto says.
        """
        if OF_A_FUNCTION not in response.headers:
            return _describe_stacks(response)
        stacks = response.cloudformation_backend.describe_stacks(response._get_param("StackName"))
        return ActionResult({"Stacks": [_late(stack) for stack in stacks]})

    @staticmethod
    def describe_stack_resource(response: CloudFormationResponse) -> ActionResult:
        """DescribeStackResource: late; without a physical id while the resource has none."""
        name, wanted = response._get_param("StackName"), response._get_param("LogicalResourceId")
        [stack] = response.cloudformation_backend.describe_stacks(name)
        told = vars(stack).get("told_resources", {}).get(wanted)
        resource = told.after(RESOURCE_SECONDS) if told else None
        if resource is None:
            raise ValidationError(message=f"Resource {wanted} does not exist for stack {name}")
        detail = {
            "StackId": stack.stack_id,
            "StackName": stack.name,
            "LogicalResourceId": wanted,
            "ResourceType": resource.type,
            "ResourceStatus": resource.status,
            "LastUpdatedTimestamp": datetime.fromtimestamp(0, UTC),
        }
        known = {"PhysicalResourceId": resource.physical_id} if resource.physical_id else {}
        return ActionResult({"StackResourceDetail": detail | known})


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the lateness in place for one test."""
    for name in ("describe_stacks", "describe_stack_resource"):
        action = vars(LateResponses)[name].__func__
        monkeypatch.setattr(CloudFormationResponse, name, action)


def _stacks() -> dict[str, Any]:
    return dict(cloudformation_backends["123456789012"]["us-east-1"].stacks)


def _statuses(stack: Any) -> Told:
    first = Status(stack.status, 0)
    known: Told = vars(stack).get("told") or Told(first, 0.0, first)
    return known


def _late(stack: Any) -> dict[str, Any]:
    status = _statuses(stack).after(STACK_SECONDS)
    updated = datetime.fromtimestamp(status.update, UTC) if status.update else None
    told = {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "StackStatus": status.name,
        "CreationTime": stack.creation_time,
        "Tags": stack.tags,
        "DisableRollback": stack.disable_rollback,
        "LastUpdatedTime": updated,
        "RootId": vars(stack).get("root_id"),
        "DeploymentConfig": vars(stack).get("deployment_config"),
    }
    return {name: value for name, value in told.items() if value is not None}


def tell_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that count what is waited for otherwise."""
    monkeypatch.setattr("doubles.late_cloudformation.STACK_SECONDS", 0.0)
    monkeypatch.setattr("doubles.late_cloudformation.RESOURCE_SECONDS", 0.0)
