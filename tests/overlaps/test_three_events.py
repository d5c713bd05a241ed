"""Sequences of three and more events, each of which once cost a key or wedged a resource."""

import copy
from typing import Any

import pytest

from doubles import strict_dynamodb, world
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import Stack
from doubles.interleave import Interleaving, Turn
from doubles.secrets_manager import STEPS, SecretsManager
from doubles.strict_dynamodb import Trouble
from lifecycle.test_memory import (
    FIRST,
    SECOND,
    current,
    delete_user_by_hand,
    event,
    key,
    made,
    make_foreign_key,
    roll_back,
    runs,
    send,
    update,
)
from support.pairs import Delivery, Pairs, before, wanted

__all__ = ["key", "runs"]  # Fixtures.

OTHER_USER = FIRST | {"UserName": "Second"}
TAGGED = {"Tags": [{"Key": "a", "Value": "1"}]}
ROTATED = FIRST | {"RotationSchedule": "rate(30 days)"}
OLD, NEW = before("rotate"), wanted("rotate")


def test_slow_holder_never_changes_what_its_successor_has_taken(
    pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that throttles for longer than a lease lets no two requests change one secret."""
    first = pairs.create(OLD)
    forward = Delivery(pairs.event("Update", NEW, OLD), "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    back = Delivery(
        pairs.event("Update", OLD, NEW), "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"
    )
    played, one = pairs.runs, pairs.invoke("A", forward)
    played.alone(one, "sts:GetCallerIdentity")
    played.turn(Turn(one, "sts:GetCallerIdentity", slow=40))
    began = played.now + 40
    strict_dynamodb.befall(
        monkeypatch, Trouble.THROTTLED, lambda _call: began <= played.now < began + 75
    )
    played.alone(one, "secretsmanager:PutSecretValue")
    two = pairs.invoke("R", back)
    played.turn(Turn(one, "secretsmanager:PutSecretValue", slow=13))
    with played.explained():
        played.play(Turn(two))
        assert two.succeeded()["Data"]["AccessKeyId"] == first
        assert world.secret("restricted/Provazio")["AccessKeyId"] in list(world.keys())


def test_key_made_by_hand_between_two_calls_survives(stack: Stack, runs: Interleaving) -> None:
    """A used key that takes the last slot just before CreateAccessKey is not taken for ours."""
    made(stack, FIRST)
    update(stack, SECOND, FIRST)
    one = runs.invoke("A", event(stack, "Update", FIRST | {"Serial": "3"}, SECOND))
    stack.set_status("UPDATE_IN_PROGRESS")
    runs.alone(one, "iam:CreateAccessKey")
    foreign = make_foreign_key(used=True)
    runs.play(Turn(one))

    assert foreign in list(world.keys())


@pytest.mark.usefixtures("key")
def test_key_made_by_hand_after_an_announcement_survives(stack: Stack, runs: Interleaving) -> None:
    """An unused key made long after an announced making that never happened is not ours."""
    one = runs.invoke("A", event(stack, "Update", SECOND, FIRST))
    stack.set_status("UPDATE_IN_PROGRESS")
    runs.alone(one, "iam:CreateAccessKey")
    one.killed = True
    runs.turn(Turn(one))
    runs.invocations.clear()
    runs.now += 80
    back = event(stack, "Update", FIRST, SECOND)
    foreign = make_foreign_key(used=False)
    send(stack, "UPDATE_ROLLBACK_IN_PROGRESS", back)

    assert foreign in list(world.keys())


@pytest.mark.parametrize("then", ["Update", "Delete"])
def test_replaced_user_that_its_template_keeps(
    stack: Stack, runs: Interleaving, key: str, then: str
) -> None:
    """With UpdateReplacePolicy: Retain, what comes after the replacement leaves the former user."""
    update(stack, OTHER_USER, FIRST)
    stack.rest("UPDATE_COMPLETE")
    runs.now += 86_400
    if then == "Update":
        update(stack, OTHER_USER | TAGGED, OTHER_USER, "Second")
    else:
        send(stack, "DELETE_IN_PROGRESS", event(stack, "Delete", OTHER_USER, None, "Second"))

    assert world.keys().get(key) == "Active"


@pytest.mark.usefixtures("runs", "key")
def test_next_update_of_a_stack_without_roll_back_spares_the_former_user(stack: Stack) -> None:
    """While a replacement may still be rolled back by hand, another Update leaves the old user."""
    stack.disable_rollback()
    update(stack, OTHER_USER, FIRST)
    stack.set_status("UPDATE_FAILED")
    update(stack, OTHER_USER | TAGGED, OTHER_USER, "Second")

    assert "Provazio" in world.user_names()


def test_roll_back_after_a_scheduled_rotation_keeps_its_key(
    stack: Stack, runs: Interleaving
) -> None:
    """A key that a schedule made meanwhile is not what a roll-back by hand undoes."""
    stack.disable_rollback()
    made(stack, ROTATED)
    update(stack, ROTATED | TAGGED, ROTATED)
    stack.rest("UPDATE_FAILED")
    SecretsManager().rotate()
    rotated = current()
    runs.now += 3600
    roll_back(stack, ROTATED, ROTATED | TAGGED)

    assert rotated in list(world.keys())


@pytest.mark.parametrize("extra", [1, 2])
def test_roll_back_after_a_rotation_that_died_at_its_end(
    stack: Stack, runs: Interleaving, extra: int
) -> None:
    """A rotation whose function died when its key was current is known to the next roll-back."""
    made(stack, ROTATED)
    stack.rest("CREATE_COMPLETE")
    rotation = SecretsManager()
    rotation.begin()
    rotation.take(*STEPS[:3])
    one = runs.invoke("F", rotation.event("finishSecret"), rotation=True)
    runs.alone(one, "secretsmanager:UpdateSecretVersionStage")
    one.kill(before=len(one.calls.names) + extra)
    runs.alone(one)
    runs.invocations.clear()
    rotated = current()
    runs.now += 80
    update(stack, ROTATED | TAGGED, ROTATED)
    roll_back(stack, ROTATED, ROTATED | TAGGED)

    assert rotated in list(world.keys())


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("at", [3, 6, 12])
def test_delete_that_was_overtaken_changes_nothing(
    stack: Stack, runs: Interleaving, at: int
) -> None:
    """A clean-up that died leaves the user alone when it comes again after its name came back."""
    update(stack, OTHER_USER, FIRST)
    gone = event(stack, "Delete", FIRST)
    one = runs.invoke("D", gone)
    one.kill(before=at)
    stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    runs.alone(one)
    runs.now += 80
    new = update(stack, FIRST, OTHER_USER, "Second")["Data"]["AccessKeyId"]
    stack.deliver(gone)

    assert "Provazio" in world.user_names()
    assert current() == new


@pytest.mark.usefixtures("runs", "key")
def test_create_after_a_clean_up_that_failed(stack: Stack, calls: Calls) -> None:
    """What a failed Delete left is taken up by the Create that puts the resource back."""

    def refuse() -> None:
        raise RuntimeError

    stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    calls.first["iam:DeleteLoginProfile"] = refuse
    assert stack.deliver(event(stack, "Delete", FIRST))["Status"] == "FAILED"
    send(stack, "UPDATE_IN_PROGRESS", event(stack, "Create", FIRST))
    send(stack, "DELETE_IN_PROGRESS", event(stack, "Delete", FIRST))

    assert world.nothing_is_left()


@pytest.mark.usefixtures("runs")
def test_retained_user_that_was_removed_by_hand(stack: Stack) -> None:
    """Once a retained user is gone, its names are free for the next user of the resource."""
    properties = FIRST | {"PolicyName": "Base", "SecretName": "restricted/shared"}
    made(stack, properties)
    arn = world.policy("Base")["Arn"]
    delete_user_by_hand()
    world.iam().delete_policy(PolicyArn=arn)
    world.secretsmanager().delete_secret(
        SecretId="restricted/shared", ForceDeleteWithoutRecovery=True
    )
    other = properties | {"UserName": "Second"}
    send(stack, "UPDATE_IN_PROGRESS", event(stack, "Create", other))
    update(stack, other | {"Serial": "2"}, other, "Second")
    roll_back(stack, other, other | {"Serial": "2"}, "Second")
    send(stack, "DELETE_IN_PROGRESS", event(stack, "Delete", other, None, "Second"))

    assert world.nothing_is_left()


@pytest.mark.usefixtures("runs", "key")
def test_table_that_was_restored_from_a_backup(stack: Stack) -> None:
    """A user that a restored item does not know is found by its tags, and removed by Delete."""
    saved: Any = copy.deepcopy(strict_dynamodb._table("state").items)
    update(stack, OTHER_USER, FIRST)
    send(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", event(stack, "Delete", FIRST))
    strict_dynamodb._table("state").items = saved
    send(stack, "DELETE_IN_PROGRESS", event(stack, "Delete", OTHER_USER, None, "Second"))

    assert world.nothing_is_left()


@pytest.mark.usefixtures("runs")
def test_roll_back_after_eleven_tries(stack: Stack, key: str) -> None:
    """However often a stack without roll-back was tried, it can be rolled back by hand."""
    stack.disable_rollback()
    old = FIRST
    for number in range(2, 13):
        new = FIRST | {"Tags": [{"Key": "a", "Value": str(number)}]}
        update(stack, new, old)
        stack.set_status("UPDATE_FAILED")
        old = new

    assert roll_back(stack, FIRST, old)["Data"]["AccessKeyId"] == key


@pytest.mark.usefixtures("key")
def test_refused_event_overtakes_nothing(stack: Stack, runs: Interleaving) -> None:
    """A roll-back that died is finished although a forged event was refused in between."""
    update(stack, SECOND, FIRST)
    back = event(stack, "Update", FIRST, SECOND)
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    one = runs.invoke("R", back)
    one.kill(before=15)
    runs.alone(one)
    runs.now += 80
    forged = event(stack, "Create", FIRST | {"UserName": "x"})
    assert stack.forge(forged)["Status"] == "FAILED"

    assert stack.deliver(back)["Status"] == "SUCCESS"


def test_grace_of_a_scheduled_rotation_begins_at_its_end(stack: Stack, runs: Interleaving) -> None:
    """A rotation that stood still for longer than the grace gives the replaced key all of it."""
    first = made(stack, ROTATED | {"PreviousKeyGraceHours": "24"})
    stack.rest("CREATE_COMPLETE")
    rotation = SecretsManager()
    rotation.begin()
    rotation.take(*STEPS[:2])
    runs.now += 25 * 3600
    rotation.take(*STEPS)

    assert first in list(world.keys())


@pytest.mark.parametrize("trouble", [Trouble.THROTTLED, Trouble.LOST])
def test_roll_back_waits_for_the_table(
    pairs: Pairs, monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    """A table that is out of reach for more than a minute makes no roll-back fail."""
    pairs.create(OLD)
    pairs.serve(pairs.event("Update", NEW, OLD), "UPDATE_IN_PROGRESS")
    played = pairs.runs
    began = played.now
    strict_dynamodb.befall(monkeypatch, trouble, lambda _call: played.now < began + 70)
    pairs.invoke("R", Delivery(pairs.event("Update", OLD, NEW), "UPDATE_ROLLBACK_IN_PROGRESS"))
    played.play()
    answers = [answer for one in played.invocations for answer in one.answers]

    assert answers
    assert answers[0]["Status"] == "SUCCESS"
