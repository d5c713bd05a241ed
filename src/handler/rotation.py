"""Whether a request makes a new access key, and which keys make room for it; pure.

IAM allows two access keys a user, inactive ones included (IAM quotas). A key that we did not make
and that may be in use is never given up.
"""

from dataclasses import dataclass
from enum import StrEnum

from handler.errors import KeyLimitError
from handler.model import AccessKeyMetadata, StoredKey

KEYS_PER_USER = 2


class Action(StrEnum):
    """What happens to the key that the secret holds as AWSCURRENT."""

    KEEP = "keep"
    RESTORE = "restore"
    ROTATE = "rotate"


@dataclass(frozen=True)
class RotationPlan:
    """The decision, the keys to delete before and after it is carried out, and why."""

    action: Action
    reason: str
    delete_before: tuple[str, ...] = ()
    delete_after: tuple[str, ...] = ()


def plan(
    keys: list[AccessKeyMetadata],
    current: StoredKey | None,
    previous: StoredKey | None,
    trigger: str,
    rolling_back: bool,
) -> RotationPlan:
    """Decide from what IAM and the secret hold, never from what changed in the properties.

    Raises KeyLimitError when a new key is needed and both slots may be in use.
    """
    active = {key.access_key_id for key in keys if key.active}
    if rolling_back and _can_return_to(previous, active, trigger, current):
        abandoned = _existing(current, keys)
        return RotationPlan(Action.RESTORE, "roll-back to the key of before", (), abandoned)
    if current and current.access_key_id in active:
        if current.trigger == trigger:
            return RotationPlan(Action.KEEP, "the current key was made for this trigger")
        if rolling_back:
            return RotationPlan(Action.KEEP, "the key to roll back to is gone")
    before = _make_room(keys, current, previous)
    after = tuple(key for key in _existing(previous, keys) if key not in before)
    reason = "the trigger changed" if current else "the secret holds no key"
    return RotationPlan(Action.ROTATE, reason, before, after)


def _make_room(
    keys: list[AccessKeyMetadata], current: StoredKey | None, previous: StoredKey | None
) -> tuple[str, ...]:
    """The keys to delete so that one slot is free, least harmful first."""
    surplus = len(keys) - (KEYS_PER_USER - 1)
    if surplus <= 0:
        return ()
    held_now = current.access_key_id if current else None
    held_before = previous.access_key_id if previous else None
    dispensable = [key for key in keys if key.access_key_id == held_before]
    dispensable += [key for key in keys if key.access_key_id == held_now and not key.active]
    dispensable += [
        key
        for key in keys
        if key.access_key_id not in (held_now, held_before) and key.last_used is None
    ]
    if len(dispensable) < surplus:
        foreign = [key for key in keys if key not in dispensable and key.access_key_id != held_now]
        raise KeyLimitError(_limit_message(foreign))
    return tuple(key.access_key_id for key in dispensable[:surplus])


def _limit_message(foreign: list[AccessKeyMetadata]) -> str:
    named = ", ".join(
        f"{key.access_key_id} (last used {key.last_used:%Y-%m-%d})" for key in foreign
    )
    return (
        f"The user has {KEYS_PER_USER} access keys, and this one was not made here and is in use: "
        f"{named}. Delete it or stop using it, then try again; the current key was left as it is."
    )


def _existing(stored: StoredKey | None, keys: list[AccessKeyMetadata]) -> tuple[str, ...]:
    ids = {key.access_key_id for key in keys}
    return (stored.access_key_id,) if stored and stored.access_key_id in ids else ()


def _can_return_to(
    previous: StoredKey | None, active: set[str], trigger: str, current: StoredKey | None
) -> bool:
    if previous is None or previous.access_key_id not in active:
        return False
    return previous.trigger == trigger and (current is None or current.trigger != trigger)
