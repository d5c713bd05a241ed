"""One event is delivered twice at once, as Lambda does now and then."""

import pytest

from doubles import world
from support.pairs import (
    BEFORE,
    CHANGES,
    IN_PLACE,
    INVENTED,
    Delivery,
    Ended,
    Pairs,
    before,
    current,
    is_gone,
    is_whole,
    wanted,
)


def test_create_and_its_twin(pairs: Pairs) -> None:
    """Two deliveries of a Create make one user with one key, and both tell of it."""
    create = Delivery(pairs.event("Create", BEFORE), "CREATE_IN_PROGRESS", "CREATE_COMPLETE")

    def check(ended: Ended) -> None:
        key = ended.succeeded(ended.first)["Data"]["AccessKeyId"]
        is_whole(BEFORE)
        assert current(BEFORE) == key
        assert world.keys() == {key: "Active"}

    pairs.every("twins, create", create, create, check)


@pytest.mark.parametrize("change", CHANGES)
def test_update_and_its_twin(pairs: Pairs, change: str) -> None:
    """Two deliveries of an Update make one key at most, and both tell of the same."""
    old, new = before(change), wanted(change)
    key = pairs.create(old)
    replaced = old["UserName"] != new["UserName"]
    done = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" if replaced else "UPDATE_COMPLETE"
    update = Delivery(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS", done)
    gone = pairs.event("Delete", old)

    def check(ended: Ended) -> None:
        told = ended.succeeded(ended.first)["Data"]["AccessKeyId"]
        made = [one.calls.names.count("iam:CreateAccessKey") for one in ended.runs.invocations]
        assert sum(made) == (change == "rotate" or replaced)
        if replaced:
            pairs.serve(gone)
        is_whole(new)
        assert current(new) == told
        assert (told == key) == (sum(made) == 0)
        if change == "rotate":
            assert world.keys() == {key: "Active", told: "Active"}

    pairs.every(f"twins, update, {change}", update, update, check)


@pytest.mark.parametrize("physical_id", ["Provazio", INVENTED], ids=["our id", "invented id"])
def test_delete_and_its_twin(pairs: Pairs, physical_id: str) -> None:
    """Two deliveries of a Delete both succeed, and nothing is left."""
    pairs.create(BEFORE)
    pairs.serve(pairs.event("Update", BEFORE | {"Serial": "2"}, BEFORE), "UPDATE_IN_PROGRESS")
    delete = Delivery(
        pairs.event("Delete", BEFORE | {"Serial": "2"}, physical_id=physical_id),
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    )

    def check(ended: Ended) -> None:
        ended.succeeded(ended.first)
        is_gone()

    pairs.every("twins, delete", delete, delete, check)


@pytest.mark.parametrize("change", IN_PLACE)
def test_roll_back_and_its_twin(pairs: Pairs, change: str) -> None:
    """Two deliveries of a roll-back both leave the key of before."""
    old, new = before(change), wanted(change)
    key = pairs.create(old)
    pairs.serve(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS")
    back = Delivery(
        pairs.event("Update", old, new), "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"
    )

    def check(ended: Ended) -> None:
        assert ended.succeeded(ended.first)["Data"]["AccessKeyId"] == key
        is_whole(old)
        assert current(old) == key
        assert world.keys() == {key: "Active"}

    pairs.every(f"twins, roll-back, {change}", back, back, check)


@pytest.mark.parametrize("physical_id", ["Provazio", "Second"], ids=["old id", "new id"])
@pytest.mark.parametrize("change", [change for change in CHANGES if "rename" in change])
def test_roll_back_of_a_replacement_and_its_twin(
    pairs: Pairs, change: str, physical_id: str
) -> None:
    """Two deliveries of the roll-back of a replacement leave the old user as it was."""
    old, new = before(change), wanted(change)
    key = pairs.create(old)
    pairs.serve(pairs.event("Update", new, old), "UPDATE_IN_PROGRESS")
    back = Delivery(pairs.event("Update", old, new, physical_id), "UPDATE_ROLLBACK_IN_PROGRESS")
    gone = pairs.event("Delete", new, physical_id="Second")

    def check(ended: Ended) -> None:
        assert ended.succeeded(ended.first)["Data"]["AccessKeyId"] == key
        pairs.serve(gone, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        is_whole(old)
        assert current(old) == key

    pairs.every(f"twins, roll-back, {change}", back, back, check)
