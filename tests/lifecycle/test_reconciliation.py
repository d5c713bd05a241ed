"""Managed policies become what the properties ask for, with as few changes as possible."""

import json
from typing import Any

import pytest

from doubles import world
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import Stack

EKS = {
    "UserName": "Provazio",
    "PolicyTemplate": "eks",
    "PolicyName": "ManageIguazioSystems",
    "Serial": "1",
}
OTHER_DOCUMENT = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
)


def versions(name: str) -> list[str]:
    """Version ids of a policy, oldest first, the default one in brackets."""
    found = world.iam().list_policy_versions(PolicyArn=world.policy(name)["Arn"])["Versions"]
    found.sort(key=lambda version: int(version["VersionId"][1:]))
    return [
        f"[{version['VersionId']}]" if version["IsDefaultVersion"] else version["VersionId"]
        for version in found
    ]


def succeeded(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return answer


def test_only_a_changed_document_makes_a_new_version(stack: Stack) -> None:
    """A variable that one of three documents does not use leaves that policy at its version."""
    succeeded(stack.create(**EKS))
    succeeded(stack.update(**EKS, PolicyVariables={"EKS_CLUSTER_NAME": "staging-0"}))

    assert versions("ManageIguazioSystems") == ["[v1]"]
    assert versions("ManageIguazioSystemsEks") == ["v1", "[v2]"]
    assert versions("ManageIguazioSystemsEksIam") == ["v1", "[v2]"]


def test_oldest_version_goes_when_there_are_five(stack: Stack) -> None:
    """The sixth document takes the place of the first, not of a later one."""
    for number in range(6):
        variables = {"EKS_CLUSTER_NAME": f"staging-{number}"}
        send = stack.update if number else stack.create
        succeeded(send(**EKS, PolicyVariables=variables))

    assert versions("ManageIguazioSystemsEks") == ["v2", "v3", "v4", "v5", "[v6]"]
    assert versions("ManageIguazioSystems") == ["[v1]"]


def test_default_version_is_never_the_one_that_goes(stack: Stack) -> None:
    """When somebody made the oldest of five versions the default, the second oldest goes."""
    succeeded(stack.create(**EKS))
    arn = world.policy("ManageIguazioSystems")["Arn"]
    for _ in range(4):
        world.iam().create_policy_version(PolicyArn=arn, PolicyDocument=OTHER_DOCUMENT)
    assert versions("ManageIguazioSystems") == ["[v1]", "v2", "v3", "v4", "v5"]
    variables = {"AWS_REGION": ["eu-west-1"]}
    succeeded(stack.update(**EKS, PolicyVariables=variables))

    assert versions("ManageIguazioSystems") == ["v1", "v3", "v4", "v5", "[v6]"]


@pytest.mark.parametrize("entry", ["eks-bounded", "eks-prebuilt"])
def test_other_iam_part_takes_the_place_of_the_first(stack: Stack, entry: str) -> None:
    """Going from `eks` to another form changes the third policy only, which keeps its ARN."""
    before = succeeded(stack.create(**EKS))["Data"]["PolicyArns"]
    variables = {
        "eks-bounded": {"ROLE_BOUNDARY_ARN": "arn:aws:iam::123456789012:policy/ceiling"},
        "eks-prebuilt": {"EKS_CLUSTER_ROLE_NAME": "cluster"},
    }[entry]
    after = succeeded(stack.update(**EKS | {"PolicyTemplate": entry, "PolicyVariables": variables}))

    assert after["Data"]["PolicyArns"] == before
    assert versions("ManageIguazioSystems") == versions("ManageIguazioSystemsEks") == ["[v1]"]
    assert versions("ManageIguazioSystemsEksIam") == ["v1", "[v2]"]


def test_option_that_is_chosen_and_dropped(stack: Stack) -> None:
    """An option attaches its policy; without its variable the policy is detached and deleted."""
    vanilla = EKS | {"PolicyTemplate": "vanilla"}
    succeeded(stack.create(**vanilla))
    variables = {"VPC_ID": "vpc-0a1b2c3d", "PUBLIC_IPS": "none"}
    succeeded(stack.update(**vanilla, PolicyVariables=variables))
    assert world.attached() == [
        "ManageIguazioSystems",
        "ManageIguazioSystemsExistingVpc",
        "ManageIguazioSystemsNoPublicIps",
    ]
    assert "vpc-0a1b2c3d" in str(world.policy_document("ManageIguazioSystemsExistingVpc"))

    succeeded(stack.update(**vanilla, PolicyVariables={"PUBLIC_IPS": "none"}))
    assert world.attached() == world.policy_names()
    assert world.policy_names() == ["ManageIguazioSystems", "ManageIguazioSystemsNoPublicIps"]

    assert succeeded(stack.delete())
    assert world.nothing_is_left()


def test_document_with_versions_is_deleted_with_all_of_them(stack: Stack) -> None:
    """An entry that loses a document deletes it although it has several versions."""
    succeeded(stack.create(**EKS))
    succeeded(stack.update(**EKS, PolicyVariables={"EKS_CLUSTER_NAME": "staging-0"}))
    succeeded(stack.update(**EKS | {"PolicyTemplate": "vanilla"}))

    assert world.attached() == world.policy_names() == ["ManageIguazioSystems"]


HAND_MADE = [
    "other default version",
    "older default version",
    "detached",
    "deleted",
    "foreign policy attached",
    "tag removed",
]


def change_by_hand(kind: str) -> None:
    iam, arn = world.iam(), world.policy("ManageIguazioSystems")["Arn"]
    match kind:
        case "other default version":
            iam.create_policy_version(
                PolicyArn=arn, PolicyDocument=OTHER_DOCUMENT, SetAsDefault=True
            )
        case "older default version":
            iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
        case "detached":
            iam.detach_user_policy(UserName="Provazio", PolicyArn=arn)
        case "deleted":
            iam.detach_user_policy(UserName="Provazio", PolicyArn=arn)
            iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
            iam.delete_policy(PolicyArn=arn)
        case "foreign policy attached":
            other = iam.create_policy(PolicyName="Other", PolicyDocument=OTHER_DOCUMENT)["Policy"]
            iam.attach_user_policy(UserName="Provazio", PolicyArn=other["Arn"])
        case "tag removed":
            iam.untag_policy(PolicyArn=arn, TagKeys=["Team"])


@pytest.mark.parametrize("kind", HAND_MADE)
def test_revision_repairs_what_was_changed_by_hand(stack: Stack, kind: str) -> None:
    """A changed `Revision` brings everything back, and does not rotate the key."""
    wanted = EKS | {"Tags": [{"Key": "Team", "Value": "platform"}]}
    succeeded(stack.create(**wanted, PolicyVariables={"AWS_REGION": ["eu-west-1"]}))
    before = succeeded(stack.update(**wanted))["Data"]
    document = world.policy_document("ManageIguazioSystems")
    change_by_hand(kind)
    after = succeeded(stack.update(**wanted, Revision="2"))["Data"]

    assert after == before
    assert world.policy_document("ManageIguazioSystems") == document
    assert world.attached() == [f"ManageIguazioSystems{part}" for part in ("", "Eks", "EksIam")]
    assert world.tags(world.policy("ManageIguazioSystems"))["Team"] == "platform"
    assert world.keys() == {before["AccessKeyId"]: "Active"}


def test_same_properties_touch_no_policy(stack: Stack, calls: Calls) -> None:
    """An Update that changes nothing of the policies reads them only."""
    succeeded(stack.create(**EKS))
    del calls.names[:]
    succeeded(stack.update(**EKS, Revision="2"))

    policy_calls = {name.split(":")[1] for name in calls.names if "Polic" in name}
    assert policy_calls
    assert [name for name in policy_calls if not name.startswith(("Get", "List"))] == []
