"""The order of calls of Delete, which removes what is ours and leaves everything else.

The user goes first, keys before all; then each policy and secret that no remaining user of ours
needs. A replaced user therefore leaves to its successor what the two share.
"""

from collections.abc import Iterable

from handler import schema, stack
from handler.access_keys import AccessKeys
from handler.credential_secret import CURRENT, CredentialSecret
from handler.iam_user import IamUser
from handler.managed_policies import ManagedPolicies
from handler.provisioner import Provider
from handler.request import Request, generated_user_name
from handler.user_dependents import UserDependents


def delete(provider: Provider, request: Request) -> None:
    """Remove user, policies, keys and secret; gone already, or never made, is success."""
    clients = provider.clients
    stack.ask(clients.cloudformation, request, provider.location)
    policies = ManagedPolicies(
        clients.iam, provider.location, provider.settings.iam_path, request.owner
    )
    names = _candidate_names(request)
    leftovers = set()
    if user := _owned_user(provider, request, names):
        leftovers |= set(policies.attached(user.user_name))
        keys = AccessKeys(clients.iam, clients.iam_once, user.user_name)
        UserDependents(clients.iam, keys, user.user_name).discard()
        user.discard()
    for arn in sorted(leftovers | set(policies.unattached())):
        policies.discard(arn)
    for name in _candidate_secret_names(provider, request, names):
        _discard_secret(provider, request, name)


def _candidate_names(request: Request) -> list[str]:
    """Names that the user may have; the physical id may be one that CloudFormation invented."""
    names = (
        request.physical_id,
        request.properties.get("UserName"),
        generated_user_name(request.owner),
    )
    return _valid("UserName", names)


def _owned_user(provider: Provider, request: Request, names: list[str]) -> IamUser | None:
    for name in names:
        user = IamUser(provider.clients.iam, name)
        state = user.describe()
        if state and request.owner.owns(state.tags):
            return user
    return None


def _candidate_secret_names(provider: Provider, request: Request, names: list[str]) -> list[str]:
    prefix = provider.settings.secret_prefix
    wanted = [request.properties.get("SecretName"), *(prefix + name for name in names)]
    return [name for name in _valid("SecretName", wanted) if name.startswith(prefix)]


def _valid(property_name: str, values: Iterable[object]) -> list[str]:
    """The values that the property may have, each once: a Delete may carry anything."""
    allowed = schema.SCHEMA["properties"][property_name]
    return list(
        dict.fromkeys(
            value for value in values if isinstance(value, str) and schema.accepts(allowed, value)
        )
    )


def _discard_secret(provider: Provider, request: Request, name: str) -> None:
    """Delete the secret if it is ours and the user whose key it holds is gone."""
    secret = CredentialSecret(provider.clients.secretsmanager, name)
    state = secret.describe()
    if state is None or not request.owner.owns(state.tags):
        return
    stored = None if state.awaits_deletion else secret.stored_key(CURRENT)
    holder = IamUser(provider.clients.iam, stored.user_name).describe() if stored else None
    if holder is None or not request.owner.owns(holder.tags):
        secret.discard()
