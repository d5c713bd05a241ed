"""Whether a request makes a new access key, and which keys are deleted.

IAM allows two access keys a user, inactive ones included (IAM quotas). A key that we did not make
and that may be in use is never given up.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handler.errors import KeyLimitError
from handler.model.keys import KEYS_PER_USER, AccessKeyMetadata, StoredKey
from handler.state.record import MadeKey, MadeUser

# How old the announcement of a key may be when a try to make it begins.
RECENT = timedelta(seconds=45)
# And when the key is made: a try takes 13 s at most, and a wait for the table may come before it.
MAKING = timedelta(seconds=75)


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


@dataclass(frozen=True)
class Observed:
    """The keys of the user, the two labelled versions of the secret, and what we remember."""

    keys: list[AccessKeyMetadata]
    current: StoredKey | None
    previous: StoredKey | None
    made: MadeUser

    @property
    def replaced(self) -> tuple[str, ...]:
        """Our keys that another took the place of and that still exist."""
        current = self.current.access_key_id if self.current else None
        return tuple(
            key.access_key_id
            for key in self.keys
            if key.access_key_id != current and self._in_grace(key)
        )

    @property
    def lost(self) -> tuple[str, ...]:
        """Keys that we made and nobody knows: a function died before it stored them."""
        return tuple(
            key.access_key_id
            for key in self.keys
            if self._made_here(key) and not self._labelled(key) and not self._in_grace(key)
        )

    @property
    def known(self) -> dict[str, MadeKey]:
        """Our keys that exist; without any memory, those that the versions of the secret name."""
        existing = {key.access_key_id for key in self.keys}
        known = self.made.keys or {
            version.access_key_id: MadeKey(version.trigger, version.version_id)
            for version in (self.previous, self.current)
            if version
        }
        return {key_id: key for key_id, key in known.items() if key_id in existing}

    def after(
        self, current: StoredKey, replaced: datetime, published: str = ""
    ) -> dict[str, MadeKey]:
        """Our keys when `current` has become current; the others are replaced since then.

        `published` is when a new key was, in ISO 8601.
        """
        others = {
            key_id: key if key.replaced else replace(key, replaced=replaced.isoformat())
            for key_id, key in self.known.items()
        }
        known = self.known.get(current.access_key_id, MadeKey("", ""))
        mine = MadeKey(
            current.trigger,
            current.version_id,
            published=published or known.published,
            off=known.off,
        )
        return {**others, current.access_key_id: mine}

    @property
    def disabled(self) -> StoredKey | None:
        """The current key if somebody else deactivated or deleted it."""
        current = self.current
        ours = current and self.made.complete and current.access_key_id == self.made.current
        return current if ours and not self.holds(current, fit=True) else None

    def holds(self, version: StoredKey | None, *, fit: bool = False) -> bool:
        """Whether the key of a version exists, and if asked, whether nobody else switched it off.

        One that we switched off because `Status` wants it is as good as an active one.
        """
        return version is not None and any(
            key.access_key_id == version.access_key_id and (self.is_fit(key) or not fit)
            for key in self.keys
        )

    def is_fit(self, key: AccessKeyMetadata) -> bool:
        """Whether the key works, or would if `Status` wanted it."""
        made = self.made.keys.get(key.access_key_id)
        return key.active or (made is not None and made.off)

    def _made_here(self, key: AccessKeyMetadata) -> bool:
        """Whether we made the key. Without any memory, the versions of the secret are believed.

        A key that appeared beside those of an announced making, soon after it, and that nobody ever
        used, is the announced one: its secret half was in an answer that was lost.
        """
        minting = self.made.minting
        if (
            minting
            and key.access_key_id not in minting.beside
            and key.last_used is None
            and key.created < datetime.fromisoformat(minting.announced) + MAKING
        ):
            return True
        return key.access_key_id in self.known

    def _labelled(self, key: AccessKeyMetadata) -> bool:
        return key.access_key_id in {
            version.access_key_id for version in (self.current, self.previous) if version
        }

    def _in_grace(self, key: AccessKeyMetadata) -> bool:
        if not self._made_here(key):
            return False
        made = self.made.keys.get(key.access_key_id)
        previous = self.previous.access_key_id if self.previous else None
        return bool(made and made.replaced) or key.access_key_id == previous


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
