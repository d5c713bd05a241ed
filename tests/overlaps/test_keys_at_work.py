"""Rotations by Secrets Manager and ends of grace overlap with what CloudFormation asks for."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from doubles import strict_scheduler, world
from doubles.secrets_manager import STEPS
from support.pairs import (
    BEFORE,
    IN_PLACE,
    SWITCHING,
    Delivery,
    Ended,
    Pairs,
    before,
    current,
    is_gone,
    is_whole,
    wanted,
)

ORDERS = ["first", "second"]


def in_order(order: str, one: Delivery, other: Delivery) -> tuple[Delivery, Delivery]:
    return (one, other) if order == "first" else (other, one)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("change", [*IN_PLACE, *SWITCHING])
def test_rotation_step_and_update(pairs: Pairs, change: str, step: str, order: str) -> None:
    """A step of a rotation beside an Update leaves a key that works, and the grace of the other."""
    old, new = before(change), wanted(change)
    pairs.create(old)
    rotation, taken = pairs.rotating(step)
    update = Delivery(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")

    def check(ended: Ended) -> None:
        asked = ended.first if order == "second" else ended.second
        told = ended.succeeded(asked)["Data"]["AccessKeyId"]
        assert world.keys()[current(new)] == new.get("Status", "Active")
        assert told in list(world.keys())
        pairs.finish(rotation, new)
        is_whole(new)

    both = in_order(order, taken, update)
    pairs.every(f"{step} and update, {change}", *both, check)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("step", STEPS)
def test_rotation_step_and_roll_back(pairs: Pairs, step: str, order: str) -> None:
    """A step of a rotation beside a roll-back does not keep it from the key of before."""
    old, new = before("rotate"), wanted("rotate")
    key = pairs.create(old)
    rotation, taken = pairs.rotating(step)
    pairs.serve(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS")
    back = Delivery(
        pairs.event("Update", old, new), "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"
    )

    def check(ended: Ended) -> None:
        asked = ended.first if order == "second" else ended.second
        assert ended.succeeded(asked)["Data"]["AccessKeyId"] == key
        assert current(old) == key
        pairs.finish(rotation, old)
        is_whole(old)

    pairs.every(f"{step} and roll-back", *in_order(order, taken, back), check)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("step", STEPS)
def test_rotation_step_and_delete(pairs: Pairs, step: str, order: str) -> None:
    """A step of a rotation beside a Delete leaves nothing."""
    pairs.create(BEFORE)
    _, taken = pairs.rotating(step)
    delete = Delivery(pairs.event("Delete", BEFORE), "DELETE_IN_PROGRESS", "DELETE_COMPLETE")

    def check(ended: Ended) -> None:
        ended.succeeded(ended.first if order == "second" else ended.second)
        is_gone()

    pairs.every(f"{step} and delete", *in_order(order, taken, delete), check)


@pytest.mark.parametrize("step", STEPS)
def test_rotation_step_and_its_twin(pairs: Pairs, step: str) -> None:
    """One step asked for twice at once makes no second key, and the rotation comes to its end."""
    pairs.create(BEFORE)
    rotation, taken = pairs.rotating(step)

    def check(ended: Ended) -> None:
        assert len(world.keys()) == 2
        pairs.finish(rotation, BEFORE)
        is_whole(BEFORE)
        assert world.described_secret()["VersionIdsToStages"][rotation.token] == ["AWSCURRENT"]

    pairs.every(f"twins, {step}", taken, taken, check)


def due(pairs: Pairs) -> Delivery:
    """The one schedule, at the time for which it was made."""
    (schedule,) = world.schedules()
    when = strict_scheduler.due(schedule["ScheduleExpression"]) + timedelta(seconds=5)
    pairs.runs.now = when.timestamp()
    return Delivery(json.loads(schedule["Target"]["Input"]))


def fired(schedule_name: str) -> None:
    """Scheduler deletes a schedule that has fired."""
    scheduler = world.client("scheduler")
    try:
        scheduler.delete_schedule(GroupName="restricted-iam-user", Name=schedule_name)
    except scheduler.exceptions.ResourceNotFoundException:
        return  # The function was quicker.


def rotated(pairs: Pairs) -> tuple[str, str]:
    """A resource whose key was replaced: both keys."""
    key = pairs.create(BEFORE)
    pairs.serve(pairs.event("Update", BEFORE | {"Serial": "2"}, BEFORE), "UPDATE_IN_PROGRESS")
    return key, current(BEFORE)


NEXT: dict[str, dict[str, Any]] = {**IN_PLACE, "rotate": {"Serial": "3"}}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("change", NEXT)
def test_end_of_grace_and_update(pairs: Pairs, change: str, order: str) -> None:
    """The end of a replaced key beside an Update ends that key and no other."""
    _, key = rotated(pairs)
    pairs.stack.rest("UPDATE_COMPLETE")
    old = BEFORE | {"Serial": "2"}
    new = old | NEXT[change]
    ending = due(pairs)
    name = world.schedules()[0]["Name"]
    update = Delivery(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")

    def check(ended: Ended) -> None:
        told = ended.succeeded(ended.first if order == "second" else ended.second)
        fired(name)
        is_whole(new)
        assert current(new) == told["Data"]["AccessKeyId"]
        assert (current(new) == key) == (change != "rotate")
        assert change != "rotate" or world.keys() == {key: "Active", current(new): "Active"}

    pairs.every(f"end of grace and update, {change}", *in_order(order, ending, update), check)


@pytest.mark.parametrize("order", ORDERS)
def test_end_of_grace_of_a_key_in_use_and_update(pairs: Pairs, order: str) -> None:
    """The end of a key that somebody uses is put off once, by the schedule or by an Update."""
    old_key, key = rotated(pairs)
    pairs.stack.set_status("UPDATE_COMPLETE")
    old = BEFORE | {"Serial": "2"}
    new = old | IN_PLACE["policies"]
    ending = due(pairs)
    world.use_key(old_key, datetime.fromtimestamp(pairs.runs.now, UTC))
    name = world.schedules()[0]["Name"]
    update = Delivery(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")

    def check(ended: Ended) -> None:
        ended.succeeded(ended.first if order == "second" else ended.second)
        fired(name)
        assert world.keys() == {old_key: "Active", key: "Active"}
        is_whole(new)

    pairs.every("end of grace in use and update", *in_order(order, ending, update), check)


@pytest.mark.parametrize("order", ORDERS)
def test_end_of_grace_and_roll_back(pairs: Pairs, order: str) -> None:
    """While its stack is at work, a key in its grace is not ended before the roll-back wants it."""
    key, _ = rotated(pairs)
    ending = due(pairs)
    name = world.schedules()[0]["Name"]
    back = Delivery(
        pairs.event("Update", BEFORE, BEFORE | {"Serial": "2"}),
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    )

    def check(ended: Ended) -> None:
        told = ended.succeeded(ended.first if order == "second" else ended.second)
        fired(name)
        assert told["Data"]["AccessKeyId"] == key
        is_whole(BEFORE)
        assert world.keys() == {key: "Active"}

    pairs.every("end of grace and roll-back", *in_order(order, ending, back), check)


@pytest.mark.parametrize("order", ORDERS)
def test_end_of_grace_and_delete(pairs: Pairs, order: str) -> None:
    """The end of a replaced key beside a Delete leaves nothing."""
    rotated(pairs)
    pairs.stack.rest("UPDATE_COMPLETE")
    ending = due(pairs)
    name = world.schedules()[0]["Name"]
    delete = Delivery(
        pairs.event("Delete", BEFORE | {"Serial": "2"}), "DELETE_IN_PROGRESS", "DELETE_COMPLETE"
    )

    def check(ended: Ended) -> None:
        ended.succeeded(ended.first if order == "second" else ended.second)
        fired(name)
        is_gone()

    pairs.every("end of grace and delete", *in_order(order, ending, delete), check)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("step", STEPS)
def test_end_of_grace_and_rotation_step(pairs: Pairs, step: str, order: str) -> None:
    """The end of a replaced key beside a step of the next rotation ends that key and no other."""
    rotated(pairs)
    pairs.stack.rest("UPDATE_COMPLETE")
    ending = due(pairs)
    name = world.schedules()[0]["Name"]
    rotation, taken = pairs.rotating(step)

    def check(_: Ended) -> None:
        fired(name)
        pairs.finish(rotation, BEFORE)
        is_whole(BEFORE)

    pairs.every(f"end of grace and {step}", *in_order(order, ending, taken), check)


def test_end_of_grace_and_its_twin(pairs: Pairs) -> None:
    """A schedule that fires twice ends the replaced key once."""
    _, key = rotated(pairs)
    pairs.stack.rest("UPDATE_COMPLETE")
    ending = due(pairs)
    name = world.schedules()[0]["Name"]

    def check(_: Ended) -> None:
        fired(name)
        assert world.keys() == {key: "Active"}
        is_whole(BEFORE)

    pairs.every("twins, end of grace", ending, ending, check)
