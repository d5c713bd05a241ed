"""The event files in events/, replayed against the function."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doubles import world
from doubles.fake_cloudformation import Stack

EVENTS = Path(__file__).parents[2] / "events"

# File, whether the user of create.json is there before, the stack's status, and the outcome.
REPLAYS = [
    ("create", False, "CREATE_IN_PROGRESS", "SUCCESS"),
    ("create-eks", False, "CREATE_IN_PROGRESS", "SUCCESS"),
    ("update", True, "UPDATE_IN_PROGRESS", "SUCCESS"),
    ("update-rotate", True, "UPDATE_IN_PROGRESS", "SUCCESS"),
    ("update-rollback", True, "UPDATE_ROLLBACK_IN_PROGRESS", "SUCCESS"),
    ("update-rename", True, "UPDATE_IN_PROGRESS", "SUCCESS"),
    ("delete", True, "DELETE_IN_PROGRESS", "SUCCESS"),
    ("delete-invented-id", True, "ROLLBACK_IN_PROGRESS", "SUCCESS"),
    ("create-bad-properties", False, "CREATE_IN_PROGRESS", "5 problems in the properties"),
    ("create-unresolved-placeholder", False, "CREATE_IN_PROGRESS", "must give ROLE_BOUNDARY_ARN"),
    ("create-own-document", False, "CREATE_IN_PROGRESS", "AllowPolicyDocument=false"),
    ("create-other-account", False, "CREATE_IN_PROGRESS", "not of this account and region"),
]


def event(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{name}.json").read_text()))


@pytest.mark.parametrize(
    ("name", "exists", "status", "outcome"), REPLAYS, ids=[replay[0] for replay in REPLAYS]
)
def test_event_file_does_what_its_name_says(
    new_stack: Callable[..., Stack], name: str, exists: bool, status: str, outcome: str
) -> None:
    """Each file is a whole event, and replaying it ends as its name promises."""
    stack = new_stack()
    stack.rename_id(event("create")["StackId"])
    if exists:
        stack.set_status("CREATE_IN_PROGRESS")
        stack.deliver(event("create"))
    stack.set_status(status)
    answer = stack.deliver(event(name))

    assert outcome in answer["Status"] + answer["Reason"]
    if name.startswith("delete"):
        assert world.nothing_is_left()


def test_every_event_file_is_replayed() -> None:
    """No file in events/ is dead."""
    assert {path.stem for path in EVENTS.glob("*.json")} == {replay[0] for replay in REPLAYS}
