"""The current state: what AWS holds before we change anything, and what it forbids."""

from dataclasses import dataclass

from handler.aws.iam.policies import PolicyState
from handler.aws.iam.user import UserState
from handler.aws.secretsmanager.description import SecretState
from handler.errors import NameTakenError
from handler.lifecycle import takeover
from handler.lifecycle.change import Change
from handler.model.owner import Identified


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
            user.is_exact(self.user)
            and (
                (memory.owns(self.user, made.user_id) and not made.retained)
                or takeover.is_invited(change, self.user)
            )
        ):
            raise NameTakenError(
                f"IAM user {self.user.arn}", takeover.way_out(change, self.user.user_name)
            )
        for policy in self.policies:
            if policy and not _may_have(change, policy, policy.arn):
                raise NameTakenError(f"policy {policy.arn}")
        if self.secret and not _may_have(change, self.secret, desired.secret_name):
            raise NameTakenError(f"secret {desired.secret_name}")

    def inherited(self, change: Change) -> tuple[str, ...]:
        """The ids of what the resource took over, and of what it is invited to take over now."""
        account, found = (
            change.account,
            list(change.memory.user(change.desired.user_name).inherited),
        )
        if self.user and takeover.is_invited(change, self.user):
            name = self.user.user_name
            keys = [key.access_key_id for key in account.access_keys(name).list()]
            found += [self.user.unique_id, *keys, *account.attachments(name).list()]
        found += [
            policy.unique_id
            for policy in self.policies
            if policy and takeover.is_invited(change, policy)
        ]
        if self.secret and takeover.is_invited(change, self.secret):
            found += [self.secret.arn, *self.secret.stages]
        return tuple(dict.fromkeys(found))


def _may_have(change: Change, state: Identified, name: str) -> bool:
    """Whether a policy or secret is the resource's, and no retained user's, or offered to it."""
    record = change.memory.record
    left_behind = record.is_left_behind(name, state.unique_id)
    ours = not left_behind and change.memory.owns(state, record.known_id(name))
    return ours or takeover.is_invited(change, state)
