"""The secret of the resource: its readers, the key in it, its copies and its rotation."""

from handler.aws.account import Account
from handler.aws.secretsmanager.description import SecretState
from handler.keys.rotate import Credentials, Filled
from handler.lifecycle.change import Change


def make(change: Change, found: SecretState | None) -> SecretState:
    """Create or reconcile the secret."""
    account, memory, desired = change.account, change.memory, change.desired
    secret = account.secret(desired.secret_name)

    def settle() -> SecretState:
        if found is None:
            return secret.create(desired.kms_key_id, desired.tags, change.request.owner)
        secret.reconcile(found, desired.kms_key_id, desired.tags)
        return found

    # A secret of that name was deleted a moment ago.
    state = account.deadline.until_settled(settle, "InvalidRequestException")
    secrets = memory.user(desired.user_name).secrets
    memory.note(desired.user_name, secrets={**secrets, desired.secret_name: state.arn})
    return state


def share(change: Change, found: SecretState | None) -> None:
    """Name the readers, before the key comes: who may no longer read never sees a new key."""
    change.account.readers(change.desired.secret_name).reconcile(
        change.desired.reader_arns, is_new=found is None
    )


def fill(change: Change, state: SecretState) -> Filled:
    """Make AWSCURRENT hold a key for the request, proven when it was made."""
    account, memory, desired = change.account, change.memory, change.desired
    secret = account.secret(desired.secret_name)
    account.rotation(desired.secret_name).abandon(state, desired.rotation_schedule)
    former = _former_secrets(change)
    for other in former:
        account.rotation(other.name).abandon(other, None)
        secret.take_over(account.secret(other.name))
    credentials = Credentials(account, memory, desired.user_name, secret)
    filled = credentials.apply(change.request.token, change.purpose)
    for other in former:
        discard(account, other)
    memory.note(desired.user_name, secrets={desired.secret_name: state.arn})
    return filled


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


def _former_secrets(change: Change) -> list[SecretState]:
    """The secrets that the user's credentials were in before the name changed."""
    account, memory, desired = change.account, change.memory, change.desired
    shared = {
        name
        for user_name, user in memory.record.users.items()
        if user_name != desired.user_name
        for name in user.secrets
    }
    states = [
        account.secret(name).describe()
        for name in memory.user(desired.user_name).secrets
        if name != desired.secret_name and name not in shared
    ]
    return [
        state
        for state in states
        if state
        and not state.awaits_deletion
        and memory.owns(state, memory.record.known_id(state.name))
    ]
