"""The end of a replaced key: at once, by a schedule, and what happens when the schedule fires.

A schedule may fire late, twice, or for what is long gone, and anybody who may invoke the function
can send its event. So only the state table and AWS are believed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from botocore.exceptions import ClientError

from handler import clock
from handler.aws.account import Account
from handler.cloudformation import stack
from handler.errors import error_code
from handler.facts import Fact, Metric, tell
from handler.keys import grace
from handler.keys.grace import Ending, LastUse
from handler.keys.retirement import Retirement, expression, name_prefix
from handler.model.owner import Owner
from handler.state.memory import Memory, lease
from handler.state.record import Record

_WHILE_BUSY = timedelta(minutes=15)
# What IAM answers of a key that is gone, and of one that it does not let us ask about.
_NO_ANSWER = ("AccessDenied", "NoSuchEntity")
_TOLD_NOTHING, _TOLD_PUT_OFF, _TOLD_RETIRED = "NothingToRetire", "RetirementPutOff", "Retired"
# Scheduler is exact to the minute, and refuses or fires at once what lies in the past.
_SOONEST = timedelta(minutes=1)


def end_grace(account: Account, memory: Memory, user_name: str, secret_name: str) -> None:
    """End each replaced key of the user whose grace is over, and schedule the end of others.

    Nothing is scheduled of a user whose key was never replaced.
    """
    made = memory.user(user_name)
    for access_key_id, key in made.keys.items():
        if not key.replaced:
            continue
        retirement = Retirement(memory.owner, user_name, secret_name, access_key_id)
        due = grace.ends(key, made)
        if due <= clock.now() + _SOONEST:
            _end(account, memory, retirement)
        else:
            _schedule(account, memory, retirement, due)
    if made.scheduled and not any(key.replaced for key in memory.user(user_name).keys.values()):
        discard_schedules(account, memory.owner, user_name)
        memory.note(user_name, scheduled=False)


def discard_schedules(account: Account, owner: Owner, user_name: str, but: str = "") -> bool:
    """Delete the schedules of the user but one; returns whether that one exists."""
    names = account.schedules.names(name_prefix(owner, user_name))
    for name in names:
        if name != but:
            account.schedules.discard(name)
    return but in names


def ending_keys(account: Account, owner: Owner, user_name: str) -> list[str]:
    """The keys of the user that a schedule ends, whatever is remembered of them."""
    prefix = name_prefix(owner, user_name)
    names = account.schedules.names(prefix)
    return [name.removeprefix(prefix).rpartition("-")[0] for name in names]


def retire(account: Account, retirement: Retirement) -> None:
    """Delete the key if it was replaced, its grace is over, and nobody uses it.

    While the stack is at work its roll-back may want the key back, so the end is put off.
    """
    memory = Memory(account, retirement.owner, "the end of a grace")
    if why := _still_wanted(memory.peek(), retirement):
        _tell(retirement, _TOLD_NOTHING, why)
        return
    with lease(memory):
        why = _still_wanted(memory.record, retirement) or _not_ours(account, memory, retirement)
        if why:
            _tell(retirement, _TOLD_NOTHING, why)
        elif stack.is_busy(account, retirement.owner):
            _schedule(account, memory, retirement, clock.now() + _WHILE_BUSY)
            _tell(retirement, _TOLD_PUT_OFF, "the stack is at work and may roll back to the key")
        else:
            _end(account, memory, retirement)


def _not_ours(account: Account, memory: Memory, retirement: Retirement) -> str:
    """Why the key is none that we may delete, as far as AWS tells; else ""."""
    user_name, secret_name = retirement.user_name, retirement.secret_name
    user = account.user(user_name).describe()
    if user is None or not memory.owns(user, memory.user(user_name).user_id):
        return "the user is gone or not ours"
    secret = account.secret(secret_name).describe()
    known_id = memory.record.known_id(secret_name)
    if secret is None or secret.awaits_deletion or not memory.owns(secret, known_id):
        return "the secret is gone or not ours"
    return ""


def _still_wanted(record: Record, retirement: Retirement) -> str:
    """Why the key must not be deleted now, as far as it is remembered; else ""."""
    user = record.user(retirement.user_name)
    key = user.keys.get(retirement.access_key_id)
    if key is None or not key.replaced or retirement.access_key_id == user.current:
        return "the key is not one that was replaced"
    if clock.now() < grace.ends(key, user) - grace.TOLERANCE:
        return "the grace of the key is not over"
    return ""


def _end(account: Account, memory: Memory, retirement: Retirement) -> None:
    """Delete a replaced key whose grace is over, or put its end off while somebody uses it."""
    user_name, access_key_id = retirement.user_name, retirement.access_key_id
    made = memory.user(user_name)
    key, others = made.keys[access_key_id], {**made.keys}
    del others[access_key_id]
    ending = Ending("its grace is over")
    if grace.asks_for_use(made):
        ending = grace.ending(key, made, _last_use(account, retirement), clock.now())
    if ending.until is None:
        account.access_keys(user_name).discard(access_key_id)
        memory.note(user_name, keys=others)
        counts = {Metric.REPLACED_KEYS_AT_LIMIT: 1.0} if ending.in_use else {}
        _tell(retirement, _TOLD_RETIRED, ending.why, key.put_off, counts)
        return
    # The schedule comes first: should we die before it is remembered, the event comes again.
    _schedule(account, memory, retirement, ending.until)
    key = replace(key, put_off=key.put_off + 1, put_off_until=ending.until.isoformat())
    memory.note(user_name, keys={**others, access_key_id: key})
    _tell(retirement, _TOLD_PUT_OFF, ending.why, key.put_off, {Metric.REPLACED_KEYS_IN_USE: 1.0})


def _last_use(account: Account, retirement: Retirement) -> LastUse:
    """Ask IAM; a key that is gone already is used by nobody, but no answer is none."""
    keys, access_key_id = account.access_keys(retirement.user_name), retirement.access_key_id
    try:
        return LastUse(keys.last_used(access_key_id))
    except ClientError as error:
        if error_code(error) not in _NO_ANSWER:
            raise
        return LastUse(None, told=access_key_id not in keys.ids())


def _tell(
    retirement: Retirement,
    what: str,
    why: str,
    put_off: int = 0,
    counts: Mapping[Metric, float] = MappingProxyType({}),
) -> None:
    about = {"user_name": retirement.user_name, "access_key_id": retirement.access_key_id}
    tell(Fact(what, why, about | ({"put_off": str(put_off)} if put_off else {}), counts))


def _schedule(account: Account, memory: Memory, retirement: Retirement, due: datetime) -> None:
    """Create this schedule and delete the user's others. The name differs when anything does."""
    if not memory.user(retirement.user_name).scheduled:
        memory.note(retirement.user_name, scheduled=True)
        memory.save()
    name = retirement.schedule_name(due)
    if not discard_schedules(account, retirement.owner, retirement.user_name, but=name):
        description = f"Deletes the replaced access key of IAM user {retirement.user_name}"
        account.schedules.create(name, description, expression(due), retirement.event)
