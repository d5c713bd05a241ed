"""What the user's own tags remember of requests, written ahead of what they announce.

A function can die between any two calls. These notes let the next request tell a late delivery
from a new request, and a key that we made from one that somebody else made. All of it is pure.
"""

from dataclasses import dataclass

from handler.model.keys import AccessKeyMetadata, StoredKey

REQUESTS_TAG = "restricted-iam-user:requests"
KEYS_TAG = "restricted-iam-user:keys"
SUCCESSOR_TAG = "restricted-iam-user:successor"
_REMEMBERED_REQUESTS = 3  # Of up to 74 characters each; a tag value has room for 256.


@dataclass(frozen=True)
class Delivery:
    """What tells one delivery of an event from another: its token, and where it leads from."""

    token: str
    old_digest: str
    new_digest: str
    rolling_back: bool

    @property
    def mark(self) -> str:
        """How its entry in a note begins; a roll-back is marked."""
        return f"{'@' if self.rolling_back else ''}{self.token}:"


def remember(note: str, delivery: Delivery, digest: str) -> str:
    """The note of recent Creates and Updates with one more and where it led, newest first."""
    entries = note.split()
    if any(entry.startswith(delivery.mark) for entry in entries):
        return note
    return " ".join([delivery.mark + digest, *entries][:_REMEMBERED_REQUESTS])


def is_late(note: str, delivery: Delivery) -> bool:
    """Whether the stack has left this delivery behind.

    One that is remembered is in time only as the newest, in the direction that it had. One that is
    not, while the stack rolls back, is the roll-back itself: it leads to a state that we remember,
    and after another roll-back to the same. A late Update leads from such a state elsewhere.
    """
    entries = note.split()
    if any(entry.lstrip("@").startswith(f"{delivery.token}:") for entry in entries):
        return not entries[0].startswith(delivery.mark)
    digests = [entry.rpartition(":")[2] for entry in entries]
    goals = digests[:1] if note.startswith("@") else digests
    return (
        delivery.rolling_back
        and delivery.old_digest in digests
        and delivery.new_digest not in goals
    )


@dataclass(frozen=True)
class MintNote:
    """Written before a key is made: for which token, and which keys there are not ours."""

    token: str = ""
    foreign: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "MintNote":
        """Read the tag; an absent one means that we never made a key."""
        token, *foreign = text.split() or [""]
        return cls(token, tuple(foreign))

    def __str__(self) -> str:
        return " ".join((self.token, *self.foreign))

    def ours(self, key: AccessKeyMetadata, stored: list[StoredKey]) -> bool:
        """Whether we made the key: all but the foreign ones, up to the key that was announced.

        If no version of the secret has the token, that key was never stored, or not even made.
        """
        if not self.token or key.access_key_id in self.foreign:
            return False
        announced = [one for one in stored if one.version_id == self.token]
        return not announced or key.created <= announced[0].created
