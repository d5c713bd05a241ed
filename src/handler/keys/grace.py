"""How long a replaced key goes on working, and what a schedule says of its end.

What IAM tells of a last use lags by hours, so a key counts as in use for a day after it.
"""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from handler.cloudformation.event import names_resource
from handler.model.owner import Owner
from handler.properties import schema
from handler.state.record import MadeKey, MadeUser

RETIRE = "RetireAccessKey"
_MEMBERS = ("StackId", "LogicalResourceId", "UserName", "SecretName", "AccessKeyId")
_ACCESS_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")
_IN_USE = timedelta(hours=24)
_PUT_OFF = timedelta(days=1)
_LONGEST_PUT_OFF = timedelta(days=30)
TOLERANCE = timedelta(minutes=1)  # Between the clocks of Lambda and IAM.


@dataclass(frozen=True)
class LastUse:
    """When a key was used last; None for never, if IAM has `told` it."""

    at: datetime | None
    told: bool = True

    def __str__(self) -> str:
        if self.at is None:
            return "IAM does not tell when it was last used"
        return f"it was last used at {self.at:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class Ending:
    """What becomes of a replaced key whose grace is over: it goes, or it stays `until` then."""

    why: str
    until: datetime | None = None
    in_use: bool = False


def ends(key: MadeKey, user: MadeUser) -> datetime:
    """When a replaced key goes, or when it is asked next whether it is in use."""
    end = _grace_ends(key, user)
    if asks_for_use(user) and key.put_off_until:
        return max(end, datetime.fromisoformat(key.put_off_until))
    return end


def asks_for_use(user: MadeUser) -> bool:
    """Whether a replaced key may outlive its grace; no grace at all means a leaked key."""
    return not user.on_time and user.grace_hours > 0


def ending(key: MadeKey, user: MadeUser, use: LastUse, time: datetime) -> Ending:
    """Decide at a time after the grace of a key that may outlive it, by when it was last used."""
    if use.told and not _is_in_use(key, use.at, time):
        return Ending("nobody used it in the last 24 hours")
    limit = _grace_ends(key, user) + _LONGEST_PUT_OFF
    if time >= limit - TOLERANCE:
        days = _LONGEST_PUT_OFF.days
        return Ending(f"{use}, but its end was put off for {days} days already", in_use=True)
    until = min(time + _PUT_OFF, limit)
    return Ending(f"{use}, so it stays until {until:%Y-%m-%d %H:%M} UTC", until, in_use=True)


def _grace_ends(key: MadeKey, user: MadeUser) -> datetime:
    return datetime.fromisoformat(key.replaced) + timedelta(hours=user.grace_hours)


def _is_in_use(key: MadeKey, last_used: datetime | None, time: datetime) -> bool:
    """Whether others than us used the key of late: our proof at STS is a use of it, too."""
    if last_used is None:
        return False
    if key.published and last_used <= datetime.fromisoformat(key.published) + TOLERANCE:
        return False
    return time - last_used < _IN_USE


@dataclass(frozen=True)
class Retirement:
    """The end of one key, as the input of a schedule carries it."""

    owner: Owner
    user_name: str
    secret_name: str
    access_key_id: str

    @classmethod
    def parse(cls, event: Any) -> "Retirement | None":
        """Read the event of a schedule; None when it is not one of ours."""
        request = event.get(RETIRE) if isinstance(event, dict) else None
        if not isinstance(request, dict) or request.keys() != set(_MEMBERS):
            return None
        values = [request[name] for name in _MEMBERS]
        if not all(isinstance(value, str) and value for value in values):
            return None
        stack_id, logical_id, *names = values
        if not (
            names_resource(stack_id, logical_id)
            and schema.allows("UserName", names[0])
            and schema.allows("SecretName", names[1])
            and _ACCESS_KEY_ID.fullmatch(names[2])
        ):
            return None
        return cls(Owner(stack_id, logical_id), *names)

    @property
    def event(self) -> str:
        """What the schedule sends, as JSON."""
        owner = (self.owner.stack_id, self.owner.logical_id)
        values = (*owner, self.user_name, self.secret_name, self.access_key_id)
        return json.dumps({RETIRE: dict(zip(_MEMBERS, values, strict=True))})

    def schedule_name(self, due: datetime) -> str:
        """A name of at most 64 characters that differs when anything about the end differs."""
        prefix = name_prefix(self.owner, self.user_name)
        return f"{prefix}{self.access_key_id}-{_digest(self.event + expression(due))[:8]}"


def name_prefix(owner: Owner, user_name: str) -> str:
    """How the names of all schedules for one user begin."""
    return f"{_digest(f'{owner.stack_id} {owner.logical_id} {user_name}')[:16]}-"


def expression(due: datetime) -> str:
    """A one-time schedule in UTC, never early: EventBridge Scheduler takes whole seconds."""
    second = datetime.fromtimestamp(math.ceil(due.timestamp()), UTC)
    return f"at({second:%Y-%m-%dT%H:%M:%S})"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
