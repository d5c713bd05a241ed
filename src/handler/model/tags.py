"""Tags of users, policies and secrets, which all speak in lists of Key/Value."""

from collections.abc import Iterable, Mapping
from typing import Any

from handler.errors import InvalidPropertiesError

# A user, policy or secret can have 50 (IAM quotas, Secrets Manager quotas); three are kept for the
# notes on the user.
MAXIMUM_WANTED = 47


def wanted(*layers: Mapping[str, str]) -> dict[str, str]:
    """All tags, a later layer winning; raises InvalidPropertiesError when they are too many.

    IAM compares tag keys without regard to case.
    """
    by_folded_key = {
        key.casefold(): (key, value) for layer in layers for key, value in layer.items()
    }
    if len(by_folded_key) > MAXIMUM_WANTED:
        raise InvalidPropertiesError(
            [
                f"Tags, the stack's tags and our own are {len(by_folded_key)}; "
                f"at most {MAXIMUM_WANTED} fit."
            ]
        )
    return dict(by_folded_key.values())


def as_list(tags: Mapping[str, str]) -> list[Any]:
    """The form in which requests carry tags."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def as_dict(tags: Iterable[Any]) -> dict[str, str]:
    """The tags of an answer or of the `Tags` property."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def to_set(present: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """The tags that must be written to turn `present` into `wanted`."""
    return {key: value for key, value in wanted.items() if present.get(key) != value}


def to_remove(present: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """The keys that must go, except those that AWS reserves for itself.

    They go before others come, for two reasons: all must fit, and to IAM's users a key in other
    letters is the same key (IAM User Guide, "Tags for IAM resources").
    """
    return [key for key in present if key not in wanted and not key.startswith("aws:")]
