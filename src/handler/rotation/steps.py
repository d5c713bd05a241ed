"""The four steps of a rotation by Secrets Manager, each of which can be repeated.

The labels of the secret say how far a rotation is: AWSPENDING is on the version that is being
made, and moves away when it becomes AWSCURRENT. A step for any other version is refused.
"""

from dataclasses import dataclass

from handler.aws.account import Provider
from handler.aws.iam.access_keys import AccessKeys
from handler.aws.iam.user import IamUser
from handler.aws.schedules import Schedules
from handler.aws.secretsmanager.description import CURRENT, PENDING, SecretState
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.cloudformation import stack
from handler.errors import KeyNotVerifiedError, RotationRefusedError
from handler.keys import grace
from handler.keys import plan as rotation
from handler.keys.rotate import Credentials
from handler.keys.verify import verify
from handler.model.values import Held, Owner, StoredKey
from handler.state.notes import MintNote


@dataclass(frozen=True)
class Rotation:
    """One rotation of one secret, at the version `token`."""

    provider: Provider
    secret: CredentialSecret
    state: SecretState
    owner: Owner
    user: IamUser
    note: MintNote
    current: StoredKey
    token: str

    def take(self, step: str) -> None:
        """Take the step; raises RotationRefusedError when it cannot be taken."""
        if self.current.version_id == self.token:
            if step == "finishSecret":
                self._begin_grace(self.current)
            return
        match step:
            case "createSecret":
                self._create()
            case "setSecret":
                self._candidate()
            case "testSecret":
                self._test()
            case _:
                self._finish()

    @property
    def _keys(self) -> AccessKeys:
        clients = self.provider.clients
        return AccessKeys(clients.iam, clients.iam_once, self.user.user_name)

    @property
    def _credentials(self) -> Credentials:
        provider = self.provider
        account_id = provider.location.account_id
        return Credentials(self.user, self._keys, self.secret, account_id, provider.deadline)

    def _create(self) -> None:
        if self.secret.stored_key(PENDING):
            self._candidate()
            return
        if stack.is_busy(self.provider.clients.cloudformation, self.owner):
            raise RotationRefusedError("The stack is at work; the rotation has to wait for it.")
        credentials = self._credentials
        observed = credentials.observe(self.note)
        decision = rotation.plan(observed, f"Rotation:{self.token}", rolling_back=False)
        credentials.discard(decision.delete_before)
        key = credentials.make(self.token, observed)
        # The trigger stays, so that the next Update takes the key for the one that it wants.
        trigger = (observed.current or self.current).trigger
        try:
            self.secret.stage(credentials.content(key, trigger), self.token)
        except Exception:
            stored = self.secret.stored_key(PENDING)
            if stored is None or stored.access_key_id != key.access_key_id:
                self._keys.discard(key.access_key_id)
            raise

    def _candidate(self) -> StoredKey:
        """The new key; one that is gone or not new ends the rotation, for its version is spent."""
        stored = self.secret.stored_key(PENDING)
        if stored is None:
            raise RotationRefusedError(f"Version {self.token} holds no key yet.")
        exists = any(key.access_key_id == stored.access_key_id for key in self._keys.list())
        if not exists or stored.access_key_id == self.current.access_key_id:
            self.secret.unstage(self.token)
            raise RotationRefusedError(f"The key of version {self.token} is gone; it is abandoned.")
        return stored

    def _test(self) -> None:
        """Without a candidate the configuration is being tried, which RotateSecret does."""
        candidate = self.secret.stored_key(PENDING)
        key = self.secret.key(PENDING if candidate else CURRENT)
        try:
            verify(key, self.provider.deadline)
        except KeyNotVerifiedError:
            if candidate and candidate.access_key_id != self.current.access_key_id:
                self.secret.unstage(self.token)
                self._keys.discard(candidate.access_key_id)
            raise

    def _finish(self) -> None:
        candidate = self._candidate()
        self.secret.promote(self.token, self.current.version_id)
        self.secret.unstage(self.token)
        self._begin_grace(candidate)

    def _begin_grace(self, current: StoredKey) -> None:
        observed = self._credentials.observe(self.note)
        self._credentials.discard(tuple(observed.lost))
        Schedules(self.provider, self.owner, self.user.user_name).settle(
            Held(current, observed.replaced),
            grace.hours_of(self.state.tags),
            self.state.name,
            self._keys,
        )
