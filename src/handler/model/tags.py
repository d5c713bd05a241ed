"""Tags of users, policies and secrets, which all speak in lists of Key/Value."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# Of a user, policy or secret there are 50 (IAM quotas, Secrets Manager quotas); one is left for the
# invitation to take it over.
MAXIMUM = 49
# Of AWS and of ours, in any case of letters: the first cannot be set, the second mean something.
_RESERVED = ("aws:", "restricted-iam-user:")


def unreserved(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that a person may set; a stack may carry others, as of Service Catalog."""
    return {key: value for key, value in tags.items() if not key.casefold().startswith(_RESERVED)}


def merged(*layers: Mapping[str, str]) -> dict[str, str]:
    """All tags, a later layer winning. IAM compares tag keys without regard to case."""
    by_folded_key = {
        key.casefold(): (key, value) for layer in layers for key, value in layer.items()
    }
    return dict(by_folded_key.values())


def problems(tags: Mapping[str, str]) -> Iterator[str]:
    """One sentence when the tags are too many."""
    if len(tags) > MAXIMUM:
        yield (
            f"Tags, the stack's tags and our own are {len(tags)}; at most {MAXIMUM} fit. Leave out "
            f"{len(tags) - MAXIMUM}."
        )


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
    """The keys that must go, except those that AWS reserves for itself."""
    return [key for key in present if key not in wanted and not key.casefold().startswith("aws:")]
