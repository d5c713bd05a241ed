"""One-time schedules of EventBridge Scheduler, in the group that the template makes."""

from typing import TYPE_CHECKING

from handler.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient


class Schedules:
    """The schedules of the provider; each invokes it once."""

    def __init__(self, scheduler: "EventBridgeSchedulerClient", settings: Settings) -> None:
        self._scheduler = scheduler
        self._settings = settings

    def names(self, prefix: str) -> list[str]:
        """Names of the schedules that begin with `prefix`."""
        pages = self._scheduler.get_paginator("list_schedules").paginate(
            GroupName=self._settings.schedule_group, NamePrefix=prefix
        )
        return [schedule["Name"] for page in pages for schedule in page["Schedules"]]

    def create(self, name: str, description: str, expression: str, event: str) -> None:
        """Have the provider invoked with `event`, as JSON; a schedule of that name stays."""
        try:
            self._scheduler.create_schedule(
                Name=name,
                GroupName=self._settings.schedule_group,
                Description=description,
                ScheduleExpression=expression,
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._settings.provider_function_arn,
                    "RoleArn": self._settings.schedule_role_arn,
                    "Input": event,
                },
            )
        except self._scheduler.exceptions.ConflictException:
            return

    def discard(self, name: str) -> None:
        """Delete a schedule; gone already, because it ran, is success."""
        try:
            self._scheduler.delete_schedule(Name=name, GroupName=self._settings.schedule_group)
        except self._scheduler.exceptions.ResourceNotFoundException:
            return
