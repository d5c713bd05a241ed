"""What the provider remembers of one user that it made, and of each key."""

from __future__ import annotations  # The operators' tool has it run on Python 3.9.

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def read(cls: type[T], members: dict[str, Any]) -> T:
    """Read what `asdict` wrote; an update that is rolled back left members of a later release."""
    names = {one.name for one in fields(cls)}  # type: ignore[arg-type] # a dataclass
    return cls(**{name: value for name, value in members.items() if name in names})


@dataclass(frozen=True)
class MadeKey:
    """An access key that we made: for what, and the version of the secret that holds it.

    `replaced` is when another key took its place, empty while none did; nobody but us had the key
    before it was `published`, empty where that is not known. `off` is one that we switched off
    because `Status` wants it. The end of its grace was `put_off` so often, and lastly to
    `put_off_until`. Times are in ISO 8601.
    """

    trigger: str
    version_id: str
    replaced: str = ""
    published: str = ""
    off: bool = False
    put_off: int = 0
    put_off_until: str = ""


@dataclass(frozen=True)
class Minting:
    """A key is about to be made, beside the keys that exist already.

    `announced` is when, in ISO 8601.
    """

    beside: tuple[str, ...]
    announced: str


@dataclass(frozen=True)
class MadeUser:
    """One user of the resource and what belongs to it.

    `policies` are PolicyIds by ARN and `secrets` ARNs by name; an empty id stands for something
    that we are about to make. `current` is the access key id that AWSCURRENT held last.
    `active` is what `Status` wants of the keys, `on_time` what `RetirePreviousKey` does. A user is
    `complete` when CloudFormation was told so, `known` when CloudFormation has named it since,
    `retained` when its resource left the template without a Delete, and `kept` when the Update that
    led to it last led back to it, so that it stays when that is rolled back. `made_by` is the
    request id of the Create that made or took it up last; empty when an Update did. `inherited` are
    the ids of what the resource took over: they stay when it goes. `iam_path` and `secret_prefix`
    are the provider's when the user was made; `policy_template` is what it asked for last.
    `documents` says by ARN which document each policy has, and in which version. The end of a
    replaced key may be `scheduled`.
    """

    user_id: str = ""
    current: str = ""
    grace_hours: int = 0
    active: bool = True
    on_time: bool = False
    complete: bool = False
    known: bool = False
    retained: bool = False
    kept: bool = False
    policies: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    keys: dict[str, MadeKey] = field(default_factory=dict)
    minting: Minting | None = None
    inherited: tuple[str, ...] = ()
    iam_path: str = ""
    secret_prefix: str = ""
    policy_template: str = ""
    made_by: str = ""
    documents: dict[str, str] = field(default_factory=dict)
    scheduled: bool = False

    @property
    def announced(self) -> tuple[object, ...]:
        """What the table must hold before it is made, or taken up again."""
        return self.user_id, self.policies, self.secrets, self.inherited, self.retained

    @classmethod
    def of(cls, members: dict[str, Any]) -> MadeUser:
        """Read what `asdict` wrote."""
        minting = members["minting"]
        return read(
            cls,
            members
            | {
                "keys": {key_id: read(MadeKey, key) for key_id, key in members["keys"].items()},
                "minting": read(Minting, minting | {"beside": tuple(minting["beside"])})
                if minting
                else None,
                # Records of earlier releases know no inheritance, and tell of no schedule.
                "inherited": tuple(members.get("inherited", ())),
                "scheduled": members.get("scheduled", True),
            },
        )
