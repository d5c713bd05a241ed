"""The end of a replaced key: at once, by a schedule, and what happens when the schedule fires.

A schedule may fire late, twice, or for what is long gone, and anybody who may invoke the function
can send its event. So only the state table and AWS are believed.
"""

from datetime import datetime, timedelta

from handler.aws.account import Account
from handler.cloudformation import stack
from handler.keys import grace
from handler.keys.grace import Retirement
from handler.model.owner import Owner
from handler.state.memory import Memory, lease
from handler.state.record import Record

_PATIENCE = timedelta(minutes=15)
_TOLERANCE = timedelta(minutes=1)  # Between the clocks of Lambda and IAM.
# Scheduler is exact to the minute, and refuses or fires at once what lies in the past.
_SOONEST = timedelta(minutes=1)


def end_grace(
    account: Account, memory: Memory, owner: Owner, user_name: str, secret_name: str
) -> None:
    """Delete each replaced key of the user whose grace is over, and schedule the end of others."""
    made = memory.user(user_name)
    scheduled = False
    for access_key_id, key in made.keys.items():
        if not key.replaced:
            continue
        due = grace.grace_ends(key.replaced, made.grace_hours)
        if due <= grace.now() + _SOONEST:
            _delete(account, memory, user_name, access_key_id)
        else:
            _schedule(account, Retirement(owner, user_name, secret_name, access_key_id), due)
            scheduled = True
    if not scheduled:
        discard_schedules(account, owner, user_name)


def discard_schedules(account: Account, owner: Owner, user_name: str, but: str = "") -> bool:
    """Delete the schedules of the user but one; returns whether that one exists."""
    names = account.schedules.names(grace.name_prefix(owner, user_name))
    for name in names:
        if name != but:
            account.schedules.discard(name)
    return but in names


def ending_keys(account: Account, owner: Owner, user_name: str) -> list[str]:
    """The keys of the user that a schedule ends, whatever is remembered of them."""
    prefix = grace.name_prefix(owner, user_name)
    names = account.schedules.names(prefix)
    return [name.removeprefix(prefix).rpartition("-")[0] for name in names]


def retire(account: Account, retirement: Retirement) -> str:
    """Delete the key if it was replaced and its grace is over; returns what was done and why.

    While the stack is at work its roll-back may want the key back, so the end is put off.
    """
    memory = Memory(account, retirement.owner, "the end of a grace")
    if reason := _still_wanted(memory.peek(), retirement):
        return reason
    with lease(memory):
        if reason := _still_wanted(memory.record, retirement):
            return reason
        user_name, access_key_id = retirement.user_name, retirement.access_key_id
        user = account.user(user_name).describe()
        if user is None or not memory.owns(user, memory.user(user_name).user_id):
            return "Nothing to do: the user is gone or not ours."
        secret = account.secret(retirement.secret_name).describe()
        known_id = memory.record.known_id(retirement.secret_name)
        if secret is None or secret.awaits_deletion or not memory.owns(secret, known_id):
            return "Nothing to do: the secret is gone or not ours."
        if stack.is_busy(account, retirement.owner):
            _schedule(account, retirement, grace.now() + _PATIENCE)
            return "Put off: the stack is at work and may roll back to the key."
        _delete(account, memory, user_name, access_key_id)
        return f"Deleted access key {access_key_id}, which was replaced."


def _still_wanted(record: Record, retirement: Retirement) -> str:
    """Why the key must not be deleted now, as far as it is remembered; else ""."""
    user = record.user(retirement.user_name)
    key = user.keys.get(retirement.access_key_id)
    if key is None or not key.replaced or retirement.access_key_id == user.current:
        return "Nothing to do: the key is not one that was replaced."
    if grace.now() < grace.grace_ends(key.replaced, user.grace_hours) - _TOLERANCE:
        return "Nothing to do: the grace of the key is not over."
    return ""


def _delete(account: Account, memory: Memory, user_name: str, access_key_id: str) -> None:
    account.access_keys(user_name).discard(access_key_id)
    keys = memory.user(user_name).keys
    memory.note(
        user_name, keys={key_id: key for key_id, key in keys.items() if key_id != access_key_id}
    )


def _schedule(account: Account, retirement: Retirement, due: datetime) -> None:
    """Create this schedule and delete the user's others. The name differs when anything does."""
    name = retirement.schedule_name(due)
    if not discard_schedules(account, retirement.owner, retirement.user_name, but=name):
        description = f"Deletes the replaced access key of IAM user {retirement.user_name}"
        account.schedules.create(name, description, grace.expression(due), retirement.event)
