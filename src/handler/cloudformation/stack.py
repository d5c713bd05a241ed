"""Asking CloudFormation whether it is doing what an event says.

Events are not signed and may be delivered twice or late, so what counts is the operation that the
stack is in. API reference of DescribeStacks; "Stack status codes" in the User Guide.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handler.aws.account import Account
from handler.cloudformation.request import Request
from handler.errors import GivenUpError, StackRefusedError, error_code
from handler.model import tags
from handler.model.owner import Owner

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_FORWARD = {
    "Create": frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}),
    "Update": frozenset({"UPDATE_IN_PROGRESS"}),
}
_ROLLING_BACK = frozenset(
    {
        "ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    }
)
# The resource goes as a whole, and with it every user that it ever had.
_WHOLE_RESOURCE_GOES = frozenset(
    {"CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"}
)


@dataclass(frozen=True)
class Operation:
    """What the stack is doing, the tags that a person gave it, and whether it rolls back.

    A stack that does not (`DisableRollback`, or Express mode) replays its last good template.
    """

    request_type: str
    status: str
    tags: dict[str, str]
    has_roll_back: bool = True

    @property
    def forward(self) -> bool:
        """Whether the stack is on its way to what a Create or Update asks for."""
        return self.status in _FORWARD[self.request_type]

    @property
    def rolling_back(self) -> bool:
        """Whether the stack is on its way back to what there was before an Update."""
        return self.status == "UPDATE_ROLLBACK_IN_PROGRESS"

    @property
    def whole_resource_goes(self) -> bool:
        """Whether a Delete removes the resource and not one user that was replaced."""
        return self.status in _WHOLE_RESOURCE_GOES

    @property
    def invents_ids(self) -> bool:
        """Whether a Delete may carry an id that no answer gave, as after a Create without one."""
        return self.status in _ROLLING_BACK or self.whole_resource_goes

    @property
    def fits(self) -> bool:
        """Whether the stack may have sent the request."""
        if self.request_type == "Delete":
            return self.status.endswith("_IN_PROGRESS")
        return self.forward or (self.request_type == "Update" and self.rolling_back)


def ask(account: Account, request: Request) -> Operation:
    """The operation of the stack; raises StackRefusedError unless it fits the request."""
    operation = describe(account, request)
    if not operation.fits:
        raise StackRefusedError(
            f"Stack {request.owner.stack_name} is in {operation.status}, which does not ask for a "
            f"{request.type}; nothing was touched."
        )
    return operation


def describe(account: Account, request: Request) -> Operation:
    """The operation of the request's stack, whatever it is; raises StackRefusedError."""
    stack_id, place = request.owner.stack_id, account.settings.location
    home = f"arn:{place.partition}:cloudformation:{place.region}:{place.account_id}:stack/"
    if not stack_id.startswith(home):
        raise StackRefusedError(
            f"Stack {stack_id} is not of this account and region; nothing was touched."
        )
    stack = _find(account, stack_id)
    if stack is None:
        raise StackRefusedError(f"Stack {stack_id} does not exist; nothing was touched.")
    return Operation(
        request.type,
        stack["StackStatus"],
        tags.as_dict(stack.get("Tags", ())),
        not (stack.get("DisableRollback") or _is_express(stack)),
    )


def is_busy(account: Account, owner: Owner) -> bool:
    """Whether the owner's stack is at work; one that is gone is not."""
    stack = _find(account, owner.stack_id)
    return stack is not None and stack["StackStatus"].endswith("_IN_PROGRESS")


def is_there(account: Account, owner: Owner) -> bool:
    """Whether the owner's stack exists, and may ask for something yet."""
    stack = _find(account, owner.stack_id)
    return stack is not None and stack["StackStatus"] != "DELETE_COMPLETE"


def confirm(account: Account, request: Request, begun: Operation) -> None:
    """Raise GivenUpError unless the stack is still in the operation that the request began in."""
    now = describe(account, request)
    if now.status != begun.status:
        raise GivenUpError(
            f"Stack {request.owner.stack_name} went from {begun.status} to {now.status} meanwhile; "
            "the request that came after this one finishes or undoes it."
        )


def _find(account: Account, stack_id: str) -> "StackTypeDef | None":
    try:
        return account.clients.cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        return None


def _is_express(stack: Any) -> bool:
    """Newer than the types: API reference of DescribeStacks, DeploymentConfig."""
    return bool(stack.get("DeploymentConfig", {}).get("Mode") == "EXPRESS")
