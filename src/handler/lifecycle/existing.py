"""The current state: what AWS holds before we change anything, and what it forbids."""

from dataclasses import dataclass

from handler.aws.account import Account
from handler.aws.iam.policies import PolicyState
from handler.aws.iam.user import UserState
from handler.aws.secretsmanager.description import SecretState
from handler.cloudformation.request import Request, digest
from handler.cloudformation.stack import Operation
from handler.errors import NameTakenError, StackRefusedError
from handler.model.desired import Desired
from handler.model.owner import Owner
from handler.state import notes
from handler.state.notes import Delivery


@dataclass(frozen=True)
class Existing:
    """The user, the one it replaces, the policies in the order of the desired ones, the secret."""

    user: UserState | None
    former: UserState | None
    policies: list[PolicyState | None]
    secret: SecretState | None

    @classmethod
    def look(cls, account: Account, request: Request, desired: Desired) -> "Existing":
        """Ask AWS."""
        former = account.user(request.former_physical_id) if request.replaces else None
        policies = account.policies
        return cls(
            account.user(desired.user_name).describe(),
            former.owned(request.owner) if former else None,
            [policies.describe(policies.arn(policy.name)) for policy in desired.policies],
            account.secret(desired.secret_name).describe(),
        )

    def refuse_if_taken(self, account: Account, owner: Owner, desired: Desired) -> None:
        """Raise NameTakenError for the first name that somebody else has."""
        user = account.user(desired.user_name)
        if self.user and not (owner.owns(self.user) and user.is_exact(self.user)):
            raise NameTakenError(f"IAM user {self.user.arn}")
        for policy in self.policies:
            if policy and not owner.owns(policy):
                raise NameTakenError(f"policy {policy.arn}")
        if self.secret and not owner.owns(self.secret):
            raise NameTakenError(f"secret {desired.secret_name}")

    def refuse_if_late(self, request: Request, operation: Operation) -> None:
        """Raise StackRefusedError for a request that the stack has left behind."""
        state = self.user or self.former
        note = state.tags.get(notes.REQUESTS_TAG, "") if state else ""
        # A roll-back leads to a user that is still there; only a late Update could want a new one.
        backwards = operation.rolling_back and self.user is None and self.former is not None
        if backwards or notes.is_late(note, _delivery(request, operation.rolling_back)):
            raise StackRefusedError(
                f"This {request.type} was delivered after stack {request.owner.stack_name} had "
                "gone on; nothing was touched."
            )

    def succession(self, request: Request) -> dict[str, str]:
        """What a user that is being replaced remembers: by whom, and by which request."""
        note = self.former.tags.get(notes.REQUESTS_TAG, "") if self.former else ""
        delivery = _delivery(request, rolling_back=False)
        return {
            notes.SUCCESSOR_TAG: request.physical_id,
            notes.REQUESTS_TAG: notes.remember(note, delivery, delivery.old_digest),
        }

    def notes(self, request: Request, operation: Operation) -> dict[str, str]:
        """What the user goes on remembering."""
        delivery = _delivery(request, operation.rolling_back)
        kept = {
            notes.REQUESTS_TAG: notes.remember(
                self._note(notes.REQUESTS_TAG), delivery, delivery.new_digest
            ),
            notes.KEYS_TAG: self._note(notes.KEYS_TAG),
        }
        if operation.rolling_back:
            kept[notes.SUCCESSOR_TAG] = self._note(notes.SUCCESSOR_TAG)
        return {tag: note for tag, note in kept.items() if note}

    def _note(self, tag: str) -> str:
        return self.user.tags.get(tag, "") if self.user else ""


def _delivery(request: Request, rolling_back: bool) -> Delivery:
    old, new = digest(request.old_properties)[:8], digest(request.properties)[:8]
    return Delivery(request.token, old, new, rolling_back)
