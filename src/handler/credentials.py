"""The access key of the user and the secret that holds it, kept in step."""

from collections.abc import Callable

from handler import rotation
from handler.access_keys import AccessKeys
from handler.credential_secret import CURRENT, PREVIOUS, CredentialSecret
from handler.deadline import Deadline
from handler.iam_user import IamUser, UserState
from handler.journal import KEYS_TAG, MintNote
from handler.model import AccessKey, StoredKey, secret_string
from handler.rotation import Action, Observed
from handler.verification import verify


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

    def ensure(
        self,
        token: str,
        trigger: str,
        note: MintNote,
        *,
        rolling_back: bool,
        confirm: Callable[[], None],
    ) -> StoredKey:
        """AWSCURRENT holds a working key made for `trigger`; returns which.

        `token` becomes the version id of a new key. `confirm` raises when the stack has given up
        the request in the meantime.
        """
        observed = _observe(self._keys, self._secret, note)
        decision = rotation.plan(observed, trigger, rolling_back=rolling_back)
        for access_key_id in decision.delete_before:
            self._keys.discard(access_key_id)
        match decision.action, observed.current, observed.previous:
            case Action.KEEP, StoredKey() as kept, _:
                confirm()
                stored = kept
            case Action.RESTORE, _, StoredKey() as previous:
                self._secret.restore(previous.version_id)
                stored = previous
            case _:
                announced = {KEYS_TAG: str(MintNote(token, observed.foreign))}
                self._deadline.until_settled(lambda: self._user.tag(announced), "NoSuchEntity")
                stored = self._rotate(token, trigger, confirm, observed)
        for access_key_id in decision.delete_after:
            self._keys.discard(access_key_id)
        return stored

    def _rotate(
        self, token: str, trigger: str, confirm: Callable[[], None], observed: Observed
    ) -> StoredKey:
        self._deadline.check("making an access key")
        before = {key.access_key_id for key in observed.keys}
        try:
            key = self._deadline.until_settled(self._keys.create, "NoSuchEntity", "Throttling")
        except Exception:
            self._discard_unannounced(before)
            raise
        try:
            verify(key, self._deadline)
            confirm()
            self._secret.publish(
                secret_string(key, self._user.user_name, self._account_id, trigger), token
            )
        except Exception:
            if not self._published(key):
                self._keys.discard(key.access_key_id)
                raise
        confirm()  # A roll-back served meanwhile takes the key for a lost one.
        return StoredKey(token, self._user.user_name, key.access_key_id, key.created, trigger)

    def _discard_unannounced(self, before: set[str]) -> None:
        """A key may have been made although its answer was lost; nobody will ever know its half."""
        for key in self._keys.list():
            if key.access_key_id not in before:
                self._keys.discard(key.access_key_id)

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
