"""End to end: settings and deletion of a provider whose users live in another stack.

That stack names the function outright, so no import of ours keeps the provider's stack.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from demo.local_aws import LocalAws, local_aws
from demo.sam import PROVIDER_STACK, Sam

_POLL_SECONDS = 0.3
_LONGEST_SECONDS = 120
_CEILING = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": ["ec2:*", "iam:PassRole"], "Resource": "*"},
}


@dataclass(frozen=True)
class Scene:
    """The provider with a user of its own, and a stack that embeds another."""

    aws: LocalAws
    sam: Sam
    service_token: str

    def template(self, serial: str) -> str:
        properties = {
            "ServiceToken": self.service_token,
            "UserName": "Embedded",
            "PolicyTemplate": "vanilla",
            "Serial": serial,
        }
        resource = {"Type": "Custom::RestrictedIAMUser", "Properties": properties}
        return json.dumps({"Resources": {"Installer": resource}})

    def ended(self, stack: str) -> str:
        give_up = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < give_up:
            time.sleep(_POLL_SECONDS)
            answer = self.aws.client("cloudformation").describe_stacks(StackName=stack)
            status = str(answer["Stacks"][0]["StackStatus"])
            if not status.endswith("_IN_PROGRESS"):
                return status
        raise TimeoutError(f"Stack {stack} is still in {status}")

    def reason(self, status: str) -> str:
        """Why the provider's own resource was last in a status."""
        events = self.aws.client("cloudformation").describe_stack_events(StackName=PROVIDER_STACK)
        return next(
            str(event.get("ResourceStatusReason"))
            for event in events["StackEvents"]
            if event["LogicalResourceId"] == "Settings" and event["ResourceStatus"] == status
        )

    def user(self, name: str) -> dict[str, Any]:
        return dict(self.aws.client("iam").get_user(UserName=name)["User"])


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, built: Callable[[LocalAws], Sam]
) -> Iterator[Scene]:
    with local_aws(tmp_path_factory.mktemp("aws")) as aws:
        sam = built(aws)
        outputs = sam.deploy()
        made = Scene(aws, sam, outputs["ServiceToken"])
        aws.client("cloudformation").create_stack(
            StackName="embedding", TemplateBody=made.template("1")
        )
        assert made.ended("embedding") == "CREATE_COMPLETE"
        yield made


def test_move_is_refused_and_rolled_back(scene: Scene) -> None:
    """Both users are named, the stack goes back, and the users can be rotated as before."""
    with pytest.raises(RuntimeError):
        scene.sam.deploy(IamPath="/elsewhere/")

    assert scene.ended(PROVIDER_STACK) == "UPDATE_ROLLBACK_COMPLETE"
    reason = scene.reason("UPDATE_FAILED")
    assert "IamPath cannot become /elsewhere/" in reason
    assert "Embedded (stack embedding, resource Installer)" in reason
    assert f"Provazio (stack {PROVIDER_STACK}, resource RestrictedUser)" in reason
    scene.aws.client("cloudformation").update_stack(
        StackName="embedding", TemplateBody=scene.template("2")
    )
    assert scene.ended("embedding") == "UPDATE_COMPLETE"


def test_new_boundary_reaches_users_of_both_stacks(scene: Scene) -> None:
    """When the update of the provider ends, nobody has the former boundary any more."""
    ceiling = scene.aws.client("iam").create_policy(
        PolicyName="Ceiling", PolicyDocument=json.dumps(_CEILING)
    )["Policy"]["Arn"]

    scene.sam.deploy(IamPath="/restricted/", PermissionsBoundaryArn=ceiling)

    for name in ("Embedded", "Provazio"):
        assert scene.user(name)["PermissionsBoundary"]["PermissionsBoundaryArn"] == ceiling


def test_provider_goes_after_the_users_of_others(scene: Scene) -> None:
    """Its deletion is refused while one lives, and passes afterwards, its own user included."""
    with pytest.raises(RuntimeError, match="DELETE_FAILED"):
        scene.sam.delete(PROVIDER_STACK)

    assert "Embedded (stack embedding, resource Installer)" in scene.reason("DELETE_FAILED")
    cloudformation = scene.aws.client("cloudformation")
    embedding = cloudformation.describe_stacks(StackName="embedding")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=embedding)
    assert scene.ended(embedding) == "DELETE_COMPLETE"
    scene.sam.delete(PROVIDER_STACK)
    assert scene.aws.client("iam").list_users()["Users"] == []
    assert scene.aws.client("dynamodb").list_tables()["TableNames"] == []
