"""A user whose secret rotates on a schedule, and what must be true of it at any time."""

from typing import Any

from doubles import world
from doubles.invariants import every_key_is_held_or_ends

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
    every_key_is_held_or_ends("Provazio", current())
    stages = world.described_secret()["VersionIdsToStages"].values()
    assert [
        labels for labels in stages if "AWSPENDING" in labels and "AWSCURRENT" not in labels
    ] == []
