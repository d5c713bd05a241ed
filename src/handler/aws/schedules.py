"""The one-time schedules of EventBridge Scheduler that end the grace of replaced keys."""

from datetime import datetime, timedelta

from handler.aws.account import Provider
from handler.aws.iam.access_keys import AccessKeys
from handler.keys import grace
from handler.keys.grace import Retirement
from handler.model.values import Held, Owner

# Scheduler is exact to the minute, and refuses or fires at once what lies in the past.
_SOONEST = timedelta(minutes=1)


class Schedules:
    """The schedules of one user, in the group that the template makes."""

    def __init__(self, provider: Provider, owner: Owner, user_name: str) -> None:
        self._scheduler = provider.clients.scheduler
        self._group = provider.settings.schedule_group
        self._role_arn = provider.settings.schedule_role_arn
        self._provider_arn = provider.function_arn
        self._owner = owner
        self._user_name = user_name

    def settle(self, held: Held, hours: int, secret_name: str, keys: AccessKeys) -> None:
        """Delete the replaced key if its grace is over, else have it deleted when it is."""
        due = grace.grace_ends(held.current, hours)
        if held.replaced is None:
            self.discard()
        elif due <= grace.now() + _SOONEST:
            keys.discard(held.replaced)
            self.discard()
        else:
            retirement = Retirement(self._owner, self._user_name, secret_name, held.replaced)
            self.ensure(retirement, due)

    def ensure(self, retirement: Retirement, due: datetime) -> None:
        """Exactly this schedule is there."""
        name = retirement.schedule_name(due)
        if name in self.discard(except_for=name):
            return
        try:
            self._scheduler.create_schedule(
                Name=name,
                GroupName=self._group,
                Description=f"Deletes the replaced access key of IAM user {self._user_name}",
                ScheduleExpression=grace.expression(due),
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._provider_arn,
                    "RoleArn": self._role_arn,
                    "Input": retirement.event,
                },
            )
        except self._scheduler.exceptions.ConflictException:
            return  # Made by an earlier delivery; the name says that it is the same.

    def discard(self, except_for: str = "") -> list[str]:
        """Delete the schedules of the user but one; returns the names of all that there were."""
        pages = self._scheduler.get_paginator("list_schedules").paginate(
            GroupName=self._group, NamePrefix=grace.name_prefix(self._owner, self._user_name)
        )
        names = [schedule["Name"] for page in pages for schedule in page["Schedules"]]
        for name in names:
            if name != except_for:
                self._delete(name)
        return names

    def _delete(self, name: str) -> None:
        try:
            self._scheduler.delete_schedule(Name=name, GroupName=self._group)
        except self._scheduler.exceptions.ResourceNotFoundException:
            return  # It ran meanwhile.
