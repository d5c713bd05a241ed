"""One Create or Update that is being served."""

from dataclasses import dataclass, replace

from handler.aws.account import Account
from handler.cloudformation.request import Request
from handler.cloudformation.stack import Operation
from handler.model import tags
from handler.model.desired import Desired
from handler.policies.catalogue import Catalogue
from handler.properties.desired import desired_state


@dataclass(frozen=True)
class Change:
    """The account, what is asked for, what the stack is doing, and the desired state."""

    account: Account
    request: Request
    operation: Operation
    desired: Desired

    @classmethod
    def of(
        cls, account: Account, request: Request, operation: Operation, desired: Desired
    ) -> "Change":
        """The change to `desired`, which gets the stack's tags and our own."""
        tagged = tags.merged(operation.tags, desired.tags, request.owner.tags)
        return cls(account, request, operation, replace(desired, tags=tagged))


def desired_of(account: Account, request: Request, catalogue: Catalogue) -> Desired:
    """The desired state of a request; raises InvalidPropertiesError."""
    return desired_state(
        request.properties,
        request.physical_id,
        request.owner.stack_name,
        request.trigger,
        account.settings,
        catalogue,
    )
