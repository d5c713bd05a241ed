"""The decision about a replaced key whose grace is over, as a function of its last use."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from handler.clock import now
from handler.keys.grace import LastUse, ending, ends
from handler.state.made import MadeKey, MadeUser

REPLACED = datetime(2020, 1, 1, tzinfo=UTC)
KEY = MadeKey("1", "version", REPLACED.isoformat(), (REPLACED - timedelta(hours=1)).isoformat())
DAY, LONGEST = timedelta(days=1), timedelta(days=30)
AGES = st.none() | st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3))
LATENESS = st.timedeltas(min_value=timedelta(), max_value=timedelta(hours=30))


def test_keys_are_judged_by_the_time_of_the_day() -> None:
    """The clock of the grace is that of the machine, in UTC."""
    assert abs(datetime.now(UTC) - now()) < timedelta(minutes=1)


@given(st.integers(1, 720), st.lists(st.tuples(AGES, st.booleans(), LATENESS), min_size=31))
def test_key_stays_while_it_is_used_and_thirty_days_at_most(
    hours: int, asked: list[tuple[timedelta | None, bool, timedelta]]
) -> None:
    """However it is used, and however late the schedules fire, every key goes in the end."""
    key, user = KEY, MadeUser(grace_hours=hours)
    limit = REPLACED + timedelta(hours=hours) + LONGEST
    for age, told, late in asked:
        now = ends(key, user) + late
        used = None if age is None or not told else now - age
        decided = ending(key, user, LastUse(used, told), now)
        if decided.until is None:
            idle = told and (
                used is None or now - used >= DAY or used <= REPLACED - timedelta(minutes=59)
            )
            assert idle or now >= limit - timedelta(minutes=1)
            return
        assert decided.in_use
        assert now < decided.until <= min(now + DAY, limit)
        key = replace(key, put_off=key.put_off + 1, put_off_until=decided.until.isoformat())
        assert ends(key, user) == decided.until
    raise AssertionError("the key was put off for more than thirty days")


def test_key_that_was_published_nobody_knows_when_is_in_use_by_any_use() -> None:
    """Without the time of its publication no use can be told from our proof, so all count."""
    user, now = MadeUser(grace_hours=1), REPLACED + timedelta(hours=1)
    use = LastUse(REPLACED - timedelta(hours=2))

    assert ending(KEY, user, use, now).until is None
    assert ending(replace(KEY, published=""), user, use, now).until == now + DAY
