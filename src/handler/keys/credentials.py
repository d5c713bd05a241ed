"""The keys of a user and the secret that holds one: how both are read, and how a key is made."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from handler import clock
from handler.aws.account import Account
from handler.aws.clients import BEFORE_CHANGE
from handler.aws.iam.access_keys import AccessKeys
from handler.aws.secretsmanager.description import CURRENT, PREVIOUS, SecretState
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.aws.secretsmanager.value import secret_string
from handler.errors import error_code
from handler.keys.observed import RECENT, Observed
from handler.model.keys import AccessKey, AccessKeyMetadata, StoredKey
from handler.state.made import MadeKey, Minting
from handler.state.memory import Memory


@dataclass(frozen=True)
class Credentials:
    """The keys of one user and its secret."""

    account: Account
    memory: Memory
    user_name: str
    secret: CredentialSecret

    @property
    def keys(self) -> AccessKeys:
        """The access keys of the user."""
        return self.account.access_keys(self.user_name)

    def observe(self, state: SecretState | None, *, is_new: bool = False) -> Observed:
        """The keys that exist, those that the secret holds, and those that we made.

        A user that `is_new` has no keys.
        """
        made = self.memory.user(self.user_name)
        keys = [] if is_new else self.keys.list(made.keys)
        current, previous = (self._stored(state, stage, keys) for stage in (CURRENT, PREVIOUS))
        return Observed(keys, current, previous, made)

    def _stored(
        self, state: SecretState | None, stage: str, keys: list[AccessKeyMetadata]
    ) -> StoredKey | None:
        """Which key the version with a label holds.

        The table knows the versions that we wrote, and no version ever changes; others are read.
        """
        version_id = state.labelled(stage) if state else None
        if version_id is None:
            return None
        created = {key.access_key_id: key.created for key in keys}
        made = self.memory.user(self.user_name).keys
        # A key that was lost may have been made for the same version before.
        for key_id, key in reversed(made.items()):
            if key.version_id == version_id and key_id in created:
                return StoredKey(version_id, self.user_name, key_id, created[key_id], key.trigger)
        return self.secret.stored_key(stage)

    def remember(
        self,
        observed: Observed,
        current: StoredKey,
        replaced: datetime,
        deleted: tuple[str, ...],
        published: str = "",
    ) -> None:
        """Remember which key is current, since when, and since when the other one is replaced."""
        known = observed.after(current, replaced, published)
        self.memory.note(
            self.user_name,
            current=current.access_key_id,
            keys={key_id: key for key_id, key in known.items() if key_id not in deleted},
            minting=None,
        )

    def discard(self, access_key_ids: tuple[str, ...]) -> None:
        """Delete keys; gone already is success."""
        for access_key_id in access_key_ids:
            self.keys.discard(access_key_id)

    def make(self, token: str, trigger: str, observed: Observed) -> AccessKey:
        """Make a key beside those that exist, announced in the state table before it is made."""
        deadline, memory = self.account.deadline, self.memory
        deadline.check("making an access key")
        before = tuple(key.access_key_id for key in observed.keys)
        made = memory.user(self.user_name)
        memory.note(self.user_name, keys=observed.known, scheduled=made.scheduled or bool(before))
        # That of a new user was announced with it.
        if made.minting is None or made.minting.beside != before:
            self._announce(before)
        # A user that was made just now is not known everywhere, and AccessDenied may say so.
        is_old = made.complete
        transient = ("NoSuchEntity",) if is_old else ("NoSuchEntity", "AccessDenied")
        try:
            with self._announcing(before):
                key = deadline.until_settled(self.keys.create, *transient, seconds=30)
        except Exception as error:
            if not (isinstance(error, ClientError) and error_code(error) == "LimitExceeded"):
                # Its answer may have been lost; then nobody will ever know its secret half.
                self.discard(self.observe(self.secret.describe()).lost)
            memory.note(self.user_name, minting=None)
            raise
        memory.note(
            self.user_name,
            keys={**observed.known, key.access_key_id: MadeKey(trigger, token)},
            minting=None,
        )
        memory.save()
        return key

    def _announce(self, before: tuple[str, ...]) -> None:
        """Remember that a key is about to be made beside those of before."""
        self.memory.note(self.user_name, minting=Minting(before, clock.now().isoformat()))
        self.memory.save()

    @contextmanager
    def _announcing(self, before: tuple[str, ...]) -> Iterator[None]:
        """Announce again before each try to make a key, once the announcement is no longer recent.

        AWS may throttle for minutes before it makes the key.
        """
        check = BEFORE_CHANGE.get()

        def announce() -> None:
            check()
            minting = self.memory.user(self.user_name).minting
            if minting and clock.now() > datetime.fromisoformat(minting.announced) + RECENT:
                self._announce(before)

        former = BEFORE_CHANGE.set(announce)
        try:
            yield
        finally:
            BEFORE_CHANGE.reset(former)

    def content(self, key: AccessKey, trigger: str) -> str:
        """The value of the secret for a new key."""
        account_id = self.account.settings.location.account_id
        return secret_string(key, self.user_name, account_id, trigger)
