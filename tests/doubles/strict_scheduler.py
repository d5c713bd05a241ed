"""As strict_moto, for EventBridge Scheduler, whose schedules fire here when a test lets them."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.scheduler.exceptions import ScheduleGroupNotFound, ValidationException
from moto.scheduler.responses import EventBridgeSchedulerResponse

from doubles import world
from doubles.fake_cloudformation import LambdaContext
from handler import app
from handler import clock as provider_clock

_create_schedule = EventBridgeSchedulerResponse.create_schedule


def create_schedule(response: EventBridgeSchedulerResponse) -> str:
    """CreateSchedule: name of 1 to 64 characters, group that exists, one time that lies ahead."""
    name, group = response.uri.split("/")[-1], response._get_param("GroupName")
    if not re.fullmatch(r"[0-9a-zA-Z_.-]{1,64}", name):
        raise ValidationException(f"Value '{name}' at 'name' failed to satisfy constraint.")
    if group not in response.scheduler_backend.schedule_groups:
        raise ScheduleGroupNotFound(group)
    if due(response._get_param("ScheduleExpression")) <= provider_clock.now():
        raise ValidationException("Invalid Schedule Expression: the time is in the past.")
    return _create_schedule(response)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the strictness in place for one test."""
    monkeypatch.setattr(EventBridgeSchedulerResponse, "create_schedule", create_schedule)


def due(expression: str) -> datetime:
    """When a one-time schedule without a time zone of its own fires: UTC."""
    try:
        return datetime.strptime(expression, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    except ValueError:
        raise ValidationException(f"Invalid Schedule Expression {expression}.") from None


def fire(schedule: dict[str, Any]) -> None:
    """Invoke the target with its input, then delete the schedule if it says so.

    Scheduler User Guide, "Deleting a schedule": ActionAfterCompletion.
    """
    app.lambda_handler(json.loads(schedule["Target"]["Input"]), LambdaContext())
    complete(schedule)


def complete(schedule: dict[str, Any]) -> None:
    """A schedule that has fired goes, if it says so."""
    if schedule["ActionAfterCompletion"] == "DELETE":
        scheduler = world.client("scheduler")
        try:
            scheduler.delete_schedule(GroupName=schedule["GroupName"], Name=schedule["Name"])
        except scheduler.exceptions.ResourceNotFoundException:
            return  # The function was quicker.
