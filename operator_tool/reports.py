"""What the tool knows of one restricted user: values, in the form that `--json` prints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class KeyReport:
    """An access key; `role` is current, replaced, inherited, foreign or unknown.

    A key in its grace `ends` then. `last_used` is None of a key that was never used.
    """

    access_key_id: str
    active: bool
    role: str
    created: datetime
    last_used: datetime | None
    last_service: str
    ends: datetime | None = None


@dataclass(frozen=True)
class PolicyReport:
    """An attached policy: its version, when that was written, and whether the resource made it."""

    arn: str
    policy_id: str
    description: str
    version: str
    newest: bool
    written: datetime | None
    ours: bool

    @property
    def name(self) -> str:
        """The name in the ARN."""
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class CopyReport:
    """The copy of a secret in a region."""

    region: str
    status: str


@dataclass(frozen=True)
class SecretReport:
    """The secret, and who may read it by its own policy; None where that could not be read."""

    name: str
    arn: str
    deleted: bool = False
    schedule: str = ""
    next_rotation: datetime | None = None
    copies: tuple[CopyReport, ...] = ()
    readers: tuple[str, ...] | None = ()


@dataclass(frozen=True)
class UserReport:
    """A restricted user; `findings` are what is not as the resource left it, a sentence each."""

    user_name: str
    arn: str
    stack: str
    logical_id: str
    template: str
    boundary: str
    keys: tuple[KeyReport, ...]
    policies: tuple[PolicyReport, ...]
    secrets: tuple[SecretReport, ...]
    findings: tuple[str, ...] = ()
