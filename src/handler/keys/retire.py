"""The end of a replaced key: at once, by a schedule, and what happens when the schedule fires.

A schedule may fire late, twice, or for what is long gone, and anybody who may invoke the function
can send its event. So AWS is asked again, and what is not clearly over is left alone.
"""

from datetime import datetime, timedelta

from handler.aws.account import Account
from handler.aws.secretsmanager.description import CURRENT, PREVIOUS
from handler.cloudformation import stack
from handler.keys import grace
from handler.keys.grace import Retirement
from handler.model.keys import Held
from handler.model.owner import Owner

_PATIENCE = timedelta(minutes=15)
_TOLERANCE = timedelta(minutes=1)  # Between the clocks of Lambda and IAM.
# Scheduler is exact to the minute, and refuses or fires at once what lies in the past.
_SOONEST = timedelta(minutes=1)


def end_grace(
    account: Account, owner: Owner, user_name: str, secret_name: str, held: Held, hours: int
) -> None:
    """Delete the replaced key if its grace is over, else schedule that."""
    due = grace.grace_ends(held.current, hours)
    if held.replaced is None:
        discard_schedules(account, owner, user_name)
    elif due <= grace.now() + _SOONEST:
        account.access_keys(user_name).discard(held.replaced)
        discard_schedules(account, owner, user_name)
    else:
        _schedule(account, Retirement(owner, user_name, secret_name, held.replaced), due)


def discard_schedules(account: Account, owner: Owner, user_name: str, but: str = "") -> bool:
    """Delete the schedules of the user but one; returns whether that one exists."""
    names = account.schedules.names(grace.name_prefix(owner, user_name))
    for name in names:
        if name != but:
            account.schedules.discard(name)
    return but in names


def retire(account: Account, retirement: Retirement) -> str:
    """Delete the key if it was replaced and its grace is over; returns what was done and why.

    While the stack is at work its roll-back may want the key back, so the end is put off.
    """
    owner = retirement.owner
    if not account.user(retirement.user_name).is_served(owner):
        return "Nothing to do: the user is gone or not ours."
    secret = account.secret(retirement.secret_name)
    state = secret.owned(owner)
    if state is None:
        return "Nothing to do: the secret is gone or not ours."
    # Asked before the keys: a roll-back that ends in between is then seen in one or the other.
    busy = stack.is_busy(account, owner)
    current, previous = secret.stored_key(CURRENT), secret.stored_key(PREVIOUS)
    if (
        current is None
        or previous is None
        or previous.access_key_id != retirement.access_key_id
        or previous.user_name != retirement.user_name
        or current.access_key_id == retirement.access_key_id
    ):
        return "Nothing to do: the key is not the one that was replaced last."
    if grace.now() < grace.grace_ends(current, grace.hours_of(state.tags)) - _TOLERANCE:
        return "Nothing to do: the grace of the key is not over."
    if busy:
        _schedule(account, retirement, grace.now() + _PATIENCE)
        return "Put off: the stack is at work and may roll back to the key."
    account.access_keys(retirement.user_name).discard(retirement.access_key_id)
    return f"Deleted access key {retirement.access_key_id}, which was replaced."


def _schedule(account: Account, retirement: Retirement, due: datetime) -> None:
    """Create this schedule and delete the user's others. The name differs when anything does."""
    name = retirement.schedule_name(due)
    if not discard_schedules(account, retirement.owner, retirement.user_name, but=name):
        description = f"Deletes the replaced access key of IAM user {retirement.user_name}"
        account.schedules.create(name, description, grace.expression(due), retirement.event)
