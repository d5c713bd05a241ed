"""Plays CloudFormation's part: stacks with a status, events to the function, answers taken.

Behaviour after the Custom resources chapter of the CloudFormation User Guide.
"""

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from moto.cloudformation.models import cloudformation_backends

from doubles import late_cloudformation, world
from handler import app

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:provider"
_EMPTY_TEMPLATE = '{"Resources": {}}'


@dataclass
class LambdaContext:
    """What the Lambda runtime would say of an invocation with five minutes to go."""

    invoked_function_arn: str = FUNCTION_ARN
    function_name: str = "provider"
    memory_limit_in_mb: int = 256
    aws_request_id: str = "invocation"
    log_stream_name: str = "log-stream"
    remaining_millis: int = 300_000

    def __post_init__(self) -> None:
        self._began = time.monotonic()

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_millis - int((time.monotonic() - self._began) * 1000)


@dataclass
class ResponseUrl:
    """Takes the place of the HTTP client that answers are sent with."""

    bodies: list[bytes] = field(default_factory=list)
    status: int = 200

    def request(
        self, method: str, url: str, *, body: bytes, headers: dict[str, str]
    ) -> "ResponseUrl":
        assert (method, headers) == ("PUT", {"Content-Type": ""})
        assert url.startswith("https://")
        self.bodies.append(body)
        late_cloudformation.takes(json.loads(body))
        return self

    @property
    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]


@dataclass
class Stack:
    """One stack with one custom resource in it."""

    responses: ResponseUrl
    name: str = "restricted-iam-user"
    logical_id: str = "RestrictedUser"
    resource_type: str = "Custom::RestrictedIAMUser"
    tags: dict[str, str] = field(default_factory=dict)
    physical_id: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    last_event: dict[str, Any] = field(default_factory=dict)
    # Whether the roll-back of an Update that failed with another id begins with an Update, or only
    # deletes that id. The User Guide says neither; aws-cdk #13527 and #30012 tell of both.
    swaps_back: bool = False

    def __post_init__(self) -> None:
        self.stack_id = world.client("cloudformation").create_stack(
            StackName=self.name,
            TemplateBody=_EMPTY_TEMPLATE,
            Tags=[{"Key": key, "Value": value} for key, value in self.tags.items()],
        )["StackId"]

    def set_status(self, status: str) -> None:
        late_cloudformation.set_status(self._held, status)

    def rest(self, status: str) -> None:
        """The stack ends its operation, and nobody does anything until that is told."""
        self.set_status(status)
        time.sleep(late_cloudformation.STACK_SECONDS)

    def nest_in(self, root: "Stack") -> None:
        """The stack is one of another stack, which operates on it."""
        self._held.root_id = root.stack_id

    def disable_rollback(self, disabled: bool = True) -> None:
        """Whether the stack is operated without roll-back from now on."""
        self._held.disable_rollback = disabled

    def express(self) -> None:
        """The operation is in Express mode, which has no roll-back unless it is asked for."""
        self._held.deployment_config = {"Mode": "EXPRESS"}

    def forget(self) -> None:
        """CloudFormation knows a deleted stack for 90 days, and then no longer."""
        del cloudformation_backends[ACCOUNT_ID][REGION].stacks[self.stack_id]

    def rename_id(self, stack_id: str) -> None:
        """Give the stack the id that an event file names."""
        stacks = cloudformation_backends[ACCOUNT_ID][REGION].stacks
        stacks[stack_id] = stacks.pop(self.stack_id)
        stacks[stack_id].stack_id = self.stack_id = stack_id

    def create(self, **properties: Any) -> dict[str, Any]:
        """A stack operation that makes the resource, rolled back when it fails."""
        self.set_status("CREATE_IN_PROGRESS")
        self.properties = properties
        answer = self.send("Create")
        self.physical_id = answer["PhysicalResourceId"]
        if answer["Status"] == "FAILED":
            self.set_status("ROLLBACK_IN_PROGRESS")
            cleanup = self.send("Delete")
            assert cleanup["Status"] == "SUCCESS", cleanup["Reason"]
        self.rest("CREATE_COMPLETE")
        return answer

    def update(self, **properties: Any) -> dict[str, Any]:
        """A stack operation that changes, replaces or rolls back the resource."""
        self.set_status("UPDATE_IN_PROGRESS")
        old, old_id = self.properties, self.physical_id
        self.properties = properties
        answer = self.send("Update", old_properties=old)
        replaced = answer["PhysicalResourceId"] != old_id
        if answer["Status"] == "SUCCESS":
            self.physical_id = answer["PhysicalResourceId"]
            if replaced:
                self.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
                self._clean_up(old_id, old)
        elif self._held.disable_rollback:
            # The id of a failed answer is taken as well: aws-cdk #13527.
            self.physical_id = answer["PhysicalResourceId"]
            self.rest("UPDATE_FAILED")
            return answer
        else:
            self._roll_back(answer["PhysicalResourceId"], old)
        self.rest("UPDATE_COMPLETE")
        return answer

    def delete(self) -> dict[str, Any]:
        """The deletion of the stack."""
        self.set_status("DELETE_IN_PROGRESS")
        answer = self.send("Delete")
        self.rest("DELETE_COMPLETE")
        return answer

    def send(
        self, request_type: str, old_properties: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """One event with the properties that the stack has now."""
        return self.deliver(self.event(request_type, old_properties))

    def event(
        self, request_type: str, old_properties: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        event = {
            "RequestType": request_type,
            "RequestId": str(uuid.uuid4()),
            "ResponseURL": "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x",
            "ResourceType": self.resource_type,
            "StackId": self.stack_id,
            "LogicalResourceId": self.logical_id,
            "ServiceToken": FUNCTION_ARN,
            "ResourceProperties": {"ServiceToken": FUNCTION_ARN, "ServiceTimeout": "900"}
            | self.properties,
        }
        if request_type != "Create":
            event["PhysicalResourceId"] = self.physical_id or "invented"
        if old_properties is not None:
            event["OldResourceProperties"] = {"ServiceToken": FUNCTION_ARN} | old_properties
        return event

    def deliver(self, event: dict[str, Any]) -> dict[str, Any]:
        """Hand the event to the function and take its one answer."""
        late_cloudformation.sends(event)
        return self.forge(event)

    def forge(self, event: dict[str, Any]) -> dict[str, Any]:
        """The same for an event that CloudFormation knows nothing of."""
        self.last_event, before = event, len(self.responses.bodies)
        app.lambda_handler(event, LambdaContext())
        bodies = [
            body
            for body in self.responses.bodies[before:]
            if json.loads(body)["RequestId"] == event["RequestId"]
        ]
        assert len(bodies) == 1, "exactly one answer"
        assert len(bodies[0]) <= 4096
        answer = dict(json.loads(bodies[0]))
        for name in ("StackId", "LogicalResourceId"):
            assert answer[name] == event[name]
        return answer

    @property
    def _held(self) -> Any:
        """The stack as moto holds it."""
        return cloudformation_backends[ACCOUNT_ID][REGION].stacks[self.stack_id]

    def _roll_back(self, failed_id: str, old: dict[str, Any]) -> None:
        """Undo an Update that failed and answered with this id.

        With the id of before, an Update to the old properties is all (aws-cdk #17040).
        """
        failed, old_id = self.properties, self.physical_id
        self.properties = old
        if failed_id == old_id or self.swaps_back:
            self.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
            self.physical_id = failed_id
            rolled_back = self.send("Update", old_properties=failed)
            assert rolled_back["Status"] == "SUCCESS", rolled_back["Reason"]
            self.physical_id = rolled_back["PhysicalResourceId"]
        if failed_id != old_id:
            self.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
            self._clean_up(failed_id, failed)

    def _clean_up(self, physical_id: str | None, properties: dict[str, Any]) -> None:
        kept = self.physical_id, self.properties
        self.physical_id, self.properties = physical_id, properties
        answer = self.send("Delete")
        assert answer["Status"] == "SUCCESS", answer["Reason"]
        self.physical_id, self.properties = kept
