"""The order of calls of Create and Update, which are one repeatable sequence.

It is driven by what AWS holds: repeating it, or coming back to it after it was cut off, ends in
the same user, policies, secret and key.
"""

from dataclasses import dataclass

from handler import stack, tags
from handler.clients import Clients
from handler.credential_secret import CURRENT, CredentialSecret, SecretState
from handler.credentials import Credentials
from handler.deadline import Deadline
from handler.errors import InvalidPropertiesError, NameTakenError
from handler.iam_user import IamUser, UserState
from handler.managed_policies import ManagedPolicies, PolicyState
from handler.model import Desired, Location
from handler.request import Request
from handler.settings import Settings


@dataclass(frozen=True)
class Provider:
    """What every request is served with."""

    clients: Clients
    settings: Settings
    location: Location


@dataclass(frozen=True)
class _Found:
    """What stands under the wanted names before anything is changed."""

    user: UserState | None
    policies: list[PolicyState | None]
    secret: SecretState | None


def apply(
    provider: Provider, request: Request, desired: Desired, deadline: Deadline
) -> dict[str, str]:
    """Bring user, policies, secret and key to the desired state; returns the attributes."""
    clients = provider.clients
    operation = stack.ask(clients.cloudformation, request, provider.location)
    wanted_tags = tags.merged(operation.tags, desired.tags, request.owner.tags)
    if len(wanted_tags) > tags.MAXIMUM:
        raise InvalidPropertiesError(
            [f"Tags, the stack's tags and two of our own are {len(wanted_tags)}; AWS allows 50."]
        )
    user = IamUser(clients.iam, desired.user_name)
    policies = ManagedPolicies(
        clients.iam, provider.location, provider.settings.iam_path, request.owner
    )
    secret = CredentialSecret(clients.secretsmanager, desired.secret_name)
    found = _Found(
        user.describe(),
        [policies.describe(policies.arn(policy.name)) for policy in desired.policies],
        secret.describe(),
    )
    _refuse_if_taken(found, request, desired, provider.settings.iam_path)

    user_arn = _ensure_user(user, found.user, provider.settings.iam_path, desired, wanted_tags)
    policy_arns = _ensure_policies(policies, found.policies, desired, wanted_tags)
    description = f"Credentials of IAM user {desired.user_name}"
    secret_arn = secret.ensure(found.secret, description, desired.kms_key_id, wanted_tags)
    former = _former_secret(provider, request, desired)
    if former and secret.stored_key(CURRENT) is None:
        secret.copy_from(former)
    credentials = Credentials(provider.clients, secret, desired.user_name, provider.location)
    stored = credentials.ensure(
        request,
        desired.trigger,
        deadline,
        rolling_back=operation.rolling_back,
        still_wanted=lambda: stack.ask(clients.cloudformation, request, provider.location),
    )
    if former:
        former.discard()
    return {
        "UserArn": user_arn,
        "PolicyArns": ",".join(policy_arns),
        "AccessKeyId": stored.access_key_id,
        "SecretArn": secret_arn,
        "SecretVersionId": stored.version_id,
    }


def _refuse_if_taken(found: _Found, request: Request, desired: Desired, path: str) -> None:
    owns = request.owner.owns
    if found.user and not (owns(found.user.tags) and found.user.path == path):
        raise NameTakenError("IAM user", found.user.arn)
    for policy in found.policies:
        if policy and not owns(policy.tags):
            raise NameTakenError("policy", policy.arn)
    if found.secret and not owns(found.secret.tags):
        raise NameTakenError("secret", desired.secret_name)


def _ensure_user(
    user: IamUser,
    state: UserState | None,
    path: str,
    desired: Desired,
    wanted_tags: dict[str, str],
) -> str:
    if state is None:
        return user.create(path, desired.permissions_boundary, wanted_tags)
    user.reconcile(state, desired.permissions_boundary, wanted_tags)
    return state.arn


def _ensure_policies(
    policies: ManagedPolicies,
    states: list[PolicyState | None],
    desired: Desired,
    wanted_tags: dict[str, str],
) -> list[str]:
    """The user ends with exactly the desired policies; what is no longer wanted goes last."""
    arns = [
        policies.ensure(policy, state, wanted_tags)
        for policy, state in zip(desired.policies, states, strict=True)
    ]
    attached = policies.attached(desired.user_name)
    for arn in arns:
        if arn not in attached:
            policies.attach(desired.user_name, arn)
    for arn in attached:
        if arn not in arns:
            policies.detach(desired.user_name, arn)
            policies.discard(arn)
    for arn in policies.unattached():
        if arn not in arns:
            policies.discard(arn)
    return arns


def _former_secret(
    provider: Provider, request: Request, desired: Desired
) -> CredentialSecret | None:
    """The secret that the user's credentials were in, when the name has changed."""
    default = provider.settings.secret_prefix + desired.user_name
    name = request.old_properties.get("SecretName", default)
    if not isinstance(name, str) or name == desired.secret_name:
        return None
    former = CredentialSecret(provider.clients.secretsmanager, name)
    state = former.describe() if name.startswith(provider.settings.secret_prefix) else None
    stored = former.stored_key(CURRENT) if state and request.owner.owns(state.tags) else None
    return former if stored and stored.user_name == desired.user_name else None
