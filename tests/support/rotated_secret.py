"""A user whose secret rotates on a schedule, and what must be true of it at any time."""

from typing import Any

from doubles import world

PROPERTIES: dict[str, Any] = {
    "UserName": "Provazio",
    "PolicyTemplate": "vanilla",
    "Serial": "1",
    "RotationSchedule": "rate(30 days)",
}
SECRET = "restricted/Provazio"


def current() -> str:
    return str(world.secret()["AccessKeyId"])


def is_whole() -> None:
    """AWSCURRENT holds an active key, AWSPENDING none of its own, and no key is left over."""
    held = {current()}
    stages = world.described_secret()["VersionIdsToStages"].values()
    if any("AWSPREVIOUS" in labels for labels in stages):
        held.add(world.secret(SECRET, "AWSPREVIOUS")["AccessKeyId"])
    assert world.keys()[current()] == "Active"
    assert world.keys().keys() <= held
    assert [
        labels for labels in stages if "AWSPENDING" in labels and "AWSCURRENT" not in labels
    ] == []
    schedules = world.schedules()
    assert len(schedules) <= 1
    for schedule in schedules:
        assert world.secret(SECRET, "AWSPREVIOUS")["AccessKeyId"] in schedule["Target"]["Input"]
