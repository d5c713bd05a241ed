"""What a schedule says of the end of a replaced key, and the name that the schedule has."""

import hashlib
import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from handler.cloudformation.event import names_resource
from handler.model.owner import Owner
from handler.properties import schema

RETIRE = "RetireAccessKey"
_MEMBERS = ("StackId", "LogicalResourceId", "UserName", "SecretName", "AccessKeyId")
_ACCESS_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")


@dataclass(frozen=True)
class Retirement:
    """The end of one key, as the input of a schedule carries it."""

    owner: Owner
    user_name: str
    secret_name: str
    access_key_id: str

    @classmethod
    def parse(cls, event: Any) -> "Retirement | None":
        """Read the event of a schedule; None when it is not one of ours."""
        request = event.get(RETIRE) if isinstance(event, dict) else None
        if not isinstance(request, dict) or request.keys() != set(_MEMBERS):
            return None
        values = [request[name] for name in _MEMBERS]
        if not all(isinstance(value, str) and value for value in values):
            return None
        stack_id, logical_id, *names = values
        if not (
            names_resource(stack_id, logical_id)
            and schema.allows("UserName", names[0])
            and schema.allows("SecretName", names[1])
            and _ACCESS_KEY_ID.fullmatch(names[2])
        ):
            return None
        return cls(Owner(stack_id, logical_id), *names)

    @property
    def event(self) -> str:
        """What the schedule sends, as JSON."""
        owner = (self.owner.stack_id, self.owner.logical_id)
        values = (*owner, self.user_name, self.secret_name, self.access_key_id)
        return json.dumps({RETIRE: dict(zip(_MEMBERS, values, strict=True))})

    def schedule_name(self, due: datetime) -> str:
        """A name of at most 64 characters that differs when anything about the end differs."""
        prefix = name_prefix(self.owner, self.user_name)
        return f"{prefix}{self.access_key_id}-{_digest(self.event + expression(due))[:8]}"


def name_prefix(owner: Owner, user_name: str) -> str:
    """How the names of all schedules for one user begin."""
    return f"{_digest(f'{owner.stack_id} {owner.logical_id} {user_name}')[:16]}-"


def expression(due: datetime) -> str:
    """A one-time schedule in UTC, never early: EventBridge Scheduler takes whole seconds."""
    second = datetime.fromtimestamp(math.ceil(due.timestamp()), UTC)
    return f"at({second:%Y-%m-%dT%H:%M:%S})"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
