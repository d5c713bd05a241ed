"""The desired state of one resource."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Policy:
    """One managed policy as it should be: its name, description and document."""

    name: str
    description: str
    document: dict[str, Any]

    @property
    def text(self) -> str:
        """The document as IAM takes it, without white space."""
        return json.dumps(self.document, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Desired:
    """What the properties ask for, rendered and ready to be compared with what AWS holds.

    `trigger` is what the key is made for; its keys should be `active`, and a replaced one goes
    `on_time` or when nobody uses it; `tags` are all tags of user, policies and secret.
    """

    user_name: str
    policies: tuple[Policy, ...]
    permissions_boundary: str | None
    tags: dict[str, str]
    secret_name: str
    kms_key_id: str | None
    trigger: str
    grace_hours: int
    active: bool
    on_time: bool
    reader_arns: tuple[str, ...]
    replica_regions: tuple[str, ...]
    rotation_schedule: str | None
