"""`Status` switches the keys of the user off and on again, without deleting or rotating them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from doubles import world
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import Stack
from doubles.secrets_manager import STEPS, SecretsManager
from support.rotated_secret import PROPERTIES as SCHEDULED
from support.rotated_secret import current

PROPERTIES: dict[str, Any] = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
OFF = {"Status": "Inactive"}
ON = {"Status": "Active"}


def done(answer: dict[str, Any]) -> str:
    """The id of the key that a request which succeeded tells."""
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return str(answer["Data"]["AccessKeyId"])


def by_hand(access_key_id: str, status: str) -> None:
    world.iam().update_access_key(UserName="Provazio", AccessKeyId=access_key_id, Status=status)


def switched(calls: Calls, since: int = 0) -> int:
    return calls.names[since:].count("iam:UpdateAccessKey")


def test_key_is_switched_off_and_on_again(stack: Stack, calls: Calls) -> None:
    """Changing nothing but the status keeps key and secret, and makes no other call for it."""
    key = done(stack.create(**PROPERTIES))
    secret = world.secret()

    assert done(stack.update(**PROPERTIES | OFF)) == key
    assert world.keys() == {key: "Inactive"}
    assert done(stack.update(**PROPERTIES | ON)) == key
    assert world.keys() == {key: "Active"}
    assert world.secret() == secret
    assert switched(calls) == 2


def test_key_without_a_serial_is_switched_and_not_rotated(stack: Stack) -> None:
    """Without `Serial` every Update rotates, but not one that changes the status alone."""
    properties = {"UserName": "Provazio", "PolicyTemplate": "vanilla"}
    key = done(stack.create(**properties))

    assert done(stack.update(**properties | OFF)) == key
    assert world.keys() == {key: "Inactive"}
    assert done(stack.update(**properties)) == key
    assert world.keys() == {key: "Active"}
    new = done(stack.update(**properties | {"Revision": "2"} | OFF))
    assert new != key
    assert world.keys() == {key: "Inactive", new: "Inactive"}


def test_create_with_a_key_that_is_off(stack: Stack, calls: Calls) -> None:
    """The key is made, accepted by STS and published while it works, and switched off last."""
    key = done(stack.create(**PROPERTIES | OFF))

    assert world.keys() == {key: "Inactive"}
    assert world.secret()["AccessKeyId"] == key
    order = [
        calls.names.index(name)
        for name in (
            "iam:CreateAccessKey",
            "sts:GetCallerIdentity",
            "secretsmanager:PutSecretValue",
            "iam:UpdateAccessKey",
        )
    ]
    assert order == sorted(order)


def test_rotation_while_the_key_is_off(stack: Stack) -> None:
    """The new key is proven and then off as the old one, and both come back."""
    old = done(stack.create(**PROPERTIES | OFF))
    new = done(stack.update(**PROPERTIES | OFF | {"Serial": "2"}))

    assert world.keys() == {old: "Inactive", new: "Inactive"}
    done(stack.update(**PROPERTIES | ON | {"Serial": "2"}))
    assert world.keys() == {old: "Active", new: "Active"}


def test_third_key_while_the_keys_are_off(stack: Stack) -> None:
    """Of two keys that are off, the replaced one makes room, as if they worked."""
    done(stack.create(**PROPERTIES | OFF))
    second = done(stack.update(**PROPERTIES | OFF | {"Serial": "2"}))
    third = done(stack.update(**PROPERTIES | OFF | {"Serial": "3"}))

    assert world.keys() == {second: "Inactive", third: "Inactive"}


def test_leaked_key_is_not_switched_on_to_be_deleted(stack: Stack, calls: Calls) -> None:
    """A key that is off and replaced without grace never works again."""
    done(stack.create(**PROPERTIES | OFF))
    before = len(calls.names)
    new = done(stack.update(**PROPERTIES | {"Serial": "2", "PreviousKeyGraceHours": "0"}))

    assert world.keys() == {new: "Active"}
    assert switched(calls, before) == 0


@pytest.mark.parametrize("serial", ["1", "2"], ids=["same key", "new key"])
@pytest.mark.parametrize(("before", "after"), [(ON, OFF), (OFF, ON)], ids=["off", "on"])
def test_roll_back_returns_the_status_and_the_key(
    stack: Stack, before: dict[str, str], after: dict[str, str], serial: str
) -> None:
    """An Update that switched the key and maybe rotated it is taken back whole."""
    old = PROPERTIES | before
    new = PROPERTIES | after | {"Serial": serial}
    key = done(stack.create(**old))
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = new
    done(stack.send("Update", old))
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.properties = old

    assert done(stack.send("Update", new)) == key
    assert world.keys() == {key: before["Status"]}
    assert world.secret()["AccessKeyId"] == key


def test_replay_returns_the_status_and_the_key(stack: Stack) -> None:
    """A stack without roll-back that replays its last good template gets both back as well."""
    key = done(stack.create(**PROPERTIES))
    stack.disable_rollback()
    new = done(stack.update(**PROPERTIES | OFF | {"Serial": "2"}))

    assert done(stack.update(**PROPERTIES)) == key
    assert world.keys() == {key: "Active", new: "Active"}


def test_same_update_again_switches_nothing(stack: Stack, calls: Calls) -> None:
    """What is as it should be is left alone, whatever the status."""
    done(stack.create(**PROPERTIES | OFF))
    before = len(calls.names)
    done(stack.update(**PROPERTIES | OFF | {"Revision": "2"}))

    assert calls.changing(before) == []


def test_key_that_somebody_switched_is_put_right(stack: Stack) -> None:
    """The next Update brings the current key back to its status, and keeps it."""
    key = done(stack.create(**PROPERTIES))
    by_hand(key, "Inactive")
    assert done(stack.update(**PROPERTIES | {"Revision": "2"})) == key
    assert world.keys() == {key: "Active"}

    done(stack.update(**PROPERTIES | OFF))
    by_hand(key, "Active")
    assert done(stack.update(**PROPERTIES | OFF | {"Revision": "3"})) == key
    assert world.keys() == {key: "Inactive"}


@pytest.mark.parametrize("between", [True, False], ids=["switched meanwhile", "or not"])
def test_replaced_key_that_somebody_switched_off_stays_off(stack: Stack, between: bool) -> None:
    """Somebody switched off a key that leaked; neither rotation nor status brings it back."""
    leaked = done(stack.create(**PROPERTIES))
    by_hand(leaked, "Inactive")
    rotated = PROPERTIES | {"Serial": "2"}
    new = done(stack.update(**rotated))
    if between:
        done(stack.update(**rotated | OFF))
        assert world.keys() == {leaked: "Inactive", new: "Inactive"}
    done(stack.update(**rotated | ON | {"Revision": "2"}))

    assert world.keys() == {leaked: "Inactive", new: "Active"}


def test_key_that_is_off_and_not_remembered(stack: Stack) -> None:
    """Without the item of the table a key that is off is kept as well."""
    key = done(stack.create(**PROPERTIES | OFF))
    world.client("dynamodb").delete_item(
        TableName="state",
        Key={"Resource": {"S": f"{stack.stack_id}#{stack.logical_id}"}},
    )

    assert done(stack.update(**PROPERTIES)) == key
    assert world.keys() == {key: "Active"}


def test_new_key_that_iam_does_not_know_yet(stack: Stack, calls: Calls, slept: list[float]) -> None:
    """IAM answers NoSuchEntity for a key of a moment ago; then it is asked again."""

    def unknown() -> None:
        error: Any = {"Error": {"Code": "NoSuchEntity", "Message": "Not yet."}}
        raise ClientError(error, "UpdateAccessKey")

    calls.first["iam:UpdateAccessKey"] = unknown
    key = done(stack.create(**PROPERTIES | OFF))

    assert world.keys() == {key: "Inactive"}
    assert slept


def test_scheduled_rotation_of_a_key_that_is_off(stack: Stack, slept: list[float]) -> None:
    """The new key works until it is proven and current, and is off at the end as the old one."""
    old = done(stack.create(**SCHEDULED | OFF))
    rotation = SecretsManager()
    rotation.begin()
    rotation.take(*STEPS[:3])
    assert sorted(world.keys().values()) == ["Active", "Inactive"]
    rotation.take(STEPS[3])
    new = current()

    assert world.keys() == {old: "Inactive", new: "Inactive"}
    done(stack.update(**SCHEDULED))
    assert world.keys() == {old: "Active", new: "Active"}


def test_scheduled_rotation_that_ends_twice(stack: Stack, slept: list[float]) -> None:
    """The step finishSecret that comes again switches off what the first did not come to."""
    done(stack.create(**SCHEDULED | OFF))
    rotation = SecretsManager()
    rotation.rotate()
    by_hand(current(), "Active")
    rotation.take("finishSecret")

    assert set(world.keys().values()) == {"Inactive"}


def test_configuration_is_tried_while_the_key_is_off(stack: Stack, slept: list[float]) -> None:
    """RotateSecret tries the configuration with testSecret, which STS would refuse."""
    done(stack.create(**SCHEDULED | OFF))
    del slept[:]
    rotation = SecretsManager()
    rotation.begin()
    rotation.take("testSecret")

    assert slept == []
    assert world.keys() == {current(): "Inactive"}


def test_delete_of_a_key_that_is_off(stack: Stack) -> None:
    """Nothing stays."""
    done(stack.create(**PROPERTIES | OFF))
    stack.delete()

    assert world.nothing_is_left()


def test_status_of_another_word_is_refused(stack: Stack) -> None:
    """The Reason names what is allowed."""
    answer = stack.create(**PROPERTIES | {"Status": "inactive"})

    assert "Status must be Active or Inactive, not 'inactive'." in answer["Reason"]
