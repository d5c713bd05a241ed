"""`status` tells what there is, what is not as the resource left it, and what it could not read."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.iam.models import iam_backends

from doubles import strict_dynamodb, world
from doubles.fake_cloudformation import Stack
from operator_tool import drift
from operator_tool.reports import CopyReport, SecretReport

from .conftest import Run

DOCUMENT = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)
ARN = "arn:aws:iam::123456789012:policy/restricted/ManageIguazioSystems"


def refusing(service: str, *operations: str) -> Any:
    """A client of moto's that has no right to some operations."""

    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return refuse if name in operations else getattr(world.client(service), name)

        def get_paginator(self, name: str) -> Any:
            return Pages() if name in operations else world.client(service).get_paginator(name)

    class Pages:
        def paginate(self, **_: Any) -> Any:
            refuse()

    def refuse(**_: Any) -> None:
        told: Any = {"Error": {"Code": "AccessDenied", "Message": "You may\nnot."}}
        raise ClientError(told, operations[0])

    return Refusing()


def test_healthy_user_is_fine(tool: Run, installer: Stack) -> None:
    """A user that is as its resource left it shows its stack, policies, key and secret."""
    code, text = tool("status")

    assert code == 0, text
    for shown in (
        "Provazio",
        "restricted-iam-user",
        "vanilla",
        "ManageIguazioSystems v1",
        "current",
    ):
        assert shown in text
    assert next(iter(world.keys())) in text
    assert "✗" not in text


def test_json_is_for_programs(tool: Run, installer: Stack) -> None:
    """The same as JSON, complete and without a secret key."""
    code, text = tool("status", "--json")
    (user,) = json.loads(text)["Users"]

    assert code == 0
    assert user["user_name"] == "Provazio"
    assert user["template"] == "vanilla"
    assert [key["role"] for key in user["keys"]] == ["current"]
    assert json.loads(text)["CouldNotRead"] == []
    assert world.secret()["SecretAccessKey"] not in text


def test_grace_is_told(tool: Run, installer: Stack) -> None:
    """A replaced key is shown with the end of its grace, and is no finding."""
    installer.update(**installer.properties | {"Serial": "2"})
    code, text = tool("status")

    assert code == 0, text
    assert "replaced" in text
    assert "ends in 23 h" in text


def deactivate() -> None:
    (key_id,) = world.keys()
    world.iam().update_access_key(UserName="Provazio", AccessKeyId=key_id, Status="Inactive")


def delete_key() -> None:
    (key_id,) = world.keys()
    world.iam().delete_access_key(UserName="Provazio", AccessKeyId=key_id)


def other_boundary() -> None:
    made = world.iam().create_policy(PolicyName="other", PolicyDocument=DOCUMENT)
    world.iam().put_user_permissions_boundary(
        UserName="Provazio", PermissionsBoundary=made["Policy"]["Arn"]
    )


def no_boundary() -> None:
    vars(iam_backends["123456789012"]["aws"].users["Provazio"])["permissions_boundary"] = None


def attach() -> None:
    arn = world.iam().create_policy(PolicyName="Foreign", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    world.iam().attach_user_policy(UserName="Provazio", PolicyArn=arn)


def switch_back() -> None:
    world.iam().create_policy_version(PolicyArn=ARN, PolicyDocument=DOCUMENT, SetAsDefault=False)


def recreate_policy() -> None:
    world.iam().detach_user_policy(UserName="Provazio", PolicyArn=ARN)
    world.iam().delete_policy(PolicyArn=ARN)
    world.iam().create_policy(
        PolicyName="ManageIguazioSystems", Path="/restricted/", PolicyDocument=DOCUMENT
    )
    world.iam().attach_user_policy(UserName="Provazio", PolicyArn=ARN)


def age() -> None:
    (key,) = iam_backends["123456789012"]["aws"].users["Provazio"].access_keys
    key.create_date = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=91)


def add_group() -> None:
    world.iam().create_group(GroupName="Administrators")
    world.iam().add_user_to_group(UserName="Provazio", GroupName="Administrators")


def delete_secret() -> None:
    world.secretsmanager().delete_secret(
        SecretId="restricted/Provazio", ForceDeleteWithoutRecovery=True
    )


def forget() -> None:
    for key in list(strict_dynamodb.items()):
        strict_dynamodb.remove(key)


DRIFT: dict[str, tuple[Callable[[], Any], str]] = {
    "inactive key": (deactivate, "is inactive."),
    "missing key": (delete_key, "is missing."),
    "foreign key": (
        lambda: world.iam().create_access_key(UserName="Provazio"),
        "was not made here (never used).",
    ),
    "old key": (age, "is 91 days old."),
    "no boundary": (no_boundary, "It has no permissions boundary."),
    "other boundary": (other_boundary, "Its boundary is arn:aws:iam::123456789012:policy/other"),
    "detached policy": (
        lambda: world.iam().detach_user_policy(UserName="Provazio", PolicyArn=ARN),
        "Policy ManageIguazioSystems is detached.",
    ),
    "foreign policy": (attach, "Policy Foreign was attached by somebody else."),
    "older version": (switch_back, "is back on the older version v1."),
    "another policy": (recreate_policy, "is another one than was made."),
    "inline policy": (
        lambda: world.iam().put_user_policy(
            UserName="Provazio", PolicyName="all", PolicyDocument=DOCUMENT
        ),
        "Inline policy all was added by somebody else.",
    ),
    "group": (add_group, "Group Administrators was added by somebody else."),
    "secret awaits deletion": (
        lambda: world.secretsmanager().delete_secret(SecretId="restricted/Provazio"),
        "Secret restricted/Provazio is scheduled for deletion.",
    ),
    "secret gone": (delete_secret, "Secret restricted/Provazio is missing."),
    "another user": (world.replace_user, "It is another user than was made."),
    "forgotten": (forget, "The state table does not know it."),
}


@pytest.mark.parametrize("kind", DRIFT)
def test_drift_is_found(tool: Run, installer: Stack, kind: str) -> None:
    """What somebody did by hand is named in one sentence, and the exit code is 1."""
    happens, sentence = DRIFT[kind]
    happens()
    code, text = tool("status")

    assert code == 1, text
    assert sentence in " ".join(text.split())


def test_edited_policy_is_found(tool: Run, installer: Stack, clients: dict[str, Any]) -> None:
    """A version that is later than the stack's last change of the resource was not the stack's."""
    clients["cloudformation"] = Settled()
    assert tool("status")[0] == 0
    versions = iam_backends["123456789012"]["aws"].managed_policies[ARN].versions
    versions[0].create_date += timedelta(hours=2)
    code, text = tool("status")

    assert code == 1
    assert "Policy ManageIguazioSystems was edited on" in text


class Settled:
    """CloudFormation, which moto does not let know custom resources."""

    def __getattr__(self, name: str) -> Any:
        return getattr(world.client("cloudformation"), name)

    def describe_stack_resource(self, **_: Any) -> dict[str, Any]:
        return {"StackResourceDetail": {"LastUpdatedTimestamp": datetime.now(UTC)}}


def test_user_that_is_gone_is_found(tool: Run, installer: Stack) -> None:
    """A user of the table that IAM does not have is a finding, though it was the only one."""
    world.delete_user()
    code, text = tool("status")

    assert code == 1, text
    assert "The user is gone." in text


def test_late_rotation_failed_copies_and_lost_readers_are_findings() -> None:
    """What moto cannot show: copies that failed, readers that are gone, rotations that are due."""
    now = datetime.now(UTC)
    secret = SecretReport(
        "a", "", False, "rate(4 hours)", now - timedelta(days=3),
        (CopyReport("eu-west-1", "Failed"),), ("AROAEXAMPLE", "*"),
    )  # fmt: skip
    expected = drift.Expected(None, "", None, timedelta(days=90))
    told = " ".join(drift.of_secrets((secret,), expected, now))

    assert "The copy of a in eu-west-1 failed." in told
    assert "did not happen." in told
    assert "A reader of a is gone: AROAEXAMPLE." in told
    assert "Everybody may read a." in told


@pytest.mark.parametrize(
    ("service", "operation", "shown"),
    [
        ("dynamodb", "scan", "Provazio"),
        ("cloudformation", "describe_stacks", "Provazio"),
        ("secretsmanager", "list_secrets", "Provazio"),
        ("secretsmanager", "get_resource_policy", "Provazio"),
        ("iam", "get_access_key_last_used", "Provazio"),
        ("iam", "list_policy_versions", "Provazio"),
        ("iam", "list_users", "No restricted IAM user"),
    ],
)
def test_what_may_not_be_read_is_named(
    tool: Run, installer: Stack, clients: dict[str, Any], service: str, operation: str, shown: str
) -> None:
    """Without one right the rest is shown, with a line for what is missing; the exit code is 2."""
    clients[service] = refusing(service, operation)
    code, text = tool("status")

    assert code == 2, text
    assert shown in text
    assert f"{operation} was refused: AccessDenied: You may not." in " ".join(text.split())
    assert "Traceback" not in text


def test_thousand_users_are_all_shown(tool: Run, provider: None) -> None:
    """Pages of IAM are followed to the end; users of no stack are counted."""
    for number in range(1000):
        world.iam().create_user(UserName=f"u{number}", Path="/restricted/")
    code, text = tool("status")

    assert code == 0
    assert "1000 more on these paths" in text


def test_user_of_another_region_is_left_to_it(tool: Run, installer: Stack) -> None:
    """IAM is global, so the path may hold users of other regions; they are no findings here."""
    tags = {
        "restricted-iam-user:stack-id": installer.stack_id.replace("us-east-1", "eu-west-1"),
        "restricted-iam-user:logical-id": "Installer",
    }
    world.iam().create_user(
        UserName="Elsewhere",
        Path="/restricted/",
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    code, text = tool("status")

    assert code == 0, text
    assert "Elsewhere" not in text
    assert "1 more on these paths" in text
