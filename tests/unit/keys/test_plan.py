"""The decision about keys, as a function of what IAM and the secret hold and what is remembered."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import KeyLimitError
from handler.keys.observed import Observed
from handler.keys.plan import Keep, Purpose, Restore, Rotate, plan
from handler.model.keys import KEYS_PER_USER, AccessKeyMetadata, StoredKey
from handler.state.made import MadeKey, MadeUser, Minting

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
IDS = ["AKIA1", "AKIA2", "AKIA3", "AKIA4"]
TRIGGERS = ["1", "2", "3"]


def key(access_key_id: str, *, active: bool = True, used: bool = False) -> AccessKeyMetadata:
    return AccessKeyMetadata(access_key_id, active, LONG_AGO, LONG_AGO if used else None)


def stored(access_key_id: str, trigger: str, minutes: int = 0) -> StoredKey:
    created = LONG_AGO + timedelta(minutes=minutes)
    return StoredKey(f"version-{access_key_id}", "Provazio", access_key_id, created, trigger)


def made(*access_key_ids: str, replaced: tuple[str, ...] = ()) -> MadeUser:
    """What is remembered of a user with these keys of ours."""
    since = LONG_AGO.isoformat()
    return MadeUser(
        keys={
            one: MadeKey("1", f"version-{one}", since if one in replaced else "")
            for one in access_key_ids
        }
    )


def switched_off(
    *access_key_ids: str, replaced: tuple[str, ...] = (), off: bool = True
) -> MadeUser:
    """The same, and whether it was us who switched them off."""
    memory = made(*access_key_ids, replaced=replaced)
    keys = {one: replace(known, off=off) for one, known in memory.keys.items()}
    return replace(memory, active=not off, keys=keys)


def test_first_key() -> None:
    """A user without a key gets one, and nothing is deleted."""
    decision = plan(Observed([], None, None, MadeUser()), Purpose("1"))

    assert decision == Rotate("the secret holds no key")


def test_same_trigger_keeps_the_key() -> None:
    """The key that was made for the trigger stays."""
    current = stored("AKIA1", "1")
    observed = Observed([key("AKIA1")], current, None, made("AKIA1"))

    assert plan(observed, Purpose("1")) == Keep(current, "it was made for this")


def test_other_trigger_makes_a_new_key_beside_the_old() -> None:
    """Nothing goes while a slot is free."""
    observed = Observed([key("AKIA1")], stored("AKIA1", "1"), None, made("AKIA1"))

    assert plan(observed, Purpose("2")) == Rotate("another key is asked for")


def test_deleted_current_key_is_replaced() -> None:
    """A current key that somebody deleted is replaced although nothing changed."""
    observed = Observed([], stored("AKIA1", "1"), None, made("AKIA1"))

    assert plan(observed, Purpose("1")) == Rotate("the current key is gone")


@pytest.mark.parametrize("off", [True, False], ids=["by us", "by hand"])
def test_current_key_that_is_switched_off_stays(off: bool) -> None:
    """Whoever switched the current key off, `Status` decides whether it works, and none is made."""
    current = stored("AKIA1", "1")
    observed = Observed([key("AKIA1", active=False)], current, None, switched_off("AKIA1", off=off))

    assert plan(observed, Purpose("1")) == Keep(current, "it was made for this")


def test_key_that_we_switched_off_makes_no_room_before_the_replaced_one() -> None:
    """While `Status` is Inactive both keys are off, and the replaced one goes first."""
    keys = [key("AKIA1", active=False, used=True), key("AKIA2", active=False, used=True)]
    memory = switched_off("AKIA1", "AKIA2", replaced=("AKIA1",))
    current, previous = stored("AKIA2", "2"), stored("AKIA1", "1")
    decision = plan(Observed(keys, current, previous, memory), Purpose("3"))

    assert decision.delete_before == ("AKIA1",)


def test_roll_back_restores_a_key_that_we_switched_off() -> None:
    """A roll-back leads back to the former key although `Status` had both switched off."""
    keys = [key("AKIA1", active=False), key("AKIA2", active=False)]
    memory = switched_off("AKIA1", "AKIA2", replaced=("AKIA1",))
    previous = stored("AKIA1", "1")
    decision = plan(
        Observed(keys, stored("AKIA2", "2"), previous, memory), Purpose("1", rolling_back=True)
    )

    assert isinstance(decision, Restore)
    assert (decision.version, decision.delete_after) == (previous, ("AKIA2",))


@pytest.mark.parametrize("labelled", [True, False])
def test_replaced_key_makes_room(labelled: bool) -> None:
    """With both slots taken, the key in its grace goes first, used or not, labelled or not."""
    keys = [key("AKIA1", used=True), key("AKIA2", used=True)]
    previous = stored("AKIA1", "1") if labelled else None
    memory = made("AKIA1", "AKIA2", replaced=("AKIA1",))
    decision = plan(Observed(keys, stored("AKIA2", "2"), previous, memory), Purpose("3"))

    assert decision.delete_before == ("AKIA1",)


def test_inactive_current_key_goes_before_an_active_previous_one() -> None:
    """What works is not given up for what somebody switched off."""
    keys = [key("AKIA1", used=True), key("AKIA2", used=True, active=False)]
    memory = made("AKIA1", "AKIA2", replaced=("AKIA1",))
    current, previous = stored("AKIA2", "2"), stored("AKIA1", "1")
    decision = plan(Observed(keys, current, previous, memory), Purpose("3"))

    assert decision.delete_before == ("AKIA2",)


def test_unused_unknown_key_makes_room() -> None:
    """A key that we do not know goes when it was never used and its slot is needed."""
    keys = [key("AKIA1", used=True), key("AKIA2")]
    observed = Observed(keys, stored("AKIA1", "1"), None, made("AKIA1"))

    assert plan(observed, Purpose("2")).delete_before == ("AKIA2",)
    assert plan(observed, Purpose("1")).delete_before == ()


def test_used_unknown_key_is_never_deleted() -> None:
    """A key that somebody made by hand and uses stops the rotation, and is named."""
    keys = [key("AKIA1"), key("AKIA2", used=True)]
    observed = Observed(keys, stored("AKIA1", "1"), None, made("AKIA1"))

    with pytest.raises(KeyLimitError, match=r"AKIA2 \(last used 2020-01-01\)"):
        plan(observed, Purpose("2"))


@pytest.mark.parametrize("former", ["AKIA1", ""], ids=["remembered", "by its trigger"])
def test_roll_back_restores_the_former_key(former: str) -> None:
    """Rolling a rotation back makes the old key current and deletes the abandoned one."""
    keys = [key("AKIA1", used=True), key("AKIA2")]
    memory = made("AKIA1", "AKIA2", replaced=("AKIA1",))
    previous = stored("AKIA1", "1")
    decision = plan(
        Observed(keys, stored("AKIA2", "2"), previous, memory),
        Purpose("1", rolling_back=True, former=former),
    )

    assert isinstance(decision, Restore)
    assert (decision.version, decision.delete_after) == (previous, ("AKIA2",))


def test_replay_restores_the_former_key_and_takes_no_grace_away() -> None:
    """A stack without roll-back replays its last good template; the other key is in use."""
    keys = [key("AKIA1", used=True), key("AKIA2", used=True)]
    memory = made("AKIA1", "AKIA2", replaced=("AKIA1",))
    decision = plan(
        Observed(keys, stored("AKIA2", "2"), stored("AKIA1", "1"), memory),
        Purpose("1", replays=True),
    )

    assert isinstance(decision, Restore)
    assert decision.delete_before == decision.delete_after == ()


@pytest.mark.parametrize("active", [False, None], ids=["deactivated", "deleted"])
def test_roll_back_without_the_former_key_keeps_the_current_one(active: bool | None) -> None:
    """When the old key is gone or switched off, a roll-back rotates nothing."""
    keys = [key("AKIA2")] if active is None else [key("AKIA1", active=active), key("AKIA2")]
    current = stored("AKIA2", "2")
    observed = Observed(keys, current, stored("AKIA1", "1"), made("AKIA1", "AKIA2"))
    decision = plan(observed, Purpose("1", rolling_back=True, former="AKIA1"))

    assert decision == Keep(current, "the key to roll back to is gone")


def test_roll_back_that_was_cut_off_is_finished() -> None:
    """With the former key current already, the newer one that it replaced goes."""
    keys = [key("AKIA1", used=True), key("AKIA2")]
    current, newer = stored("AKIA1", "1"), stored("AKIA2", "2", minutes=5)
    observed = Observed(keys, current, newer, made("AKIA1", "AKIA2"))
    decision = plan(observed, Purpose("1", rolling_back=True, former="AKIA1"))

    assert decision == Keep(current, "it was made for this", (), ("AKIA2",))


def test_roll_back_of_something_else_leaves_a_key_in_its_grace() -> None:
    """With the wanted key current, an older one that it replaced stays."""
    keys = [key("AKIA1", used=True), key("AKIA2")]
    current, older = stored("AKIA2", "2", minutes=5), stored("AKIA1", "1")
    memory = made("AKIA1", "AKIA2", replaced=("AKIA1",))
    decision = plan(
        Observed(keys, current, older, memory), Purpose("2", rolling_back=True, former="AKIA2")
    )

    assert decision == Keep(current, "it was made for this")


def test_lost_key_is_deleted_even_when_nothing_rotates() -> None:
    """A key that we made and never stored goes with the next request, whatever it asks for."""
    keys = [key("AKIA1"), key("AKIA2", used=True)]
    observed = Observed(keys, stored("AKIA1", "1"), None, made("AKIA1", "AKIA2"))

    assert plan(observed, Purpose("1")).delete_before == ("AKIA2",)


@pytest.mark.parametrize(
    ("beside", "used", "gone"),
    [
        (("AKIA1",), False, ("AKIA2",)),
        (("AKIA1",), True, ()),
        (("AKIA1", "AKIA2"), False, ()),
    ],
    ids=["appeared since", "in use", "was there before"],
)
def test_announced_key_whose_answer_was_lost(
    beside: tuple[str, ...], used: bool, gone: tuple[str, ...]
) -> None:
    """A key that appeared since one was announced, and that nobody uses, is the announced one."""
    memory = replace(made("AKIA1"), minting=Minting(beside, LONG_AGO.isoformat()))
    keys = [key("AKIA1"), key("AKIA2", used=used)]
    observed = Observed(keys, stored("AKIA1", "1"), None, memory)

    assert plan(observed, Purpose("1")).delete_before == gone


def test_without_memory_the_versions_of_the_secret_are_believed() -> None:
    """After the item was removed by hand, the keys that the secret names are ours."""
    keys = [key("AKIA1", used=True), key("AKIA2", used=True)]
    current, previous = stored("AKIA2", "2"), stored("AKIA1", "1")
    observed = Observed(keys, current, previous, MadeUser())

    assert observed.known.keys() == {"AKIA1", "AKIA2"}
    assert plan(observed, Purpose("3")).delete_before == ("AKIA1",)


def test_roll_back_keeps_a_key_that_both_versions_hold() -> None:
    """AWSPREVIOUS comes back, and its key is not abandoned with AWSCURRENT."""
    both = Observed([key("AKIA1")], stored("AKIA1", "2"), stored("AKIA1", "1"), made("AKIA1"))

    decision = plan(both, Purpose("1", rolling_back=True))

    assert decision == Restore(stored("AKIA1", "1"), "the stack rolls back to this key")


def test_key_that_becomes_current_replaces_the_others() -> None:
    """Since when a key is replaced is remembered once; a key that comes back is not replaced."""
    later = LONG_AGO + timedelta(days=1)
    memory = made("AKIA1", "AKIA2", replaced=("AKIA1",))
    keys = [key("AKIA1"), key("AKIA2")]
    observed = Observed(keys, stored("AKIA2", "2"), stored("AKIA1", "1"), memory)

    rotated = observed.after(stored("AKIA3", "3"), later)
    assert {name: one.replaced for name, one in rotated.items()} == {
        "AKIA1": LONG_AGO.isoformat(),
        "AKIA2": later.isoformat(),
        "AKIA3": "",
    }
    back = observed.after(stored("AKIA1", "1"), later)
    assert {name: one.replaced for name, one in back.items()} == {
        "AKIA1": "",
        "AKIA2": later.isoformat(),
    }


def test_key_that_comes_back_was_never_put_off() -> None:
    """A key that is current again begins anew; what is known of its beginning stays."""
    known = MadeKey("1", "v1", LONG_AGO.isoformat(), "then", True, 3, "later")
    memory = MadeUser(keys={"AKIA1": known})
    observed = Observed([key("AKIA1")], None, stored("AKIA1", "1"), memory)

    back = observed.after(stored("AKIA1", "1"), LONG_AGO)
    assert back == {"AKIA1": MadeKey("1", "version-AKIA1", published="then", off=True)}
    assert observed.after(stored("AKIA1", "1"), LONG_AGO, "now")["AKIA1"].published == "now"


KEYS = st.lists(
    st.builds(key, st.sampled_from(IDS), active=st.booleans(), used=st.booleans()),
    unique_by=lambda found: found.access_key_id,
    max_size=KEYS_PER_USER,
)
STORED = st.builds(stored, st.sampled_from(IDS), st.sampled_from(TRIGGERS), st.integers(0, 5))
MADE_KEYS = st.builds(
    MadeKey,
    st.sampled_from(TRIGGERS),
    st.just("version"),
    st.sampled_from(["", "2020-01-01"]),
    off=st.booleans(),
)
MINTINGS = st.builds(
    Minting,
    st.lists(st.sampled_from(IDS), unique=True).map(tuple),
    st.sampled_from(["2019-12-31T00:00:00+00:00", "2020-01-01T00:00:00+00:00"]),
)
MADE = st.builds(
    MadeUser,
    keys=st.dictionaries(st.sampled_from(IDS), MADE_KEYS),
    minting=st.none() | MINTINGS,
)
OBSERVED = st.builds(Observed, KEYS, st.none() | STORED, st.none() | STORED, MADE)
PURPOSES = st.builds(
    Purpose,
    st.sampled_from(TRIGGERS),
    st.booleans(),
    st.sampled_from(["", *IDS]),
    st.booleans(),
)


def is_ours(observed: Observed, found: AccessKeyMetadata) -> bool:
    """Whether a key is one that we made: remembered, or without any memory, in the secret."""
    labelled = {one.access_key_id for one in (observed.current, observed.previous) if one}
    return found.access_key_id in (observed.made.keys or labelled)


def in_grace(observed: Observed, found: AccessKeyMetadata) -> bool:
    """Whether we know that another key took the place of this one, which is not current."""
    current = observed.current.access_key_id if observed.current else ""
    known = observed.made.keys.get(found.access_key_id)
    return bool(known and known.replaced) and found.access_key_id != current


@given(OBSERVED, PURPOSES)
def test_plans_are_safe(observed: Observed, purpose: Purpose) -> None:
    """Whatever there is: a slot for a new key, and no key in use goes that is not ours."""
    existing = {found.access_key_id: found for found in observed.keys}
    try:
        decision = plan(observed, purpose)
    except KeyLimitError:
        assert [one for one in observed.keys if one.last_used and not is_ours(observed, one)]
        return
    deleted = [*decision.delete_before, *decision.delete_after]

    assert len(set(deleted)) == len(deleted)
    assert existing.keys() >= {*deleted}
    if isinstance(decision, Rotate):
        assert len(existing) - len(decision.delete_before) < KEYS_PER_USER
    else:
        assert decision.version.access_key_id not in deleted
        current = observed.current is not None and observed.current == decision.version
        assert current or observed.is_fit(existing[decision.version.access_key_id])
    for access_key_id in deleted:
        found = existing[access_key_id]
        current = observed.current is not None and observed.current.access_key_id == access_key_id
        assert is_ours(observed, found) or found.last_used is None or current


@given(OBSERVED, PURPOSES)
def test_key_in_its_grace_goes_for_its_slot_only(observed: Observed, purpose: Purpose) -> None:
    """Unless a roll-back abandons it, a key in its grace stays while a slot is free."""
    try:
        decision = plan(observed, purpose)
    except KeyLimitError:
        return
    graced = {one.access_key_id for one in observed.keys if in_grace(observed, one)}

    if isinstance(decision, Rotate) and len(observed.keys) < KEYS_PER_USER:
        assert not graced & {*decision.delete_before}
    if not isinstance(decision, Rotate) and not purpose.rolling_back:
        assert not graced & {*decision.delete_before, *decision.delete_after}


@given(OBSERVED, PURPOSES)
def test_roll_back_ends_at_the_former_key(observed: Observed, purpose: Purpose) -> None:
    """A roll-back or replay makes the wanted key current whenever it lives and has a label."""
    versions = [one for one in (observed.current, observed.previous) if one]
    wanted = [
        one
        for one in versions
        if purpose.fits(one) and observed.holds(one, fit=one is not observed.current)
    ]
    if not wanted or not (purpose.rolling_back or purpose.replays):
        return
    decision = plan(observed, purpose)

    assert not isinstance(decision, Rotate)
    assert decision.version in wanted


@given(OBSERVED, PURPOSES)
def test_inactive_current_key_goes_first(observed: Observed, purpose: Purpose) -> None:
    """When room is needed, a current key that somebody switched off goes before any other."""
    try:
        decision = plan(observed, purpose)
    except KeyLimitError:
        return
    current = observed.current
    if not isinstance(decision, Rotate) or not current or not observed.holds(current):
        return
    if not observed.holds(current, fit=True) and set(decision.delete_before) - {*observed.lost}:
        assert current.access_key_id in decision.delete_before
