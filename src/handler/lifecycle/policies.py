"""The managed policies of the user: the desired ones, and no leftovers of the resource."""

from functools import partial

from handler.aws.account import Account
from handler.aws.iam.policies import PolicyState
from handler.errors import StillAttachedError
from handler.lifecycle.change import Change
from handler.state.memory import Memory


def reconcile(
    change: Change, states: tuple[PolicyState | None, ...]
) -> tuple[list[str], list[str]]:
    """Make and attach the policies; what is no longer wanted goes last.

    `states` are what IAM holds under the names of the desired policies. Returns the ARNs, and those
    of the policies that the user had when it was taken over, which stay.
    """
    account, memory, desired = change.account, change.memory, change.desired
    policies, attachments = account.policies, account.attachments(desired.user_name)
    wanted: dict[str, str] = {}
    for policy, found in zip(desired.policies, states, strict=True):
        account.deadline.check(f"making policy {policy.name}")
        if found is None:
            state = policies.create(policy, desired.tags, change.request.owner)
        else:
            state = found
            policies.reconcile(state, policy, desired.tags)
        wanted[state.arn] = state.unique_id
    remembered = memory.user(desired.user_name).policies
    memory.note(desired.user_name, policies={**remembered, **wanted})
    attached = attachments.list()
    for arn in wanted:
        if arn not in attached:
            # IAM may not know the user's boundary yet, which our right to attach depends on.
            account.deadline.until_settled(
                partial(attachments.attach, arn), "NoSuchEntity", "AccessDenied", seconds=20
            )
    inherited = memory.user(desired.user_name).inherited
    others = [arn for arn in attached if arn not in wanted and arn in inherited]
    for arn in attached:
        if arn not in wanted and arn not in others:
            attachments.detach(arn)
    for arn in dict.fromkeys([*attached, *remembered]):
        if arn not in wanted and arn not in others:
            discard(account, memory, arn)
    memory.note(desired.user_name, policies=wanted)
    return list(wanted), others


def discard(account: Account, memory: Memory, arn: str) -> None:
    """Delete a policy if it is ours and no other user of the resource has it.

    Raises StillAttachedError when somebody has it who is not of the resource.
    """
    state = account.policies.describe(arn)
    if state is None or not memory.owns(state, memory.record.known_id(arn)):
        return
    if memory.record.is_inherited(state.unique_id):
        account.policies.disown(arn, memory.owner)
        return
    holders = account.policies.holders(arn)
    strangers = [name for name in holders.users if _is_stranger(account, memory, name)]
    if others := [*holders.others, *strangers]:
        raise StillAttachedError(
            f"Policy {arn} is attached to {', '.join(others)} as well; detach it there and "
            "try again."
        )
    if not holders.users:
        account.policies.discard(arn)


def _is_stranger(account: Account, memory: Memory, user_name: str) -> bool:
    state = account.user(user_name).describe()
    return state is not None and not memory.owns(state, memory.user(user_name).user_id)
