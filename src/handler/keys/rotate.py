"""The access key of the user and the secret that holds it, kept in step."""

from collections.abc import Callable
from dataclasses import dataclass

from handler.aws.account import Account
from handler.aws.iam.access_keys import AccessKeys
from handler.aws.secretsmanager.description import CURRENT, PREVIOUS
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.aws.secretsmanager.value import secret_string
from handler.keys.plan import Decision, Keep, Observed, Restore, plan
from handler.keys.verify import verify
from handler.model.keys import AccessKey, Held, StoredKey
from handler.state.notes import KEYS_TAG, MintNote


@dataclass(frozen=True)
class Credentials:
    """The keys of one user and its secret: a new key always comes before the old one goes."""

    account: Account
    user_name: str
    secret: CredentialSecret

    @property
    def keys(self) -> AccessKeys:
        """The access keys of the user."""
        return self.account.access_keys(self.user_name)

    def observe(self, note: MintNote) -> Observed:
        """The keys that exist, and those that the secret holds."""
        current, previous = self.secret.stored_key(CURRENT), self.secret.stored_key(PREVIOUS)
        return Observed(self.keys.list(), current, previous, note)

    def apply(
        self,
        token: str,
        trigger: str,
        note: MintNote,
        *,
        rolling_back: bool,
        confirm: Callable[[], None],
    ) -> tuple[Held, Decision]:
        """Make AWSCURRENT hold a working key made for `trigger`; returns which, and why.

        `token` becomes the version id of a new key. `confirm` raises when the stack has given up
        the request in the meantime.
        """
        observed = self.observe(note)
        decision = plan(observed, trigger, rolling_back=rolling_back)
        self.discard(decision.delete_before)
        match decision:
            case Keep():
                confirm()
                held = Held(decision.version, observed.replaced)
            case Restore():
                self.secret.restore(decision.version.version_id)
                held = Held(decision.version, None)
            case _:
                stored = self._rotate(token, trigger, confirm, observed)
                former = observed.current if observed.holds(observed.current) else None
                held = Held(stored, former.access_key_id if former else None)
        self.discard(decision.delete_after)
        gone = {*decision.delete_before, *decision.delete_after}
        return Held(held.current, None if held.replaced in gone else held.replaced), decision

    def discard(self, access_key_ids: tuple[str, ...]) -> None:
        """Delete keys; gone already is success."""
        for access_key_id in access_key_ids:
            self.keys.discard(access_key_id)

    def discard_lost(self, note: MintNote) -> None:
        """Delete the keys of the user that we made and that no version of the secret holds."""
        self.discard(tuple(self.observe(note).lost))

    def make(self, token: str, observed: Observed) -> AccessKey:
        """A new key beside those that there are, announced on the user before it is made."""
        deadline = self.account.deadline
        deadline.check("making an access key")
        announced = {KEYS_TAG: str(MintNote(token, observed.foreign))}
        user = self.account.user(self.user_name)
        deadline.until_settled(lambda: user.tag(announced), "NoSuchEntity")
        before = {key.access_key_id for key in observed.keys}
        try:
            return deadline.until_settled(self.keys.create, "NoSuchEntity", "Throttling")
        except Exception:
            # It may have been made although the answer was lost; nobody will ever know its half.
            made = [key.access_key_id for key in self.keys.list()]
            self.discard(tuple(key for key in made if key not in before))
            raise

    def content(self, key: AccessKey, trigger: str) -> str:
        """The value of the secret for a new key."""
        return secret_string(
            key, self.user_name, self.account.settings.location.account_id, trigger
        )

    def _rotate(
        self, token: str, trigger: str, confirm: Callable[[], None], observed: Observed
    ) -> StoredKey:
        key = self.make(token, observed)
        try:
            verify(key, self.account.deadline)
            confirm()
            self.secret.publish(self.content(key, trigger), token)
        except Exception:
            if not self._published(key):
                self.keys.discard(key.access_key_id)
                raise
        confirm()  # A roll-back served meanwhile takes the key for a lost one.
        return StoredKey(token, self.user_name, key.access_key_id, key.created, trigger)

    def _published(self, key: AccessKey) -> bool:
        """Whether the secret took the key although its answer was lost."""
        stored = self.secret.stored_key(CURRENT)
        return stored is not None and stored.access_key_id == key.access_key_id
