"""A trial launch: creates a stack as whoever clicks a launch link would, then deletes it."""

import secrets
from typing import TYPE_CHECKING, Literal

import boto3
from botocore.exceptions import ClientError, WaiterError

from publish import PublishError
from publish.release import NAME

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import WaiterConfigTypeDef

_WAIT: "WaiterConfigTypeDef" = {"Delay": 2, "MaxAttempts": 450}  # 15 minutes.


def check_launch(region: str, template_url: str) -> None:
    """Create a stack with a user of its own from the template, then delete it.

    Raises PublishError with the first reason that CloudFormation gives. The user's name contains
    the region, since IAM is global and regions are checked at the same time.
    """
    # Regions have threads of their own, and threads must not share a session.
    cloudformation = boto3.Session().client("cloudformation", region_name=region)
    name = f"launch-check-{region}-{secrets.token_hex(4)}"
    try:
        stack_id = cloudformation.create_stack(
            StackName=f"{NAME}-{name}",
            TemplateURL=template_url,
            Parameters=[
                {"ParameterKey": "UserName", "ParameterValue": name},
                {"ParameterKey": "PolicyName", "ParameterValue": name},
            ],
            Capabilities=["CAPABILITY_IAM"],
        )["StackId"]
    except ClientError as error:
        raise PublishError(f"Launching failed: {error.response['Error']['Message']}") from error
    try:
        _wait(cloudformation, "stack_create_complete", stack_id)
    finally:
        cloudformation.delete_stack(StackName=stack_id)
        _wait(cloudformation, "stack_delete_complete", stack_id)


def _wait(
    cloudformation: "CloudFormationClient",
    state: Literal["stack_create_complete", "stack_delete_complete"],
    stack_id: str,
) -> None:
    try:
        cloudformation.get_waiter(state).wait(StackName=stack_id, WaiterConfig=_WAIT)
    except WaiterError as error:
        events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        reason = reasons[0] if reasons else str(error)
        raise PublishError(f"Launching failed at {reason} (stack {stack_id}).") from error
