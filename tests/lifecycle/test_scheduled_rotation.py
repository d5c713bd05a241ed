"""Secrets Manager rotates the key, asking the rotation function for the four steps."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.secretsmanager.exceptions import InvalidParameterException
from moto.secretsmanager.responses import SecretsManagerResponse

from doubles import strict_scheduler, world
from doubles.aws_calls import Calls, Fault, KilledError
from doubles.fake_cloudformation import LambdaContext, Stack
from doubles.secrets_manager import FUNCTION_ARN, STEPS, SecretsManager
from handler import rotation_function
from handler.errors import RotationRefusedError
from support.rotated_secret import PROPERTIES, SECRET, current, is_whole


@pytest.mark.usefixtures("kind")
def test_schedule_is_set_and_told(stack: Stack, calls: Calls) -> None:
    """`RotationSchedule` makes Secrets Manager rotate by our function, and not at once."""
    answer = stack.create(**PROPERTIES)

    secret = world.described_secret()
    assert secret["RotationEnabled"] is True
    assert secret["RotationLambdaARN"] == FUNCTION_ARN
    assert secret["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}
    assert answer["Data"]["NextRotationDate"] == secret["NextRotationDate"].isoformat()
    assert answer["Data"]["AccessKeyId"] == current()
    stack.update(**PROPERTIES, Revision="2")
    assert calls.names.count("secretsmanager:RotateSecret") == 1


def test_schedule_is_changed_removed_and_mended(stack: Stack) -> None:
    """Another expression, none, and one that somebody changed by hand are all put right."""
    stack.create(**PROPERTIES)
    stack.update(**PROPERTIES | {"RotationSchedule": "cron(0 8 1 * ? *)"})
    rules = {"ScheduleExpression": "cron(0 8 1 * ? *)"}
    assert world.described_secret()["RotationRules"] == rules

    world.secretsmanager().cancel_rotate_secret(SecretId=SECRET)
    stack.update(**PROPERTIES | {"RotationSchedule": "cron(0 8 1 * ? *)", "Revision": "2"})
    assert world.described_secret()["RotationEnabled"] is True

    answer = stack.update(**{k: v for k, v in PROPERTIES.items() if k != "RotationSchedule"})
    assert world.described_secret()["RotationEnabled"] is False
    assert answer["Data"]["NextRotationDate"] == ""


def test_rotation_makes_a_new_key_and_grants_the_old_one_its_grace(
    rotation: SecretsManager,
) -> None:
    """After the four steps a new key is current, and a schedule ends the old one."""
    old, before = current(), world.secret()
    rotation.rotate()

    new, value = current(), world.secret()
    (schedule,) = world.schedules()
    assert new != old
    assert world.keys() == {old: "Active", new: "Active"}
    assert rotation.stages()[rotation.token] == ["AWSCURRENT"]
    assert value["Trigger"] == before["Trigger"]
    assert value.keys() == before.keys()
    assert old in schedule["Target"]["Input"]
    assert schedule["Target"]["Arn"].endswith(":function:provider")
    is_whole()


def test_replaced_key_goes_when_its_grace_is_over(
    rotation: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schedule that the rotation function made is served by the provider."""
    rotation.rotate()
    (schedule,) = world.schedules()
    due = strict_scheduler.due(schedule["ScheduleExpression"])
    monkeypatch.setattr("handler.clock.now", lambda: due)
    strict_scheduler.fire(schedule)

    assert list(world.keys()) == [current()]


def test_rotation_without_grace_deletes_the_old_key(stack: Stack, rotation: SecretsManager) -> None:
    """With a grace of 0 the rotation function deletes the key when the new one is current."""
    stack.update(**PROPERTIES, PreviousKeyGraceHours="0")
    rotation.rotate()

    assert list(world.keys()) == [current()]
    assert world.schedules() == []


def test_many_rotations(rotation: SecretsManager) -> None:
    """Each rotation gives up the key before last, so that there are never more than two."""
    for _ in range(4):
        rotation.rotate()
        is_whole()


def test_configuration_is_tried(rotation: SecretsManager) -> None:
    """What RotateSecret does when it does not rotate at once: testSecret alone changes nothing."""
    before = world.secret()
    rotation.begin()
    rotation.take("testSecret")

    assert world.secret() == before
    assert list(world.keys()) == [current()]


def test_configuration_is_tried_with_a_copy_of_the_value(rotation: SecretsManager) -> None:
    """Should the version that is tried hold the current value, the key survives a bad test."""
    rotation.begin()
    value = world.secretsmanager().get_secret_value(SecretId=SECRET)["SecretString"]
    world.secretsmanager().put_secret_value(
        SecretId=SECRET,
        SecretString=value,
        ClientRequestToken=rotation.token,
        VersionStages=["AWSPENDING"],
    )
    rotation.take("testSecret")
    world.iam().update_access_key(UserName="Provazio", AccessKeyId=current(), Status="Inactive")
    refusal = rotation.refusal("testSecret")

    assert refusal.startswith(f"STS did not accept access key {current()} (")
    assert refusal.endswith("AWSCURRENT is unchanged; a key that was new is deleted.")
    assert world.keys() == {current(): "Inactive"}


@pytest.mark.parametrize("step", ["setSecret", "finishSecret"])
def test_step_before_the_first(rotation: SecretsManager, step: str) -> None:
    """A step that comes before createSecret is refused, and nothing changes."""
    before = world.secret()
    rotation.begin()

    assert rotation.refusal(step) == f"Version {rotation.token} holds no key yet."
    assert world.secret() == before
    assert list(world.keys()) == [current()]


@pytest.mark.parametrize("repeats", [2, 3])
def test_each_step_repeated(rotation: SecretsManager, repeats: int) -> None:
    """Each step may be asked for several times, after the end as well."""
    old = current()
    rotation.begin()
    for step in STEPS:
        rotation.take(*[step] * repeats)
    rotation.take(*STEPS)

    assert len(world.keys()) == 2
    assert current() != old
    is_whole()


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("follow", ["keep", "rotate", "rename", "remove", "delete"])
@pytest.mark.parametrize("taken", range(4), ids=["begun", *STEPS[:3]])
def test_request_in_the_middle_of_a_rotation_that_stands_still(
    stack: Stack, rotation: SecretsManager, slept: list[float], taken: int, follow: str
) -> None:
    """An Update takes the label from the unfinished version and gives up its key, at once."""
    before = current()
    rotation.begin()
    rotation.take(*STEPS[:taken])
    if follow == "delete":
        assert stack.delete()["Status"] == "SUCCESS"
        assert world.nothing_is_left()
        return
    changes: dict[str, dict[str, Any]] = {
        "rotate": {"Serial": "2"},
        "rename": {"SecretName": "restricted/elsewhere"},
    }
    wanted = PROPERTIES | {"Revision": "2"} | changes.get(follow, {})
    if follow == "remove":
        del wanted["RotationSchedule"]
    answer = stack.update(**wanted)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert slept == []
    name = wanted.get("SecretName", SECRET)
    held = world.secret(name)["AccessKeyId"]
    assert (held == before) == (follow != "rotate")
    assert world.keys().keys() == ({before, held} if follow == "rotate" else {before})
    assert SecretsManager(name).pending() is None
    assert world.described_secret(name).get("RotationEnabled", False) is (follow != "remove")
    if follow != "rename":
        assert rotation.refusal(*STEPS)
        assert world.secret()["AccessKeyId"] == held


def test_label_that_is_gone_when_it_is_taken_off(
    stack: Stack, rotation: SecretsManager, calls: Calls
) -> None:
    """A label that somebody took away when the Update comes to do so is no failure."""
    before = current()
    rotation.begin()
    rotation.take(*STEPS[:3])
    token, secretsmanager = rotation.token, world.secretsmanager()
    calls.first["secretsmanager:UpdateSecretVersionStage"] = lambda: (
        secretsmanager.update_secret_version_stage(
            SecretId=SECRET, VersionStage="AWSPENDING", RemoveFromVersionId=token
        )
    )
    answer = stack.update(**PROPERTIES, Revision="2")

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert current() == before
    is_whole()


def test_label_that_a_rotation_left_on_its_key(
    stack: Stack, rotation: SecretsManager, calls: Calls
) -> None:
    """The next Update takes off the label that a rotation killed at its very end left behind."""
    rotation.begin()
    rotation.take(*STEPS[:3])
    calls.first["secretsmanager:UpdateSecretVersionStage"] = lambda: calls.arm(-1, Fault.KILLED)
    with pytest.raises(KilledError):
        rotation.take("finishSecret")
    calls.disarm()
    assert set(rotation.stages()[rotation.token]) == {"AWSCURRENT", "AWSPENDING"}
    answer = stack.update(**PROPERTIES, Revision="2")

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert rotation.stages()[rotation.token] == ["AWSCURRENT"]
    is_whole()


def test_update_and_delete_after_a_rotation(stack: Stack, rotation: SecretsManager) -> None:
    """With the same Serial the rotated key stays, with another it is replaced, and all can go."""
    rotation.rotate()
    key = current()
    assert stack.update(**PROPERTIES, Revision="2")["Data"]["AccessKeyId"] == key
    is_whole()
    answer = stack.update(**PROPERTIES | {"Serial": "2"})
    assert answer["Data"]["AccessKeyId"] == current() != key
    is_whole()
    rotation.rotate()
    assert stack.delete()["Status"] == "SUCCESS"
    assert world.nothing_is_left()


def test_roll_back_of_an_update_after_a_rotation(stack: Stack, rotation: SecretsManager) -> None:
    """The roll-back leaves the key that the schedule had made."""
    rotation.rotate()
    key = current()
    answer = stack.update(**PROPERTIES | {"Serial": "2", "ReplicaRegions": ["us-east-1"]})

    assert answer["Status"] == "FAILED"
    assert current() == key
    is_whole()


def test_roll_back_restores_a_rotated_key(stack: Stack, rotation: SecretsManager) -> None:
    """A successful Update that is rolled back gives way to the key that the schedule had made."""
    rotation.rotate()
    key = current()
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = PROPERTIES | {"Serial": "2"}
    assert stack.send("Update", PROPERTIES)["Status"] == "SUCCESS"
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.properties = PROPERTIES
    assert stack.send("Update", PROPERTIES | {"Serial": "2"})["Status"] == "SUCCESS"

    assert current() == key
    is_whole()


@pytest.mark.usefixtures("told_at_once")
def test_busy_stack_is_waited_for(stack: Stack, rotation: SecretsManager) -> None:
    """While the stack is at work no key is made; when it is idle again, the rotation goes on."""
    before = current()
    rotation.begin()
    stack.set_status("UPDATE_IN_PROGRESS")
    assert "The stack is at work" in rotation.refusal("createSecret")
    assert list(world.keys()) == [before]

    stack.set_status("UPDATE_COMPLETE")
    rotation.take(*STEPS)
    assert current() != before


def test_serial_that_changes_while_a_rotation_begins(
    stack: Stack, rotation: SecretsManager, calls: Calls
) -> None:
    """The trigger that is carried over is that of the key which is replaced."""
    rotation.begin()
    value = world.secret() | {"Trigger": "Serial:2"}
    calls.first["cloudformation:DescribeStacks"] = lambda: world.secretsmanager().put_secret_value(
        SecretId=SECRET, SecretString=json.dumps(value)
    )
    rotation.take(*STEPS)

    assert world.secret()["Trigger"] == "Serial:2"


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.LOST])
def test_new_key_that_may_not_be_stored(
    rotation: SecretsManager, calls: Calls, fault: Fault
) -> None:
    """A key that could not be stored goes again; one whose storing was not confirmed stays."""
    old = current()
    rotation.begin()
    calls.first["secretsmanager:PutSecretValue"] = lambda: calls.arm(-1, fault)
    assert rotation.refusal("createSecret")
    calls.disarm()

    stored = fault is Fault.LOST
    assert len(world.keys()) == (2 if stored else 1)
    made = world.keys().keys() - {old}
    rotation.take(*STEPS)
    assert (current() in made) == stored
    is_whole()


@pytest.mark.parametrize("gone", [False, True], ids=["inactive", "deleted"])
def test_new_key_that_sts_refuses(rotation: SecretsManager, gone: bool) -> None:
    """A new key that does not work is given up, its version too, and the current key stays."""
    old = current()
    rotation.begin()
    rotation.take("createSecret", "setSecret")
    new = world.secret(SECRET, "AWSPENDING")["AccessKeyId"]
    if gone:
        world.iam().delete_access_key(UserName="Provazio", AccessKeyId=new)
    else:
        world.iam().update_access_key(UserName="Provazio", AccessKeyId=new, Status="Inactive")
    assert f"STS did not accept access key {new}" in rotation.refusal("testSecret")

    assert world.keys() == {old: "Active"}
    is_whole()
    rotation.rotate()
    assert current() not in (old, new)


@pytest.mark.parametrize("step", ["createSecret", "setSecret", "finishSecret"])
def test_new_key_that_is_deleted_on_the_way(rotation: SecretsManager, step: str) -> None:
    """A key that somebody deleted is not made current; the next rotation makes another."""
    old = current()
    rotation.begin()
    rotation.take(*STEPS[:3])
    new = world.secret(SECRET, "AWSPENDING")["AccessKeyId"]
    world.iam().delete_access_key(UserName="Provazio", AccessKeyId=new)
    assert "is gone; it is abandoned" in rotation.refusal(step)

    assert current() == old
    is_whole()
    rotation.rotate()


def test_unused_key_of_somebody_makes_room(rotation: SecretsManager) -> None:
    """A key in the second slot that nobody ever used goes."""
    foreign = world.iam().create_access_key(UserName="Provazio")["AccessKey"]["AccessKeyId"]
    rotation.rotate()

    assert foreign not in list(world.keys())
    is_whole()


def test_used_key_of_somebody_stops_the_rotation(
    rotation: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key in the second slot that is in use stays, and the refusal names it."""
    old = current()
    foreign = world.iam().create_access_key(UserName="Provazio")["AccessKey"]["AccessKeyId"]
    world.use_key(foreign)
    rotation.begin()
    message = rotation.refusal("createSecret")

    assert f"in use: {foreign}" in message
    assert world.keys() == {old: "Active", foreign: "Active"}


@pytest.mark.parametrize("step", STEPS)
def test_unknown_version(rotation: SecretsManager, step: str) -> None:
    """A step for a version without a label is refused."""
    rotation.token = "0" * 32
    assert rotation.refusal(step) == f"Version {'0' * 32} is not being rotated to."


@pytest.mark.parametrize("thing", ["secret", "tags", "user", "value", "path"])
@pytest.mark.parametrize("step", STEPS)
def test_things_that_are_not_ours(
    rotation: SecretsManager, monkeypatch: pytest.MonkeyPatch, calls: Calls, thing: str, step: str
) -> None:
    """A secret or user that somebody made anew, tags and all, or another value: left as it is."""
    rotation.begin()
    tag = "restricted-iam-user:stack-id"
    match thing:
        case "secret":
            world.replace_secret()
            world.secretsmanager().rotate_secret(
                SecretId=SECRET,
                RotationLambdaARN=FUNCTION_ARN,
                RotationRules={"ScheduleExpression": "rate(30 days)"},
                RotateImmediately=False,
            )
            rotation.begin()
        case "tags":
            world.secretsmanager().untag_resource(SecretId=SECRET, TagKeys=[tag])
        case "user":
            world.replace_user()
        case "value":
            world.secretsmanager().put_secret_value(SecretId=SECRET, SecretString="theirs")
        case "path":
            monkeypatch.setenv("IAM_PATH", "/elsewhere/")
    before = len(calls.names)
    message = rotation.refusal(step)

    expected = {
        "secret": "is no secret that was made here; if it was, update its stack.",
        "tags": "is no secret that is rotated here",
    }
    assert expected.get(thing, "holds no key of a user") in message
    assert calls.changing(before) == []


def test_user_that_is_gone(rotation: SecretsManager) -> None:
    """A user that somebody deleted gets no key."""
    rotation.begin()
    world.delete_user()

    assert "holds no key of a user" in rotation.refusal("createSecret")


@pytest.mark.parametrize("state", ["not rotated", "awaits deletion", "gone"])
def test_secret_that_is_not_rotated(rotation: SecretsManager, state: str) -> None:
    """A secret without a rotation, or on its way out, gets no new key."""
    rotation.begin()
    event = rotation.event("createSecret")
    match state:
        case "not rotated":
            world.secretsmanager().cancel_rotate_secret(SecretId=SECRET)
        case "awaits deletion":
            world.secretsmanager().delete_secret(SecretId=SECRET)
        case "gone":
            world.secretsmanager().delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)

    with pytest.raises(RotationRefusedError, match="is no secret that is rotated here"):
        rotation_function.lambda_handler(event, LambdaContext())
    assert len(world.keys()) == 1


SCALARS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
NAMES = ("Step", "SecretId", "ClientRequestToken")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(event=VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES | st.sampled_from(STEPS)))
def test_events_of_any_shape(rotation: SecretsManager, calls: Calls, event: Any) -> None:
    """What Secrets Manager cannot have sent is refused without a change."""
    before = len(calls.names)
    with pytest.raises(RotationRefusedError):
        rotation_function.lambda_handler(event, LambdaContext())

    assert {name.split(":")[1] for name in calls.names[before:]} <= {"DescribeSecret"}


def test_invocation_with_too_little_time(rotation: SecretsManager) -> None:
    """No key is made that could not be stored in time."""
    rotation.begin()
    context = LambdaContext(invoked_function_arn=FUNCTION_ARN, remaining_millis=19_000)
    with pytest.raises(RotationRefusedError, match="Time ran out"):
        rotation_function.lambda_handler(rotation.event("createSecret"), context)

    assert len(world.keys()) == 1


def test_failure_that_is_not_foreseen_tells_no_value(
    rotation: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an unforeseen exception only its kind is told, because its text may quote a value."""
    rotation.begin()
    rotation.take("createSecret")

    def fail(_text: str) -> None:
        raise LookupError(_text)

    monkeypatch.setattr("handler.aws.secretsmanager.value.access_key", fail)
    message = rotation.refusal("testSecret")

    assert message == "Internal error LookupError; see log stream log-stream."


def test_label_that_cannot_be_taken_off_fails_the_update(
    stack: Stack, rotation: SecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Update that cannot end an unfinished rotation says so, and leaves the key as it is."""

    def refused(_: SecretsManagerResponse) -> str:
        raise InvalidParameterException("No.")

    rotation.begin()
    before = current()
    monkeypatch.setattr(SecretsManagerResponse, "update_secret_version_stage", refused)
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = PROPERTIES | {"Revision": "a"}
    answer = stack.send("Update", PROPERTIES)

    assert "AWS refused UpdateSecretVersionStage" in answer["Reason"]
    assert current() == before
    assert world.keys() == {before: "Active"}
