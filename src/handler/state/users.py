"""All users that the table knows, of whatever stack."""

from dataclasses import dataclass

from handler.aws.account import Account
from handler.errors import StillBusyError
from handler.model.owner import Owner
from handler.state.made import MadeUser
from handler.state.record import Record
from handler.state.table import Entry, entries

_PAUSE_SECONDS = 3.0
_LEAST_SECONDS = 30.0


@dataclass(frozen=True)
class KnownUser:
    """A user, whose it is, and whether a request may be at work on it."""

    owner: Owner
    name: str
    made: MadeUser
    leased: bool

    def __str__(self) -> str:
        return f"{self.name} (stack {self.owner.stack_name}, resource {self.owner.logical_id})"


def known_users(account: Account, but: Owner) -> list[KnownUser]:
    """The users of every resource but one; those that are about to be made are among them.

    A request that has not said yet what it makes is waited for. Raises StillBusyError when the time
    runs out before.
    """
    while True:
        found = [
            (entry, Record.parse(entry.record) if entry.record else Record())
            for entry in entries(account.clients.dynamodb, account.settings.state_table)
            if _owner(entry) != but
        ]
        if not any(entry.leased and not record.living for entry, record in found):
            break
        if account.deadline.seconds_left() < _LEAST_SECONDS:
            raise StillBusyError
        account.deadline.pause(_PAUSE_SECONDS)
    return [
        KnownUser(_owner(entry), name, made, entry.leased)
        for entry, record in found
        for name, made in sorted(record.users.items())
    ]


def _owner(entry: Entry) -> Owner:
    return Owner(*entry.resource.split("#", 1))
