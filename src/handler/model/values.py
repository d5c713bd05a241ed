"""The values that the other modules hand to each other."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

STACK_TAG = "restricted-iam-user:stack-id"
LOGICAL_ID_TAG = "restricted-iam-user:logical-id"


@dataclass(frozen=True)
class Location:
    """Where the provider runs: the account that it serves, in its partition and region."""

    partition: str
    region: str
    account_id: str
    dns_suffix: str


@dataclass(frozen=True)
class Owner:
    """The resource of a stack that user, policies and secret belong to."""

    stack_id: str
    logical_id: str

    @classmethod
    def of(cls, tags: dict[str, str]) -> "Owner | None":
        """The owner that the tags name, if they name one."""
        if STACK_TAG in tags and LOGICAL_ID_TAG in tags:
            return cls(tags[STACK_TAG], tags[LOGICAL_ID_TAG])
        return None

    @property
    def tags(self) -> dict[str, str]:
        """The tags by which we know what is ours; no other thing is changed or deleted."""
        return {STACK_TAG: self.stack_id, LOGICAL_ID_TAG: self.logical_id}

    def owns(self, tags: dict[str, str]) -> bool:
        """Whether something that carries `tags` belongs to this resource."""
        return self.tags.items() <= tags.items()


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
class AccessKey:
    """A new access key. IAM shows the secret half once, so it is kept out of `repr`."""

    access_key_id: str
    created: datetime
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True)
class AccessKeyMetadata:
    """What IAM tells of an access key that exists."""

    access_key_id: str
    active: bool
    created: datetime
    last_used: datetime | None = None


@dataclass(frozen=True)
class StoredKey:
    """What a version of the secret says of its key, without the secret half."""

    version_id: str
    user_name: str
    access_key_id: str
    created: datetime
    trigger: str


@dataclass(frozen=True)
class Held:
    """The key that AWSCURRENT holds, and the id of the one it replaced if that still exists."""

    current: StoredKey
    replaced: str | None


@dataclass(frozen=True)
class Desired:
    """What the properties ask for, rendered and ready to be compared with what AWS holds."""

    user_name: str
    policies: tuple[Policy, ...]
    permissions_boundary: str | None
    tags: dict[str, str]
    secret_name: str
    kms_key_id: str | None
    trigger: str
    grace_hours: int
    reader_arns: tuple[str, ...]
    replica_regions: tuple[str, ...]
    rotation_schedule: str | None
