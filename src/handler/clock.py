"""The time of day by which keys are judged."""

from datetime import UTC, datetime


def now() -> datetime:
    """The time, in UTC, by the clock of Lambda."""
    return datetime.now(UTC)
