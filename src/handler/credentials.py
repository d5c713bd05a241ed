"""The access key of the user and the secret that holds it, kept in step."""

from collections.abc import Callable

from handler import rotation
from handler.access_keys import AccessKeys
from handler.clients import Clients
from handler.credential_secret import CURRENT, PREVIOUS, CredentialSecret
from handler.deadline import Deadline
from handler.model import AccessKey, Location, StoredKey, secret_string
from handler.request import Request
from handler.verification import verify


class Credentials:
    """Carries out what `rotation.plan` decides, the new key always before the old one goes."""

    def __init__(
        self, clients: Clients, secret: CredentialSecret, user_name: str, location: Location
    ) -> None:
        self._keys = AccessKeys(clients.iam, clients.iam_once, user_name)
        self._secret = secret
        self._user_name = user_name
        self._location = location

    def ensure(
        self,
        request: Request,
        trigger: str,
        deadline: Deadline,
        *,
        rolling_back: bool,
        still_wanted: Callable[[], object],
    ) -> StoredKey:
        """AWSCURRENT holds a working key made for `trigger`; returns which.

        `still_wanted` raises when the stack has given up the request in the meantime.
        """
        current = self._secret.stored_key(CURRENT)
        previous = self._secret.stored_key(PREVIOUS)
        decision = rotation.plan(self._keys.list(), current, previous, trigger, rolling_back)
        for access_key_id in decision.delete_before:
            self._keys.discard(access_key_id)
        stored = current
        if decision.action is rotation.Action.ROTATE:
            stored = self._rotate(request.request_id, trigger, deadline, still_wanted)
        elif decision.action is rotation.Action.RESTORE and current and previous:
            self._secret.restore(previous.version_id, instead_of=current.version_id)
            stored = previous
        for access_key_id in decision.delete_after:
            self._keys.discard(access_key_id)
        assert stored is not None  # noqa: S101 - KEEP is only decided for a current key
        return stored

    def _rotate(
        self,
        request_id: str,
        trigger: str,
        deadline: Deadline,
        still_wanted: Callable[[], object],
    ) -> StoredKey:
        key = self._keys.create()
        text = secret_string(key, self._user_name, self._location.account_id, trigger)
        try:
            verify(key, deadline)
            still_wanted()
            self._secret.publish(text, request_id)
        except Exception:
            if not self._published(key):
                self._keys.discard(key.access_key_id)
                raise
        return StoredKey(request_id, self._user_name, key.access_key_id, trigger)

    def _published(self, key: AccessKey) -> bool:
        """Whether the secret took the key although its answer was lost."""
        stored = self._secret.stored_key(CURRENT)
        return stored is not None and stored.access_key_id == key.access_key_id
