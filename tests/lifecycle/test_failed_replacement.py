"""Updates that fail while they give the user another name, and what CloudFormation does then."""

from collections.abc import Callable
from typing import Any

import pytest

from doubles import world
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import ResponseUrl, Stack
from handler import app
from handler.cloudformation.response import UndeliveredError
from lifecycle.test_defects_of_others import POLICY_ARN
from lifecycle.test_memory import (
    FIRST,
    SECRET,
    current,
    event,
    key,
    refused_secrets,
    roll_back,
    runs,
    send,
    update,
)

__all__ = ["key", "refused_secrets", "runs"]  # Fixtures.

OTHER = FIRST | {"UserName": "Second"}
Refuse = Callable[[bool], None]

pytestmark = pytest.mark.usefixtures("runs")


@pytest.fixture(params=["Update and Delete", "Delete"])
def swaps_back(request: pytest.FixtureRequest, stack: Stack) -> None:
    """Both ways in which CloudFormation may roll back what failed with another id."""
    stack.swaps_back = request.param != "Delete"


def fail(stack: Stack, refused_secrets: Refuse) -> None:
    """The user gets another name, and its secret no key."""
    refused_secrets(True)
    assert stack.update(**OTHER)["Status"] == "FAILED"
    refused_secrets(False)


def refuse() -> None:
    raise RuntimeError


def only_the_first_user_is_left(key: str) -> None:
    assert world.user_names() == world.policy_names() == ["Provazio"]
    assert world.secret_names() == [SECRET]
    assert world.keys() == {key: "Active"}
    assert current() == key


# The name is that of a user that must stay.


@pytest.mark.usefixtures("swaps_back")
def test_name_of_a_retained_user(stack: Stack, key: str) -> None:
    """A user that DeletionPolicy kept is not removed because a later Update asked for its name."""
    send(stack, "UPDATE_IN_PROGRESS", event(stack, "Create", OTHER))
    stack.physical_id = "Second"
    stack.rest("UPDATE_COMPLETE")
    answer = stack.update(**FIRST)

    assert "was kept when this resource left its template" in answer["Reason"]
    assert world.user_names() == ["Provazio", "Second"]
    assert current() == key


@pytest.mark.usefixtures("swaps_back")
@pytest.mark.parametrize("change", [{"PolicyTemplate": "none-such"}, {"Serial": "2"}], ids=str)
def test_name_of_a_replaced_user_that_its_template_keeps(
    stack: Stack, key: str, refused_secrets: Refuse, change: dict[str, str]
) -> None:
    """With UpdateReplacePolicy: Retain, an Update that fails to lead back leaves the user."""
    update(stack, OTHER, FIRST)
    stack.physical_id = "Second"
    stack.rest("UPDATE_COMPLETE")
    refused_secrets(True)
    assert stack.update(**FIRST | change)["Status"] == "FAILED"

    assert world.user_names() == ["Provazio", "Second"]
    assert current() == key


@pytest.mark.usefixtures("swaps_back")
def test_name_of_somebody_else(stack: Stack, key: str) -> None:
    """A user that belongs to somebody else is as it was after the roll-back."""
    theirs = world.iam().create_user(UserName="Second", Path=world.PATH)["User"]["UserId"]
    assert stack.update(**OTHER)["Status"] == "FAILED"

    assert world.user("Second")["UserId"] == theirs
    assert current() == key


# What was half made goes.


def test_roll_back_removes_what_was_half_made(
    stack: Stack, key: str, refused_secrets: Refuse
) -> None:
    """A user that was half made under the new name goes when the Update is rolled back."""
    fail(stack, refused_secrets)
    assert stack.physical_id == "Provazio"
    only_the_first_user_is_left(key)


def test_roll_back_that_fails_is_continued(
    stack: Stack, key: str, refused_secrets: Refuse, calls: Calls
) -> None:
    """What a failed roll-back left of a failed Update goes when the roll-back is continued."""
    refused_secrets(True)
    stack.set_status("UPDATE_IN_PROGRESS")
    failed = stack.deliver(event(stack, "Update", OTHER, FIRST))["PhysicalResourceId"]
    refused_secrets(False)
    calls.first["iam:DeleteLoginProfile"] = refuse
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    back = stack.deliver(event(stack, "Update", FIRST, OTHER, failed))
    assert (back["Status"], world.user_names()) == ("FAILED", ["Provazio", "Second"])
    stack.rest("UPDATE_ROLLBACK_FAILED")
    roll_back(stack, FIRST, OTHER, back["PhysicalResourceId"])

    only_the_first_user_is_left(key)


def test_policy_of_a_given_up_user_that_somebody_else_has(
    stack: Stack, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The roll-back succeeds and the log says who has it; the next Update removes it."""
    update(stack, OTHER, FIRST)
    arn = POLICY_ARN.replace("Provazio", "Second")
    world.iam().create_group(GroupName="helpers")
    world.iam().attach_group_policy(GroupName="helpers", PolicyArn=arn)
    roll_back(stack, FIRST, OTHER, "Second")
    (stays,) = (vars(line) for line in caplog.records if line.message == "PolicyStays")
    left = world.user_names(), world.policy_names()
    world.iam().detach_group_policy(GroupName="helpers", PolicyArn=arn)
    update(stack, FIRST | {"PreviousKeyGraceHours": "5"}, FIRST)

    assert f"{arn} is attached to helpers" in stays["why"]
    assert left == (["Provazio"], ["Provazio", "Second"])
    only_the_first_user_is_left(key)


def test_roll_back_of_a_finished_replacement_that_fails_is_continued(
    stack: Stack, key: str, calls: Calls
) -> None:
    """A roll-back that fails keeps the new user's id, so that going on with it removes the user."""
    update(stack, OTHER, FIRST)
    calls.first["iam:DeleteLoginProfile"] = refuse
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    back = stack.deliver(event(stack, "Update", FIRST, OTHER, "Second"))
    assert (back["Status"], back["PhysicalResourceId"]) == ("FAILED", "Second")
    stack.rest("UPDATE_ROLLBACK_FAILED")
    roll_back(stack, FIRST, OTHER, "Second")

    only_the_first_user_is_left(key)


@pytest.mark.parametrize("next_event", ["again", "back", "third", "Delete"])
def test_stack_without_roll_back(
    stack: Stack, key: str, refused_secrets: Refuse, next_event: str
) -> None:
    """Without a roll-back, the next Update or the Delete leaves nothing of what was half made."""
    stack.disable_rollback()
    fail(stack, refused_secrets)
    assert world.user_names() == ["Provazio", "Second"]
    if next_event == "Delete":
        assert stack.delete()["Status"] == "SUCCESS"
        assert world.nothing_is_left()
        return
    name = {"again": "Second", "back": "Provazio", "third": "Third"}[next_event]
    answer = stack.update(**FIRST | {"UserName": name})

    assert answer["Status"] == "SUCCESS"
    assert world.user_names() == world.policy_names() == [name]
    assert current(f"restricted/{name}") == answer["Data"]["AccessKeyId"]
    assert (answer["Data"]["AccessKeyId"] == key) == (name == "Provazio")


def test_answer_that_is_lost(
    stack: Stack, key: str, refused_secrets: Refuse, responses: ResponseUrl
) -> None:
    """CloudFormation that never got the failed answer rolls back from the id of before."""
    refused_secrets(True)
    responses.status = 403
    stack.set_status("UPDATE_IN_PROGRESS")
    with pytest.raises(UndeliveredError):
        stack.deliver(event(stack, "Update", OTHER, FIRST))
    responses.status = 200
    refused_secrets(False)
    roll_back(stack, FIRST, OTHER)

    only_the_first_user_is_left(key)


def test_timer_that_fires_during_the_update(stack: Stack, key: str, calls: Calls) -> None:
    """The timer answers with the id of before, and the roll-back removes what was made after it."""

    def fire() -> None:
        timer: Any = app.custom_resource
        timer._timeout()

    calls.first["secretsmanager:CreateSecret"] = fire
    answer = stack.update(**OTHER)

    assert answer["Reason"] == "Execution timed out"
    assert answer["PhysicalResourceId"] == "Provazio"
    only_the_first_user_is_left(key)


@pytest.mark.parametrize("then", ["Update", "failing Update", "Delete"])
def test_clean_up_that_failed(
    stack: Stack, key: str, refused_secrets: Refuse, calls: Calls, then: str
) -> None:
    """What is left of a former user goes in the end, even if an Update took it up and failed."""
    update(stack, OTHER, FIRST)
    stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    calls.first["iam:DeleteLoginProfile"] = refuse
    assert stack.deliver(event(stack, "Delete", FIRST))["Status"] == "FAILED"
    stack.physical_id, stack.properties = "Second", OTHER
    stack.rest("UPDATE_COMPLETE")
    if then == "Update":
        assert stack.update(**OTHER, Revision="2")["Status"] == "SUCCESS"
        assert world.user_names() == world.policy_names() == ["Second"]
        return
    if then == "failing Update":
        refused_secrets(True)
        assert stack.update(**FIRST | {"Serial": "2"})["Status"] == "FAILED"
    assert stack.delete()["Status"] == "SUCCESS"

    assert world.nothing_is_left()


def test_resource_that_was_never_created(stack: Stack, refused_secrets: Refuse) -> None:
    """In a stack without roll-back, what a Create and an Update both half made goes with it."""
    stack.disable_rollback()
    refused_secrets(True)
    stack.set_status("CREATE_IN_PROGRESS")
    create = stack.deliver(event(stack, "Create", FIRST))
    stack.physical_id = create["PhysicalResourceId"]
    stack.rest("CREATE_FAILED")
    assert stack.update(**OTHER)["Status"] == "FAILED"
    assert world.user_names()
    assert stack.delete()["Status"] == "SUCCESS"

    assert world.nothing_is_left()
