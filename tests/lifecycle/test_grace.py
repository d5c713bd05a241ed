"""The key that was replaced goes on working for its grace, and no longer."""

import itertools
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.scheduler.responses import EventBridgeSchedulerResponse

from doubles import strict_scheduler, world
from doubles.aws_calls import Calls
from doubles.clock import Clock
from doubles.fake_cloudformation import FUNCTION_ARN, LambdaContext, Stack
from doubles.secrets_manager import SecretsManager
from handler import app
from handler import clock as provider_clock
from handler.state.record import Record

PROPERTIES: dict[str, Any] = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
ROTATED = PROPERTIES | {"Serial": "2"}


def rotated(stack: Stack, **properties: Any) -> tuple[str, str]:
    """The ids of the replaced and of the current key of a user that is made and rotated."""
    old = stack.create(**PROPERTIES | properties)["Data"]["AccessKeyId"]
    answer = stack.update(**ROTATED | properties)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return old, answer["Data"]["AccessKeyId"]


def the_schedule() -> dict[str, Any]:
    (schedule,) = world.schedules()
    return schedule


def fire() -> None:
    strict_scheduler.fire(the_schedule())


def invoke(event: Any) -> None:
    app.lambda_handler(event, LambdaContext())


def refuse(code: str, operation: str) -> None:
    """What AWS answers instead of doing it."""
    error: Any = {"Error": {"Code": code, "Message": "No."}}
    raise ClientError(error, operation)


def test_replaced_key_stays_until_a_schedule_ends_it(stack: Stack) -> None:
    """After a rotation one schedule is there, which calls the provider when the grace is over."""
    old, new = rotated(stack)

    schedule = the_schedule()
    ends = datetime.fromisoformat(world.secret()["CreateDate"]) + timedelta(hours=24)
    assert world.keys() == {old: "Active", new: "Active"}
    late = strict_scheduler.due(schedule["ScheduleExpression"]) - ends
    assert timedelta() <= late < timedelta(seconds=1)
    assert schedule["GroupName"] == "restricted-iam-user"
    assert schedule["ActionAfterCompletion"] == "DELETE"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["Target"]["Arn"] == FUNCTION_ARN
    assert schedule["Target"]["RoleArn"] == "arn:aws:iam::123456789012:role/scheduler"


def test_schedule_deletes_the_replaced_key_when_its_grace_is_over(
    stack: Stack, clock: Clock
) -> None:
    """The event of the schedule deletes the key, and the schedule is gone after it."""
    _, new = rotated(stack)
    clock.advance(hours=24)
    fire()

    assert world.keys() == {new: "Active"}
    assert world.schedules() == []


def test_schedule_that_fires_late_and_twice(stack: Stack, clock: Clock) -> None:
    """A week later and a second time the event does no harm."""
    _, new = rotated(stack)
    event = json.loads(the_schedule()["Target"]["Input"])
    clock.advance(days=7)
    invoke(event)
    invoke(event)

    assert world.keys() == {new: "Active"}


def test_event_before_the_end_changes_nothing(stack: Stack, clock: Clock) -> None:
    """Whoever sends the event early gets nothing."""
    old, new = rotated(stack)
    clock.advance(hours=23)
    invoke(json.loads(the_schedule()["Target"]["Input"]))

    assert world.keys() == {old: "Active", new: "Active"}
    assert len(world.schedules()) == 1


def test_user_that_is_gone(stack: Stack, clock: Clock, calls: Calls) -> None:
    """An event for a user that was deleted meanwhile finds nothing to do."""
    rotated(stack)
    event = json.loads(the_schedule()["Target"]["Input"])
    stack.delete()
    clock.advance(days=2)
    before = len(calls.names)
    invoke(event)

    assert calls.beside_table(before) == []


def test_secret_that_is_gone(stack: Stack, clock: Clock) -> None:
    """Without the secret nobody can say which key was replaced, so none goes."""
    old, new = rotated(stack)
    event = json.loads(the_schedule()["Target"]["Input"])
    world.secretsmanager().delete_secret(SecretId="restricted/Provazio")
    clock.advance(days=2)
    invoke(event)
    assert world.keys() == {old: "Active", new: "Active"}

    world.secretsmanager().delete_secret(
        SecretId="restricted/Provazio", ForceDeleteWithoutRecovery=True
    )
    invoke(event)
    assert world.keys() == {old: "Active", new: "Active"}


def test_key_that_is_current_again(stack: Stack, clock: Clock) -> None:
    """After a roll-back the key is the one that is in use, and an old event leaves it."""
    old = stack.create(**PROPERTIES)["Data"]["AccessKeyId"]
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = ROTATED
    assert stack.send("Update", PROPERTIES)["Status"] == "SUCCESS"
    event = json.loads(the_schedule()["Target"]["Input"])
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.properties = PROPERTIES
    assert stack.send("Update", ROTATED)["Status"] == "SUCCESS"
    stack.set_status("UPDATE_ROLLBACK_COMPLETE")
    assert world.schedules() == []

    clock.advance(days=2)
    invoke(event)

    assert world.keys() == {old: "Active"}


@pytest.mark.parametrize("thing", ["user", "secret"])
def test_things_of_somebody_else(stack: Stack, clock: Clock, thing: str) -> None:
    """A user or secret that somebody made anew under the name is left alone, tags and all."""
    rotated(stack)
    event = json.loads(the_schedule()["Target"]["Input"])
    keys = world.replace_user() if thing == "user" else world.keys()
    if thing == "secret":
        world.replace_secret()
    clock.advance(days=2)
    invoke(event)

    assert world.keys() == keys


@pytest.mark.parametrize("thing", ["user", "secret"])
def test_tags_that_were_stripped_by_hand(stack: Stack, clock: Clock, thing: str) -> None:
    """A user or secret stays ours without its tags, so the replaced key goes all the same."""
    _, new = rotated(stack)
    clock.advance(days=2)
    tag = "restricted-iam-user:stack-id"
    if thing == "user":
        world.iam().untag_user(UserName="Provazio", TagKeys=[tag])
    else:
        world.secretsmanager().untag_resource(SecretId="restricted/Provazio", TagKeys=[tag])
    fire()

    assert world.keys() == {new: "Active"}


@pytest.mark.usefixtures("told_at_once")
def test_busy_stack_puts_the_end_off(stack: Stack, clock: Clock) -> None:
    """While the stack is at work its roll-back may want the key, so a later schedule ends it."""
    old, new = rotated(stack)
    clock.advance(hours=25)
    stack.set_status("UPDATE_IN_PROGRESS")
    fire()

    schedule = the_schedule()
    assert world.keys() == {old: "Active", new: "Active"}
    due = strict_scheduler.due(schedule["ScheduleExpression"]) - provider_clock.now()
    assert timedelta(minutes=14) < due < timedelta(minutes=16)
    stack.set_status("UPDATE_COMPLETE")
    clock.advance(minutes=16)
    fire()
    assert world.keys() == {new: "Active"}
    assert world.schedules() == []


def test_stack_that_is_gone_puts_nothing_off(stack: Stack, clock: Clock) -> None:
    """A user that was kept when its stack went still loses the replaced key."""
    _, new = rotated(stack)
    clock.advance(hours=25)
    stack.forget()
    fire()

    assert world.keys() == {new: "Active"}


def put_off(stack: Stack, user_name: str = "Provazio") -> dict[str, int]:
    """How often the end of each key was put off, as the table remembers it."""
    key = {"Resource": {"S": f"{stack.stack_id}#{stack.logical_id}"}}
    table = world.client("dynamodb")
    item = table.get_item(TableName="state", Key=key, ConsistentRead=True)["Item"]
    made = Record.parse(item["Record"]["S"]).user(user_name)
    return {one: known.put_off for one, known in made.keys.items()}


def told(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """The one end of a grace that was logged since this was asked last."""
    ends = ("Retired", "RetirementPutOff", "NothingToRetire")
    (line,) = [vars(record) for record in caplog.records if record.msg in ends]
    caplog.clear()
    return line


def test_key_in_use_outlives_its_grace(
    stack: Stack, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A replaced key that was used of late stays for a day, which is counted and logged."""
    old, new = rotated(stack)
    clock.advance(hours=24)
    world.use_key(old, provider_clock.now() - timedelta(hours=23))
    caplog.clear()
    fire()

    assert world.keys() == {old: "Active", new: "Active"}
    assert put_off(stack) == {old: 1, new: 0}
    due = strict_scheduler.due(the_schedule()["ScheduleExpression"]) - provider_clock.now()
    assert timedelta(hours=23, minutes=59) < due < timedelta(hours=24, seconds=2)
    line = told(caplog)
    assert line["why"].startswith("it was last used at ")
    wanted = {"msg": "RetirementPutOff", "access_key_id": old, "put_off": "1"}
    assert wanted.items() <= line.items()

    clock.advance(hours=24, seconds=2)
    fire()
    assert world.keys() == {new: "Active"}
    assert world.schedules() == []
    line = told(caplog)
    assert (line["msg"], line["why"]) == ("Retired", "nobody used it in the last 24 hours")
    assert line["put_off"] == "1"


def test_key_in_use_goes_after_thirty_days(
    stack: Stack, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A key that is used every day is put off thirty times, and then goes in spite of it."""
    old, new = rotated(stack)
    for times in range(1, 31):
        clock.advance(
            seconds=(
                strict_scheduler.due(the_schedule()["ScheduleExpression"]) - provider_clock.now()
            ).total_seconds()
        )
        world.use_key(old, provider_clock.now())
        fire()
        assert put_off(stack) == {old: times, new: 0}
    limit = datetime.fromisoformat(world.secret()["CreateDate"]) + timedelta(days=31)
    due = strict_scheduler.due(the_schedule()["ScheduleExpression"])
    assert timedelta() <= due - limit < timedelta(seconds=1)
    clock.advance(seconds=(due - provider_clock.now()).total_seconds())
    world.use_key(old, provider_clock.now())
    caplog.clear()
    fire()

    assert world.keys() == {new: "Active"}
    line = told(caplog)
    assert line["msg"] == "Retired"
    assert "but its end was put off for 30 days already" in line["why"]


def test_key_in_use_goes_on_time_if_that_is_wanted(stack: Stack, clock: Clock) -> None:
    """With `OnTime` nobody asks for the use."""
    old, new = rotated(stack, RetirePreviousKey="OnTime")
    clock.advance(hours=24)
    world.use_key(old, provider_clock.now())
    fire()

    assert world.keys() == {new: "Active"}


@pytest.mark.parametrize(
    "ends_it",
    [{"RetirePreviousKey": "OnTime"}, {"PreviousKeyGraceHours": "0"}],
    ids=["on time", "no grace"],
)
def test_key_that_was_put_off_goes_when_the_properties_say_so(
    stack: Stack, clock: Clock, ends_it: dict[str, str]
) -> None:
    """Both properties take effect in place, also on a key that outlived its grace."""
    old, new = rotated(stack)
    clock.advance(hours=24)
    world.use_key(old, provider_clock.now())
    fire()
    stack.update(**ROTATED | ends_it)

    assert world.keys() == {new: "Active"}
    assert world.schedules() == []


def test_key_in_use_is_put_off_by_an_update_that_catches_up(stack: Stack, clock: Clock) -> None:
    """An Update after a schedule that did not fire asks as well; the next leaves all as it is."""
    old, new = rotated(stack)
    clock.advance(hours=30)
    world.use_key(old, provider_clock.now())
    stack.update(**ROTATED, Revision="2")

    assert world.keys() == {old: "Active", new: "Active"}
    schedule = the_schedule()
    stack.update(**ROTATED, Revision="3")
    assert the_schedule()["Name"] == schedule["Name"]
    assert put_off(stack) == {old: 1, new: 0}


def test_grace_that_is_made_longer_outlives_what_was_put_off(stack: Stack, clock: Clock) -> None:
    """Whichever ends later holds."""
    old, _ = rotated(stack)
    clock.advance(hours=24)
    world.use_key(old, provider_clock.now())
    fire()
    stack.update(**ROTATED, PreviousKeyGraceHours="720")

    due = strict_scheduler.due(the_schedule()["ScheduleExpression"]) - provider_clock.now()
    assert timedelta(days=28) < due < timedelta(days=30)


def test_our_own_proof_is_no_use(stack: Stack, clock: Clock) -> None:
    """A key made, proven at STS and replaced within the hour goes on time if nobody used it."""
    old, new = rotated(stack, PreviousKeyGraceHours="1")
    used = world.iam().get_access_key_last_used(AccessKeyId=old)["AccessKeyLastUsed"]
    assert used["ServiceName"] == "sts"
    clock.advance(hours=1)
    fire()

    assert world.keys() == {new: "Active"}


def test_our_own_proof_in_a_scheduled_rotation_is_no_use(
    stack: Stack, clock: Clock, slept: list[float]
) -> None:
    """The same of a key that a scheduled rotation made; it is published only at its end."""
    properties = PROPERTIES | {"RotationSchedule": "rate(30 days)", "PreviousKeyGraceHours": "1"}
    stack.create(**properties)
    rotation = SecretsManager()
    rotation.rotate()
    rotation.rotate()
    clock.advance(hours=1)
    fire()

    assert world.keys() == {world.secret()["AccessKeyId"]: "Active"}


def test_use_soon_after_it_was_published_counts(stack: Stack, clock: Clock) -> None:
    """What somebody does with a young key is told from our proof by its time."""
    old, new = rotated(stack, PreviousKeyGraceHours="1")
    clock.advance(hours=1)
    world.use_key(old, provider_clock.now() - timedelta(minutes=50))
    fire()

    assert world.keys() == {old: "Active", new: "Active"}


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity"])
def test_refused_question_is_no_answer(
    stack: Stack, clock: Clock, calls: Calls, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """While IAM does not tell the use, the key is put off as one in use."""
    old, new = rotated(stack)
    clock.advance(hours=24)
    calls.first["iam:GetAccessKeyLastUsed"] = lambda: refuse(code, "GetAccessKeyLastUsed")
    caplog.clear()
    fire()

    assert world.keys() == {old: "Active", new: "Active"}
    assert put_off(stack) == {old: 1, new: 0}
    line = told(caplog)
    assert line["why"].startswith("IAM does not tell when it was last used, so it")


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity"])
def test_key_that_is_gone_at_the_end_of_its_grace(
    stack: Stack, clock: Clock, calls: Calls, code: str
) -> None:
    """IAM refuses the question for a key that somebody deleted; then it is forgotten."""
    old, new = rotated(stack)
    clock.advance(hours=24)
    world.iam().delete_access_key(UserName="Provazio", AccessKeyId=old)
    calls.first["iam:GetAccessKeyLastUsed"] = lambda: refuse(code, "GetAccessKeyLastUsed")
    fire()

    assert put_off(stack) == {new: 0}
    assert world.schedules() == []


def test_question_that_fails_is_asked_again(stack: Stack, clock: Clock, calls: Calls) -> None:
    """A failure of another kind reaches EventBridge Scheduler, and nothing has changed."""
    old, new = rotated(stack)
    clock.advance(hours=24)
    event = json.loads(the_schedule()["Target"]["Input"])
    calls.first["iam:GetAccessKeyLastUsed"] = lambda: refuse("Broken", "GetAccessKeyLastUsed")
    with pytest.raises(ClientError):
        invoke(event)
    assert world.keys() == {old: "Active", new: "Active"}
    assert put_off(stack) == {old: 0, new: 0}

    invoke(event)
    assert world.keys() == {new: "Active"}


def test_schedule_that_fails_leaves_the_end_to_the_next_delivery(
    stack: Stack, clock: Clock, calls: Calls
) -> None:
    """An end that could not be put off is not remembered as put off."""
    old, new = rotated(stack)
    clock.advance(hours=24)
    world.use_key(old, provider_clock.now())
    event = json.loads(the_schedule()["Target"]["Input"])
    calls.first["scheduler:CreateSchedule"] = lambda: refuse("Broken", "CreateSchedule")
    with pytest.raises(ClientError):
        invoke(event)
    assert put_off(stack) == {old: 0, new: 0}

    invoke(event)
    assert put_off(stack) == {old: 1, new: 0}
    assert old in the_schedule()["Target"]["Input"]


def test_key_that_comes_back_is_no_longer_put_off(stack: Stack, clock: Clock) -> None:
    """After a roll-back to a key that outlived its grace, it is current and counts from nought."""
    old = stack.create(**PROPERTIES)["Data"]["AccessKeyId"]
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = ROTATED
    assert stack.send("Update", PROPERTIES)["Status"] == "SUCCESS"
    stack.set_status("UPDATE_COMPLETE")
    clock.advance(hours=24)
    world.use_key(old, provider_clock.now())
    fire()
    assert put_off(stack)[old] == 1
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.properties = PROPERTIES
    assert stack.send("Update", ROTATED)["Status"] == "SUCCESS"

    assert put_off(stack) == {old: 0}
    assert world.keys() == {old: "Active"}


def test_no_grace_deletes_the_key_in_the_same_update(stack: Stack, calls: Calls) -> None:
    """With 0 the leaked key goes at once, after the new one was published."""
    _, new = rotated(stack, PreviousKeyGraceHours="0")

    assert world.keys() == {new: "Active"}
    assert world.schedules() == []
    published = max(at for at, name in enumerate(calls.names) if "PutSecretValue" in name)
    assert calls.names.index("iam:DeleteAccessKey") > published


def test_roll_back_after_no_grace_keeps_the_new_key(stack: Stack) -> None:
    """The leaked key does not come back: what is left is the key that replaced it."""
    leaked = PROPERTIES | {"PreviousKeyGraceHours": "0"}
    stack.create(**leaked)
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = leaked | {"Serial": "2"}
    new = stack.send("Update", leaked)["Data"]["AccessKeyId"]
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.properties = leaked
    answer = stack.send("Update", leaked | {"Serial": "2"})

    assert answer["Data"]["AccessKeyId"] == new
    assert world.keys() == {new: "Active"}


def test_other_grace_moves_the_schedule(stack: Stack) -> None:
    """Changing nothing but the grace makes the one schedule fire at another time."""
    old, new = rotated(stack)
    before = strict_scheduler.due(the_schedule()["ScheduleExpression"])
    stack.update(**ROTATED, PreviousKeyGraceHours="48")

    after = strict_scheduler.due(the_schedule()["ScheduleExpression"])
    assert after - before == timedelta(hours=24)
    assert world.keys() == {old: "Active", new: "Active"}


def test_grace_that_is_made_longer_outlives_the_old_schedule(stack: Stack, clock: Clock) -> None:
    """An event of the schedule that was moved finds a grace that is not over."""
    old, new = rotated(stack)
    event = json.loads(the_schedule()["Target"]["Input"])
    stack.update(**ROTATED, PreviousKeyGraceHours="48")
    clock.advance(hours=25)
    invoke(event)
    assert world.keys() == {old: "Active", new: "Active"}

    clock.advance(hours=24)
    fire()
    assert world.keys() == {new: "Active"}


def test_grace_taken_back_to_nothing_deletes_the_key(stack: Stack) -> None:
    """Changing the grace to 0 ends it, and its schedule is gone."""
    _, new = rotated(stack)
    stack.update(**ROTATED, PreviousKeyGraceHours="0")

    assert world.keys() == {new: "Active"}
    assert world.schedules() == []


def test_same_update_again_leaves_the_schedule(stack: Stack, calls: Calls) -> None:
    """What is there already is not made again."""
    rotated(stack)
    before = the_schedule()["CreationDate"]
    stack.update(**ROTATED, Revision="2")

    assert the_schedule()["CreationDate"] == before
    assert calls.names.count("scheduler:CreateSchedule") == 1


def test_schedule_that_did_not_fire_is_caught_up(stack: Stack, clock: Clock) -> None:
    """The next Update deletes a key whose grace is over, and the schedule with it."""
    _, new = rotated(stack)
    clock.advance(hours=30)
    stack.update(**ROTATED, Revision="2")

    assert world.keys() == {new: "Active"}
    assert world.schedules() == []


def test_third_key_takes_the_place_of_the_first(stack: Stack, clock: Clock) -> None:
    """Two rotations within the grace leave two keys and the schedule of the second."""
    _, second = rotated(stack)
    third = stack.update(**PROPERTIES | {"Serial": "3"})["Data"]["AccessKeyId"]

    assert world.keys() == {second: "Active", third: "Active"}
    assert second in the_schedule()["Target"]["Input"]


def test_renamed_secret_takes_its_schedule_along(stack: Stack, clock: Clock) -> None:
    """After the secret got another name, the schedule names that one and does its work."""
    old, new = rotated(stack)
    stack.update(**ROTATED, SecretName="restricted/elsewhere")

    assert "restricted/elsewhere" in the_schedule()["Target"]["Input"]
    assert world.keys() == {old: "Active", new: "Active"}
    clock.advance(hours=25)
    fire()
    assert world.keys() == {new: "Active"}


def test_replaced_user_goes_with_its_schedules(stack: Stack) -> None:
    """A replacement removes the schedule of the user that was replaced."""
    rotated(stack)
    stack.update(**ROTATED | {"UserName": "Second"})

    assert world.user_names() == ["Second"]
    assert world.schedules() == []


def test_clean_up_of_a_replaced_user_leaves_the_schedule_of_its_successor(stack: Stack) -> None:
    """A late clean-up Delete of the old user touches nothing of the new one."""
    rotated(stack)
    stack.update(**ROTATED | {"UserName": "Second"})
    stack.update(**PROPERTIES | {"UserName": "Second", "Serial": "3"})
    schedule = the_schedule()
    stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    stack.physical_id, stack.properties = "Provazio", ROTATED
    assert stack.send("Delete")["Status"] == "SUCCESS"

    assert the_schedule()["Target"] == schedule["Target"]


@pytest.mark.parametrize("physical_id", ["Provazio", "stack-RestrictedUser-1A2B3C4D5E"])
def test_delete_removes_the_schedules(stack: Stack, physical_id: str) -> None:
    """Whatever id the Delete carries, no schedule stays."""
    rotated(stack)
    stack.physical_id = physical_id
    stack.delete()

    assert world.nothing_is_left()


def test_schedules_of_others_stay(new_stack: Callable[..., Stack]) -> None:
    """Users of the same group of schedules do not touch each other's."""
    first, second = new_stack(name="first"), new_stack(name="second")
    rotated(first)
    second.create(**PROPERTIES | {"UserName": "Second"})
    second.update(**ROTATED | {"UserName": "Second"})
    first.delete()

    assert '"Second"' in the_schedule()["Target"]["Input"]


def test_more_schedules_than_a_page_holds(stack: Stack) -> None:
    """Every schedule of the user goes, however many somebody made."""
    rotated(stack)
    prefix = the_schedule()["Name"][:17]
    for number in range(60):
        world.client("scheduler").create_schedule(
            Name=f"{prefix}{number}",
            GroupName="restricted-iam-user",
            ScheduleExpression="at(2099-01-01T00:00:00)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": FUNCTION_ARN, "RoleArn": "arn:aws:iam::123456789012:role/scheduler"},
        )
    stack.delete()

    assert world.schedules() == []


def test_schedule_that_runs_while_it_is_deleted(stack: Stack, calls: Calls) -> None:
    """A schedule that is gone when it is to be deleted is as good as deleted."""
    rotated(stack)
    schedule = the_schedule()
    calls.first["scheduler:DeleteSchedule"] = lambda: world.client("scheduler").delete_schedule(
        GroupName=schedule["GroupName"], Name=schedule["Name"]
    )

    assert stack.delete()["Status"] == "SUCCESS"


def test_schedule_whose_reply_is_lost(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name says what the schedule is for, so one that exists is the wanted one."""
    create, times = EventBridgeSchedulerResponse.create_schedule, itertools.count()

    def lose_the_first_reply(response: EventBridgeSchedulerResponse) -> str:
        time = next(times)
        answer = create(response)
        if time == 0:
            raise ReadTimeoutError(endpoint_url="https://scheduler")
        return answer

    monkeypatch.setattr(EventBridgeSchedulerResponse, "create_schedule", lose_the_first_reply)
    rotated(stack)

    assert next(times) == 2
    assert len(world.schedules()) == 1


def test_failing_deletion_is_raised_so_that_it_is_tried_again(
    stack: Stack, clock: Clock, calls: Calls
) -> None:
    """A failure reaches EventBridge Scheduler, which then sends the event again."""
    _, new = rotated(stack)
    clock.advance(hours=25)
    event = json.loads(the_schedule()["Target"]["Input"])

    def fail() -> None:
        raise RuntimeError

    calls.first["iam:DeleteAccessKey"] = fail
    with pytest.raises(RuntimeError):
        invoke(event)
    invoke(event)
    assert world.keys() == {new: "Active"}


MEMBERS = ("StackId", "LogicalResourceId", "UserName", "SecretName", "AccessKeyId")
SCALARS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_forged_events_delete_nothing(stack: Stack, calls: Calls, data: st.DataObject) -> None:
    """Nobody who may invoke the function gets a key deleted with an event of any shape."""
    if not world.user_names():
        rotated(stack)
    real = json.loads(the_schedule()["Target"]["Input"])["RetireAccessKey"]
    current = world.secret()["AccessKeyId"]
    names = st.sampled_from(MEMBERS) | st.text()
    values = VALUES | st.sampled_from([*real.values(), current])
    changes = data.draw(st.dictionaries(names, values, min_size=1))
    dropped = data.draw(st.sets(st.sampled_from(MEMBERS)))
    inner = {name: value for name, value in (real | changes).items() if name not in dropped}
    before, keys = len(calls.names), world.keys()
    invoke(data.draw(st.sampled_from([{"RetireAccessKey": inner}, inner]) | VALUES))

    assert calls.changing(before) == []
    assert world.keys() == keys
