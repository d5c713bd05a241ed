"""How long a replaced key goes on working.

What IAM tells of a last use lags by hours, so a key counts as in use for a day after it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from handler.state.made import MadeKey, MadeUser

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
