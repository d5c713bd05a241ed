"""Which events CloudFormation can have sent, though it tells late what it does."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from doubles import late_cloudformation, strict_dynamodb, world
from doubles.aws_calls import Calls, KilledError, die
from doubles.fake_cloudformation import Stack
from doubles.interleave import Event, Interleaving, Invocation, Turn
from doubles.secrets_manager import SecretsManager
from lifecycle.test_memory import (
    FIRST,
    SECOND,
    current,
    event,
    key,
    made,
    roll_back,
    runs,
    send,
    update,
)

__all__ = ["key", "runs"]  # Fixtures.

OTHERS = FIRST | {"ReaderArns": ["arn:aws:iam::123456789012:role/mallory"]}
MISTAKE = FIRST | {"PolicyTemplate": "none-such"}
CLEAN_UP = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"


def refused(stack: Stack, forged: dict[str, Any], reason: str) -> None:
    """The event changes nothing."""
    users, keys = world.user_names(), world.keys()
    answer = stack.forge(forged)
    assert answer["Status"] == "FAILED"
    assert reason in answer["Reason"]
    assert (world.user_names(), world.keys()) == (users, keys)
    assert "mallory" not in str(
        world.secretsmanager().get_resource_policy(SecretId="restricted/Provazio")
    )


# What was sent before.


def turn_back(stack: Stack, runs: Interleaving, given_up: Invocation, back: Event) -> None:
    """An Update dies at once, and half a minute later its stack sends the roll-back."""
    stack.set_status("UPDATE_IN_PROGRESS")
    given_up.kill(before=0)
    runs.alone(given_up)
    runs.now += 30.0
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    late_cloudformation.sends(back)


@pytest.mark.parametrize(
    "then", [{"UserName": "Second"}, {"Serial": "2"}, {"Status": "Inactive"}], ids=str
)
def test_update_to_a_state_of_before_lets_its_roll_back_go_first(
    stack: Stack, runs: Interleaving, key: str, then: dict[str, str]
) -> None:
    """An Update that died at once, and comes again while its stack rolls back, changes nothing."""
    present = FIRST | then
    name = str(present["UserName"])
    update(stack, present, FIRST)
    stack.physical_id = name
    stack.rest("UPDATE_COMPLETE")
    users, value, keys = world.user_names(), world.secret(f"restricted/{name}"), world.keys(name)
    given_up = runs.invoke("A", event(stack, "Update", FIRST, present, name))
    back = runs.invoke("B", event(stack, "Update", present, FIRST, name))
    with runs.explained():
        turn_back(stack, runs, given_up, back.event)
        back.wakes = runs.now + 35.0
        runs.play()
        back.succeeded()
        assert (world.user_names(), world.keys(name)) == (users, keys)
        assert world.secret(f"restricted/{name}") == value


@pytest.mark.parametrize("then", [{"UserName": "Second"}, {"Serial": "2"}], ids=str)
def test_roll_back_does_not_give_way_to_what_it_gives_up(
    stack: Stack, runs: Interleaving, key: str, then: dict[str, str]
) -> None:
    """Though it leaves a state of an earlier update, whose roll-back was skipped."""
    new = FIRST | then
    update(stack, new, FIRST)
    stack.physical_id = "Provazio"
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.rest("UPDATE_ROLLBACK_COMPLETE")
    runs.now += 600.0
    given_up = runs.invoke("A", event(stack, "Update", new, FIRST))
    back = runs.invoke("B", event(stack, "Update", FIRST, new))
    with runs.explained():
        turn_back(stack, runs, given_up, back.event)
        back.wakes = runs.now + 26.0
        runs.play()
        back.succeeded()
        assert current() == key


@pytest.mark.parametrize("waits", ["a rotation", "an answered Update"])
def test_roll_back_of_the_root_stack_gives_way_to_nobody(
    stack: Stack, runs: Interleaving, waits: str
) -> None:
    """A nested stack is updated to be rolled back, so it leaves a state of an earlier update."""
    old = FIRST | {"RotationSchedule": "rate(30 days)"}
    new = old | {"Serial": "2"}
    root = Stack(stack.responses, name="root")
    stack.nest_in(root)
    root.set_status("CREATE_IN_PROGRESS")
    key = made(stack, old)
    root.set_status("CREATE_COMPLETE")
    root.rest("UPDATE_IN_PROGRESS")
    update(stack, new, old)
    answered = stack.last_event
    stack.rest("UPDATE_COMPLETE")
    root.rest("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.set_status("UPDATE_IN_PROGRESS")
    back = runs.invoke("B", event(stack, "Update", old, new))
    rotation = SecretsManager()
    rotation.begin()
    step = answered if waits.startswith("an") else rotation.event("createSecret")
    other = runs.invoke("R", step, rotation=not waits.startswith("an"))
    other.wakes = runs.now + 30.0
    other.ends = other.wakes + other.seconds
    with runs.explained():
        runs.play()
        back.succeeded()
        assert current() == key


def test_date_that_has_not_come_makes_nobody_late(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """An event that is made to look as if it were sent last does not shut out all others."""
    sent = event(stack, "Update", SECOND, FIRST)
    stack.set_status("UPDATE_IN_PROGRESS")
    late_cloudformation.sends(sent)
    address = sent["ResponseURL"].partition("?")[0] + "?X-Amz-Date=20991231T235959Z"
    forged = stack.forge(sent | {"RequestId": "forged", "ResponseURL": address})

    assert forged["Status"] == stack.deliver(sent)["Status"] == "SUCCESS"


def test_user_that_a_roll_back_stays_with_is_known(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """A Create of a retained user that was never served is rolled back, and leaves it."""
    stack.set_status("UPDATE_IN_PROGRESS")
    refused_update = stack.deliver(event(stack, "Update", MISTAKE, FIRST))
    roll_back(stack, FIRST, MISTAKE)
    stack.rest("UPDATE_ROLLBACK_COMPLETE")
    stack.set_status("UPDATE_IN_PROGRESS")
    send(stack, CLEAN_UP, event(stack, "Delete", FIRST, physical_id="stack-User-1ABCDEF"))

    assert refused_update["Status"] == "FAILED"
    assert world.keys() == {key: "Active"}


# Late statuses.


def test_roll_back_that_is_told_late_restores_the_key(
    stack: Stack, runs: Interleaving, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A roll-back whose stack is still told to go forward is looked at again, and goes back."""
    monkeypatch.setattr(late_cloudformation, "RESOURCE_SECONDS", 0.0)
    update(stack, SECOND, FIRST)
    began = runs.now

    assert roll_back(stack, FIRST, SECOND)["Data"]["AccessKeyId"] == key
    assert 10 <= runs.now - began < 20


def test_update_to_a_state_of_before_goes_forward(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """An Update that leads back, and is told twice to go forward, rotates the key."""
    update(stack, SECOND, FIRST)
    stack.rest("UPDATE_COMPLETE")

    assert update(stack, FIRST, SECOND)["Data"]["AccessKeyId"] == current() != key


@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
def test_idle_stack_is_believed_after_forty_seconds(
    stack: Stack, runs: Interleaving, key: str, request_type: str
) -> None:
    """What does not fit is asked again with patience before the request is refused."""
    began = runs.now
    refused(stack, event(stack, request_type, SECOND, FIRST), "which does not ask for a")
    assert 25 < runs.now - began <= 40


def test_old_news_is_asked_again(stack: Stack, runs: Interleaving, key: str) -> None:
    """A status that was so before the one that was seen already is no news."""
    update(stack, SECOND, FIRST)
    roll_back(stack, FIRST, SECOND)
    late = event(stack, "Update", OTHERS, FIRST)
    late_cloudformation.sends(late)
    late_cloudformation.tell_again(stack._held, "UPDATE_IN_PROGRESS")
    refused(stack, late, "is in UPDATE_ROLLBACK_COMPLETE, which does not ask for a Update")


def test_deletion_that_is_told_late(stack: Stack, runs: Interleaving, key: str) -> None:
    """A Delete is asked again while its stack is told to be updating still."""
    update(stack, FIRST | {"UserName": "Second"}, FIRST)
    gone = event(stack, "Delete", FIRST)
    stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    assert stack.deliver(gone)["Status"] == "SUCCESS"
    assert world.user_names() == ["Second"]


# The resource.


def test_sibling_of_a_resource_at_work_is_not_served(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """An Update of a resource that CloudFormation is not updating is refused."""
    stack.set_status("UPDATE_IN_PROGRESS")
    refused(stack, event(stack, "Update", OTHERS, FIRST), "is in CREATE_COMPLETE")


def test_resource_that_cloudformation_does_not_know(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """A Create of a resource that is not in the stack is refused, though the stack is at work."""
    stack.set_status("UPDATE_IN_PROGRESS")
    forged = event(stack, "Create", OTHERS) | {"LogicalResourceId": "Other"}
    refused(stack, forged, "has no resource Other")


def test_resource_of_another_type(stack: Stack, runs: Interleaving) -> None:
    """A resource of another type is refused."""
    made(stack, FIRST)
    stack.set_status("UPDATE_IN_PROGRESS")
    sent = event(stack, "Update", SECOND, FIRST) | {"ResourceType": "Custom::Other"}
    answer = stack.deliver(sent)
    assert "is a Custom::Other" in answer["Reason"]


def test_event_of_another_type_than_its_resource(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """The provider's own resource is not served as a user."""
    stack.set_status("UPDATE_IN_PROGRESS")
    sent = event(stack, "Update", SECOND, FIRST)
    late_cloudformation.sends(sent | {"ResourceType": "Custom::RestrictedIAMUserProvider"})
    refused(stack, sent, "is a Custom::RestrictedIAMUserProvider, which the event does not say")


def test_question_that_is_refused(stack: Stack, runs: Interleaving, calls: Calls) -> None:
    """What AWS says of DescribeStackResource is told, unless it says that there is none."""
    calls.first["cloudformation:DescribeStackResource"] = refuse_to_describe
    stack.properties = FIRST
    answer = stack.create(**FIRST)

    assert answer["Reason"] == "AWS refused DescribeStackResource: AccessDenied: Not you."


def refuse_to_describe() -> None:
    answer: Any = {"Error": {"Code": "AccessDenied", "Message": "Not you."}}
    raise ClientError(answer, "DescribeStackResource")


def test_update_of_another_physical_id(stack: Stack, runs: Interleaving, key: str) -> None:
    """An Update that names another user than CloudFormation does is refused."""
    stack.set_status("UPDATE_IN_PROGRESS")
    late_cloudformation.sends(event(stack, "Update", SECOND, FIRST))
    refused(stack, event(stack, "Update", OTHERS, FIRST, "Other"), "another physical id")


def test_delete_of_the_user_in_place(stack: Stack, runs: Interleaving, key: str) -> None:
    """While something else is cleaned up, the user that CloudFormation has is not deleted."""
    stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    refused(stack, event(stack, "Delete", FIRST), "which does not ask for a Delete")


def test_delete_of_the_user_whose_update_failed(stack: Stack, runs: Interleaving, key: str) -> None:
    """Between an Update that failed and its roll-back, the user is not deleted."""
    stack.set_status("UPDATE_IN_PROGRESS")
    assert stack.deliver(event(stack, "Update", MISTAKE, FIRST))["Status"] == "FAILED"
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    refused(stack, event(stack, "Delete", FIRST), "is in UPDATE_FAILED, which does not ask for a")


def test_delete_of_a_resource_whose_turn_has_not_come(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """Nor is it while its stack is deleted, until CloudFormation comes to it."""
    stack.set_status("DELETE_IN_PROGRESS")
    refused(stack, event(stack, "Delete", FIRST), "which does not ask for a Delete")


def test_request_id_is_not_served_for_something_else(
    stack: Stack, runs: Interleaving, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An event with the id of a request that was served, and other properties, is refused."""
    sent = event(stack, "Update", SECOND, FIRST)
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.deliver(sent)
    other = sent | {"ResourceProperties": sent["ResourceProperties"] | {"Serial": "9"}}
    refused(stack, other, "asked for something else")
    assert "Failed" in caplog.messages
    assert stack.deliver(sent)["Status"] == "SUCCESS"


# Nested stacks.


@pytest.fixture
def root(stack: Stack) -> Stack:
    """The stack that ours is nested in."""
    made_here = Stack(stack.responses, name="root")
    stack.nest_in(made_here)
    return made_here


def test_nested_stack_that_is_operated_directly(
    stack: Stack, root: Stack, runs: Interleaving
) -> None:
    """While its root stack is at rest, a nested stack is served for its own operation."""
    root.set_status("CREATE_COMPLETE")
    key = made(stack, FIRST)
    assert update(stack, SECOND, FIRST)["Data"]["AccessKeyId"] != key


def test_root_stack_that_rolls_back(stack: Stack, root: Stack, runs: Interleaving) -> None:
    """A nested stack that is told to go forward goes back when its root stack does."""
    root.set_status("UPDATE_IN_PROGRESS")
    key = made(stack, FIRST)
    update(stack, SECOND, FIRST)
    root.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    assert update(stack, FIRST, SECOND)["Data"]["AccessKeyId"] == key == current()


def test_create_of_a_nested_stack_whose_root_rolls_back(
    stack: Stack, root: Stack, runs: Interleaving
) -> None:
    """A nested stack is made no more when its root stack has turned back."""
    root.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.set_status("CREATE_IN_PROGRESS")
    answer = stack.deliver(event(stack, "Create", FIRST))
    assert (answer["Status"], world.user_names()) == ("FAILED", [])


def test_old_news_stops_no_request(
    stack: Stack, runs: Interleaving, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Update that waits, and hears what was so before it, goes on."""
    sent = event(stack, "Update", SECOND, FIRST)
    first, second = runs.invoke("A", sent), runs.invoke("B", event(stack, "Update", OTHERS, SECOND))
    stack.set_status("UPDATE_IN_PROGRESS")

    def tell_old_news() -> None:
        monkeypatch.setattr(late_cloudformation, "STACK_SECONDS", 60.0)
        late_cloudformation.tell_again(stack._held, "CREATE_COMPLETE")

    first.calls.first["sts:GetCallerIdentity"] = tell_old_news
    with runs.explained():
        runs.alone(first, "sts:GetCallerIdentity")
        runs.play(Turn(second))
        assert first.answers


# Creates that failed.


@pytest.mark.parametrize("known", [True, False])
def test_refused_create_of_a_retained_user_leaves_it(
    stack: Stack, runs: Interleaving, key: str, known: bool
) -> None:
    """A resource that was retained, and put back with a mistake, is as it was after the Delete."""
    if known:
        update(stack, FIRST | {"Revision": "2"}, FIRST)
    stack.set_status("UPDATE_IN_PROGRESS")
    answer = stack.deliver(event(stack, "Create", MISTAKE))
    assert answer["Status"] == "FAILED"
    gone = event(stack, "Delete", MISTAKE, physical_id=answer["PhysicalResourceId"])
    stack.set_status(CLEAN_UP)
    assert stack.deliver(gone)["Status"] == "SUCCESS"

    assert world.user_names() == ["Provazio"]
    assert current() == key


def test_failed_create_without_an_item(stack: Stack, runs: Interleaving, key: str) -> None:
    """The Delete of a Create that failed touches nothing where nothing is remembered."""
    stack.set_status("UPDATE_IN_PROGRESS")
    answer = stack.deliver(event(stack, "Create", MISTAKE))
    strict_dynamodb.remove(f"{stack.stack_id}#{stack.logical_id}")
    gone = event(stack, "Delete", MISTAKE, physical_id=answer["PhysicalResourceId"])
    stack.set_status(CLEAN_UP)
    assert stack.deliver(gone)["Status"] == "SUCCESS"
    assert current() == key


def test_half_made_user_goes_with_its_create(
    stack: Stack, runs: Interleaving, calls: Calls
) -> None:
    """A Create that was cut off and then failed takes along what both deliveries made."""
    create = event(stack, "Create", FIRST)
    stack.set_status("UPDATE_IN_PROGRESS")
    calls.first["secretsmanager:CreateSecret"] = die
    with pytest.raises(KilledError):
        stack.deliver(create)
    assert world.user_names() == ["Provazio"]
    runs.now += 80
    world.secretsmanager().create_secret(Name="restricted/Provazio", SecretString="theirs")
    answer = stack.deliver(create)
    assert answer["PhysicalResourceId"] == f"not-created:{create['RequestId']}"
    gone = event(stack, "Delete", FIRST, physical_id=answer["PhysicalResourceId"])
    stack.set_status(CLEAN_UP)
    assert stack.deliver(gone)["Status"] == "SUCCESS"

    assert world.user_names() == []
    assert world.secret_names() == ["restricted/Provazio"]
