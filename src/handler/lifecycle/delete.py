"""The order of calls of Delete, which removes what is ours and leaves everything else.

The user goes first, keys before all; then each policy and secret that no remaining user of ours
needs. A replaced user therefore leaves to its successor what the two share.
"""

from collections.abc import Iterable

from handler.aws.account import Provider
from handler.aws.iam.access_keys import AccessKeys
from handler.aws.iam.attachments import UserPolicies
from handler.aws.iam.dependents import UserDependents
from handler.aws.iam.policies import ManagedPolicies
from handler.aws.iam.user import IamUser, UserState
from handler.aws.schedules import Schedules
from handler.aws.secretsmanager.description import CURRENT, PREVIOUS
from handler.aws.secretsmanager.replicas import discard_secret
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.cloudformation import stack
from handler.cloudformation.request import Request
from handler.cloudformation.stack import Operation
from handler.errors import StillAttachedError
from handler.keys.rotate import discard_lost_keys
from handler.lifecycle import names as candidates
from handler.state.notes import SUCCESSOR_TAG


def delete(provider: Provider, request: Request) -> None:
    """Serve a Delete; gone already, or never made, is success."""
    operation = stack.ask(provider.clients.cloudformation, request, provider.location)
    names = candidates.user_names(request)
    owned = [user for name in names if (user := _owned_user(provider, request, name))]
    meant = owned if operation.whole_resource_goes else _meant(owned, request, operation)
    spared = [user.user_name for user in owned if user not in meant]
    _remove(provider, request, [user.user_name for user in meant], names, spared)


def delete_user(provider: Provider, request: Request, user_name: str) -> None:
    """Remove one user, if it is ours, with all that no other user of ours needs."""
    owned = _owned_user(provider, request, user_name)
    _remove(provider, request, [user_name] if owned else [], [user_name])


def delete_successor(provider: Provider, request: Request) -> None:
    """In a roll-back, remove the user that was to replace this one, if it was begun."""
    state = _owned_user(provider, request, request.physical_id)
    if state and (successor := state.tags.get(SUCCESSOR_TAG)):
        delete_user(provider, request, successor)


def delete_resource(provider: Provider, request: Request) -> None:
    """Remove everything that the resource may have made."""
    names = candidates.user_names(request)
    owned = [name for name in names if _owned_user(provider, request, name)]
    _remove(provider, request, owned, names)


def _remove(
    provider: Provider,
    request: Request,
    users: list[str],
    names: list[str],
    spared: Iterable[str] = (),
) -> None:
    """Remove users, and what the resource may have under `names` except for the spared users."""
    iam = provider.clients.iam
    policies = ManagedPolicies(iam, provider.location, provider.settings.iam_path, request.owner)
    leftovers: list[str] = []
    for user_name in users:
        provider.deadline.check(f"deleting user {user_name}")
        leftovers += UserPolicies(iam, policies, user_name).attached()
        _remove_user(provider, IamUser(iam, user_name))
    for name in names:  # After the users, because a rotation under way makes one for a user only.
        if name not in spared:
            Schedules(provider, request.owner, name).discard()
    possible = [policies.arn(name) for name in candidates.policy_names(request, names)]
    named = [arn for arn in possible if policies.describe(arn)]
    held: list[str] = []
    for arn in dict.fromkeys([*leftovers, *policies.unattached(), *named]):
        provider.deadline.check(f"deleting policy {arn}")
        try:
            policies.discard(arn)
        except StillAttachedError as error:
            held.append(str(error))
    for name in candidates.secret_names(request, names, provider.settings.secret_prefix):
        _discard_secret(provider, request, name)
    if held:
        raise StillAttachedError(" ".join(held))


def _owned_user(provider: Provider, request: Request, user_name: str) -> UserState | None:
    state = IamUser(provider.clients.iam, user_name).describe()
    return state if state and request.owner.owns(state.tags) else None


def _meant(owned: list[UserState], request: Request, operation: Operation) -> list[UserState]:
    """Which user a Delete within an update is for: its id, or if that may be invented, the other.

    An id is not invented when it names the successor that a living user was about to get.
    """
    exact = [user for user in owned if user.user_name == request.physical_id]
    if exact or not operation.invents_ids:
        return exact
    return [user for user in owned if user.tags.get(SUCCESSOR_TAG) != request.physical_id][:1]


def _keys(provider: Provider, user_name: str) -> AccessKeys:
    return AccessKeys(provider.clients.iam, provider.clients.iam_once, user_name)


def _remove_user(provider: Provider, user: IamUser) -> None:
    keys = _keys(provider, user.user_name)
    dependents = UserDependents(provider.clients.iam, keys, user.user_name)

    def remove() -> None:
        dependents.discard()
        user.discard()

    # A Create that was cancelled may still be adding things.
    provider.deadline.until_settled(remove, "DeleteConflict")


def _discard_secret(provider: Provider, request: Request, name: str) -> None:
    """Delete the secret if it is ours, unless it holds the key of a user that remains."""
    secret = CredentialSecret(provider.clients.secretsmanager, name)
    state = secret.describe()
    if state is None or not request.owner.owns(state.tags):
        return
    if not state.awaits_deletion:
        for stage in (CURRENT, PREVIOUS):
            stored = secret.stored_key(stage)
            if stored and (user := _owned_user(provider, request, stored.user_name)):
                if stage == PREVIOUS:  # A replacement was rolled back: its key is the one again.
                    discard_lost_keys(_keys(provider, user.user_name), secret, user)
                    secret.restore(stored.version_id)
                return
    discard_secret(provider, state)
