"""The provider's own resource: what may change under living users, and when the provider may go.

It is a resource of the provider's template that needs the function and that the template's own user
needs. So it hears of a change when the function has its new settings, and of its deletion when that
user is gone and all else is still there.
"""

from collections.abc import Callable

from handler.aws.account import Account
from handler.cloudformation.operation import Operation
from handler.cloudformation.request import PROVIDER_TYPE, Request
from handler.errors import StackRefusedError, StillServingError
from handler.lifecycle.living import living, named
from handler.lifecycle.provider_settings import Settling, Wanted
from handler.lifecycle.serve import answer_once, ask, begin, memory_of, refuse_if_late
from handler.model.owner import Owner
from handler.state.record import Answer
from handler.state.users import known_users


def serve(
    account: Account,
    request: Request,
    tell: Callable[[str], None],
    explain: Callable[[Exception], str],
) -> Answer:
    """Serve a request on the provider's own resource, or repeat the answer that it got.

    `tell` hears what was done, `explain` turns a failure into a Reason. Raises what `answer_once`
    raises.
    """
    memory = memory_of(account, request)

    def work() -> tuple[dict[str, str], str]:
        if request.owner.stack_id != account.settings.provider_stack_id:
            return {}, _answer_stranger(request)
        operation = ask(account, memory.record, request)
        refuse_if_late(memory.record, request, operation)
        begin(memory, request, operation)
        if request.type == "Delete":
            return {}, _delete(account, request.owner, operation)
        wanted = Wanted.of(request, account.settings, operation)
        return {}, Settling(account, memory, request, operation).settle(wanted)

    return answer_once(memory, request, work, tell, explain)


def _answer_stranger(request: Request) -> str:
    """Refuse the resource of another stack, but for the Delete that rolls the refusal back."""
    if request.type != "Delete":
        raise StackRefusedError(
            f"{PROVIDER_TYPE} is for the stack of the provider alone, not for "
            f"{request.owner.stack_name}; nothing was touched."
        )
    return "There was nothing to delete."


def _delete(account: Account, owner: Owner, operation: Operation) -> str:
    """Let the provider go; raises StillServingError while users of other stacks live.

    In an update only this resource goes, with a version of the template that has none.
    """
    if operation.whole_resource_goes:
        others = (
            user for user in known_users(account, owner) if user.owner.stack_id != owner.stack_id
        )
        if users := living(account, others):
            raise StillServingError(
                f"The provider still serves users of other stacks: {named(users)}. Without it "
                "nobody could rotate or delete them. Delete those stacks first, or take these "
                "resources out of them; then delete this stack again."
            )
    return "The provider may go."
