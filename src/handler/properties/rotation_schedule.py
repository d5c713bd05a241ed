"""What Secrets Manager takes as a rotation schedule.

Secrets Manager User Guide, "Rotation schedules": rates in days or hours, cron expressions on the
full hour of any year, and at least four hours between rotations.
"""

import re

_RATE = re.compile(r"rate\((?:(?:[1-9]|[1-9][0-9]{1,2}) days?|(?:[4-9]|[1-9][0-9]{1,2}) hours)\)")
_CRON = re.compile(r"cron\(0 (\S+) (\S+) (\S+) (\S+) \*\)")
_DAY = re.compile(r"\?|[0-9A-Z,*/#-]+")
_MONTH = re.compile(r"[0-9A-Z,*/-]+")
_HOURS_OF_DAY = 24
_FEWEST_HOURS_BETWEEN = 4


def is_rotation_schedule(expression: str) -> bool:
    """Whether Secrets Manager would take the expression."""
    if _RATE.fullmatch(expression):
        return True
    cron = _CRON.fullmatch(expression)
    if cron is None:
        return False
    hours, day_of_month, month, day_of_week = cron.groups()
    return (
        _far_enough_apart(hours)
        and (day_of_month == "?") != (day_of_week == "?")
        and all(_DAY.fullmatch(day) for day in (day_of_month, day_of_week))
        and _MONTH.fullmatch(month) is not None
    )


def _far_enough_apart(field: str) -> bool:
    hours: list[int] = []
    for part in field.split(","):
        match = re.fullmatch(r"(?:([0-9]{1,2})(?:-([0-9]{1,2}))?|\*)?(?:/([0-9]{1,2}))?", part)
        if not part or match is None:
            return False
        first, last, step = match.groups()
        begin = int(first or 0)
        end = int(last) if last else begin if first and not step else _HOURS_OF_DAY - 1
        if end >= _HOURS_OF_DAY or int(step or 1) == 0:
            return False
        hours += range(begin, end + 1, int(step or 1))
    hours.sort()
    next_hours = [*hours[1:], *(hour + _HOURS_OF_DAY for hour in hours[:1])]
    gaps = [later - earlier for earlier, later in zip(hours, next_hours, strict=True)]
    return bool(gaps) and min(gaps) >= _FEWEST_HOURS_BETWEEN
