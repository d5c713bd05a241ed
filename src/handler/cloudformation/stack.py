"""Asking CloudFormation whether it is doing what an event says.

Events are not signed and may be delivered twice or late, so what counts is what the stack and the
resource are doing. What CloudFormation tells of them is late as well: for some seconds it is what
was so before (aws-cdk-cli #1802, powertools-lambda-typescript #5537). API references of
DescribeStacks and DescribeStackResource.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handler.aws.account import Account
from handler.cloudformation.operation import Operation, Resource
from handler.cloudformation.request import Request
from handler.errors import GivenUpError, StackRefusedError, error_code
from handler.model import tags
from handler.model.owner import Owner
from handler.model.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

# How long what does not fit is asked again before it is believed.
_PATIENCE_SECONDS = 40.0
# How long after the first look the second one is taken, where the first may be old news unseen.
_SECOND_LOOK_SECONDS = 10.0


def ask(account: Account, request: Request, seen: Progress, *, leads_back: bool) -> Operation:
    """The operation that the request belongs to; raises StackRefusedError when there is none.

    `seen` is how far the stack had come when it was asked last. An Update that `leads_back` to a
    state of before is a roll-back, perhaps, of which CloudFormation does not tell yet.
    """
    operation = _ask_patiently(account, request, seen)
    if leads_back and operation.forward:
        account.deadline.pause(_SECOND_LOOK_SECONDS)
        operation = _ask_patiently(account, request, operation.progress)
    if operation.misfit:
        raise StackRefusedError(f"{operation.misfit}; nothing was touched.")
    return operation


def is_busy(account: Account, owner: Owner) -> bool:
    """Whether the owner's stack, or its root stack, is at work; one that is gone is not."""
    stack = _find(account, owner.stack_id)
    return stack is not None and (_progress(stack).at_work or _root(account, stack)[0].at_work)


def confirm(account: Account, request: Request, begun: Operation) -> None:
    """Raise GivenUpError unless the stack is still in the operation that the request began in."""
    now = _look_at_stack(account, request)
    if now.progress.precedes(begun.progress):
        return
    if now.status != begun.status or not now.forward:
        raise GivenUpError(
            f"Stack {request.owner.stack_name} went from {begun.status} to {now.status} meanwhile; "
            "the request that came after this one finishes or undoes it."
        )


def _ask_patiently(account: Account, request: Request, seen: Progress) -> Operation:
    """Ask until the answer fits and is no old news, or all the patience is spent."""

    def look() -> Operation:
        return _look(account, request)

    def settled(operation: Operation) -> bool:
        return not (operation.misfit or operation.doubtful or operation.progress.precedes(seen))

    return account.deadline.until(look, settled, seconds=_PATIENCE_SECONDS)


def _look(account: Account, request: Request) -> Operation:
    """The operation of the request's stack and resource as CloudFormation tells it now."""
    operation = _look_at_stack(account, request)
    if not operation.stack_fits:
        return operation
    return replace(operation, resource=_resource(account, request.owner))


def _look_at_stack(account: Account, request: Request) -> Operation:
    stack_id, place = request.owner.stack_id, account.settings.location
    home = f"arn:{place.partition}:cloudformation:{place.region}:{place.account_id}:stack/"
    if not stack_id.startswith(home):
        raise StackRefusedError(
            f"Stack {stack_id} is not of this account and region; nothing was touched."
        )
    stack = _find(account, stack_id)
    if stack is None:
        return Operation(request)
    root, root_rolls_back = _root(account, stack)
    return Operation(
        request,
        _progress(stack),
        tags.as_dict(stack.get("Tags", ())),
        _rolls_back(stack) and root_rolls_back,
        root,
    )


def _root(account: Account, stack: "StackTypeDef") -> tuple[Progress, bool]:
    """What the root stack is doing, if it is another one and at work, and whether it rolls back.

    A nested stack that is operated directly does so while its root stack is at rest.
    """
    root_id = stack.get("RootId")
    root = _find(account, root_id) if root_id else None
    if root is None or not _progress(root).at_work:
        return Progress(), True
    return _progress(root), _rolls_back(root)


def is_there(account: Account, owner: Owner) -> bool:
    """Whether the owner's stack exists, and may ask for something yet."""
    stack = _find(account, owner.stack_id)
    return stack is not None and stack["StackStatus"] != "DELETE_COMPLETE"


def _resource(account: Account, owner: Owner) -> Resource | None:
    try:
        found = account.clients.cloudformation.describe_stack_resource(
            StackName=owner.stack_id, LogicalResourceId=owner.logical_id
        )["StackResourceDetail"]
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        return None
    return Resource(
        found["ResourceType"], found["ResourceStatus"], found.get("PhysicalResourceId", "")
    )


def _find(account: Account, stack_id: str) -> "StackTypeDef | None":
    try:
        return account.clients.cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        return None


def _progress(stack: "StackTypeDef") -> Progress:
    updated = stack.get("LastUpdatedTime")
    return Progress(
        stack["StackStatus"], updated.isoformat(timespec="milliseconds") if updated else ""
    )


def _rolls_back(stack: Any) -> bool:
    """Whether a failed update is rolled back.

    DeploymentConfig is newer than the types: API reference of DescribeStacks.
    """
    express = stack.get("DeploymentConfig", {}).get("Mode") == "EXPRESS"
    return not (stack.get("DisableRollback") or express)
