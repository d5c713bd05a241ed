"""Access keys, as IAM and the versions of a secret tell of them."""

from dataclasses import dataclass, field
from datetime import datetime

KEYS_PER_USER = 2  # IAM quotas; inactive keys count.


@dataclass(frozen=True)
class AccessKey:
    """A new access key. IAM shows the secret half once, so it is kept out of `repr`."""

    access_key_id: str
    created: datetime
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True)
class AccessKeyMetadata:
    """What IAM tells of an access key that exists; its last use only where it was asked for."""

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
