"""What is not as it should be: decided from what was read, without asking again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from handler.state.made import MadeUser
from operator_tool.reports import KeyReport, PolicyReport, SecretReport

_LATE = timedelta(hours=1)
_ROTATION_LATE = timedelta(days=1)
# IAM shows such an id where the principal that a policy named is gone.
_GONE_PRINCIPALS = ("AIDA", "AROA")


@dataclass(frozen=True)
class Expected:
    """What the provider remembers and demands; `made` is None where the table was not read.

    `settled` is when the resource was last changed by its stack, if that is known.
    """

    made: MadeUser | None
    boundary: str
    settled: datetime | None
    max_age: timedelta


def of_keys(keys: tuple[KeyReport, ...], expected: Expected, now: datetime) -> Iterator[str]:
    """Missing, inactive, foreign, overdue and old keys."""
    made = expected.made
    if made and made.current not in {key.access_key_id for key in keys}:
        yield f"Its key {made.current or '(none)'} is missing."
    for key in keys:
        name = key.access_key_id
        if key.role == "current" and not key.active:
            yield f"Its key {name} is inactive."
        if key.role == "foreign":
            used = f"last used {key.last_used:%Y-%m-%d}" if key.last_used else "never used"
            yield f"Key {name} was not made here ({used})."
        if key.ends and key.ends + _LATE < now:
            yield f"Replaced key {name} should have ended on {key.ends:%Y-%m-%d %H:%M}."
        if key.role == "current" and now - key.created > expected.max_age:
            yield f"Its key {name} is {(now - key.created).days} days old."


def of_policies(policies: tuple[PolicyReport, ...], expected: Expected) -> Iterator[str]:
    """Detached, replaced, edited and foreign policies."""
    made = expected.made
    attached = {policy.arn: policy for policy in policies}
    for arn, policy_id in (made.policies if made else {}).items():
        name = arn.rpartition("/")[2]
        if arn not in attached:
            yield f"Policy {name} is detached."
        elif policy_id and attached[arn].policy_id not in ("", policy_id):
            yield f"Policy {name} is another one than was made."
    for policy in policies:
        if made and not policy.ours and policy.arn not in made.inherited:
            yield f"Policy {policy.name} was attached by somebody else."
        if policy.ours and not policy.newest:
            yield f"Policy {policy.name} is back on the older version {policy.version}."
        if policy.ours and _is_later(policy.written, expected.settled):
            yield f"Policy {policy.name} was edited on {policy.written:%Y-%m-%d %H:%M}."


def _is_later(written: datetime | None, settled: datetime | None) -> bool:
    return bool(written and settled and written > settled + timedelta(minutes=1))


def of_boundary(boundary: str, expected: Expected) -> Iterator[str]:
    """A boundary that is missing or another one."""
    if not boundary:
        yield "It has no permissions boundary."
    elif expected.boundary and boundary != expected.boundary:
        yield f"Its boundary is {boundary}, not {expected.boundary}."


def of_secrets(
    secrets: tuple[SecretReport, ...], expected: Expected, now: datetime
) -> Iterator[str]:
    """A secret that is gone, copies that failed, readers that are too many or gone."""
    found = {secret.name for secret in secrets}
    for name in expected.made.secrets if expected.made else ():
        if name not in found:
            yield f"Secret {name} is missing."
    for secret in secrets:
        if secret.deleted:
            yield f"Secret {secret.name} is scheduled for deletion."
        for copy in secret.copies:
            if copy.status == "Failed":
                yield f"The copy of {secret.name} in {copy.region} failed."
        if secret.next_rotation and secret.next_rotation + _ROTATION_LATE < now:
            yield f"The rotation of {secret.next_rotation:%Y-%m-%d} did not happen."
        yield from _of_readers(secret)


def _of_readers(secret: SecretReport) -> Iterator[str]:
    for reader in secret.readers or ():
        if reader == "*":
            yield f"Everybody may read {secret.name}."
        elif reader.startswith(_GONE_PRINCIPALS):
            yield f"A reader of {secret.name} is gone: {reader}."
