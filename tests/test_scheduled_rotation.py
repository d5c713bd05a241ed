"""Secrets Manager rotates the key, asking the rotation function for the four steps."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import strict_moto
import strict_scheduler
import world
from aws_calls import Calls, Fault, KilledError
from conftest import fresh_aws
from fake_cloudformation import LambdaContext, ResponseUrl, Stack
from handler import rotation_function
from handler.errors import RotationRefusedError
from secrets_manager import FUNCTION_ARN, STEPS, SecretsManager

PROPERTIES: dict[str, Any] = {
    "UserName": "Provazio",
    "PolicyTemplate": "vanilla",
    "Serial": "1",
    "RotationSchedule": "rate(30 days)",
}
SECRET = "restricted/Provazio"
MOST_CALLS = 40


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr("time.sleep", seconds.append)
    return seconds


@pytest.fixture
def rotation(stack: Stack, slept: list[float]) -> SecretsManager:
    """A user whose secret rotates on a schedule."""
    answer = stack.create(**PROPERTIES)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return SecretsManager()


def current() -> str:
    return str(world.secret()["AccessKeyId"])


def is_whole() -> None:
    """AWSCURRENT holds an active key, AWSPENDING none of its own, and no key is left over."""
    held = {current()}
    stages = world.described_secret()["VersionIdsToStages"].values()
    if any("AWSPREVIOUS" in labels for labels in stages):
        held.add(world.secret(SECRET, "AWSPREVIOUS")["AccessKeyId"])
    assert world.keys()[current()] == "Active"
    assert world.keys().keys() <= held
    assert [
        labels for labels in stages if "AWSPENDING" in labels and "AWSCURRENT" not in labels
    ] == []
    schedules = world.schedules()
    assert len(schedules) <= 1
    for schedule in schedules:
        assert world.secret(SECRET, "AWSPREVIOUS")["AccessKeyId"] in schedule["Target"]["Input"]


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
    monkeypatch.setattr("handler.grace.now", lambda: due)
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
    assert "STS did not accept" in rotation.refusal("testSecret")

    assert world.keys() == {current(): "Inactive"}


@pytest.mark.parametrize("step", ["setSecret", "finishSecret"])
def test_step_before_the_first(rotation: SecretsManager, step: str) -> None:
    """A step that comes before createSecret is refused, and nothing changes."""
    before = world.secret()
    rotation.begin()

    assert rotation.refusal(step) == f"Version {rotation.token} holds no key yet."
    assert world.secret() == before
    assert list(world.keys()) == [current()]


ORDERS = [
    order
    for length in range(6)
    for order in itertools.product(STEPS, repeat=length)
    if length < 3 or sum(a == b for a, b in itertools.pairwise(order)) > length - 3
]


def test_every_order_of_repeats(rotation: SecretsManager) -> None:
    """Whatever is asked for in whatever order first, the four steps then make one key current."""
    for order in ORDERS:
        old = current()
        rotation.begin()
        for step in order:
            try:
                rotation.take(step)
            except RotationRefusedError:
                continue
        rotation.take(*STEPS)

        assert current() != old, order
        assert rotation.stages()[rotation.token][0] == "AWSCURRENT", order
        is_whole()


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


@pytest.fixture
def scenes(
    monkeypatch: pytest.MonkeyPatch, responses: ResponseUrl, slept: list[float]
) -> Callable[[], Iterator[tuple[int, Stack, SecretsManager, Calls]]]:
    """New scenes, one for each call, until a fault finds none."""
    strict_moto.install(monkeypatch)

    def numbered() -> Iterator[tuple[int, Stack, SecretsManager, Calls]]:
        for at in range(MOST_CALLS):
            calls = Calls()
            with fresh_aws(calls):
                stack = Stack(responses)
                assert stack.create(**PROPERTIES)["Status"] == "SUCCESS"
                rotation = SecretsManager()
                rotation.rotate()  # So that both slots are taken.
                yield at, stack, rotation, calls
            if not calls.happened:
                assert at > 3
                return
        pytest.fail("the step makes more calls than this test reaches")

    return numbered


def interrupted(rotation: SecretsManager, calls: Calls, step: str, at: int, fault: Fault) -> None:
    """Take the steps up to this one, during which a call goes wrong."""
    rotation.begin()
    rotation.take(*STEPS[: STEPS.index(step)])
    calls.arm(at, fault)
    try:
        rotation.take(step)
    except (RotationRefusedError, KilledError):
        pass
    finally:
        calls.disarm()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", Fault)
def test_step_cut_off_and_tried_again(
    scenes: Callable[[], Iterator[tuple[int, Stack, SecretsManager, Calls]]],
    step: str,
    fault: Fault,
) -> None:
    """A rotation cut off at any call of any step ends well when it begins again."""
    for at, stack, rotation, calls in scenes():
        old = current()
        interrupted(rotation, calls, step, at, fault)
        assert len(world.keys()) <= 2
        assert world.keys()[current()] == "Active"
        rotation.take(*STEPS)

        assert current() != old
        is_whole()
        assert stack.update(**PROPERTIES, Revision="2")["Data"]["AccessKeyId"] == current()
        is_whole()


@pytest.mark.parametrize("follow", ["update", "rotate", "delete"])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", [Fault.KILLED, Fault.LOST])
def test_step_cut_off_for_good(
    scenes: Callable[[], Iterator[tuple[int, Stack, SecretsManager, Calls]]],
    step: str,
    fault: Fault,
    follow: str,
) -> None:
    """A rotation cut off at any call, and never taken up, is mended by the stack's next request."""
    for at, stack, rotation, calls in scenes():
        interrupted(rotation, calls, step, at, fault)
        if follow == "delete":
            assert stack.delete()["Status"] == "SUCCESS"
            assert world.nothing_is_left()
            continue
        before, serial = current(), "2" if follow == "rotate" else "1"
        answer = stack.update(**PROPERTIES | {"Serial": serial}, Revision="2")
        assert answer["Status"] == "SUCCESS", answer["Reason"]
        assert (current() == before) == (follow == "update")
        is_whole()
        rotation.rotate()
        is_whole()
