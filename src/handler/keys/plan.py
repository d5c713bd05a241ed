"""Whether a request makes a new access key, and which keys are deleted.

IAM allows two access keys a user, inactive ones included (IAM quotas). A key that we did not make
and that may be in use is never given up.
"""

from dataclasses import dataclass

from handler.errors import KeyLimitError
from handler.keys.observed import Observed
from handler.model.keys import KEYS_PER_USER, AccessKeyMetadata, StoredKey


@dataclass(frozen=True)
class Keep:
    """AWSCURRENT stays on its version, while other keys are deleted."""

    version: StoredKey
    reason: str
    delete_before: tuple[str, ...] = ()
    delete_after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Restore:
    """AWSCURRENT moves back to `version`."""

    version: StoredKey
    reason: str
    delete_before: tuple[str, ...] = ()
    delete_after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rotate:
    """A new key is made; keys that are deleted before make room for it."""

    reason: str
    delete_before: tuple[str, ...] = ()
    delete_after: tuple[str, ...] = ()


Decision = Keep | Restore | Rotate


@dataclass(frozen=True)
class Purpose:
    """What the key is wanted for.

    `trigger` is what a new key is made for. A roll-back wants `former`, the key of the state that
    it leads to, or if that is not remembered, the key made for the trigger. A stack without
    roll-back `replays` its last good template instead.
    """

    trigger: str
    rolling_back: bool = False
    former: str = ""
    replays: bool = False

    def fits(self, version: StoredKey) -> bool:
        """Whether the key of a version is the wanted one."""
        if self.former:
            return version.access_key_id == self.former
        return version.trigger == self.trigger


def plan(observed: Observed, purpose: Purpose) -> Decision:
    """Decide from what IAM and the secret hold, never from what changed in the properties.

    A current key that is switched off is kept: `Status` says whether it is switched on again.

    Raises KeyLimitError when a new key is needed and both slots may be in use.
    """
    current, previous, lost = observed.current, observed.previous, observed.lost
    fits = current is not None and purpose.fits(current) and observed.holds(current)
    if (
        (purpose.rolling_back or purpose.replays)
        and not fits
        and previous is not None
        and purpose.fits(previous)
        and observed.holds(previous, fit=True)
    ):
        if purpose.replays:
            return Restore(previous, "the stack replays the template of this key", lost)
        abandoned = tuple(
            key.access_key_id
            for key in observed.keys
            if current and key.access_key_id == current.access_key_id != previous.access_key_id
        )
        return Restore(previous, "the stack rolls back to this key", lost, abandoned)
    if current is not None and observed.holds(current):
        if fits:
            return Keep(current, "it was made for this", lost, _abandoned(observed, purpose))
        if purpose.rolling_back:
            return Keep(current, "the key to roll back to is gone", lost)
    before = (*lost, *_make_room(observed))
    return Rotate(_why_new(observed), before)


def _why_new(observed: Observed) -> str:
    if observed.current is None:
        return "the secret holds no key"
    if not observed.holds(observed.current):
        return "the current key is gone"
    return "another key is asked for"


def _abandoned(observed: Observed, purpose: Purpose) -> tuple[str, ...]:
    """A previous key that is newer than the current one: a roll-back was cut off before its end."""
    current, previous = observed.current, observed.previous
    if not (current and previous and purpose.rolling_back and observed.replaced):
        return ()
    return observed.replaced if previous.created > current.created else ()


def _make_room(observed: Observed) -> list[str]:
    """The keys to delete so that one slot is free, least harmful first."""
    current = observed.current.access_key_id if observed.current else None
    keys = [key for key in observed.keys if key.access_key_id not in observed.lost]
    surplus = len(keys) - (KEYS_PER_USER - 1)
    idle = [
        key.access_key_id
        for key in keys
        if key.access_key_id == current and not observed.is_fit(key)
    ]
    unknown = [key for key in keys if key.access_key_id not in (current, *observed.replaced)]
    unused = [key.access_key_id for key in unknown if key.last_used is None]
    dispensable = [*idle, *observed.replaced, *unused]
    if len(dispensable) < surplus:
        raise KeyLimitError(_limit_message([key for key in unknown if key.last_used]))
    return dispensable[: max(surplus, 0)]


def _limit_message(foreign: list[AccessKeyMetadata]) -> str:
    named = ", ".join(
        f"{key.access_key_id} (last used {key.last_used:%Y-%m-%d})" for key in foreign
    )
    return (
        f"IAM allows {KEYS_PER_USER} access keys, and these were not made here and are in use: "
        f"{named}. Delete one or stop using it, then try again; the current key was left as it is."
    )
