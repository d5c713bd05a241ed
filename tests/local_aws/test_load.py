"""Fifty resources on the local AWS, which throttles the functions as a small account does."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from demo.local_aws import LocalAws, local_aws
from demo.sam import PROVIDER_STACK, Sam

LAUNCHER = Path(__file__).parents[1] / "support" / "throttled_launcher.py"
# MiniStack makes the resources of one stack one after another, AWS at once.
STACKS, RESOURCES = 10, 5
_POLL_SECONDS = 0.5
_LONGEST_SECONDS = 300


def template(stack: int) -> str:
    def resource(number: int) -> dict[str, Any]:
        properties = {
            "ServiceToken": {"Fn::ImportValue": f"{PROVIDER_STACK}-ServiceToken"},
            "UserName": f"User{stack}-{number}",
            "PolicyTemplate": "vanilla",
        }
        return {"Type": "Custom::RestrictedIAMUser", "Properties": properties}

    return json.dumps(
        {"Resources": {f"User{number}": resource(number) for number in range(RESOURCES)}}
    )


def ended(cloudformation: Any, stack_id: str) -> str:
    """The status in which a stack ends."""
    give_up = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < give_up:
        time.sleep(_POLL_SECONDS)
        (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return str(stack["StackStatus"])
    raise TimeoutError(f"Stack {stack_id} is still in {stack['StackStatus']}")


def test_many_resources_where_aws_throttles(
    tmp_path_factory: pytest.TempPathFactory, built: Callable[[LocalAws], Sam]
) -> None:
    """All are created and deleted, each in its time, although many calls are refused."""
    with local_aws(tmp_path_factory.mktemp("aws"), LAUNCHER) as aws:
        built(aws).deploy(PolicyTemplate="none")
        iam, cloudformation = aws.client("iam"), aws.client("cloudformation")
        before = {user["UserName"] for user in iam.list_users()["Users"]}
        throttled = aws.directory / "throttled"

        began = time.monotonic()
        ids = [
            cloudformation.create_stack(StackName=f"load-{stack}", TemplateBody=template(stack))[
                "StackId"
            ]
            for stack in range(STACKS)
        ]
        with ThreadPoolExecutor(STACKS) as pool:
            made = list(pool.map(lambda stack_id: ended(cloudformation, stack_id), ids))
        assert made == ["CREATE_COMPLETE"] * STACKS
        users = {user["UserName"] for user in iam.list_users(MaxItems=200)["Users"]} - before
        assert len(users) == STACKS * RESOURCES
        print(f"created in {time.monotonic() - began:.0f} s")

        began = time.monotonic()
        for stack_id in ids:
            cloudformation.delete_stack(StackName=stack_id)
        with ThreadPoolExecutor(STACKS) as pool:
            gone = list(pool.map(lambda stack_id: ended(cloudformation, stack_id), ids))
        assert gone == ["DELETE_COMPLETE"] * STACKS
        refused = len(throttled.read_text().splitlines())
        print(f"deleted in {time.monotonic() - began:.0f} s; {refused} calls were throttled")

        assert refused > STACKS * RESOURCES
        assert {user["UserName"] for user in iam.list_users()["Users"]} == before
        assert iam.list_policies(Scope="Local", PathPrefix="/restricted/")["Policies"] == []
        names = aws.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)
        assert names["SecretList"] == []
