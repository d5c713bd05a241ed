"""The access key of the user and the secret that holds it, kept in step."""

from collections.abc import Callable

from handler.aws.iam.access_keys import AccessKeys
from handler.aws.iam.user import IamUser, UserState
from handler.aws.secretsmanager.description import CURRENT, PREVIOUS
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.aws.secretsmanager.value import secret_string
from handler.deadline import Deadline
from handler.keys import plan as rotation
from handler.keys.plan import Action, Observed
from handler.keys.verify import verify
from handler.model.values import AccessKey, Held, StoredKey
from handler.state.notes import KEYS_TAG, MintNote


class Credentials:
    """Carries out what `rotation.plan` decides, the new key always before the old one goes."""

    def __init__(
        self,
        user: IamUser,
        keys: AccessKeys,
        secret: CredentialSecret,
        account_id: str,
        deadline: Deadline,
    ) -> None:
        self._user = user
        self._keys = keys
        self._secret = secret
        self._account_id = account_id
        self._deadline = deadline

    def observe(self, note: MintNote) -> Observed:
        """The keys there are, and those that the secret holds."""
        return _observe(self._keys, self._secret, note)

    def ensure(
        self,
        token: str,
        trigger: str,
        note: MintNote,
        *,
        rolling_back: bool,
        confirm: Callable[[], None],
    ) -> Held:
        """AWSCURRENT holds a working key made for `trigger`; returns which.

        `token` becomes the version id of a new key. `confirm` raises when the stack has given up
        the request in the meantime.
        """
        observed = self.observe(note)
        decision = rotation.plan(observed, trigger, rolling_back=rolling_back)
        self.discard(decision.delete_before)
        match decision.action, observed.current, observed.previous:
            case Action.KEEP, StoredKey() as kept, _:
                confirm()
                held = Held(kept, observed.replaced)
            case Action.RESTORE, _, StoredKey() as previous:
                self._secret.restore(previous.version_id)
                held = Held(previous, None)
            case _:
                stored = self._rotate(token, trigger, confirm, observed)
                former = observed.current if observed.holds(observed.current) else None
                held = Held(stored, former.access_key_id if former else None)
        self.discard(decision.delete_after)
        gone = {*decision.delete_before, *decision.delete_after}
        return Held(held.current, None if held.replaced in gone else held.replaced)

    def discard(self, access_key_ids: tuple[str, ...]) -> None:
        """Delete keys; gone already is success."""
        for access_key_id in access_key_ids:
            self._keys.discard(access_key_id)

    def make(self, token: str, observed: Observed) -> AccessKey:
        """A new key beside those that there are, announced on the user before it is made."""
        self._deadline.check("making an access key")
        announced = {KEYS_TAG: str(MintNote(token, observed.foreign))}
        self._deadline.until_settled(lambda: self._user.tag(announced), "NoSuchEntity")
        before = {key.access_key_id for key in observed.keys}
        try:
            return self._deadline.until_settled(self._keys.create, "NoSuchEntity", "Throttling")
        except Exception:
            # It may have been made although the answer was lost; nobody will ever know its half.
            made = [key.access_key_id for key in self._keys.list()]
            self.discard(tuple(key for key in made if key not in before))
            raise

    def content(self, key: AccessKey, trigger: str) -> str:
        """The value of the secret for a new key."""
        return secret_string(key, self._user.user_name, self._account_id, trigger)

    def _rotate(
        self, token: str, trigger: str, confirm: Callable[[], None], observed: Observed
    ) -> StoredKey:
        key = self.make(token, observed)
        try:
            verify(key, self._deadline)
            confirm()
            self._secret.publish(self.content(key, trigger), token)
        except Exception:
            if not self._published(key):
                self._keys.discard(key.access_key_id)
                raise
        confirm()  # A roll-back served meanwhile takes the key for a lost one.
        return StoredKey(token, self._user.user_name, key.access_key_id, key.created, trigger)

    def _published(self, key: AccessKey) -> bool:
        """Whether the secret took the key although its answer was lost."""
        stored = self._secret.stored_key(CURRENT)
        return stored is not None and stored.access_key_id == key.access_key_id


def discard_lost_keys(keys: AccessKeys, secret: CredentialSecret, user: UserState) -> None:
    """Delete the keys of the user that we made and that no version of the secret holds."""
    note = MintNote.parse(user.tags.get(KEYS_TAG, ""))
    for access_key_id in _observe(keys, secret, note).lost:
        keys.discard(access_key_id)


def _observe(keys: AccessKeys, secret: CredentialSecret, note: MintNote) -> Observed:
    return Observed(keys.list(), secret.stored_key(CURRENT), secret.stored_key(PREVIOUS), note)
