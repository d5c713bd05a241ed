"""The order of calls of Create and Update, which are one repeatable sequence.

It is driven by what AWS holds: repeating it, or coming back to it after it was cut off, ends in
the same user, policies, secret and key.
"""

from collections.abc import Callable
from dataclasses import dataclass

from handler import journal, tags
from handler.access_keys import AccessKeys
from handler.clients import Clients
from handler.credential_secret import CURRENT, CredentialSecret
from handler.credentials import Credentials
from handler.deadline import Deadline
from handler.found import Found
from handler.iam_user import IamUser, UserState
from handler.managed_policies import ManagedPolicies
from handler.model import Desired, Location
from handler.request import Request
from handler.settings import Settings
from handler.stack import Operation
from handler.user_policies import UserPolicies


@dataclass(frozen=True)
class Provider:
    """What every request is served with."""

    clients: Clients
    settings: Settings
    location: Location
    deadline: Deadline


def apply(
    provider: Provider,
    request: Request,
    desired: Desired,
    operation: Operation,
    confirm: Callable[[], None],
) -> dict[str, str]:
    """Bring user, policies, secret and key to the desired state; returns the attributes.

    `confirm` raises when the stack has given up the request in the meantime.
    """
    iam, deadline = provider.clients.iam, provider.deadline
    wanted = tags.wanted(operation.tags, desired.tags, request.owner.tags)
    user, former_user = IamUser(iam, desired.user_name), IamUser(iam, request.former_physical_id)
    policies = ManagedPolicies(iam, provider.location, provider.settings.iam_path, request.owner)
    secret = CredentialSecret(provider.clients.secretsmanager, desired.secret_name)
    found = Found(
        user.describe(),
        _owned(request, former_user) if request.replaces else None,
        [policies.describe(policies.arn(policy.name)) for policy in desired.policies],
        secret.describe(),
    )
    found.refuse_if_taken(request.owner, desired, provider.settings.iam_path)
    found.refuse_if_late(request, operation)
    deadline.check(f"making user {desired.user_name}")
    if found.former and operation.forward:
        former_user.tag(found.succession(request))

    user_arn = user.ensure(
        found.user,
        provider.settings.iam_path,
        desired.permissions_boundary,
        wanted | found.notes(request, operation),
        request.owner,
    )
    user_policies = UserPolicies(iam, policies, desired.user_name)
    policy_arns = user_policies.ensure(desired.policies, found.policies, wanted, deadline)
    deadline.check("creating the secret")
    secret_arn = deadline.until_settled(
        lambda: secret.ensure(found.secret, request.owner, desired.kms_key_id, wanted),
        "InvalidRequestException",  # A secret of that name was deleted a moment ago.
    )
    former = _former_secret(provider, request, desired)
    if former:
        secret.take_over(former)
    keys = AccessKeys(iam, provider.clients.iam_once, desired.user_name)
    stored = Credentials(user, keys, secret, provider.location.account_id, deadline).ensure(
        request.token,
        desired.trigger,
        journal.MintNote.parse(found.note(journal.KEYS_TAG)),
        rolling_back=operation.rolling_back,
        confirm=confirm,
    )
    if former:
        confirm()
        former.discard()
        confirm()
    return {
        "UserArn": user_arn,
        "PolicyArns": ",".join(policy_arns),
        "AccessKeyId": stored.access_key_id,
        "SecretArn": secret_arn,
        "SecretVersionId": stored.version_id,
    }


def _owned(request: Request, user: IamUser) -> UserState | None:
    state = user.describe()
    return state if state and request.owner.owns(state.tags) else None


def _former_secret(
    provider: Provider, request: Request, desired: Desired
) -> CredentialSecret | None:
    """The secret that the user's credentials were in, when the name has changed."""
    prefix = provider.settings.secret_prefix
    name = request.old_properties.get("SecretName", prefix + desired.user_name)
    if not isinstance(name, str) or name == desired.secret_name or not name.startswith(prefix):
        return None
    former = CredentialSecret(provider.clients.secretsmanager, name)
    state = former.describe()
    if state is None or state.awaits_deletion or not request.owner.owns(state.tags):
        return None
    stored = former.stored_key(CURRENT)
    return former if stored is None or stored.user_name == desired.user_name else None
