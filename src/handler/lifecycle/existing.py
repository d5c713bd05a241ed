"""The current state: what AWS holds before we change anything, and what it forbids."""

from dataclasses import dataclass
from functools import partial

from handler.aws.iam.policies import PolicyState
from handler.aws.iam.user import UserState
from handler.aws.secretsmanager.description import SecretState
from handler.aws.tagging import YOUNG_SECONDS
from handler.errors import NameTakenError, OutOfReachError, shown
from handler.lifecycle import secret, takeover
from handler.lifecycle.change import Change
from handler.model.desired import Policy
from handler.model.owner import Identified, holder
from handler.settings import Settings


@dataclass(frozen=True)
class Existing:
    """The user, the policies in the order of the desired ones, and the secret.

    A policy that the table does not name is not looked for: it is made, or its name is taken. Only
    a Create that finds a user or secret looks for it, so that one that is refused touches neither.
    """

    user: UserState | None
    policies: tuple[PolicyState | None, ...]
    secret: SecretState | None

    @classmethod
    def look(cls, change: Change) -> "Existing":
        """Ask AWS what stands under the desired names."""
        account, desired, record = change.account, change.desired, change.memory.record
        arns = [account.policies.arn(policy.name) for policy in desired.policies]
        user = account.user(desired.user_name).describe()
        held = secret.look(account, desired.secret_name)
        takes_up = change.request.type == "Create" and (user or held)
        policies = tuple(
            account.policies.describe(arn) if takes_up or record.known_id(arn) else None
            for arn in arns
        )
        return cls(user, policies, held)

    def refuse_if_taken(self, change: Change) -> None:
        """Raise NameTakenError for the first name that somebody else has."""
        if self.user:
            _refuse_user(change, self.user)
        for policy in self.policies:
            if policy:
                _refuse_unless_ours(change, policy, policy.arn, f"policy {policy.arn}")
        if self.secret:
            name = change.desired.secret_name
            _refuse_unless_ours(change, self.secret, name, f"secret {name}")

    def inherited(self, change: Change) -> tuple[str, ...]:
        """The ids of what the resource took over, and of what it is invited to take over now."""
        account = change.account
        found = list(change.memory.user(change.desired.user_name).inherited)
        if self.user and takeover.is_invited(change, self.user):
            name = self.user.user_name
            keys, attached = account.access_keys(name).ids(), account.attachments(name).list()
            found += [self.user.unique_id, *keys, *attached]
        found += [
            policy.unique_id
            for policy in self.policies
            if policy and takeover.is_invited(change, policy)
        ]
        if self.secret and takeover.is_invited(change, self.secret):
            found += [self.secret.arn, *self.secret.stages]
        return tuple(dict.fromkeys(found))


def take_up_policy(change: Change, policy: Policy) -> PolicyState:
    """The policy that has the name of a desired one, to become it; raises NameTakenError."""
    account = change.account
    arn = account.policies.arn(policy.name)
    state = account.deadline.until_found(
        partial(account.policies.describe, arn), seconds=YOUNG_SECONDS
    )
    if state is None:
        raise NameTakenError(f"policy {policy.name}")
    _refuse_unless_ours(change, state, arn, f"policy {arn}")
    return state


def _refuse_user(change: Change, user: UserState) -> None:
    """Raise unless the user belongs to the resource, or is offered to it, and is in its reach."""
    account, memory, name = change.account, change.memory, change.desired.user_name
    made, what = memory.user(name), f"IAM user {user.arn}"
    is_exact = account.user(name).is_exact(user)
    if is_exact and takeover.is_invited(change, user):
        return
    way_out = takeover.way_out(change, user.user_name)
    if not memory.owns(user, made.user_id):
        raise NameTakenError(what, holder(user), way_out)
    if made.retained:
        raise OutOfReachError(_left_behind(what, way_out))
    if not is_exact:
        raise OutOfReachError(_why_hidden(user, name, account.settings))


def _refuse_unless_ours(change: Change, state: Identified, name: str, what: str) -> None:
    """Raise unless a policy or secret is the resource's, and no retained user's, or offered."""
    record = change.memory.record
    if takeover.is_invited(change, state):
        return
    if record.is_left_behind(name, state.unique_id):
        raise OutOfReachError(_left_behind(what, "Choose another name or remove it first."))
    if not change.memory.owns(state, record.known_id(name)):
        raise NameTakenError(what, holder(state))


def _left_behind(what: str, way_out: str) -> str:
    return (
        f"The {what} was kept when this resource left its template before; it was left as it is. "
        f"{way_out}"
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
