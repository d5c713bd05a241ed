"""Taking over what somebody else made, and giving it back.

An administrator invites exactly one resource, by a tag that the provider's role can read and remove
but never write. What was there before the take-over is the installer that works today: it stays,
whatever becomes of the stack.
"""

from handler.aws.account import Account
from handler.lifecycle.change import Change
from handler.model.owner import INVITATION_TAG, Tagged
from handler.state.memory import Memory


def is_invited(change: Change, state: Tagged) -> bool:
    """Whether the request is a Create that may take over what AWS describes."""
    return change.request.type == "Create" and change.request.owner.is_invited(state)


def way_out(change: Change, user_name: str) -> str:
    """What to do about a user that exists."""
    owner = change.request.owner
    return (
        "Choose another name; or let an administrator invite this resource to take the user over, "
        f"with 'restricted-iam-user.pyz adopt {user_name} --stack {owner.stack_name} "
        f"--logical-id {owner.logical_id}', which sets its tag {INVITATION_TAG} to "
        f"{owner.invitation}, and create the resource again."
    )


def give_back_user(account: Account, memory: Memory, user_name: str) -> None:
    """Remove from a user what the resource made: its keys, its policies and its tags."""
    made, keys = memory.user(user_name), account.access_keys(user_name)
    for key in keys.list(made.keys):
        # A key whose making was cut off is remembered nowhere, and was never used.
        ours = key.access_key_id in made.keys or key.last_used is None
        if ours and key.access_key_id not in made.inherited:
            keys.deactivate(key.access_key_id)
            keys.discard(key.access_key_id)
    attachments = account.attachments(user_name)
    for arn in attachments.list():
        if arn in made.policies and arn not in made.inherited:
            attachments.detach(arn)
    account.user(user_name).disown(memory.owner)


def give_back_secret(account: Account, memory: Memory, name: str) -> None:
    """Let a secret that was taken over hold the key of before again; any other is left alone."""
    record = memory.record
    if not record.is_inherited(record.known_id(name)):
        return
    secret = account.secret(name)
    state = secret.describe()
    if state is None or state.awaits_deletion:
        return
    account.rotation(name).abandon(state, None)
    former = next((version for version in state.stages if record.is_inherited(version)), None)
    if former and state.current and not record.is_inherited(state.current):
        secret.promote(former, state.current)
    secret.disown(memory.owner)
