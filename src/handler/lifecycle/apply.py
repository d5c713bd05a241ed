"""The order of calls of Create and Update, which are one repeatable sequence.

It is driven by what AWS holds: repeating it, or coming back to it after it was cut off, ends in
the same user, policies, secret and key.
"""

from collections.abc import Callable

from handler.aws.account import Provider
from handler.aws.iam.attachments import UserPolicies
from handler.aws.iam.policies import ManagedPolicies
from handler.aws.iam.user import IamUser, UserState
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.cloudformation.request import Request
from handler.cloudformation.stack import Operation
from handler.lifecycle.existing import Found
from handler.lifecycle.secret import SecretProvisioner
from handler.model import tags
from handler.model.values import Desired


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
    policy_arns = UserPolicies(iam, policies, desired.user_name).ensure(
        desired.policies, found.policies, wanted, deadline
    )
    deadline.check("creating the secret")
    attributes = SecretProvisioner(provider, request, desired, user, secret).ensure(
        found, wanted, confirm, rolling_back=operation.rolling_back
    )
    return {"UserArn": user_arn, "PolicyArns": ",".join(policy_arns), **attributes}


def _owned(request: Request, user: IamUser) -> UserState | None:
    state = user.describe()
    return state if state and request.owner.owns(state.tags) else None
