"""The decision about keys, as a function of what IAM and the secret hold."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import KeyLimitError
from handler.keys import plan as rotation
from handler.keys.plan import Decision, Keep, Observed, Restore, Rotate
from handler.model.keys import KEYS_PER_USER, AccessKeyMetadata, StoredKey
from handler.state.notes import MintNote

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
IDS = ["AKIA1", "AKIA2", "AKIA3", "AKIA4"]


def key(access_key_id: str, *, active: bool = True, used: bool = False) -> AccessKeyMetadata:
    return AccessKeyMetadata(access_key_id, active, LONG_AGO, LONG_AGO if used else None)


def stored(access_key_id: str, trigger: str) -> StoredKey:
    return StoredKey(f"version-{access_key_id}", "Provazio", access_key_id, LONG_AGO, trigger)


def plan(
    keys: list[AccessKeyMetadata],
    current: StoredKey | None,
    previous: StoredKey | None,
    trigger: str,
    *,
    rolling_back: bool,
    note: str = "",
) -> Decision:
    observed = Observed(keys, current, previous, MintNote.parse(note))
    return rotation.plan(observed, trigger, rolling_back=rolling_back)


def test_first_key() -> None:
    """A user without a key gets one, and nothing is deleted."""
    decision = plan([], None, None, "1", rolling_back=False)

    assert isinstance(decision, Rotate)
    assert decision.delete_before == decision.delete_after == ()


def test_same_trigger_keeps_the_key() -> None:
    """The key that was made for the trigger stays."""
    decision = plan([key("AKIA1")], stored("AKIA1", "1"), None, "1", rolling_back=False)

    assert isinstance(decision, Keep)


def test_other_trigger_makes_a_new_key_beside_the_old() -> None:
    """Nothing goes while a slot is free."""
    decision = plan([key("AKIA1")], stored("AKIA1", "1"), None, "2", rolling_back=False)

    assert isinstance(decision, Rotate)
    assert decision.delete_before == ()


@pytest.mark.parametrize("active", [False, None], ids=["deactivated", "deleted"])
def test_dead_current_key_is_replaced(active: bool | None) -> None:
    """A current key that somebody deactivated or deleted is replaced although nothing changed."""
    keys = [] if active is None else [key("AKIA1", active=active)]
    decision = plan(keys, stored("AKIA1", "1"), None, "1", rolling_back=False)

    assert isinstance(decision, Rotate)


def test_previous_key_makes_room() -> None:
    """With both slots taken, the key of AWSPREVIOUS goes first, used or not."""
    keys = [key("AKIA1", used=True), key("AKIA2", used=True)]
    decision = plan(keys, stored("AKIA2", "2"), stored("AKIA1", "1"), "3", rolling_back=False)

    assert decision.delete_before == ("AKIA1",)


def test_unused_unknown_key_makes_room() -> None:
    """A key that we do not know goes when it was never used."""
    keys = [key("AKIA1", used=True), key("AKIA2")]
    decision = plan(keys, stored("AKIA1", "1"), None, "2", rolling_back=False)

    assert decision.delete_before == ("AKIA2",)


def test_used_unknown_key_is_never_deleted() -> None:
    """A key that somebody made by hand and uses stops the rotation, and is named."""
    keys = [key("AKIA1"), key("AKIA2", used=True)]

    with pytest.raises(KeyLimitError, match=r"AKIA2 \(last used 2020-01-01\)"):
        plan(keys, stored("AKIA1", "1"), None, "2", rolling_back=False)


def test_roll_back_restores_the_previous_key() -> None:
    """Rolling a rotation back makes the old key current and deletes the abandoned one."""
    keys = [key("AKIA1", used=True), key("AKIA2")]
    decision = plan(keys, stored("AKIA2", "2"), stored("AKIA1", "1"), "1", rolling_back=True)

    assert isinstance(decision, Restore)
    assert decision.delete_after == ("AKIA2",)


def test_roll_back_without_the_previous_key_keeps_the_current_one() -> None:
    """When the old key is gone, a roll-back rotates nothing."""
    decision = plan(
        [key("AKIA2")], stored("AKIA2", "2"), stored("AKIA1", "1"), "1", rolling_back=True
    )

    assert isinstance(decision, Keep)


def test_lost_key_is_deleted_even_when_nothing_rotates() -> None:
    """A key that we made and never stored goes with the next request, whatever it asks for."""
    keys = [key("AKIA1"), key("AKIA2", used=True)]
    decision = plan(keys, stored("AKIA1", "1"), None, "1", rolling_back=False, note="token")

    assert isinstance(decision, Keep)
    assert decision.delete_before == ("AKIA2",)


@pytest.mark.parametrize(
    ("note", "minutes"),
    [("", 0), ("token AKIA2", 0), ("version-AKIA1", 1)],
    ids=["never minted", "known to be foreign", "made after ours"],
)
def test_foreign_key_is_not_taken_for_a_lost_one(note: str, minutes: int) -> None:
    """A key by somebody else stays, even if nobody has used it yet."""
    later = LONG_AGO + timedelta(minutes=minutes)
    keys = [key("AKIA1"), AccessKeyMetadata("AKIA2", active=True, created=later)]
    decision = plan(keys, stored("AKIA1", "1"), None, "1", rolling_back=False, note=note)

    assert decision.delete_before == ()


KEYS = st.lists(
    st.builds(key, st.sampled_from(IDS), active=st.booleans(), used=st.booleans()),
    unique_by=lambda found: found.access_key_id,
)
STORED = st.none() | st.builds(stored, st.sampled_from(IDS), st.sampled_from(["1", "2"]))


@given(KEYS, STORED, STORED, st.sampled_from(["1", "2", "3"]), st.booleans())
def test_plans_are_safe(
    keys: list[AccessKeyMetadata],
    current: StoredKey | None,
    previous: StoredKey | None,
    trigger: str,
    rolling_back: bool,
) -> None:
    """Whatever there is: a slot is free for a new key, and no key in use is deleted for it."""
    try:
        decision = plan(keys, current, previous, trigger, rolling_back=rolling_back)
    except KeyLimitError:
        return
    existing = {found.access_key_id: found for found in keys}
    current_id = current.access_key_id if current else None
    ours = {current_id, previous.access_key_id if previous else None}

    assert {*decision.delete_before, *decision.delete_after} <= existing.keys()
    if isinstance(decision, Rotate):
        assert len(keys) - len(decision.delete_before) < KEYS_PER_USER
    for access_key_id in (*decision.delete_before, *decision.delete_after):
        found = existing[access_key_id]
        assert access_key_id in ours or found.last_used is None
    if current_id is not None and current_id in decision.delete_before:
        assert not existing[current_id].active or current_id == (
            previous and previous.access_key_id
        )
