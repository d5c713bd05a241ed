"""Whether a request makes a new access key, and which keys are deleted.

IAM allows two access keys a user, inactive ones included (IAM quotas). A key that we did not make
and that may be in use is never given up.
"""

from dataclasses import dataclass

from handler.errors import KeyLimitError
from handler.model.keys import KEYS_PER_USER, AccessKeyMetadata, StoredKey
from handler.state.notes import MintNote


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
class Observed:
    """The keys of the user, the two labelled versions of the secret, and the note on the user."""

    keys: list[AccessKeyMetadata]
    current: StoredKey | None
    previous: StoredKey | None
    note: MintNote

    @property
    def stored(self) -> list[StoredKey]:
        """The versions that there are."""
        return [version for version in (self.current, self.previous) if version]

    @property
    def replaced(self) -> str | None:
        """The key of AWSPREVIOUS, if it exists and is another than that of AWSCURRENT."""
        if self.previous is None or not self.holds(self.previous):
            return None
        return (
            None if _id_of(self.previous) == _id_of(self.current) else self.previous.access_key_id
        )

    @property
    def lost(self) -> list[str]:
        """Keys that we made and that no version holds: a function died before storing them."""
        held = {version.access_key_id for version in self.stored}
        return [
            key.access_key_id
            for key in self.keys
            if key.access_key_id not in held and self.note.ours(key, self.stored)
        ]

    @property
    def foreign(self) -> tuple[str, ...]:
        """Keys that we did not make and that no version holds."""
        ours = {*self.lost, *(version.access_key_id for version in self.stored)}
        return tuple(key.access_key_id for key in self.keys if key.access_key_id not in ours)

    def holds(self, version: StoredKey | None, *, active: bool = False) -> bool:
        """Whether the key of a version exists, and if asked, whether it is active."""
        return version is not None and any(
            key.access_key_id == version.access_key_id and (key.active or not active)
            for key in self.keys
        )


def plan(observed: Observed, trigger: str, *, rolling_back: bool) -> Decision:
    """Decide from what IAM and the secret hold, never from what changed in the properties.

    Raises KeyLimitError when a new key is needed and both slots may be in use.
    """
    current, previous = observed.current, observed.previous
    lost = tuple(observed.lost)
    made_for_it = current is not None and current.trigger == trigger and observed.holds(current)
    if (
        rolling_back
        and not made_for_it
        and previous is not None
        and previous.trigger == trigger
        and observed.holds(previous, active=True)
    ):
        abandoned = _id_of(current) if observed.holds(current) else ()
        return Restore(previous, "the stack rolls back to it", lost, abandoned)
    if current is not None and observed.holds(current, active=True):
        if made_for_it:
            abandoned = _id_of(previous) if _was_abandoned(observed) else ()
            return Keep(current, "it was made for this", lost, abandoned)
        if rolling_back:
            return Keep(current, "the key to roll back to is gone", lost)
    before = (*lost, *_make_room(observed))
    unlabelled = () if observed.replaced in (None, *before) else _id_of(previous)
    reason = "its trigger changed" if current else "the secret holds no key"
    return Rotate(reason, before, unlabelled)


def _was_abandoned(observed: Observed) -> bool:
    """A previous key that is newer than the current one: a roll-back was cut off before its end."""
    current, previous = observed.current, observed.previous
    if current is None or previous is None or observed.replaced is None:
        return False
    return previous.created > current.created


def _make_room(observed: Observed) -> list[str]:
    """The keys to delete so that one slot is free, least harmful first."""
    current, previous = _id_of(observed.current), _id_of(observed.previous)
    keys = [key for key in observed.keys if key.access_key_id not in observed.lost]
    surplus = len(keys) - (KEYS_PER_USER - 1)
    unknown = [key for key in keys if key.access_key_id not in (*current, *previous)]
    dispensable = [key for key in keys if key.access_key_id in previous]
    dispensable += [
        key
        for key in keys
        if key.access_key_id in current and key not in dispensable and not key.active
    ]
    dispensable += [key for key in unknown if key.last_used is None]
    if len(dispensable) < surplus:
        raise KeyLimitError(_limit_message([key for key in unknown if key.last_used]))
    return [key.access_key_id for key in dispensable[: max(surplus, 0)]]


def _limit_message(foreign: list[AccessKeyMetadata]) -> str:
    named = ", ".join(
        f"{key.access_key_id} (last used {key.last_used:%Y-%m-%d})" for key in foreign
    )
    return (
        f"IAM allows {KEYS_PER_USER} access keys, and these were not made here and are in use: "
        f"{named}. Delete one or stop using it, then try again; the current key was left as it is."
    )


def _id_of(version: StoredKey | None) -> tuple[str, ...]:
    return (version.access_key_id,) if version else ()
