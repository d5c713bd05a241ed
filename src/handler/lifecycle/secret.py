"""The secret of the resource: its readers, the key in it, its copies and its rotation."""

from botocore.exceptions import ClientError

from handler import clock
from handler.aws.account import Account
from handler.aws.iam.user import UserState
from handler.aws.secretsmanager.description import SecretState
from handler.errors import ReaderRefusedError, ReplicationError, error_code
from handler.facts import Fact, tell
from handler.keys import rotate
from handler.keys.credentials import Credentials
from handler.keys.observed import Observed
from handler.lifecycle.change import Change
from handler.model.keys import StoredKey


def look(account: Account, name: str) -> SecretState | None:
    """The secret as it is, None when there is none; one that is being deleted is waited for.

    Its name is not free before, and it cannot be restored (API reference of DeleteSecret).
    """

    def settled(state: SecretState | None) -> bool:
        return not (state and state.is_going(clock.now()))

    state = account.deadline.until(account.secret(name).describe, settled)
    if not settled(state):
        account.deadline.check(f"using the name of secret {name}, which is still being deleted")
    return state


def make(change: Change, found: SecretState | None) -> SecretState:
    """Create or reconcile the secret."""
    account, memory, desired = change.account, change.memory, change.desired
    secret = account.secret(desired.secret_name)

    def settle() -> SecretState:
        if found is None:
            return secret.create(desired.kms_key_id, desired.tags, change.request.owner)
        secret.reconcile(found, desired.kms_key_id, desired.tags)
        return found

    # A secret of that name was deleted after we looked.
    state = account.deadline.until_settled(settle, "InvalidRequestException", seconds=150)
    secrets = memory.user(desired.user_name).secrets
    memory.note(desired.user_name, secrets={**secrets, desired.secret_name: state.arn})
    return state


def share(change: Change, *, is_new: bool) -> None:
    """Name the readers, before the key comes: who may no longer read never sees a new key.

    Raises ReaderRefusedError; a roll-back goes on without who is refused, for who was a reader once
    may be gone since.
    """
    desired = change.desired
    readers = change.account.readers(desired.secret_name)
    refused = readers.reconcile(desired.reader_arns, is_new=is_new)
    if not refused:
        return
    if not change.operation.rolling_back:
        raise ReaderRefusedError(_no_principals(refused))
    tell(Fact("ReaderLeftOut", _no_principals(refused)))


def _no_principals(refused: list[str]) -> str:
    return (
        f"Secrets Manager accepts {', '.join(refused)} of ReaderArns as no principal; it does not "
        "exist, or was deleted and made again. Make it first, or take it out."
    )


def fill(change: Change, state: SecretState, user: UserState) -> tuple[StoredKey, Observed]:
    """Make AWSCURRENT hold a key of the user for the request, proven when it was made.

    Returns that key, and what there was before.
    """
    account, memory, desired = change.account, change.memory, change.desired
    secret = account.secret(desired.secret_name)
    account.rotation(desired.secret_name).abandon(state, desired.rotation_schedule)
    former = _former_secrets(change)
    for other in former:
        account.rotation(other.name).abandon(other, None)
        secret.copy_from(account.secret(other.name))
    credentials = Credentials(account, memory, desired.user_name, secret)
    observed = credentials.observe(secret.describe() if former else state, is_new=user.is_new)
    current = rotate.fill(credentials, change.request.token, change.purpose, observed)
    for other in former:
        discard(account, other)
    memory.note(desired.user_name, secrets={desired.secret_name: state.arn})
    return current, observed


def spread(change: Change, state: SecretState | None) -> str:
    """Copy the secret, and have it rotated; a secret without a value can be neither.

    Returns the date of the next rotation, or "".
    """
    account, desired = change.account, change.desired
    replicas = account.replicas(desired.secret_name)
    present = state.replicas if state else {}
    try:
        replicas.reconcile(present, desired.replica_regions, desired.kms_key_id)
    except ReplicationError as error:
        if not change.operation.rolling_back:
            raise
        tell(Fact("ReplicaLeftOut", str(error)))
    return account.rotation(desired.secret_name).reconcile(
        state, desired.rotation_schedule, account.settings.rotation_function_arn
    )


def discard(account: Account, state: SecretState) -> None:
    """Delete a secret and its copies for good.

    A copy that AWS does not delete keeps its secret from being deleted, but nothing else: the key
    in it is gone before.
    """
    regions = sorted(state.replicas)
    try:
        account.replicas(state.name).discard(regions)
        account.deadline.until_settled(
            account.secret(state.name).discard,
            "InvalidParameterException",  # Its copies are still being deleted.
        )
    except ClientError as error:
        if not regions:
            raise
        text = (
            f"The secret {state.name} stays, because AWS did not delete it or its copy in "
            f"{', '.join(regions)}: {error_code(error)}: {error.response['Error']['Message']} "
            "Delete the copy and the secret by hand."
        )
        tell(Fact("SecretStays", text))


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
