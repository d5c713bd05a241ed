"""Whether the keys of a user work, as `Status` wants it.

IAM UpdateAccessKey: an inactive key is refused everywhere, and can be made active again.
"""

from dataclasses import replace
from functools import partial

from handler.aws.account import Account
from handler.keys.observed import Observed
from handler.state.memory import Memory


def switch(account: Account, memory: Memory, user_name: str, observed: Observed) -> None:
    """Switch the current key and the one that it replaced on, or off.

    A replaced key that somebody else switched off stays so: it may have leaked.
    """
    inactive = {key.access_key_id for key in observed.keys if not key.active}
    if memory.user(user_name).active:
        _switch_on(account, memory, user_name, inactive)
    else:
        _switch_off(account, memory, user_name, inactive)


def _switch_on(account: Account, memory: Memory, user_name: str, inactive: set[str]) -> None:
    made = memory.user(user_name)
    # What IAM lists is late at times, so what we switched off is switched on whatever it says.
    for access_key_id, key in made.keys.items():
        if key.off or (access_key_id == made.current and access_key_id in inactive):
            _set(account, user_name, access_key_id, active=True)
    memory.note(user_name, keys={one: replace(key, off=False) for one, key in made.keys.items()})


def _switch_off(account: Account, memory: Memory, user_name: str, inactive: set[str]) -> None:
    """Remember that we do it before it is done: one that we switched off is no broken key."""
    made = memory.user(user_name)
    wanted = [
        access_key_id
        for access_key_id, key in made.keys.items()
        if not (key.off and access_key_id in inactive)
    ]
    if not wanted:
        return
    keys = {
        one: replace(key, off=key.off or one == made.current or one not in inactive)
        for one, key in made.keys.items()
    }
    memory.note(user_name, keys=keys)
    memory.save()
    for access_key_id in wanted:
        _set(account, user_name, access_key_id, active=False)


def _set(account: Account, user_name: str, access_key_id: str, *, active: bool) -> None:
    """IAM may not know a new key yet."""
    call = partial(account.access_keys(user_name).switch, access_key_id, active=active)
    account.deadline.until_settled(call, "NoSuchEntity")
