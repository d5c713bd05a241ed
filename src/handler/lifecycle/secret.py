"""The second half of Create and Update: the secret, the key in it, and the key it replaces."""

from collections.abc import Callable

from handler.aws.account import Provider
from handler.aws.iam.access_keys import AccessKeys
from handler.aws.iam.user import IamUser
from handler.aws.schedules import Schedules
from handler.aws.secretsmanager.description import CURRENT, SecretState
from handler.aws.secretsmanager.readers import SecretReaders
from handler.aws.secretsmanager.replicas import SecretReplicas, discard_secret
from handler.aws.secretsmanager.rotation import SecretRotation
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.cloudformation.request import Request
from handler.keys.grace import GRACE_TAG
from handler.keys.rotate import Credentials
from handler.lifecycle.existing import Found
from handler.model.values import Desired, Held
from handler.state import notes as journal


class SecretProvisioner:
    """Brings the secret of one resource, and what happens to it over time, to the desired state."""

    def __init__(
        self,
        provider: Provider,
        request: Request,
        desired: Desired,
        user: IamUser,
        secret: CredentialSecret,
    ) -> None:
        self._provider = provider
        self._request = request
        self._desired = desired
        self._user = user
        self._secret = secret

    def ensure(
        self,
        found: Found,
        wanted_tags: dict[str, str],
        confirm: Callable[[], None],
        *,
        rolling_back: bool,
    ) -> dict[str, str]:
        """The secret holds a working key made for the request; returns its attributes.

        Readers come before the key, so that one who may no longer read never sees the new key;
        copies and schedule come after it, because a secret without a value has neither.
        """
        desired, clients = self._desired, self._provider.clients
        deadline, client = self._provider.deadline, clients.secretsmanager
        secret_tags = wanted_tags | {GRACE_TAG: str(desired.grace_hours)}
        secret_arn = deadline.until_settled(
            lambda: self._secret.ensure(
                found.secret, self._request.owner, desired.kms_key_id, secret_tags
            ),
            "InvalidRequestException",  # A secret of that name was deleted a moment ago.
        )
        SecretReaders(client, desired.secret_name).ensure(desired.reader_arns)
        rotation = SecretRotation(client, self._secret, deadline)
        rotation.settle(found.secret, desired.rotation_schedule)
        held = self._ensure_key(found, confirm, rolling_back=rolling_back)
        SecretReplicas(client, desired.secret_name, deadline).ensure(
            found.secret.replicas if found.secret else {},
            desired.replica_regions,
            desired.kms_key_id,
        )
        next_rotation = rotation.ensure(
            found.secret, desired.rotation_schedule, self._provider.settings.rotation_function_arn
        )
        confirm()  # A roll-back served meanwhile has put back what was changed since the key.
        return {
            "AccessKeyId": held.current.access_key_id,
            "AccessKeyCreateDate": held.current.created.isoformat(),
            "SecretArn": secret_arn,
            "SecretVersionId": held.current.version_id,
            "NextRotationDate": next_rotation,
        }

    def _ensure_key(self, found: Found, confirm: Callable[[], None], *, rolling_back: bool) -> Held:
        provider, desired, request = self._provider, self._desired, self._request
        clients, user_name = provider.clients, desired.user_name
        former = self._former_secret()
        if former:
            holder = CredentialSecret(clients.secretsmanager, former.name)
            SecretRotation(clients.secretsmanager, holder, provider.deadline).settle(former, None)
            self._secret.take_over(holder)
        keys = AccessKeys(clients.iam, clients.iam_once, user_name)
        account_id = provider.location.account_id
        held = Credentials(self._user, keys, self._secret, account_id, provider.deadline).ensure(
            request.token,
            desired.trigger,
            self._mint_note(found, former),
            rolling_back=rolling_back,
            confirm=confirm,
        )
        if former:
            confirm()
            discard_secret(provider, former)
        Schedules(provider, request.owner, user_name).settle(
            held, desired.grace_hours, desired.secret_name, keys
        )
        return held

    def _mint_note(self, found: Found, former: SecretState | None) -> journal.MintNote:
        """The note on the user; a rotation that was under way may have written a newer one."""
        rotating = any(secret and secret.pending for secret in (found.secret, former))
        user = self._user.describe() if rotating else found.user
        return journal.MintNote.parse(user.tags.get(journal.KEYS_TAG, "") if user else "")

    def _former_secret(self) -> SecretState | None:
        """The secret that the user's credentials were in, when the name has changed."""
        prefix, desired = self._provider.settings.secret_prefix, self._desired
        name = self._request.old_properties.get("SecretName", prefix + desired.user_name)
        if not isinstance(name, str) or name == desired.secret_name or not name.startswith(prefix):
            return None
        former = CredentialSecret(self._provider.clients.secretsmanager, name)
        state = former.describe()
        if state is None or not state.usable_by(self._request.owner):
            return None
        stored = former.stored_key(CURRENT)
        return state if stored is None or stored.user_name == desired.user_name else None
