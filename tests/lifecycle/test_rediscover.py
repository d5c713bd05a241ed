"""A resource whose item was removed by hand is found again through its tags."""

from typing import Any

import pytest

from doubles import invariants, strict_dynamodb, world
from doubles.fake_cloudformation import Stack
from doubles.secrets_manager import SecretsManager

PROPERTIES: dict[str, Any] = {
    "UserName": "Provazio",
    "PolicyTemplate": "vanilla",
    "PolicyName": "Manage",
    "Serial": "1",
}
ROTATED = PROPERTIES | {"Serial": "2"}
SECRET = "restricted/Provazio"


def forget(stack: Stack) -> None:
    """Somebody removes the item, or restores the table from a backup that does not have it."""
    strict_dynamodb.remove(f"{stack.stack_id}#{stack.logical_id}")
    assert strict_dynamodb.items() == {}


def succeeded(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return dict(answer["Data"])


def go_forward(stack: Stack, properties: dict[str, Any]) -> dict[str, Any]:
    """An Update of ours that succeeds, while the stack is still at work."""
    before, stack.properties = stack.properties, properties
    stack.set_status("UPDATE_IN_PROGRESS")
    return succeeded(stack.send("Update", before))


def go_back(stack: Stack, properties: dict[str, Any]) -> dict[str, Any]:
    """The Update that rolls it back."""
    failed, stack.properties = stack.properties, properties
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    return succeeded(stack.send("Update", failed))


@pytest.fixture
def foreign(aws: None) -> dict[str, Any]:
    """Things of somebody else under the same path and prefix."""
    return invariants.plant_foreign_things()


def test_update_finds_it_and_keeps_its_key(stack: Stack, foreign: dict[str, Any]) -> None:
    """An Update after the loss leaves user, policies, secret and key as they are, and knows it."""
    before = succeeded(stack.create(**PROPERTIES))
    forget(stack)
    after = succeeded(stack.update(**PROPERTIES, Revision="2"))

    assert after == before
    assert world.keys() == {before["AccessKeyId"]: "Active"}
    invariants.resource_is_whole("Provazio", SECRET, ["Manage"])
    succeeded(stack.delete())
    invariants.nothing_of_ours_is_left()
    assert invariants.foreign_things() == foreign


def test_update_rotates_and_grants_the_grace(stack: Stack, foreign: dict[str, Any]) -> None:
    """A rotation after the loss knows the key in the secret for ours, and ends it in time."""
    first = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    forget(stack)
    second = succeeded(stack.update(**ROTATED))["AccessKeyId"]

    assert world.keys() == {first: "Active", second: "Active"}
    invariants.resource_is_whole("Provazio", SECRET, ["Manage"])
    third = succeeded(stack.update(**PROPERTIES | {"Serial": "3"}))["AccessKeyId"]
    assert world.keys() == {second: "Active", third: "Active"}


def test_update_finds_what_is_renamed(stack: Stack, foreign: dict[str, Any]) -> None:
    """Policies and secret under their former names go, and the key comes along."""
    before = succeeded(stack.create(**PROPERTIES | {"PolicyTemplate": "eks"}))
    forget(stack)
    renamed = PROPERTIES | {"PolicyName": "Other", "SecretName": "restricted/elsewhere"}
    after = succeeded(stack.update(**renamed))

    assert after["AccessKeyId"] == before["AccessKeyId"]
    invariants.resource_is_whole("Provazio", "restricted/elsewhere", ["Other"])


def test_replacement_leaves_nothing_of_the_former_user(
    stack: Stack, foreign: dict[str, Any]
) -> None:
    """The user that CloudFormation replaces after the loss is deleted with all that is its."""
    stack.create(**PROPERTIES)
    forget(stack)
    succeeded(stack.update(**PROPERTIES | {"UserName": "Second"}))

    invariants.resource_is_whole("Second", "restricted/Second", ["Manage"])


def test_roll_back_restores_the_key_of_before(stack: Stack, foreign: dict[str, Any]) -> None:
    """Without the memory of the former state, the key is known by what it was made for."""
    first = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    go_forward(stack, ROTATED)
    forget(stack)

    assert go_back(stack, PROPERTIES)["AccessKeyId"] == first
    assert world.keys() == {first: "Active"}
    invariants.resource_is_whole("Provazio", SECRET, ["Manage"])


@pytest.mark.parametrize("shared", [{}, {"SecretName": "restricted/shared"}], ids=["", "shared"])
def test_roll_back_removes_the_successor(
    stack: Stack, foreign: dict[str, Any], shared: dict[str, str]
) -> None:
    """A user that the rolled back Update made goes, and the former one has its key again."""
    first = succeeded(stack.create(**PROPERTIES, **shared))["AccessKeyId"]
    go_forward(stack, PROPERTIES | {"UserName": "Second"} | shared)
    forget(stack)
    stack.physical_id = "Second"
    go_back(stack, PROPERTIES | shared)

    secret = shared.get("SecretName", SECRET)
    assert world.keys().get(world.secret(secret)["AccessKeyId"]) == "Active"
    assert shared or world.secret(secret)["AccessKeyId"] == first
    invariants.resource_is_whole("Provazio", secret, ["Manage"])


@pytest.mark.parametrize("physical_id", ["Provazio", "stack-RestrictedUser-1A2B3C4D5E"])
@pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"])
def test_delete_leaves_nothing(
    stack: Stack, foreign: dict[str, Any], physical_id: str, status: str
) -> None:
    """Whatever id the Delete carries, all that has the tags goes, and nothing else."""
    stack.create(**PROPERTIES | {"PolicyTemplate": "eks"})
    succeeded(stack.update(**ROTATED))
    forget(stack)
    stack.physical_id = physical_id
    stack.set_status(status)
    succeeded(stack.send("Delete"))

    invariants.nothing_of_ours_is_left()
    assert invariants.foreign_things() == foreign


def test_delete_finds_what_a_restored_table_takes_for_deleted(
    stack: Stack, foreign: dict[str, Any]
) -> None:
    """A table of before, which says that all was deleted, hides no user that lives since."""
    succeeded(stack.create(**PROPERTIES))
    succeeded(stack.delete())
    (deleted,) = strict_dynamodb.items().values()
    succeeded(stack.create(**PROPERTIES))
    world.client("dynamodb").put_item(TableName="state", Item=deleted)

    succeeded(stack.delete())
    invariants.nothing_of_ours_is_left()
    assert invariants.foreign_things() == foreign


def test_delete_finds_what_a_deleted_user_left(stack: Stack, foreign: dict[str, Any]) -> None:
    """With the user deleted by hand as well, its policies and secret still go."""
    stack.create(**PROPERTIES)
    world.delete_user()
    forget(stack)
    succeeded(stack.delete())

    invariants.nothing_of_ours_is_left()


def test_update_makes_a_deleted_user_again(stack: Stack, foreign: dict[str, Any]) -> None:
    """With the user deleted by hand as well, an Update finds policies and secret, and mends all."""
    stack.create(**PROPERTIES)
    world.delete_user()
    forget(stack)
    succeeded(stack.update(**PROPERTIES, Revision="2"))

    invariants.resource_is_whole("Provazio", SECRET, ["Manage"])


def test_clean_up_within_an_update_removes_one_user(stack: Stack, foreign: dict[str, Any]) -> None:
    """The Delete of a replaced user spares its successor, and the secret that holds its key."""
    stack.create(**PROPERTIES)
    go_forward(stack, PROPERTIES | {"UserName": "Second"})
    forget(stack)
    stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    stack.physical_id, stack.properties = "Provazio", PROPERTIES
    succeeded(stack.send("Delete"))

    assert "Second" in world.user_names()
    assert world.secret("restricted/Second")["AccessKeyId"] in world.keys("Second")
    assert world.attached("Second") == ["Manage"]


def test_what_has_no_tag_is_not_found(stack: Stack, foreign: dict[str, Any]) -> None:
    """With neither item nor tag, nothing says that a thing is ours, and it is left."""
    stack.create(**PROPERTIES)
    tag = "restricted-iam-user:stack-id"
    world.iam().untag_user(UserName="Provazio", TagKeys=[tag])
    forget(stack)
    before, stack.properties = stack.properties, PROPERTIES | {"Revision": "2"}
    stack.set_status("UPDATE_IN_PROGRESS")
    answer = stack.send("Update", before)

    assert "IAM user arn:aws:iam::123456789012:user/restricted/Provazio exists" in answer["Reason"]
    assert list(world.keys()) == [world.secret()["AccessKeyId"]]


def test_scheduled_rotation_waits_for_an_update(stack: Stack) -> None:
    """A rotation does not look for what was forgotten; it says what to do."""
    scheduled = PROPERTIES | {"RotationSchedule": "rate(30 days)"}
    key = succeeded(stack.create(**scheduled))["AccessKeyId"]
    forget(stack)
    rotation = SecretsManager()
    rotation.begin()

    assert "if it was, update its stack." in rotation.refusal("createSecret")
    assert list(world.keys()) == [key]
    assert strict_dynamodb.items() == {}
    succeeded(stack.update(**scheduled, Revision="2"))
    assert rotation.rotate()
    assert world.secret()["AccessKeyId"] != key
