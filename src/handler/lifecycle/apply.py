"""Create and Update, which are one repeatable sequence.

It is driven by what AWS holds: repeating it, or coming back to it after it was cut off, ends in
the same user, policies, secret and key.
"""

from handler import clock
from handler.aws.iam.user import UserState
from handler.errors import refuse
from handler.keys import retire, status
from handler.lifecycle import delete, policies, secret
from handler.lifecycle.change import Change
from handler.lifecycle.existing import Existing
from handler.model import tags
from handler.state.made import Minting
from handler.state.record import Goal


def apply(change: Change) -> tuple[dict[str, str], str]:
    """Bring user, policies, secret and key to the desired state.

    Returns the attributes, and what was done.
    """
    account, memory, desired = change.account, change.memory, change.desired
    refuse(tags.problems(desired.tags))
    existing = Existing.look(change)
    existing.refuse_if_taken(change)
    account.deadline.check(f"making user {desired.user_name}")
    minting = memory.user(desired.user_name).minting
    _announce(change, existing)

    try:
        # A name that is taken is refused before the user exists.
        policy_ids = policies.make(change, existing.policies)
        user = _make_user(change, existing)
        others = policies.attach(change, policy_ids, is_new=user.is_new)
        account.deadline.check("creating the secret")
        described = secret.make(change, existing.secret)
        secret.share(change, is_new=existing.secret is None)
    except Exception:
        # No key was made yet, so one that comes now is somebody else's.
        memory.note(desired.user_name, minting=minting)
        raise
    current, observed = secret.fill(change, described, user)
    user_name = desired.user_name
    retire.end_grace(account, memory, user_name, desired.secret_name)
    status.switch(account, memory, user_name, observed)
    next_rotation = secret.spread(change, existing.secret)
    delete.delete_unconfirmed(change)
    memory.note(user_name, complete=True)
    memory.record = memory.record.reached(Goal(change.goal, user_name, current.access_key_id))
    attributes = {
        "UserArn": user.arn,
        "PolicyArns": ",".join(policy_ids),
        "OtherPolicyArns": ",".join(others),
        "AccessKeyId": current.access_key_id,
        "AccessKeyCreateDate": current.created.isoformat(),
        "SecretArn": described.arn,
        "SecretVersionId": current.version_id,
        "NextRotationDate": next_rotation,
    }
    return attributes, f"User {user_name} has access key {current.access_key_id}."


def _announce(change: Change, existing: Existing) -> None:
    """Remember what is about to be made, under the ids of what exists already.

    That the key of a new user is about to be made is remembered at once.
    """
    account, memory, desired = change.account, change.memory, change.desired
    made, request = memory.user(desired.user_name), change.request
    is_create = request.type == "Create"
    is_other = desired.user_name != request.former_physical_id
    # What a Create takes up was to be deleted, or never got that far; and what takes the place of a
    # kept user that somebody deleted is not the user that CloudFormation named.
    known = made.known and not (is_create or (is_other and existing.user is None))
    arns = [account.policies.arn(policy.name) for policy in desired.policies]
    ids = [policy.unique_id if policy else "" for policy in existing.policies]
    memory.note(
        desired.user_name,
        user_id=existing.user.unique_id if existing.user else "",
        grace_hours=desired.grace_hours,
        active=desired.active,
        on_time=desired.on_time,
        known=known,
        retained=False,
        kept=(known and change.operation.forward) if is_other else made.kept,
        made_by=request.request_id if is_create else "",
        inherited=existing.inherited(change),
        iam_path=made.iam_path or account.settings.iam_path,
        secret_prefix=made.secret_prefix or account.settings.secret_prefix,
        # A user that the table does not know may have schedules of before.
        scheduled=made.scheduled or (existing.user is not None and not made.user_id),
        policy_template=request.properties.get("PolicyTemplate", ""),
        policies={**made.policies, **dict(zip(arns, ids, strict=True))},
        secrets={
            **made.secrets,
            desired.secret_name: existing.secret.arn if existing.secret else "",
        },
    )
    if existing.user is None:
        memory.note(desired.user_name, minting=Minting((), clock.now().isoformat()))
    if is_create or existing.user is None:
        memory.save()
    else:
        memory.announce(desired.user_name)


def _make_user(change: Change, existing: Existing) -> UserState:
    """Create or reconcile the user."""
    desired = change.desired
    user, boundary = change.account.user(desired.user_name), desired.permissions_boundary
    if existing.user is None:
        state = user.create(boundary, desired.tags, change.request.owner)
        change.memory.note(desired.user_name, user_id=state.unique_id)
        return state
    user.reconcile(existing.user, boundary, desired.tags)
    return existing.user
