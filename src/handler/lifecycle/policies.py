"""The managed policies of the user: the desired ones, and no leftovers of the resource."""

from functools import partial

from handler.aws.account import Account
from handler.aws.iam.attachments import POLICIES_PER_USER
from handler.aws.iam.policies import PolicyState
from handler.errors import StillAttachedError
from handler.lifecycle.change import Change
from handler.state.memory import Memory

# A version that is made default at once refuses everything to the policy's holders for a while.
_VERSION_SPREADS_SECONDS = 5.0
_PATIENCE_SECONDS = 20


def reconcile(
    change: Change, states: tuple[PolicyState | None, ...]
) -> tuple[list[str], list[str]]:
    """Make and attach the policies; what is no longer wanted goes last.

    `states` are what IAM holds under the names of the desired policies. Returns the ARNs, and those
    of the policies that the user had when it was taken over, which stay.
    """
    account, memory, desired = change.account, change.memory, change.desired
    wanted = _make(change, states)
    remembered = memory.user(desired.user_name).policies
    memory.note(desired.user_name, policies={**remembered, **wanted})
    attached = account.attachments(desired.user_name).list()
    inherited = memory.user(desired.user_name).inherited
    others = [arn for arn in attached if arn not in wanted and arn in inherited]
    leaving = [arn for arn in attached if arn not in wanted and arn not in others]
    _attach(account, desired.user_name, attached, list(wanted), leaving)
    for arn in dict.fromkeys([*leaving, *remembered]):
        if arn not in wanted and arn not in others:
            discard(account, memory, arn)
    memory.note(desired.user_name, policies=wanted)
    return list(wanted), others


def _make(change: Change, states: tuple[PolicyState | None, ...]) -> dict[str, str]:
    """Make the policies, and give the document to those that exist; returns their ids by ARN."""
    account, desired = change.account, change.desired
    policies = account.policies
    made: dict[str, str] = {}
    versions: dict[str, str] = {}
    for policy, found in zip(desired.policies, states, strict=True):
        account.deadline.check(f"making policy {policy.name}")
        if found is None:
            state = policies.create(policy, desired.tags, change.request.owner)
        else:
            state = found
            policies.tag(state, desired.tags)
            if version_id := policies.add_version(state, policy):
                versions[state.arn] = version_id
        made[state.arn] = state.unique_id
    if versions:
        account.deadline.pause(_VERSION_SPREADS_SECONDS)
    for arn, version_id in versions.items():
        policies.make_default(arn, version_id)
    return made


def _attach(
    account: Account, user_name: str, attached: list[str], wanted: list[str], leaving: list[str]
) -> None:
    """Attach what is wanted and detach what leaves, the latter first only where room is needed."""
    attachments = account.attachments(user_name)
    room = POLICIES_PER_USER - len(attached)
    transient = ["NoSuchEntity", "AccessDenied"]
    for arn in wanted:
        if arn in attached:
            continue
        if room <= 0 and leaving:
            attachments.detach(leaving.pop(0))
            transient, room = [*transient, "LimitExceeded"], room + 1
        # IAM may not know the user's boundary yet, which our right to attach depends on.
        account.deadline.until_settled(
            partial(attachments.attach, arn), *transient, seconds=_PATIENCE_SECONDS
        )
        room -= 1
    for arn in leaving:
        attachments.detach(arn)


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
    # Who gave the policy back, or is gone, is named for a while.
    users = [name for name in holders.users if arn in account.attachments(name).list()]
    strangers = [name for name in users if _is_stranger(account, memory, name)]
    if others := [*holders.others, *strangers]:
        raise StillAttachedError(
            f"Policy {arn} is attached to {', '.join(others)} as well; detach it there and "
            "try again."
        )
    if not users:
        delete = partial(account.policies.discard, arn)
        account.deadline.until_settled(delete, "DeleteConflict", seconds=_PATIENCE_SECONDS)


def _is_stranger(account: Account, memory: Memory, user_name: str) -> bool:
    state = account.user(user_name).describe()
    return state is not None and not memory.owns(state, memory.user(user_name).user_id)
