"""The doubles of rotation, copies, readers and schedules refuse what AWS refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from doubles import strict_scheduler, world
from doubles.secrets_manager import FUNCTION_ARN

pytestmark = pytest.mark.usefixtures("aws")

RULES = {"ScheduleExpression": "rate(30 days)"}
GROUP = "restricted-iam-user"


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    """The code of the error that the call ends in."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return str(error.value.response["Error"]["Code"])


@pytest.fixture
def secret() -> str:
    return str(world.secretsmanager().create_secret(Name="s", SecretString="1")["ARN"])


def rotate(secret: str, **parameters: Any) -> str:
    answer = world.secretsmanager().rotate_secret(
        SecretId=secret, RotationLambdaARN=FUNCTION_ARN, RotationRules=RULES, **parameters
    )
    return str(answer["VersionId"])


def stages() -> list[list[str]]:
    return list(world.described_secret("s")["VersionIdsToStages"].values())


def test_rotation_is_described(secret: str) -> None:
    """RotateSecret without rotating at once keeps function and schedule, and no new version."""
    rotate(secret, RotateImmediately=False)

    described = world.described_secret("s")
    assert described["RotationEnabled"] is True
    assert described["RotationLambdaARN"] == FUNCTION_ARN
    assert described["RotationRules"] == RULES
    assert "NextRotationDate" in described
    assert stages() == [["AWSCURRENT"]]


def test_rotation_begins_with_a_version_without_a_value(secret: str) -> None:
    """The new version has AWSPENDING, and until it ends no other rotation begins."""
    token = rotate(secret)

    assert sorted(stages()) == [["AWSCURRENT"], ["AWSPENDING"]]
    read = world.secretsmanager().get_secret_value
    assert refusal(read, SecretId="s", VersionId=token) == "ResourceNotFoundException"
    again = world.secretsmanager().rotate_secret
    assert refusal(again, SecretId="s") == "InvalidRequestException"


def test_rotation_begins_again_when_pending_is_current(secret: str) -> None:
    """AWSPENDING on the current version is the mark of a rotation that came to its end."""
    token = rotate(secret)
    world.secretsmanager().put_secret_value(
        SecretId="s",
        SecretString="2",
        ClientRequestToken=token,
        VersionStages=["AWSCURRENT", "AWSPENDING"],
    )
    other = world.secretsmanager().rotate_secret(SecretId="s")["VersionId"]

    assert other != token
    assert world.described_secret("s")["VersionIdsToStages"][token] == ["AWSCURRENT"]


def test_secret_without_a_value_or_a_function_is_not_rotated(secret: str) -> None:
    """There is nothing to rotate, or nobody to do it."""
    call = world.secretsmanager().rotate_secret
    world.secretsmanager().create_secret(Name="empty")
    parameters = {"SecretId": "empty", "RotationLambdaARN": FUNCTION_ARN, "RotationRules": RULES}

    assert refusal(call, **parameters) == "InvalidRequestException"
    assert refusal(call, SecretId="s") == "InvalidRequestException"
    assert refusal(call, SecretId="none") == "ResourceNotFoundException"


def test_secret_that_awaits_deletion_is_not_rotated(secret: str) -> None:
    """Rotation needs a secret that can be read."""
    world.secretsmanager().delete_secret(SecretId="s")

    assert refusal(world.secretsmanager().rotate_secret, SecretId="s") == "InvalidRequestException"


def test_cancelled_rotation_is_described(secret: str) -> None:
    """CancelRotateSecret ends the schedule and leaves AWSPENDING where it is."""
    rotate(secret)
    world.secretsmanager().cancel_rotate_secret(SecretId="s")

    described = world.described_secret("s")
    assert described["RotationEnabled"] is False
    assert "NextRotationDate" not in described
    assert ["AWSPENDING"] in stages()


@pytest.mark.parametrize(
    ("principal", "code"),
    [
        ("*", "PublicPolicyException"),
        ({"AWS": "*"}, "PublicPolicyException"),
        ({"AWS": ["arn:aws:iam::123456789012:root", "*"]}, "PublicPolicyException"),
        ({"AWS": "reader"}, "MalformedPolicyDocumentException"),
        ({"AWS": ["arn:aws:iam::12:role/reader"]}, "MalformedPolicyDocumentException"),
        (
            {"AWS": ["arn:aws:sts::123456789012:assumed-role/reader"]},
            "MalformedPolicyDocumentException",
        ),
    ],
)
def test_policy_that_is_public_or_malformed_is_refused(
    secret: str, principal: Any, code: str
) -> None:
    """BlockPublicPolicy keeps everybody out; principals must look like some."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*"}
    call = world.secretsmanager().put_resource_policy
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    assert refusal(call, SecretId="s", ResourcePolicy=text, BlockPublicPolicy=True) == code


def test_public_policy_is_taken_unless_blocked(secret: str) -> None:
    """Without BlockPublicPolicy everybody may be let in, which is why we pass it."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": statement})
    world.secretsmanager().put_resource_policy(SecretId="s", ResourcePolicy=text)

    assert world.secretsmanager().get_resource_policy(SecretId="s")["ResourcePolicy"] == text


def test_copies_keep_their_key_and_are_made_once(secret: str) -> None:
    """ReplicationStatus tells the key of each copy; a region that has one is refused."""
    regions = [{"Region": "eu-west-1", "KmsKeyId": "alias/a"}, {"Region": "eu-west-2"}]
    call = world.secretsmanager().replicate_secret_to_regions
    call(SecretId="s", AddReplicaRegions=regions)

    found = world.described_secret("s")["ReplicationStatus"]
    assert [copy["KmsKeyId"] for copy in found] == ["alias/a", "alias/aws/secretsmanager"]
    again = {"SecretId": "s", "AddReplicaRegions": regions[:1]}
    assert refusal(call, **again) == "InvalidRequestException"


def test_secret_with_copies_is_not_deleted(secret: str) -> None:
    """DeleteSecret: first the copies; the code is as in rebuy-de/aws-nuke, issue 1127."""
    world.secretsmanager().replicate_secret_to_regions(
        SecretId="s", AddReplicaRegions=[{"Region": "eu-west-1"}]
    )
    call = world.secretsmanager().delete_secret
    parameters = {"SecretId": "s", "ForceDeleteWithoutRecovery": True}

    assert refusal(call, **parameters) == "InvalidParameterException"


def schedule(**changes: Any) -> dict[str, Any]:
    return {
        "Name": "n",
        "GroupName": GROUP,
        "ScheduleExpression": "at(2099-01-01T00:00:00)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {"Arn": FUNCTION_ARN, "RoleArn": FUNCTION_ARN, "Input": "{}"},
    } | changes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Name": "n" * 65}, "ValidationException"),
        ({"GroupName": "none"}, "ResourceNotFoundException"),
        ({"ScheduleExpression": "at(2020-01-01T00:00:00)"}, "ValidationException"),
        ({"ScheduleExpression": "at(2099-01-01)"}, "ValidationException"),
        ({"ScheduleExpression": "at(2099-01-01T00:00:00.5)"}, "ValidationException"),
    ],
)
def test_schedule_that_aws_refuses(changes: dict[str, Any], code: str) -> None:
    """Name, group and time of a schedule are judged."""
    world.client("scheduler").create_schedule(**schedule(Name="n" * 64))

    assert refusal(world.client("scheduler").create_schedule, **schedule(**changes)) == code


def test_schedule_name_has_an_alphabet_and_is_taken_once() -> None:
    """A colon is refused, and the name of a schedule that exists."""
    call = world.client("scheduler").create_schedule
    call(**schedule())

    assert refusal(call, **schedule(Name="a:b")) == "ValidationException"
    assert refusal(call, **schedule()) == "ConflictException"


def test_schedule_fires_and_goes(caplog: pytest.LogCaptureFixture) -> None:
    """A schedule sends its input to the provider, and is deleted when it says so."""
    world.client("scheduler").create_schedule(**schedule(Name="a"))
    world.client("scheduler").create_schedule(**schedule(Name="b", ActionAfterCompletion="NONE"))
    for each in world.schedules():
        strict_scheduler.fire(each)

    assert caplog.text.count("no event of a custom resource") == 2
    assert [each["Name"] for each in world.schedules()] == ["b"]
