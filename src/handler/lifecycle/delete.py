"""Delete, which removes what is ours and leaves everything else.

The user goes first, keys before all; then each policy and secret that no remaining user of ours
needs. A replaced user therefore leaves to its successor what the two share.
"""

from dataclasses import dataclass

from handler.aws.account import Account
from handler.aws.iam.user import UserState
from handler.aws.secretsmanager.description import CURRENT, PREVIOUS
from handler.cloudformation import stack
from handler.cloudformation.request import Request
from handler.cloudformation.stack import Operation
from handler.errors import StillAttachedError
from handler.keys import retire
from handler.keys.rotate import Credentials
from handler.lifecycle import names, policies, secret
from handler.policies.catalogue import Catalogue
from handler.state.notes import KEYS_TAG, SUCCESSOR_TAG, MintNote


@dataclass(frozen=True)
class Removal:
    """What a Delete removes: users, and what the resource may have under `names`.

    What belongs to the `spared` users stays.
    """

    users: tuple[str, ...]
    names: tuple[str, ...]
    spared: tuple[str, ...] = ()


def meaning(
    owned: list[UserState], request: Request, operation: Operation, candidates: list[str]
) -> Removal:
    """Which of the owned users a Delete removes.

    The whole resource goes with all of them. Within an update it is the user that the id names, or
    if the id may be invented, the other. An id is not invented when it names the successor that a
    living user was about to get.
    """
    chosen = owned
    if not operation.whole_resource_goes:
        chosen = [user for user in owned if user.user_name == request.physical_id]
        if not chosen and operation.invents_ids:
            chosen = [
                user for user in owned if user.tags.get(SUCCESSOR_TAG) != request.physical_id
            ][:1]
    return Removal(
        tuple(user.user_name for user in chosen),
        tuple(candidates),
        tuple(user.user_name for user in owned if user not in chosen),
    )


def delete(account: Account, request: Request, catalogue: Catalogue) -> str:
    """Serve a Delete; gone already, or never made, is success. Returns what was done."""
    operation = stack.ask(account, request)
    candidates = names.user_names(request)
    owned = [state for name in candidates if (state := account.user(name).owned(request.owner))]
    removal = meaning(owned, request, operation, candidates)
    _remove(account, request, removal, catalogue)
    return f"Deleted {', '.join(removal.users) or 'no user'}."


def delete_user(account: Account, request: Request, user_name: str, catalogue: Catalogue) -> None:
    """Remove one user, if it is ours, with all that no other user of ours needs."""
    owned = (user_name,) if account.user(user_name).owned(request.owner) else ()
    _remove(account, request, Removal(owned, (user_name,)), catalogue)


def delete_successor(account: Account, request: Request, catalogue: Catalogue) -> None:
    """In a roll-back, remove the user that was to replace this one, if it was begun."""
    state = account.user(request.physical_id).owned(request.owner)
    if state and (successor := state.tags.get(SUCCESSOR_TAG)):
        delete_user(account, request, successor, catalogue)


def delete_resource(account: Account, request: Request, catalogue: Catalogue) -> None:
    """Remove everything that the resource may have made."""
    candidates = names.user_names(request)
    owned = [name for name in candidates if account.user(name).owned(request.owner)]
    _remove(account, request, Removal(tuple(owned), tuple(candidates)), catalogue)


def _remove(account: Account, request: Request, removal: Removal, catalogue: Catalogue) -> None:
    owner, candidates = request.owner, list(removal.names)
    leftovers: list[str] = []
    for user_name in removal.users:
        account.deadline.check(f"deleting user {user_name}")
        leftovers += account.attachments(user_name).list()
        _remove_user(account, user_name)
    for name in candidates:  # After the users: a rotation under way schedules for a user only.
        if name not in removal.spared:
            retire.discard_schedules(account, owner, name)
    possible = [
        account.policies.arn(name) for name in names.policy_names(request, candidates, catalogue)
    ]
    named = [arn for arn in possible if owner.owned(account.policies.describe(arn))]
    attached: list[str] = []
    for arn in dict.fromkeys([*leftovers, *account.policies.unattached(), *named]):
        account.deadline.check(f"deleting policy {arn}")
        try:
            policies.discard(account, owner, arn)
        except StillAttachedError as error:
            attached.append(str(error))
    for name in names.secret_names(request, candidates, account.settings.secret_prefix):
        _remove_secret(account, request, name)
    if attached:
        raise StillAttachedError(" ".join(attached))


def _remove_user(account: Account, user_name: str) -> None:
    def remove() -> None:
        account.dependents(user_name).discard()
        account.user(user_name).discard()

    # A Create that was cancelled may still be adding things.
    account.deadline.until_settled(remove, "DeleteConflict")


def _remove_secret(account: Account, request: Request, name: str) -> None:
    """Delete the secret if it is ours, unless it holds the key of a user that remains."""
    holder = account.secret(name)
    state = request.owner.owned(holder.describe())
    if state is None:
        return
    if not state.awaits_deletion:
        for stage in (CURRENT, PREVIOUS):
            stored = holder.stored_key(stage)
            user = account.user(stored.user_name).owned(request.owner) if stored else None
            if stored and user:
                if stage == PREVIOUS:  # A replacement was rolled back: its key is the one again.
                    note = MintNote.parse(user.tags.get(KEYS_TAG, ""))
                    Credentials(account, user.user_name, holder).discard_lost(note)
                    holder.restore(stored.version_id)
                return
    secret.discard(account, state)
