"""The current state: what AWS holds before we change anything, and what it forbids."""

from dataclasses import dataclass

from handler.aws.iam.policies import PolicyState
from handler.aws.iam.user import UserState
from handler.aws.secretsmanager.description import SecretState
from handler.errors import NameTakenError, OutOfReachError, shown
from handler.lifecycle import secret
from handler.lifecycle.change import Change
from handler.model.owner import Identified, holder
from handler.settings import Settings
from handler.state.memory import Memory


@dataclass(frozen=True)
class Existing:
    """The user, the policies in the order of the desired ones, and the secret."""

    user: UserState | None
    policies: tuple[PolicyState | None, ...]
    secret: SecretState | None

    @classmethod
    def look(cls, change: Change) -> "Existing":
        """Ask AWS what stands under the desired names."""
        account, desired = change.account, change.desired
        policies = account.policies
        return cls(
            account.user(desired.user_name).describe(),
            tuple(policies.describe(policies.arn(policy.name)) for policy in desired.policies),
            secret.look(account, desired.secret_name),
        )

    def refuse_if_taken(self, change: Change) -> None:
        """Raise NameTakenError for the first name that somebody else has."""
        account, memory, desired = change.account, change.memory, change.desired
        made, user = memory.user(desired.user_name), account.user(desired.user_name)
        if self.user and not memory.owns(self.user, made.user_id):
            raise NameTakenError(f"IAM user {self.user.arn}", holder(self.user))
        if self.user and made.retained:
            raise _left_behind(f"IAM user {self.user.arn}")
        if self.user and not user.is_exact(self.user):
            raise OutOfReachError(_why_hidden(self.user, desired.user_name, account.settings))
        for policy in self.policies:
            if policy:
                _refuse_unless_ours(memory, policy, policy.arn, f"policy {policy.arn}")
        if self.secret:
            name = desired.secret_name
            _refuse_unless_ours(memory, self.secret, name, f"secret {name}")


def _refuse_unless_ours(memory: Memory, state: Identified, name: str, what: str) -> None:
    """Raise unless a policy or secret belongs to the resource, and to no user left behind."""
    record = memory.record
    if record.is_left_behind(name, state.unique_id):
        raise _left_behind(what)
    if not memory.owns(state, record.known_id(name)):
        raise NameTakenError(what, holder(state))


def _left_behind(what: str) -> OutOfReachError:
    return OutOfReachError(
        f"The {what} was kept when this resource left its template before; it was left as it is. "
        "Choose another name or remove it first."
    )


def _why_hidden(user: UserState, wanted: str, settings: Settings) -> str:
    """Why a user that this resource made is not the one that it asks for."""
    if user.path != settings.iam_path:
        return (
            f"The IAM user {user.arn} belongs to this resource, but the provider looks after users "
            f"on path {settings.iam_path} only; it was left as it is. Set the provider's IamPath "
            f"to {user.path} again, or delete the user first."
        )
    return (
        f"The IAM user {user.arn} belongs to this resource, and to IAM {shown(wanted)} is the same "
        "name; choose one that differs in more than case."
    )
