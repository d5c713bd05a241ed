"""CloudFormation cancels a request and goes back at once, while the request is being served."""

import pytest

from support.pairs import (
    BEFORE,
    CHANGES,
    IN_PLACE,
    INVENTED,
    REPLACING,
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


@pytest.mark.parametrize("change", [*IN_PLACE, *SWITCHING])
def test_update_and_its_roll_back(pairs: Pairs, change: str) -> None:
    """An Update that is cancelled at any call, and goes on, leaves the key and all of before."""
    old, new = before(change), wanted(change)
    key = pairs.create(old)
    update = Delivery(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS")
    back = Delivery(
        pairs.event("Update", old, new), "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"
    )

    def check(ended: Ended) -> None:
        assert ended.succeeded(ended.second)["Data"]["AccessKeyId"] == key
        is_whole(old)
        assert current(old) == key

    pairs.every(f"update and roll-back, {change}", update, back, check)


@pytest.mark.parametrize("change", REPLACING)
def test_replacement_and_its_roll_back(pairs: Pairs, change: str) -> None:
    """A replacement that is cancelled, so that its id is unknown, leaves the old user alone."""
    old, new = before(change), wanted(change)
    key = pairs.create(old)
    update = Delivery(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS")
    back = Delivery(
        pairs.event("Update", old, new), "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"
    )
    gone = pairs.event("Delete", new, physical_id="Second")

    def check(ended: Ended) -> None:
        assert ended.succeeded(ended.second)["Data"]["AccessKeyId"] == key
        is_whole(old)
        assert current(old) == key
        pairs.serve(gone, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        is_whole(old)
        assert current(old) == key

    pairs.every(f"replacement and roll-back, {change}", update, back, check)


@pytest.mark.parametrize("change", REPLACING)
def test_replacement_and_the_delete_of_its_user(pairs: Pairs, change: str) -> None:
    """A replacement that is cancelled by a Delete of the new user leaves the old user alone."""
    old, new = before(change), wanted(change)
    key = pairs.create(old)
    update = Delivery(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS")
    gone = Delivery(
        pairs.event("Delete", new, physical_id="Second"),
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    )

    def check(ended: Ended) -> None:
        ended.succeeded(ended.second)
        is_whole(old)
        assert current(old) == key

    pairs.every(f"replacement and delete, {change}", update, gone, check)


@pytest.mark.parametrize("physical_id", ["Provazio", INVENTED], ids=["our id", "invented id"])
def test_create_and_delete(pairs: Pairs, physical_id: str) -> None:
    """A Create that is cancelled at any call leaves nothing, though it goes on."""
    create = Delivery(pairs.event("Create", BEFORE), "CREATE_IN_PROGRESS")
    delete = Delivery(
        pairs.event("Delete", BEFORE, physical_id=physical_id),
        "ROLLBACK_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
    )

    def check(ended: Ended) -> None:
        ended.succeeded(ended.second)
        is_gone()

    pairs.every("create and delete", create, delete, check)


@pytest.mark.parametrize("change", CHANGES)
def test_update_and_the_deletion_of_the_stack(pairs: Pairs, change: str) -> None:
    """An Update that goes on while its stack is deleted leaves nothing of the old user."""
    old, new = before(change), wanted(change)
    pairs.create(old)
    update = Delivery(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS")
    delete = Delivery(pairs.event("Delete", old), "DELETE_IN_PROGRESS", "DELETE_COMPLETE")

    def check(ended: Ended) -> None:
        ended.succeeded(ended.second)
        is_gone()

    pairs.every(f"update and deletion, {change}", update, delete, check)
