"""The users that need the provider, as a Reason names them."""

from collections.abc import Iterable
from itertools import islice

from handler.aws.account import Account
from handler.cloudformation import stack
from handler.state.users import KnownUser

# So that a Reason has room for what to do.
_MOST_NAMED = 10


def living(account: Account, users: Iterable[KnownUser]) -> list[KnownUser]:
    """The users that are there and whose stacks may ask for something yet, as many as are named."""
    return list(islice((user for user in users if _lives(account, user)), _MOST_NAMED + 1))


def named(users: list[KnownUser]) -> str:
    """The users in words, at most ten of them."""
    names = [str(user) for user in users[:_MOST_NAMED]]
    return ", ".join([*names, *(["and others"] if len(users) > _MOST_NAMED else [])])


def _lives(account: Account, user: KnownUser) -> bool:
    """Whether a user needs the provider; one that its stack has kept does not."""
    if user.made.retained:
        return False
    if user.leased:
        return True
    state = account.user(user.name).describe()
    return (
        state is not None
        and user.owner.identifies(state, user.made.user_id)
        and stack.is_there(account, user.owner)
    )
