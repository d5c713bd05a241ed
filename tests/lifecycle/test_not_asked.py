"""What AWS is no longer asked for, because the table knows it, does no harm when it is wrong."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from moto.secretsmanager.exceptions import SecretsManagerClientError
from moto.secretsmanager.responses import SecretsManagerResponse

from doubles import strict_dynamodb, world
from doubles.aws_calls import Calls, KilledError, die
from doubles.clock import Clock
from doubles.fake_cloudformation import Stack
from lifecycle.test_adoption import INVITATION, create_that_dies, invite_all
from lifecycle.test_grace import rotated
from lifecycle.test_unkind import refuse_always

PROPERTIES: dict[str, Any] = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
SECRET = "restricted/Provazio"
POLICY_ARN = "arn:aws:iam::123456789012:policy/restricted/Provazio"
INVITED = "us-east-1/restricted-iam-user/RestrictedUser"


def succeeded(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return dict(answer["Data"])


def document(action: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def own(*actions: str) -> dict[str, Any]:
    documents = [document(action) for action in actions]
    return {"UserName": "Provazio", "Serial": "1", "PolicyDocument": documents}


def take_policy_name(name: str) -> None:
    """Somebody else has a policy of that name."""
    text = json.dumps(document("ec2:*"))
    world.iam().create_policy(PolicyName=name, Path=world.PATH, PolicyDocument=text)


def leave_behind_and_forget(stack: Stack) -> None:
    """The template retains the user, and the item of the resource is removed."""
    stack.physical_id = None
    strict_dynamodb.remove(f"{stack.stack_id}#{stack.logical_id}")


# Documents of policies.


@pytest.fixture
def removed_policy(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resource whose only policy somebody removed."""
    monkeypatch.setenv("ALLOW_POLICY_DOCUMENT", "true")
    succeeded(stack.create(**own("s3:GetObject")))
    world.iam().detach_user_policy(UserName="Provazio", PolicyArn=POLICY_ARN)
    world.iam().delete_policy(PolicyArn=POLICY_ARN)


def test_roll_back_of_a_refused_update_returns_the_document(
    stack: Stack, removed_policy: None
) -> None:
    """The first version of a policy made again is not taken for that of the policy of before."""
    take_policy_name("Provazio2")
    answer = stack.update(**own("s3:PutObject", "s3:DeleteObject"))

    assert answer["Status"] == "FAILED"
    assert world.policy_document("Provazio") == document("s3:GetObject")


def test_roll_back_of_an_update_that_died_returns_the_document(
    stack: Stack, removed_policy: None, calls: Calls, clock: Clock
) -> None:
    """The same after a function that died before it could say which version it had made."""
    stack.set_status("UPDATE_IN_PROGRESS")
    before, stack.properties = stack.properties, own("s3:PutObject")
    calls.first["iam:ListAttachedUserPolicies"] = die
    with pytest.raises(KilledError):
        stack.send("Update", before)
    clock.sleep(3600)
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    failed, stack.properties = stack.properties, before
    succeeded(stack.send("Update", failed))

    assert world.policy_document("Provazio") == document("s3:GetObject")


# Schedules that end a replaced key.


def test_delete_after_a_key_was_put_into_the_secret_by_hand(stack: Stack) -> None:
    """Our key that a hand-made one replaced has a schedule, which the Delete takes along."""
    succeeded(stack.create(**PROPERTIES))
    key = world.iam().create_access_key(UserName="Provazio")["AccessKey"]
    value = world.secret() | {name: key[name] for name in ("AccessKeyId", "SecretAccessKey")}
    world.secretsmanager().put_secret_value(SecretId=SECRET, SecretString=json.dumps(value))
    succeeded(stack.update(**PROPERTIES, Revision="2"))
    assert len(world.schedules()) == 1
    succeeded(stack.delete())

    assert world.nothing_is_left()


@pytest.mark.parametrize("grace", ["24", "0"])
def test_create_that_takes_up_a_user_finds_its_schedules(stack: Stack, grace: str) -> None:
    """A user that only its tags prove ours may have a schedule of before, which does not stay."""
    rotated(stack)
    leave_behind_and_forget(stack)
    succeeded(stack.create(**PROPERTIES | {"Serial": "2"}, PreviousKeyGraceHours=grace))
    succeeded(stack.delete())

    assert world.nothing_is_left()


# Names of policies.


def test_refused_take_over_touches_nothing(stack: Stack, new_stack: Callable[..., Stack]) -> None:
    """A Create that is refused for a taken policy leaves the tags and rotation of the invited."""
    succeeded(new_stack(name="other").create(**PROPERTIES, RotationSchedule="rate(30 days)"))
    invite_all()
    take_policy_name("Taken")

    def held() -> list[Any]:
        secret = world.described_secret()
        return [world.tags(world.user()), world.tags(secret), secret["RotationEnabled"]]

    before = held()
    assert stack.create(**PROPERTIES, PolicyName="Taken")["Status"] == "FAILED"
    assert held() == before


def test_refused_create_leaves_a_user_that_only_its_tags_prove_ours(stack: Stack) -> None:
    """A retained user of a lost item survives a Create that asks for a policy that is taken."""
    key = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    leave_behind_and_forget(stack)
    take_policy_name("Taken")
    assert stack.create(**PROPERTIES, PolicyName="Taken")["Status"] == "FAILED"

    assert world.user_names() == ["Provazio"]
    assert world.keys() == {key: "Active"}


def test_take_over_of_a_policy_that_died_is_finished(
    stack: Stack, calls: Calls, clock: Clock
) -> None:
    """A Create that dies between the tags of an invited policy is delivered again and goes on."""
    take_policy_name("Provazio")
    invitation = [{"Key": INVITATION, "Value": INVITED}]
    world.iam().tag_policy(PolicyArn=POLICY_ARN, Tags=invitation)
    succeeded(create_that_dies(stack, calls, clock, "iam:TagPolicy", PROPERTIES))
    stack.physical_id = "Provazio"
    succeeded(stack.delete())

    assert world.policy_names() == ["Provazio"]
    assert not world.tags(world.policy("Provazio"))


# A table that says that all was deleted.


def test_delete_with_an_invented_id_believes_no_restored_table(stack: Stack) -> None:
    """A table of before hides no user that the properties name, whatever id the Delete carries."""
    succeeded(stack.create(**PROPERTIES))
    succeeded(stack.delete())
    (deleted,) = strict_dynamodb.items().values()
    succeeded(stack.create(**PROPERTIES))
    world.client("dynamodb").put_item(TableName="state", Item=deleted)
    stack.physical_id = "stack-RestrictedUser-1A2B3C4D5E"
    succeeded(stack.delete())

    assert world.nothing_is_left()


def test_key_made_by_hand_after_a_create_that_made_none(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Create that failed before its key leaves no claim to a key that somebody makes then."""
    stack.disable_rollback()
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    with monkeypatch.context() as patch:
        error = SecretsManagerClientError("AccessDeniedException", "Not you.")
        refuse_always(patch, SecretsManagerResponse, "create_secret", error)
        assert stack.send("Create")["Status"] == "FAILED"
    stack.rest("CREATE_FAILED")
    made = world.iam().create_access_key(UserName="Provazio")["AccessKey"]["AccessKeyId"]
    stack.set_status("UPDATE_IN_PROGRESS")
    succeeded(stack.send("Create"))

    assert world.keys().get(made) == "Active"
