"""The four steps of a rotation by Secrets Manager, each of which can be repeated.

The labels of the secret say how far a rotation is: AWSPENDING is on the version that is being
made, and moves away when it becomes AWSCURRENT. A step for any other version is refused.
"""

from dataclasses import dataclass

from handler import clock
from handler.aws.account import Account
from handler.aws.secretsmanager.description import CURRENT, PENDING, SecretState
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.cloudformation import stack
from handler.errors import KeyNotVerifiedError, RotationPutOffError, RotationRefusedError
from handler.facts import Metric, concern, count
from handler.keys import retire, status
from handler.keys.credentials import Credentials
from handler.keys.plan import Purpose
from handler.keys.rotate import decide
from handler.keys.verify import verify
from handler.model.keys import StoredKey
from handler.model.owner import Owner
from handler.rotation.event import Step
from handler.state.memory import Memory, lease


def take(account: Account, step: Step) -> str:
    """Take a step of a rotation; returns what was done.

    Raises RotationRefusedError when the secret is none of ours or the step cannot be taken.
    """
    state = account.secret(step.secret_id).describe()
    owner = Owner.of(state.tags) if state and not state.awaits_deletion else None
    if state is None or owner is None or state.rotation is None:
        raise RotationRefusedError(f"{step.secret_id} is no secret that is rotated here.")
    concern(stack_id=owner.stack_id, logical_id=owner.logical_id)
    memory = Memory(account, owner, "a scheduled rotation")
    with lease(memory):
        account.deadline.heed = lambda: _give_way(memory)
        return Rotation.of(account, memory, step).take(step.name)


def _give_way(memory: Memory) -> None:
    """While the rotation waits for AWS, let a request of CloudFormation go first."""
    memory.renew()
    if memory.others_wait:
        raise RotationPutOffError


@dataclass(frozen=True)
class Rotation:
    """One rotation of one secret, at the version `token`."""

    account: Account
    memory: Memory
    state: SecretState
    current: StoredKey
    token: str

    @classmethod
    def of(cls, account: Account, memory: Memory, step: Step) -> "Rotation":
        """The rotation that a step is of; raises RotationRefusedError when it is none of ours."""
        secret = account.secret(step.secret_id)
        state = secret.describe()
        holders = [
            name
            for name, user in memory.record.users.items()
            if state and state.arn in user.secrets.values()
        ]
        if state is None or not holders:
            raise RotationRefusedError(
                f"{step.secret_id} is no secret that was made here; if it was, update its stack."
            )
        labels = state.stages.get(step.token, [])
        if CURRENT not in labels and PENDING not in labels:
            raise RotationRefusedError(f"Version {step.token} is not being rotated to.")
        stored = secret.stored_key(CURRENT)
        user = account.user(stored.user_name) if stored and stored.user_name in holders else None
        found = user.describe() if user else None
        if not (
            stored
            and user
            and found
            and user.is_exact(found)
            and memory.owns(found, memory.user(user.user_name).user_id)
        ):
            raise RotationRefusedError("The secret holds no key of a user that belongs to it.")
        concern(user_name=stored.user_name)
        return cls(account, memory, state, stored, step.token)

    def take(self, step: str) -> str:
        """Take the step; returns what was done, and raises RotationRefusedError when it cannot."""
        done_before = self.current.version_id == self.token
        match step:
            case "finishSecret" if done_before:
                self._begin_grace(self.current)
            case "finishSecret":
                self._finish()
            case _ if done_before:
                pass
            case "createSecret":
                self._create()
            case "setSecret":
                self._candidate()
            case _:
                self._test()
        return f"{step}: done before" if done_before else step

    @property
    def _secret(self) -> CredentialSecret:
        return self.account.secret(self.state.name)

    @property
    def _credentials(self) -> Credentials:
        return Credentials(self.account, self.memory, self.current.user_name, self._secret)

    def _create(self) -> None:
        if self._secret.stored_key(PENDING):
            self._candidate()
            return
        if stack.is_busy(self.account, self.memory.owner):
            raise RotationPutOffError
        credentials = self._credentials
        observed = credentials.observe(self._secret.describe())
        decision = decide(observed, Purpose(f"Rotation:{self.token}"))
        credentials.discard(decision.delete_before)
        # The trigger stays, so that the next Update takes the key for the one that it wants.
        trigger = (observed.current or self.current).trigger
        key = credentials.make(self.token, trigger, observed)
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
        exists = stored.access_key_id in self._credentials.keys.ids()
        if not exists or stored.access_key_id == self.current.access_key_id:
            self._secret.unstage(self.token)
            raise RotationRefusedError(f"The key of version {self.token} is gone; it is abandoned.")
        return stored

    def _test(self) -> None:
        """Without a candidate the configuration is being tried, which RotateSecret does.

        STS cannot prove a key that `Status` keeps switched off.
        """
        candidate = self._secret.stored_key(PENDING)
        if candidate is None and not self.memory.user(self.current.user_name).active:
            return
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
        # A roll-back that comes next must not take the new key for one that it abandons.
        memory, former = self.memory, self.current.access_key_id
        memory.record = memory.record.rotated(former, candidate.access_key_id)
        memory.note(self.current.user_name, current=candidate.access_key_id)
        memory.save()
        self._secret.promote(self.token, self.current.version_id)
        count(Metric.ROTATIONS)
        self._secret.unstage(self.token)
        self._begin_grace(candidate, clock.now().isoformat())

    def _begin_grace(self, current: StoredKey, published: str = "") -> None:
        credentials, user_name = self._credentials, self.current.user_name
        observed = credentials.observe(self._secret.describe())
        credentials.discard(observed.lost)
        credentials.remember(observed, current, clock.now(), observed.lost, published)
        account, memory = self.account, self.memory
        retire.end_grace(account, memory, user_name, self.state.name)
        status.switch(account, memory, user_name, observed)
