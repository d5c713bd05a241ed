"""What is known of the keys of a user: which exist, which are ours, and which another replaced."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from handler.model.keys import AccessKeyMetadata, StoredKey
from handler.state.made import MadeKey, MadeUser

# How old the announcement of a key may be when a try to make it begins.
RECENT = timedelta(seconds=45)
# And when the key is made: a try takes 13 s at most, and a wait for the table may come before it.
MAKING = timedelta(seconds=75)


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
