"""What the experiments share: the function that says what it sees, and how long they wait."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from acceptance import templates
from acceptance.account import Account
from acceptance.belongings import probe_stack
from acceptance.chapters import Course
from acceptance.stacks import Event, Stack

_LOGGED_WITHIN_SECONDS = 60


class NotAnsweredError(Exception):
    """An experiment could not be made, or says nothing; the message says why."""


@dataclass
class Laboratory:
    """The account with the function in it."""

    course: Course
    # Why there is no function to ask.
    missing: str = "it was not made"
    outputs: dict[str, str] = field(default_factory=dict)
    crashed: float = 0.0
    # A key that was used, and when.
    used_key: str = ""
    used: float = 0.0

    @property
    def account(self) -> Account:
        return self.course.account

    @property
    def function_arn(self) -> str:
        return self._output("Function")

    @property
    def role_arn(self) -> str:
        return self._output("Role")

    def _output(self, name: str) -> str:
        if name not in self.outputs:
            raise NotAnsweredError(f"there is no function to ask: {self.missing}")
        return self.outputs[name]

    def prepare(self) -> None:
        """Make the function, and let it crash on an event, whose redelivery takes minutes."""
        stack = Stack(self.account, probe_stack(self.account), self.course.measured)
        status = stack.create(templates.probe(self.account))
        if status != "CREATE_COMPLETE":
            raise NotAnsweredError(f"its stack ended in {status}")
        self.outputs = stack.outputs()
        # The function hears of it through Lambda's queue, as it does of CloudFormation's events.
        self.account.client("lambda").invoke(
            FunctionName=self.function_arn, InvocationType="Event", Payload=json.dumps({"Crash": 1})
        )
        self.crashed = time.time()

    def logged(self, pattern: str) -> list[dict[str, Any]]:
        """Lines of the function's log with this in it, oldest first."""
        pages = (
            self.account.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=templates.log_group(self.account), filterPattern=f'"{pattern}"')
        )
        lines = [line for page in pages for line in page["events"] if pattern in line["message"]]
        return sorted(lines, key=lambda line: line["timestamp"])

    def seen(self, logical_ids: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """What the function has seen of these resources, which have been deleted, or of all.

        Raises NotAnsweredError for nothing. A log is told some seconds late.
        """
        give_up = time.monotonic() + _LOGGED_WITHIN_SECONDS * self.account.patience
        while True:
            said = [
                json.loads(line["message"].split("SEEN ", 1)[1]) for line in self.logged("SEEN")
            ]
            found = [one for one in said if not logical_ids or one["LogicalId"] in logical_ids]
            deleted = {one["LogicalId"] for one in found if one["Kind"] == "Delete"}
            if (found and deleted >= set(logical_ids)) or time.monotonic() > give_up:
                break
            self.pause()
        if not found:
            raise NotAnsweredError("the log does not tell what the function has seen")
        return found

    def until(self, holds: Callable[[], bool], seconds: float) -> float | None:
        """Ask until it holds; how many seconds that took, or None if it does not in time."""
        started = time.monotonic()
        while not holds():
            if time.monotonic() > started + seconds * self.account.patience:
                return None
            self.pause()
        return time.monotonic() - started

    def pause(self) -> None:
        time.sleep(self.account.poll_seconds)


def told(events: list[Event]) -> str:
    """Events in their order, as one line."""
    return " → ".join(f"{event.logical_id} {event.status}" for event in events)
