"""Users that UpdateReplacePolicy kept, and Updates that lead back to them and are rolled back."""

from collections.abc import Callable

import pytest

from doubles import late_cloudformation, world
from doubles.aws_calls import Calls, KilledError, die
from doubles.fake_cloudformation import Stack
from doubles.interleave import Interleaving
from lifecycle.test_memory import (
    FIRST,
    NAMELESS,
    Properties,
    current,
    event,
    forget,
    key,
    made,
    refused_secrets,
    roll_back,
    runs,
    send,
    update,
)

__all__ = ["key", "refused_secrets", "runs"]  # Fixtures.

SECOND = FIRST | {"UserName": "Second"}
THIRD = FIRST | {"UserName": "Third"}
CLEAN_UP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
CLEAN_UP_BACK = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"

pytestmark = pytest.mark.usefixtures("runs")


def refuse() -> None:
    raise RuntimeError


def delete(stack: Stack, properties: Properties, status: str) -> None:
    """The Delete of one user within an update or with the stack, which is at rest after it."""
    now = stack.physical_id
    send(stack, status, event(stack, "Delete", properties, physical_id=properties["UserName"]))
    stack.physical_id = now


def rest(stack: Stack, user_name: str, status: str = "UPDATE_COMPLETE") -> None:
    stack.physical_id = user_name
    stack.rest(status)


def rename(stack: Stack, new: Properties, old: Properties) -> None:
    """A replacement whose template keeps the user of before."""
    update(stack, new, old, old["UserName"])
    rest(stack, new["UserName"])


def take_back(stack: Stack, new: Properties, old: Properties) -> None:
    """The roll-back of a replacement that was done: an Update, and a Delete of its user."""
    roll_back(stack, old, new, new["UserName"])
    stack.physical_id = old["UserName"]
    delete(stack, new, CLEAN_UP_BACK)
    rest(stack, old["UserName"], "UPDATE_ROLLBACK_COMPLETE")


def lead_back(stack: Stack, properties: Properties = FIRST) -> None:
    """A replacement, and another one back to the user that was kept."""
    rename(stack, SECOND, FIRST)
    rename(stack, properties, SECOND)


@pytest.mark.parametrize("change", [{}, {"Serial": "2"}], ids=str)
def test_kept_user_stays_when_an_update_to_it_is_rolled_back(
    stack: Stack, key: str, change: dict[str, str]
) -> None:
    """It has its policies, and its secret an active key; its key of before is still active."""
    lead_back(stack, FIRST | change)
    take_back(stack, FIRST | change, SECOND)

    assert world.user_names() == ["Provazio", "Second"]
    assert world.attached() == ["Provazio"]
    assert world.keys()[key] == "Active"
    assert (current() == key) is not bool(change)


def test_roll_back_comes_twice(stack: Stack, key: str) -> None:
    """A roll-back that is continued leaves the user as well."""
    lead_back(stack)
    roll_back(stack, SECOND, FIRST)
    take_back(stack, FIRST, SECOND)

    assert world.user_names() == ["Provazio", "Second"]


@pytest.mark.parametrize("own_status", [CLEAN_UP, CLEAN_UP_BACK])
def test_roll_back_of_the_root_stack(stack: Stack, own_status: str) -> None:
    """The user stays although the nested stack itself is said to go forward."""
    root = Stack(stack.responses, name="root")
    stack.nest_in(root)
    root.set_status("UPDATE_IN_PROGRESS")
    made(stack, FIRST)
    rename(stack, SECOND, FIRST)
    root.set_status("UPDATE_COMPLETE")
    root.set_status("UPDATE_IN_PROGRESS")
    update(stack, FIRST, SECOND, "Second")
    root.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    status = "UPDATE_IN_PROGRESS" if own_status == CLEAN_UP else "UPDATE_ROLLBACK_IN_PROGRESS"
    send(stack, status, event(stack, "Update", SECOND, FIRST))
    stack.physical_id = "Second"
    delete(stack, FIRST, own_status)

    assert world.user_names() == ["Provazio", "Second"]


@pytest.mark.parametrize("call", ["iam:ListAttachedUserPolicies", "iam:ListAccessKeys"])
def test_update_that_dies_and_comes_again(
    stack: Stack, runs: Interleaving, key: str, calls: Calls, call: str
) -> None:
    """The second delivery of an Update knows that the user was kept before the first."""
    rename(stack, SECOND, FIRST)
    sent = event(stack, "Update", FIRST, SECOND, "Second")
    stack.set_status("UPDATE_IN_PROGRESS")
    calls.first[call] = die
    with pytest.raises(KilledError):
        stack.deliver(sent)
    runs.now += 80
    assert stack.deliver(sent)["Status"] == "SUCCESS"
    take_back(stack, FIRST, SECOND)

    assert world.user_names() == ["Provazio", "Second"]


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", CLEAN_UP_BACK])
def test_create_that_was_never_served(stack: Stack, key: str, status: str) -> None:
    """Retained and put back, the user stays when that Create got no answer and is rolled back."""
    lead_back(stack)
    stack.set_status("UPDATE_IN_PROGRESS")
    send(stack, status, event(stack, "Delete", FIRST, physical_id="stack-User-1ABCDEF"))

    assert world.user_names() == ["Provazio", "Second"]


# It is the resource's own again.


def test_user_that_was_led_back_to_is_replaced(stack: Stack, key: str) -> None:
    """The clean-up of a later replacement removes it, as it does with any user."""
    lead_back(stack)
    update(stack, THIRD, FIRST)
    rest(stack, "Third", CLEAN_UP)
    delete(stack, FIRST, CLEAN_UP)

    assert world.user_names() == ["Second", "Third"]


def test_stack_of_a_user_that_was_led_back_to(stack: Stack, key: str) -> None:
    """The Delete of the stack removes the user that the resource has, and leaves the kept one."""
    lead_back(stack)
    delete(stack, FIRST, "DELETE_IN_PROGRESS")

    assert world.user_names() == ["Second"]


# No template kept the user.


@pytest.mark.parametrize("before", ["nothing", "rolled back", "led back"])
def test_clean_up_that_failed(stack: Stack, key: str, calls: Calls, before: str) -> None:
    """What is left of a user goes with the roll-back of an Update to it, whatever was before."""
    if before == "rolled back":
        update(stack, SECOND, FIRST)
        take_back(stack, SECOND, FIRST)
    if before == "led back":
        lead_back(stack)
    update(stack, THIRD, FIRST)
    rest(stack, "Third", CLEAN_UP)
    calls.first["iam:DeleteUser"] = refuse
    assert stack.deliver(event(stack, "Delete", FIRST))["Status"] == "FAILED"
    rest(stack, "Third")
    update(stack, FIRST, THIRD, "Third")
    take_back(stack, FIRST, THIRD)

    assert "Provazio" not in world.user_names()


@pytest.mark.parametrize("fails", [False, True])
def test_user_that_was_deleted_by_hand(
    stack: Stack, key: str, refused_secrets: Callable[[bool], None], fails: bool
) -> None:
    """The user that the Update makes in its place goes, whether the Update itself fails or not."""
    rename(stack, SECOND, FIRST)
    world.delete_user()
    world.secretsmanager().delete_secret(
        SecretId="restricted/Provazio", ForceDeleteWithoutRecovery=True
    )
    refused_secrets(fails)
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.deliver(event(stack, "Update", FIRST, SECOND, "Second"))
    refused_secrets(False)
    if fails:
        roll_back(stack, SECOND, FIRST, "Second")
    else:
        take_back(stack, FIRST, SECOND)

    assert world.user_names() == ["Second"]


def test_roll_back_that_failed_and_was_skipped(stack: Stack, key: str, calls: Calls) -> None:
    """The user of the failed roll-back goes when the Update is tried again and rolled back."""
    update(stack, SECOND, FIRST)
    calls.first["iam:DeleteUser"] = refuse
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    back = stack.deliver(event(stack, "Update", FIRST, SECOND, "Second"))
    assert back["Status"] == "FAILED"
    rest(stack, "Provazio", "UPDATE_ROLLBACK_COMPLETE")
    update(stack, SECOND, FIRST)
    take_back(stack, SECOND, FIRST)

    assert world.user_names() == ["Provazio"]


@pytest.mark.parametrize("without", ["roll-back", "roll-back at first", "roll-back, as Express"])
def test_second_update_of_the_kept_user_is_rolled_back_with_the_first(
    stack: Stack, key: str, without: str
) -> None:
    """A stack that failed without roll-back is updated again, and only then rolled back."""
    rename(stack, SECOND, FIRST)
    if without.endswith("Express"):
        stack.express()
    else:
        stack.disable_rollback()
    update(stack, FIRST, SECOND, "Second")
    rest(stack, "Provazio", "UPDATE_FAILED")
    repaired = FIRST | {"Tags": [{"Key": "a", "Value": "1"}]}
    if without.endswith("at first"):
        stack.disable_rollback(False)
    update(stack, repaired, FIRST)
    rest(stack, "Provazio", "UPDATE_FAILED")
    take_back(stack, repaired, SECOND)

    assert world.user_names() == ["Provazio", "Second"]
    assert world.keys()[key] == "Active"


@pytest.mark.parametrize(
    "call", ["iam:GetUser", "secretsmanager:DescribeSecret", "iam:ListAttachedUserPolicies"]
)
def test_user_that_a_roll_back_failed_to_remove_was_not_kept(
    stack: Stack, key: str, calls: Calls, call: str
) -> None:
    """Nor does it become so when the roll-back fails early and is skipped, and is done again."""
    update(stack, SECOND, FIRST)
    calls.first[call] = refuse
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    answer = stack.deliver(event(stack, "Update", FIRST, SECOND, "Second"))
    rest(stack, "Provazio", "UPDATE_ROLLBACK_COMPLETE")
    update(stack, SECOND, FIRST)
    take_back(stack, SECOND, FIRST)

    assert answer["Status"] == "FAILED"
    assert world.user_names() == ["Provazio"]


@pytest.mark.parametrize("late", [4.0, 9.0, 15.0])
def test_roll_back_that_is_told_late_leaves_a_kept_user(
    stack: Stack, key: str, monkeypatch: pytest.MonkeyPatch, late: float
) -> None:
    """Even if it is taken for an Update that goes forward."""
    rename(stack, SECOND, FIRST)
    update(stack, FIRST, SECOND, "Second")
    monkeypatch.setattr(late_cloudformation, "STACK_SECONDS", late)
    take_back(stack, FIRST, SECOND)

    assert world.user_names() == ["Provazio", "Second"]


def test_kept_user_stays_when_nothing_is_remembered(stack: Stack, key: str) -> None:
    """The item of the table is lost before the Update that leads back to the user."""
    rename(stack, SECOND, FIRST)
    forget(stack, "Second")
    update(stack, FIRST, SECOND, "Second")
    take_back(stack, FIRST, SECOND)

    assert world.user_names() == ["Provazio", "Second"]


def test_kept_user_of_a_generated_name_stays_when_nothing_is_remembered(stack: Stack) -> None:
    """Then the next Update finds it by the name that it would have without `UserName`."""
    made(stack, NAMELESS)
    (name,) = world.user_names()
    rename(stack, SECOND, NAMELESS | {"UserName": name})
    forget(stack, "Second")
    update(stack, SECOND | {"Serial": "2"}, SECOND, "Second")

    assert set(world.user_names()) == {name, "Second"}
