"""What stands under the wanted names before anything is changed, and what it forbids; pure."""

from dataclasses import dataclass

from handler.aws.iam.policies import PolicyState
from handler.aws.iam.user import UserState
from handler.aws.secretsmanager.description import SecretState
from handler.cloudformation.request import Request
from handler.cloudformation.stack import Operation
from handler.errors import NameTakenError, StackRefusedError
from handler.model.values import Desired, Owner
from handler.state import notes as journal


@dataclass(frozen=True)
class Found:
    """The user, the one it replaces, the policies in the order of the desired ones, the secret."""

    user: UserState | None
    former: UserState | None
    policies: list[PolicyState | None]
    secret: SecretState | None

    def refuse_if_taken(self, owner: Owner, desired: Desired, path: str) -> None:
        """Raise NameTakenError for the first thing that is not the owner's."""
        if self.user and not (
            self.user.belongs_to(owner, path) and self.user.user_name == desired.user_name
        ):
            raise NameTakenError("IAM user", self.user.arn)
        for policy in self.policies:
            if policy and not owner.owns(policy.tags):
                raise NameTakenError("policy", policy.arn)
        if self.secret and not owner.owns(self.secret.tags):
            raise NameTakenError("secret", desired.secret_name)

    def refuse_if_late(self, request: Request, operation: Operation) -> None:
        """Raise StackRefusedError for a request that the stack has left behind."""
        delivery = request.delivery(rolling_back=operation.rolling_back)
        state = self.user or self.former
        note = state.tags.get(journal.REQUESTS_TAG, "") if state else ""
        # A roll-back leads to a user that is still there; only a late Update could want a new one.
        backwards = operation.rolling_back and self.user is None and self.former is not None
        if backwards or journal.is_late(note, delivery):
            raise StackRefusedError(
                f"This {request.type} was delivered after stack {request.stack_name} had gone on; "
                "nothing was touched."
            )

    def succession(self, request: Request) -> dict[str, str]:
        """What a user that is being replaced remembers: by whom, and by which request."""
        note = self.former.tags.get(journal.REQUESTS_TAG, "") if self.former else ""
        delivery = request.delivery(rolling_back=False)
        return {
            journal.SUCCESSOR_TAG: request.physical_id,
            journal.REQUESTS_TAG: journal.remember(note, delivery, delivery.old_digest),
        }

    def note(self, tag: str) -> str:
        """What the user's tags remember."""
        return self.user.tags.get(tag, "") if self.user else ""

    def notes(self, request: Request, operation: Operation) -> dict[str, str]:
        """What they go on remembering."""
        delivery = request.delivery(rolling_back=operation.rolling_back)
        kept = {
            journal.REQUESTS_TAG: journal.remember(
                self.note(journal.REQUESTS_TAG), delivery, delivery.new_digest
            ),
            journal.KEYS_TAG: self.note(journal.KEYS_TAG),
        }
        if operation.rolling_back:
            kept[journal.SUCCESSOR_TAG] = self.note(journal.SUCCESSOR_TAG)
        return {tag: note for tag, note in kept.items() if note}
