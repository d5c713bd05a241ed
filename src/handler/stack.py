"""Asking CloudFormation whether it is doing what an event says.

Events are not signed and may be delivered twice or late, so what counts is the operation that the
stack is in. API reference of DescribeStacks; "Stack status codes" in the User Guide.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from handler import tags
from handler.deadline import error_code
from handler.errors import StackRefusedError
from handler.model import Location
from handler.request import Request

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_FORWARD = {
    "Create": frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}),
    "Update": frozenset({"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"}),
}


@dataclass(frozen=True)
class Operation:
    """What the stack is doing, and the tags that a person gave it."""

    status: str
    tags: dict[str, str]

    @property
    def rolling_back(self) -> bool:
        """Whether the stack is on its way back to what it was before."""
        return "ROLLBACK" in self.status


def ask(client: "CloudFormationClient", request: Request, location: Location) -> Operation:
    """The operation of the request's stack; raises StackRefusedError unless it fits the request."""
    stack_id = request.owner.stack_id
    home = f"arn:{location.partition}:cloudformation:{location.region}:{location.account_id}:stack/"
    if not stack_id.startswith(home):
        raise StackRefusedError(
            f"Stack {stack_id} is not of this account and region; nothing was touched."
        )
    try:
        stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        raise StackRefusedError(f"Stack {stack_id} does not exist; nothing was touched.") from error
    status = stack["StackStatus"]
    if not _fits(request.type, status):
        raise StackRefusedError(
            f"Stack {request.stack_name} is in {status}, which does not ask for a {request.type}; "
            "nothing was touched."
        )
    return Operation(status, tags.as_dict(stack.get("Tags", ())))


def _fits(request_type: str, status: str) -> bool:
    if request_type == "Delete":
        return status.endswith("_IN_PROGRESS")
    return status in _FORWARD[request_type]
