"""Serving one request of a resource at a time, and answering it once."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from handler.aws.account import Account
from handler.cloudformation import stack
from handler.cloudformation.operation import Operation
from handler.cloudformation.request import Request, digest
from handler.cloudformation.response import MAXIMUM_BYTES
from handler.errors import StackRefusedError, StillBusyError, UnansweredError
from handler.lifecycle import delete, rediscover
from handler.lifecycle.apply import apply
from handler.lifecycle.change import Change, desired_of
from handler.policies.catalogue import Catalogue
from handler.state.memory import Memory, lease
from handler.state.record import Answer, Goal, Record

# How soon after CloudFormation sent a request the function asks for the lease.
_ARRIVES_SECONDS = 20.0


def serve(
    account: Account,
    request: Request,
    catalogue: Catalogue,
    tell: Callable[[str], None],
    explain: Callable[[Exception], str],
) -> Answer:
    """Serve the request, or repeat the answer that it got.

    `tell` hears what was done, `explain` turns a failure into a Reason. Raises
    InvalidPropertiesError before the first call, and what `answer_once` raises.
    """
    desired = None if request.type == "Delete" else desired_of(account, request, catalogue)
    memory = memory_of(account, request)

    def work() -> tuple[dict[str, str], str]:
        # Not before the lease: who held it until now may have served what came after this.
        operation = ask(account, memory.record, request)
        if desired is None:
            return _delete(account, memory, request, operation)
        return _change(Change(account, memory, request, operation, desired).tagged())

    return answer_once(memory, request, work, tell, explain)


def memory_of(account: Account, request: Request) -> Memory:
    """What is remembered of the resource, for a request on it."""
    return Memory(account, request.owner, request.request_id, is_request=True, sent=request.sent)


def answer_once(
    memory: Memory,
    request: Request,
    work: Callable[[], tuple[dict[str, str], str]],
    tell: Callable[[str], None],
    explain: Callable[[Exception], str],
) -> Answer:
    """Do the work under the lease of the resource, or repeat the answer that the request got.

    `work` returns the attributes, and what was done. Raises StackRefusedError when the id was
    served for something else, and UnansweredError when the request must be delivered again.
    """
    with lease(memory):
        if memory.record.asks_otherwise(request.request_id, request.asked):
            raise StackRefusedError(
                "A request of this id was served that asked for something else; nothing was "
                "touched."
            )
        if answered := memory.record.answer(request.request_id):
            return answered
        try:
            attributes, done = work()
            tell(done)
            answer = Answer("SUCCESS", "", attributes)
        except UnansweredError:
            raise
        except Exception as error:  # noqa: BLE001 - CloudFormation must get an answer
            answer = Answer("FAILED", explain(error)[:MAXIMUM_BYTES], {})
        memory.record = memory.record.answered(request.request_id, answer)
        return answer


def ask(account: Account, record: Record, request: Request) -> Operation:
    """The operation of the stack that the request belongs to.

    Raises StackRefusedError when there is none.
    """
    # Where nothing is remembered, any state may be one of before.
    leads_back = not record.goals or record.goal(digest(request.properties)) is not None
    return stack.ask(
        account, request, record.seen, leads_back=request.type == "Update" and leads_back
    )


def begin(memory: Memory, request: Request, operation: Operation) -> None:
    """Remember that the request is being served, and how far its stack has come."""
    memory.record = replace(
        memory.record.begun(request.request_id, request.asked, request.sent),
        seen=operation.progress,
    )


def _delete(
    account: Account, memory: Memory, request: Request, operation: Operation
) -> tuple[dict[str, str], str]:
    refuse_if_late(memory.record, request, operation)
    begin(memory, request, operation)
    if not request.failed_create:  # It names nothing that could be found again.
        rediscover.rediscover(account, memory, request, forward=False)
    return {}, delete.delete(account, memory, request, operation)


def _change(change: Change) -> tuple[dict[str, str], str]:
    account, memory, request = change.account, change.memory, change.request
    refuse_if_late(memory.record, request, change.operation)
    if change.operation.forward:
        account.deadline.heed = partial(heed, account, memory, request, change.operation)
    elif _leaves_older_state(change):
        _give_way(change)
    if request.type == "Create":
        memory.record = memory.record.leaving_behind(request.request_id)
    else:
        rediscover.rediscover(account, memory, request, forward=change.operation.forward)
        _remember_present(memory, request, change.operation)
    begin(memory, request, change.operation)
    return apply(change)


def heed(account: Account, memory: Memory, request: Request, operation: Operation) -> None:
    """Keep the lease; raises GivenUpError when the stack has turned back and its next one waits.

    A roll-back is never given up.
    """
    memory.renew()
    if operation.forward and memory.others_wait:
        stack.confirm(account, request, operation)


def _leaves_older_state(change: Change) -> bool:
    """Whether an Update leaves a state that the resource had before this update of the stack.

    A roll-back leaves what its own update led to. So this was sent before the stack turned back,
    unless CloudFormation gives the roll-back another LastUpdatedTime.
    """
    record, request = change.memory.record, change.request
    leaves_present = record.is_in(digest(request.old_properties))
    return leaves_present and record.seen.updated < change.operation.progress.updated


def _give_way(change: Change) -> None:
    """Let a request go first that was sent after this one: the roll-back that gives it up.

    Raises StillBusyError. Nobody comes if this is the roll-back itself.
    """
    memory = change.memory
    change.account.deadline.until(
        memory.renew, lambda _: memory.later_waits, seconds=_ARRIVES_SECONDS
    )
    if memory.later_waits:
        raise StillBusyError


def refuse_if_late(record: Record, request: Request, operation: Operation) -> None:
    """Raise StackRefusedError for a request that another one has overtaken, or its own stack.

    A roll-back leads to a state that the resource was in. An Update that leads from the present
    state to one where it never was, while the stack rolls back, is what the stack has given up.
    """
    given_up = (
        operation.rolling_back
        and record.is_in(digest(request.old_properties))
        and record.goal(digest(request.properties)) is None
    )
    if given_up or record.overtaken(request.request_id, request.sent):
        raise StackRefusedError(
            f"This {request.type} was delivered after stack {request.owner.stack_name} had gone "
            "on; nothing was touched."
        )


def _remember_present(memory: Memory, request: Request, operation: Operation) -> None:
    """Before an Update goes forward, remember the state that its roll-back would lead to.

    The state that a roll-back leaves is forgotten: who comes late and asks for it rolls nothing
    back, though the resource may have been there once.
    """
    user_name, former = request.former_physical_id, digest(request.old_properties)
    stays = operation.forward or user_name == request.physical_id
    memory.record = memory.record.confirming(user_name, stays=stays)
    if operation.rolling_back:
        memory.record = memory.record.given_up(former)
    elif not memory.record.served(request.request_id):
        current = memory.user(user_name).current
        memory.record = memory.record.reached(Goal(former, user_name, current))
