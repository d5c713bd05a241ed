"""The current state: what AWS holds before we change anything, and what it forbids."""

from dataclasses import dataclass

from handler.aws.iam.policies import PolicyState
from handler.aws.iam.user import UserState
from handler.aws.secretsmanager.description import SecretState
from handler.errors import NameTakenError
from handler.lifecycle.change import Change
from handler.model.owner import Identified
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
            account.secret(desired.secret_name).describe(),
        )

    def refuse_if_taken(self, change: Change) -> None:
        """Raise NameTakenError for the first name that somebody else has."""
        account, memory, desired = change.account, change.memory, change.desired
        made, user = memory.user(desired.user_name), account.user(desired.user_name)
        if self.user and not (
            memory.owns(self.user, made.user_id) and user.is_exact(self.user) and not made.retained
        ):
            raise NameTakenError(f"IAM user {self.user.arn}")
        for policy in self.policies:
            if policy and not _ours(memory, policy, policy.arn):
                raise NameTakenError(f"policy {policy.arn}")
        if self.secret and not _ours(memory, self.secret, desired.secret_name):
            raise NameTakenError(f"secret {desired.secret_name}")


def _ours(memory: Memory, state: Identified, name: str) -> bool:
    """Whether a policy or secret belongs to the resource, and to no user that was retained."""
    record = memory.record
    left_behind = record.is_left_behind(name, state.unique_id)
    return not left_behind and memory.owns(state, record.known_id(name))
