"""The managed policies of the user: the desired ones, and no leftovers of the resource."""

from functools import partial

from botocore.exceptions import ClientError

from handler.aws.account import Account
from handler.aws.iam.attachments import POLICIES_PER_USER
from handler.aws.iam.policies import PolicyState
from handler.cloudformation.request import digest
from handler.errors import StillAttachedError, error_code
from handler.lifecycle import takeover
from handler.lifecycle.change import Change
from handler.lifecycle.existing import take_up_policy
from handler.model.desired import Policy
from handler.state.memory import Memory

# A version that is made default at once refuses everything to the policy's holders for a while.
_VERSION_SPREADS_SECONDS = 5.0
_PATIENCE_SECONDS = 20


def make(change: Change, found: tuple[PolicyState | None, ...]) -> dict[str, str]:
    """Make the policies, and give tags and document to those that exist; returns ids by ARN.

    `found` are those that were looked for, in the order of the desired ones. Every name is free or
    ours, and the table has the ids of what is taken over, before anything that exists is changed.
    """
    account, memory, desired = change.account, change.memory, change.desired
    policies, user_name = account.policies, desired.user_name
    remembered = memory.user(user_name)
    documents = dict(remembered.documents)
    states: list[PolicyState] = []
    for policy, known in zip(desired.policies, found, strict=True):
        account.deadline.check(f"making policy {policy.name}")
        created = None if known else policies.create(policy, desired.tags)
        if created:
            documents[created.arn] = _document(created, created.default_version, policy)
        states.append(known or created or take_up_policy(change, policy))
    made = {state.arn: state.unique_id for state in states}
    invited = [state.unique_id for state in states if takeover.is_invited(change, state)]
    inherited = tuple(dict.fromkeys([*remembered.inherited, *invited]))
    memory.note(user_name, policies={**remembered.policies, **made}, inherited=inherited)
    if invited:
        memory.announce(user_name)
    versions: dict[str, str] = {}
    for policy, state in zip(desired.policies, states, strict=True):
        policies.tag(state, desired.tags)
        if documents.get(state.arn) == _document(state, state.default_version, policy):
            continue
        if version_id := policies.add_version(state, policy):
            versions[state.arn] = version_id
        documents[state.arn] = _document(state, version_id or state.default_version, policy)
    if versions:
        account.deadline.pause(_VERSION_SPREADS_SECONDS)
    for arn, version_id in versions.items():
        policies.make_default(arn, version_id)
    memory.note(user_name, documents=documents)
    return made


def _document(state: PolicyState, version_id: str, policy: Policy) -> str:
    """A version of a policy and what it says: it never says anything else.

    Another policy of the name, made after somebody removed this one, has such a version as well.
    """
    return f"{state.unique_id} {version_id} {digest(policy.document)}"


def attach(change: Change, wanted: dict[str, str], *, is_new: bool) -> list[str]:
    """Attach the policies; what is no longer wanted goes last. A user that `is_new` has none.

    Returns the ARNs of those that the user had when it was taken over, which stay.
    """
    account, memory, user_name = change.account, change.memory, change.desired.user_name
    made = memory.user(user_name)
    attached = [] if is_new else account.attachments(user_name).list()
    others = [arn for arn in attached if arn not in wanted and arn in made.inherited]
    leaving = [arn for arn in attached if arn not in wanted and arn not in others]
    _attach(account, user_name, attached, list(wanted), leaving)
    for arn in dict.fromkeys([*leaving, *made.policies]):
        if arn not in wanted and arn not in others:
            discard(account, memory, arn)
    documents = {arn: text for arn, text in made.documents.items() if arn in wanted}
    memory.note(user_name, policies=wanted, documents=documents)
    return others


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
    try:
        account.policies.discard(arn)
    except ClientError as error:
        if error_code(error) != "DeleteConflict":
            raise
        _discard_in_conflict(account, memory, arn)


def _discard_in_conflict(account: Account, memory: Memory, arn: str) -> None:
    """Delete a policy of ours that has other versions, or that somebody has or had just now."""
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
        account.policies.discard_versions(arn)
        account.deadline.until_settled(
            partial(account.policies.discard, arn), "DeleteConflict", seconds=_PATIENCE_SECONDS
        )


def _is_stranger(account: Account, memory: Memory, user_name: str) -> bool:
    state = account.user(user_name).describe()
    return state is not None and not memory.owns(state, memory.user(user_name).user_id)
