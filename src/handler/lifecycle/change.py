"""One Create or Update that is being served."""

from dataclasses import dataclass, replace

from handler.aws.account import Account
from handler.cloudformation.operation import Operation
from handler.cloudformation.request import Request, digest
from handler.keys.plan import Purpose
from handler.model import tags
from handler.model.desired import Desired
from handler.policies.catalogue import Catalogue
from handler.properties.desired import desired_state
from handler.state.memory import Memory


@dataclass(frozen=True)
class Change:
    """The account, what is remembered, what is asked for, what the stack does, what should be."""

    account: Account
    memory: Memory
    request: Request
    operation: Operation
    desired: Desired

    @property
    def goal(self) -> str:
        """The state that the change leads to."""
        return digest(self.request.properties)

    @property
    def purpose(self) -> Purpose:
        """What the key is wanted for."""
        rolling_back = self.operation.rolling_back
        former = self.memory.record.goal(self.goal) if rolling_back else None
        return Purpose(
            self.desired.trigger,
            rolling_back,
            former.access_key_id if former else "",
            replays=self.operation.forward and not self.operation.has_roll_back,
        )

    def tagged(self) -> "Change":
        """The same with the stack's tags and our own in the desired state."""
        everywhere = tags.merged(self.operation.tags, self.desired.tags, self.request.owner.tags)
        return replace(self, desired=replace(self.desired, tags=everywhere))


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
