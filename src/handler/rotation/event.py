"""What Secrets Manager asks the rotation function for."""

import re
from dataclasses import dataclass
from typing import Any

from handler.errors import RotationRefusedError

_STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
# API reference of Secrets Manager, RotateSecret: what AWS itself would refuse is not asked.
_SECRET_ID = re.compile(r"[A-Za-z0-9/_+=.@:-]{1,2048}")
_TOKEN = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class Step:
    """What Secrets Manager asks for: a step, for the version `token` of a secret."""

    name: str
    secret_id: str
    token: str


def read(event: Any) -> Step:
    """Read the event; raises RotationRefusedError when it is not one of a rotation."""
    names = ("Step", "SecretId", "ClientRequestToken")
    values = [event.get(name) if isinstance(event, dict) else None for name in names]
    step, secret_id, token = (value if isinstance(value, str) else "" for value in values)
    if step not in _STEPS or not _SECRET_ID.fullmatch(secret_id) or not _TOKEN.fullmatch(token):
        raise RotationRefusedError("This is no step of a rotation by Secrets Manager.")
    return Step(step, secret_id, token)
