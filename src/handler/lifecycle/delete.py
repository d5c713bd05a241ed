"""Delete, which removes what is ours and leaves everything else.

The user goes first, keys before all; then each policy and secret that no remaining user of ours
needs. A replaced user therefore leaves to its successor what the two share. What the resource took
over is given back.
"""

from botocore.exceptions import ClientError

from handler.aws.account import Account
from handler.cloudformation.operation import Operation
from handler.cloudformation.request import Request
from handler.errors import StillAttachedError, error_code
from handler.facts import Fact, tell
from handler.keys import retire
from handler.lifecycle import policies, secret, takeover
from handler.lifecycle.change import Change
from handler.state.memory import Memory
from handler.state.record import Record

_LINGERS_SECONDS = 15


def meaning(record: Record, request: Request, operation: Operation) -> list[str]:
    """The users that a Delete removes.

    The whole resource goes with all of them, but for one that CloudFormation has named and replaced
    since: it gets a Delete of its own, or was kept by its template. Within an update it is the user
    that the id names. CloudFormation invents an id for a Create whose answer it never got; then it
    is the user that the properties name, unless CloudFormation has ever named that one. A roll-back
    leaves a user that the template had kept before the update led back to it.

    A Create that failed takes along what it made, and nothing that CloudFormation has named since.
    If the whole resource goes, then also what a later Update has begun.
    """
    if creation := request.failed_create:
        whole, living = operation.whole_resource_goes, record.living.items()
        return [
            name
            for name, user in living
            if not user.known and (user.made_by == creation or (whole and not user.complete))
        ]
    if operation.whole_resource_goes:
        exact = request.physical_id if request.physical_id in record.living else record.confirmed
        return [name for name, user in record.living.items() if not user.known or name == exact]
    if named := record.living.get(request.physical_id):
        return [] if named.kept and operation.takes_back else [request.physical_id]
    named = record.living.get(request.user_name)
    return [request.user_name] if operation.invents_ids and named and not named.known else []


def delete(account: Account, memory: Memory, request: Request, operation: Operation) -> str:
    """Serve a Delete; gone already, or never made, is success. Returns what was done."""
    names = meaning(memory.record, request, operation)
    if attached := _remove_all(account, memory, names):
        raise StillAttachedError(" ".join(dict.fromkeys(attached)))
    return f"Deleted {', '.join(names) or 'no user'}."


def delete_unconfirmed(change: Change) -> None:
    """Remove the users that are neither the desired one nor the one that CloudFormation removes.

    They are successors that a roll-back gives up, or that CloudFormation refused. One that
    CloudFormation has named since gets a Delete of its own, or was kept by its template. A policy
    that somebody else has stays until the next request.
    """
    given_up = "" if change.operation.forward else change.request.former_physical_id
    names = [
        name
        for name, user in change.memory.record.living.items()
        if name != change.desired.user_name
        and (not user.known or (name == given_up and not user.kept))
    ]
    for problem in _remove_all(change.account, change.memory, names):
        tell(Fact("PolicyStays", problem))


def _remove_all(account: Account, memory: Memory, names: list[str]) -> list[str]:
    """Remove users; returns one sentence for each policy that must stay.

    If this fails, the next request takes up what is left, or removes it.
    """
    for name in names:
        memory.note(name, complete=False, known=False, kept=False)
    if names:
        memory.save()
    return [problem for name in names for problem in _remove(account, memory, name)]


def _remove(account: Account, memory: Memory, user_name: str) -> list[str]:
    """Remove a user with all that no other user of the resource needs.

    Returns one sentence for each policy that must stay because somebody else has it.
    """
    account.deadline.check(f"deleting user {user_name}")
    made, user = memory.user(user_name), account.user(user_name)
    arns = list(made.policies)
    state = user.find()
    for name in made.secrets:
        takeover.give_back_secret(account, memory, name)
    if state and memory.record.is_inherited(state.unique_id):
        takeover.give_back_user(account, memory, user_name)
    elif state and memory.owns(state, made.user_id):
        arns += _remove_user(account, user_name)
    if made.scheduled:
        retire.discard_schedules(account, memory.owner, user_name)
    attached = []
    for arn in dict.fromkeys(arns):
        account.deadline.check(f"deleting policy {arn}")
        try:
            policies.discard(account, memory, arn)
        except StillAttachedError as error:
            attached.append(str(error))
    for name in made.secrets:
        _remove_secret(account, memory, user_name, name)
    if not attached:
        memory.record = memory.record.without_user(user_name)
    return attached


def _remove_user(account: Account, user_name: str) -> list[str]:
    """Delete a user, its keys before all; returns the ARNs of the policies that it had."""
    user, dependents = account.user(user_name), account.dependents(user_name)
    arns = dependents.discard_usual()

    def remove_rest() -> None:
        dependents.discard()
        # What left the user lingers for a while.
        account.deadline.until_settled(user.discard, "DeleteConflict", seconds=_LINGERS_SECONDS)

    try:
        user.discard()
    except ClientError as error:
        if error_code(error) != "DeleteConflict":
            raise
        # A call of a request that died may still be on its way, so it is done again.
        account.deadline.until_settled(remove_rest, "DeleteConflict")
    return arns


def _remove_secret(account: Account, memory: Memory, user_name: str, name: str) -> None:
    """Delete the secret, unless another user needs it: then it holds the key of that one again."""
    holder = account.secret(name)
    state = holder.describe()
    if state is None or not memory.owns(state, memory.record.known_id(name)):
        return
    if memory.record.is_inherited(state.arn):
        return
    sharing = [
        user
        for other, user in memory.record.users.items()
        if other != user_name and user.secrets.get(name) == state.arn
    ]
    if not sharing:
        secret.discard(account, state)
        return
    key = sharing[0].keys.get(sharing[0].current)
    if key and state.current and state.current != key.version_id:
        holder.promote(key.version_id, state.current)
