"""The secret of the resource: its readers, the key in it, its copies and its rotation."""

from handler.aws.account import Account
from handler.aws.secretsmanager.description import CURRENT, SecretState
from handler.cloudformation.stack import confirm
from handler.keys.grace import GRACE_TAG
from handler.keys.plan import Decision
from handler.keys.rotate import Credentials
from handler.lifecycle.change import Change
from handler.lifecycle.existing import Existing
from handler.model.keys import Held
from handler.state.notes import KEYS_TAG, MintNote


def make(change: Change, state: SecretState | None) -> SecretState:
    """Create or reconcile the secret."""
    account, desired = change.account, change.desired
    secret = account.secret(desired.secret_name)
    wanted = desired.tags | {GRACE_TAG: str(desired.grace_hours)}

    def settle() -> SecretState:
        if state is None:
            return secret.create(desired.kms_key_id, wanted, change.request.owner)
        secret.reconcile(state, desired.kms_key_id, wanted)
        return state

    # A secret of that name was deleted a moment ago.
    return account.deadline.until_settled(settle, "InvalidRequestException")


def share(change: Change) -> None:
    """Name the readers, before the key comes: who may no longer read never sees a new key."""
    change.account.readers(change.desired.secret_name).reconcile(change.desired.reader_arns)


def fill(change: Change, existing: Existing) -> tuple[Held, Decision]:
    """Make AWSCURRENT hold a working key made for the request; returns which, and why."""
    account, request, desired = change.account, change.request, change.desired
    secret = account.secret(desired.secret_name)
    account.rotation(desired.secret_name).stop(existing.secret, desired.rotation_schedule)
    former = _former_secret(change)
    if former:
        account.rotation(former.name).stop(former, None)
        secret.take_over(account.secret(former.name))
    held, decision = Credentials(account, desired.user_name, secret).apply(
        request.token,
        desired.trigger,
        _mint_note(change, existing, former),
        rolling_back=change.operation.rolling_back,
        confirm=lambda: confirm(account, request, change.operation),
    )
    if former:
        confirm(account, request, change.operation)
        discard(account, former)
    return held, decision


def spread(change: Change, state: SecretState | None) -> str:
    """Copy the secret, and have it rotated; a secret without a value can be neither.

    Returns the date of the next rotation, or "".
    """
    account, desired = change.account, change.desired
    account.replicas(desired.secret_name).reconcile(
        state.replicas if state else {}, desired.replica_regions, desired.kms_key_id
    )
    return account.rotation(desired.secret_name).reconcile(
        state, desired.rotation_schedule, account.settings.rotation_function_arn
    )


def discard(account: Account, state: SecretState) -> None:
    """Delete a secret and its copies for good."""
    account.replicas(state.name).discard(sorted(state.replicas))
    account.deadline.until_settled(
        account.secret(state.name).discard,
        "InvalidParameterException",  # Its copies are still being deleted.
    )


def _mint_note(change: Change, existing: Existing, former: SecretState | None) -> MintNote:
    """The note on the user; a rotation that was under way may have written a newer one."""
    rotating = any(secret and secret.pending for secret in (existing.secret, former))
    user = change.account.user(change.desired.user_name)
    state = user.describe() if rotating else existing.user
    return MintNote.parse(state.tags.get(KEYS_TAG, "") if state else "")


def _former_secret(change: Change) -> SecretState | None:
    """The secret that the user's credentials were in, when the name has changed."""
    account, desired = change.account, change.desired
    prefix = account.settings.secret_prefix
    name = change.request.old_properties.get("SecretName", prefix + desired.user_name)
    if not isinstance(name, str) or name == desired.secret_name or not name.startswith(prefix):
        return None
    former = account.secret(name)
    state = former.owned(change.request.owner)
    if state is None:
        return None
    stored = former.stored_key(CURRENT)
    return state if stored is None or stored.user_name == desired.user_name else None
