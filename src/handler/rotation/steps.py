"""The four steps of a rotation by Secrets Manager, each of which can be repeated.

The labels of the secret say how far a rotation is: AWSPENDING is on the version that is being
made, and moves away when it becomes AWSCURRENT. A step for any other version is refused.
"""

from dataclasses import dataclass

from handler.aws.account import Account
from handler.aws.secretsmanager.description import CURRENT, PENDING, SecretState
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.cloudformation import stack
from handler.errors import KeyNotVerifiedError, RotationRefusedError
from handler.keys import grace, retire
from handler.keys.plan import plan
from handler.keys.rotate import Credentials
from handler.keys.verify import verify
from handler.model.keys import Held, StoredKey
from handler.model.owner import Owner
from handler.rotation.event import Step
from handler.state.notes import KEYS_TAG, MintNote


@dataclass(frozen=True)
class Rotation:
    """One rotation of one secret, at the version `token`."""

    account: Account
    state: SecretState
    owner: Owner
    note: MintNote
    current: StoredKey
    token: str

    @classmethod
    def of(cls, account: Account, step: Step) -> "Rotation":
        """The rotation that a step is of; raises RotationRefusedError when it is none of ours."""
        secret = account.secret(step.secret_id)
        state = secret.describe()
        owner = Owner.of(state.tags) if state and not state.awaits_deletion else None
        if state is None or owner is None or state.rotation is None:
            raise RotationRefusedError(f"{step.secret_id} is no secret that is rotated here.")
        labels = state.stages.get(step.token, [])
        if CURRENT not in labels and PENDING not in labels:
            raise RotationRefusedError(f"Version {step.token} is not being rotated to.")
        stored = secret.stored_key(CURRENT)
        user = account.user(stored.user_name) if stored else None
        user_state = user.owned(owner) if user else None
        if not (stored and user and user_state and user.is_exact(user_state)):
            raise RotationRefusedError("The secret holds no key of a user that belongs to it.")
        note = MintNote.parse(user_state.tags.get(KEYS_TAG, ""))
        return cls(account, state, owner, note, stored, step.token)

    def take(self, step: str) -> str:
        """Take the step; returns what was done, and raises RotationRefusedError when it cannot."""
        if self.current.version_id == self.token:
            if step == "finishSecret":
                self._begin_grace(self.current)
            return "Done before."
        match step:
            case "createSecret":
                self._create()
            case "setSecret":
                self._candidate()
            case "testSecret":
                self._test()
            case _:
                self._finish()
        return "Done."

    @property
    def _secret(self) -> CredentialSecret:
        return self.account.secret(self.state.name)

    @property
    def _credentials(self) -> Credentials:
        return Credentials(self.account, self.current.user_name, self._secret)

    def _create(self) -> None:
        if self._secret.stored_key(PENDING):
            self._candidate()
            return
        if stack.is_busy(self.account, self.owner):
            raise RotationRefusedError("The stack is at work; the rotation has to wait for it.")
        credentials = self._credentials
        observed = credentials.observe(self.note)
        decision = plan(observed, f"Rotation:{self.token}", rolling_back=False)
        credentials.discard(decision.delete_before)
        key = credentials.make(self.token, observed)
        # The trigger stays, so that the next Update takes the key for the one that it wants.
        trigger = (observed.current or self.current).trigger
        try:
            self._secret.stage(credentials.content(key, trigger), self.token)
        except Exception:
            stored = self._secret.stored_key(PENDING)
            if stored is None or stored.access_key_id != key.access_key_id:
                credentials.keys.discard(key.access_key_id)
            raise

    def _candidate(self) -> StoredKey:
        """The new key; one that is gone or not new ends the rotation, for its version is spent."""
        stored = self._secret.stored_key(PENDING)
        if stored is None:
            raise RotationRefusedError(f"Version {self.token} holds no key yet.")
        keys = self._credentials.keys.list()
        exists = any(key.access_key_id == stored.access_key_id for key in keys)
        if not exists or stored.access_key_id == self.current.access_key_id:
            self._secret.unstage(self.token)
            raise RotationRefusedError(f"The key of version {self.token} is gone; it is abandoned.")
        return stored

    def _test(self) -> None:
        """Without a candidate the configuration is being tried, which RotateSecret does."""
        candidate = self._secret.stored_key(PENDING)
        key = self._secret.key(PENDING if candidate else CURRENT)
        try:
            verify(key, self.account.deadline)
        except KeyNotVerifiedError:
            if candidate and candidate.access_key_id != self.current.access_key_id:
                self._secret.unstage(self.token)
                self._credentials.keys.discard(candidate.access_key_id)
            raise

    def _finish(self) -> None:
        candidate = self._candidate()
        self._secret.promote(self.token, self.current.version_id)
        self._secret.unstage(self.token)
        self._begin_grace(candidate)

    def _begin_grace(self, current: StoredKey) -> None:
        observed = self._credentials.observe(self.note)
        self._credentials.discard(tuple(observed.lost))
        retire.end_grace(
            self.account,
            self.owner,
            self.current.user_name,
            self.state.name,
            Held(current, observed.replaced),
            grace.hours_of(self.state.tags),
        )
