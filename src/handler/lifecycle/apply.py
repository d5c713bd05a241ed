"""Create and Update, which are one repeatable sequence.

It is driven by what AWS holds: repeating it, or coming back to it after it was cut off, ends in
the same user, policies, secret and key.
"""

from handler.cloudformation.stack import confirm
from handler.errors import refuse
from handler.keys import retire
from handler.lifecycle import policies, secret
from handler.lifecycle.change import Change
from handler.lifecycle.existing import Existing
from handler.model import tags


def apply(change: Change) -> tuple[dict[str, str], str]:
    """Bring user, policies, secret and key to the desired state.

    Returns the attributes, and what was done and why.
    """
    account, request, desired = change.account, change.request, change.desired
    existing = Existing.look(account, request, desired)
    refuse(tags.problems(desired.tags))
    existing.refuse_if_taken(account, request.owner, desired)
    existing.refuse_if_late(request, change.operation)
    account.deadline.check(f"making user {desired.user_name}")

    user_arn = _make_user(change, existing)
    policy_arns = policies.reconcile(change, existing.policies)
    account.deadline.check("creating the secret")
    described = secret.make(change, existing.secret)
    secret.share(change)
    held, decision = secret.fill(change, existing)
    retire.end_grace(
        account,
        request.owner,
        desired.user_name,
        desired.secret_name,
        held,
        desired.grace_hours,
    )
    next_rotation = secret.spread(change, existing.secret)
    confirm(account, request, change.operation)  # A roll-back may have put back what was changed.
    attributes = {
        "UserArn": user_arn,
        "PolicyArns": ",".join(policy_arns),
        "AccessKeyId": held.current.access_key_id,
        "AccessKeyCreateDate": held.current.created.isoformat(),
        "SecretArn": described.arn,
        "SecretVersionId": held.current.version_id,
        "NextRotationDate": next_rotation,
    }
    return attributes, f"{type(decision).__name__}: {decision.reason}"


def _make_user(change: Change, existing: Existing) -> str:
    """Create or reconcile the user, with the notes in its tags; returns its ARN."""
    account, request, desired = change.account, change.request, change.desired
    if existing.former and change.operation.forward:
        account.user(request.former_physical_id).tag(existing.succession(request))
    user, boundary = account.user(desired.user_name), desired.permissions_boundary
    wanted = desired.tags | existing.notes(request, change.operation)
    if existing.user is None:
        return user.create(boundary, wanted, request.owner).arn
    user.reconcile(existing.user, boundary, wanted)
    return existing.user.arn
