"""Finding again what the state table does not hold.

Its item may have been removed by hand, or the table restored from a backup. Ownership tags are the
witness then.
"""

from handler import clock
from handler.aws.account import Account
from handler.aws.secretsmanager.description import CURRENT, PREVIOUS
from handler.cloudformation.request import Request
from handler.keys import retire
from handler.lifecycle import names
from handler.model.owner import Owner
from handler.state.made import MadeKey, MadeUser
from handler.state.memory import Memory


def rediscover(account: Account, memory: Memory, request: Request, *, forward: bool) -> None:
    """Remember the users, policies and secrets that carry the owner's tags.

    When the stack goes `forward` from them, each may be one that a template kept, so they stay.

    It is done when nothing is remembered, or nothing of the users that the request names. Where it
    is remembered that all was deleted, the table is a witness against it: then IAM is only asked
    whether a user that the request names is there after all.
    """
    record, owner = memory.record, request.owner
    if {request.physical_id, request.former_physical_id, request.user_name} & record.users.keys():
        return
    candidates = names.user_names(request)
    named = [name for name in candidates if name in (request.physical_id, request.user_name)]
    if record.emptied and not any(account.user(name).describe() for name in named):
        return
    users = {
        name: MadeUser(state.unique_id, complete=True, known=forward, scheduled=True)
        for name in candidates
        if (state := owner.owned(account.user(name).describe()))
    }
    arns = [arn for name in users for arn in account.attachments(name).list()]
    policies = {
        arn: policy.unique_id
        for arn in dict.fromkeys([*arns, *account.policies.unattached()])
        if not record.known_id(arn) and (policy := owner.owned(account.policies.describe(arn)))
    }
    secrets = {
        name: secret.arn
        for name in names.secret_names(request, candidates, account.settings.secret_prefix)
        if not record.known_id(name) and (secret := owner.owned(account.secret(name).describe()))
    }
    # The user was deleted by hand, perhaps, and these stayed.
    if not users and (policies or secrets):
        users = {request.user_name: MadeUser(scheduled=True)}
    for name, user in users.items():
        memory.record = memory.record.with_user(name, user)
        mine = secrets if len(users) == 1 else _holding(account, secrets, name)
        keys = _keys(account, owner, name, mine)
        memory.note(name, policies=policies, secrets=mine, keys=keys)


def _keys(
    account: Account, owner: Owner, user_name: str, secrets: dict[str, str]
) -> dict[str, MadeKey]:
    """The replaced keys that a schedule ends, beside those that the secret holds.

    Only we make such schedules. Their grace begins anew. Without any, the secret is witness enough.
    """
    ending = retire.ending_keys(account, owner, user_name)
    held = [
        stored
        for name in secrets
        for stage in (PREVIOUS, CURRENT)
        if ending and (stored := account.secret(name).stored_key(stage))
    ]
    now = clock.now().isoformat()
    return {key_id: MadeKey("", "", now) for key_id in ending} | {
        stored.access_key_id: MadeKey(stored.trigger, stored.version_id)
        for stored in held
        if stored.user_name == user_name
    }


def _holding(account: Account, secrets: dict[str, str], user_name: str) -> dict[str, str]:
    """The secrets that hold a key of the user."""
    stored = {name: account.secret(name).stored_key(CURRENT) for name in secrets}
    return {
        name: arn
        for name, arn in secrets.items()
        if (key := stored[name]) and key.user_name == user_name
    }
