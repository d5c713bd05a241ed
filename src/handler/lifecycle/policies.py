"""The managed policies of the user: the desired ones, and no leftovers of the resource."""

from functools import partial

from handler.aws.account import Account
from handler.aws.iam.policies import PolicyState
from handler.errors import StillAttachedError
from handler.lifecycle.change import Change
from handler.model.owner import Owner


def reconcile(change: Change, states: list[PolicyState | None]) -> list[str]:
    """Make and attach the policies; what is no longer wanted goes last. Returns the ARNs.

    `states` are what IAM holds under the names of the desired policies.
    """
    account, desired, owner = change.account, change.desired, change.request.owner
    policies, attachments = account.policies, account.attachments(desired.user_name)
    arns = []
    for policy, state in zip(desired.policies, states, strict=True):
        account.deadline.check(f"making policy {policy.name}")
        if state is None:
            arns.append(policies.create(policy, desired.tags, owner).arn)
        else:
            policies.reconcile(state, policy, desired.tags)
            arns.append(state.arn)
    attached = attachments.list()
    for arn in arns:
        if arn not in attached:
            # IAM may not know the user's boundary yet, which our right to attach depends on.
            account.deadline.until_settled(
                partial(attachments.attach, arn), "NoSuchEntity", "AccessDenied", seconds=20
            )
    unwanted = [arn for arn in attached if arn not in arns]
    for arn in unwanted:
        attachments.detach(arn)
    leftovers = [arn for arn in policies.unattached() if arn not in arns]
    for arn in dict.fromkeys([*unwanted, *leftovers]):
        discard(account, owner, arn)
    return arns


def discard(account: Account, owner: Owner, arn: str) -> None:
    """Delete a policy if it is the owner's and no other user of the owner has it.

    Raises StillAttachedError when somebody has it who is not the owner's.
    """
    if not owner.owned(account.policies.describe(arn)):
        return
    holders = account.policies.holders(arn)
    strangers = [name for name in holders.users if not _is_gone_or_owned(account, owner, name)]
    if others := [*holders.others, *strangers]:
        raise StillAttachedError(
            f"Policy {arn} is attached to {', '.join(others)} as well; detach it there and "
            "try again."
        )
    if not holders.users:
        account.policies.discard(arn)


def _is_gone_or_owned(account: Account, owner: Owner, user_name: str) -> bool:
    state = account.user(user_name).describe()
    return state is None or owner.owns(state)
