"""Where the provider runs, and what it may touch there."""

from __future__ import annotations  # The operators' tool has it run on Python 3.9.

import re
from dataclasses import dataclass
from typing import Protocol, TypeVar

from handler.errors import shown

STACK_TAG = "restricted-iam-user:stack-id"
LOGICAL_ID_TAG = "restricted-iam-user:logical-id"
INVITATION_TAG = "restricted-iam-user:invited"


class Tagged(Protocol):
    """A user, policy or secret as AWS describes it."""

    @property
    def tags(self) -> dict[str, str]: ...


class Identified(Tagged, Protocol):
    """The same, with the id that AWS gives once."""

    @property
    def unique_id(self) -> str: ...


T = TypeVar("T", bound=Tagged)


def invitation(region: str, stack_name: str, logical_id: str) -> str:
    """How an invitation names one resource of one stack, which need not exist yet."""
    return f"{region}/{stack_name}/{logical_id}"


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
    def of(cls, tags: dict[str, str]) -> Owner | None:
        """The owner that the tags name, if they name one."""
        if STACK_TAG in tags and LOGICAL_ID_TAG in tags:
            return cls(tags[STACK_TAG], tags[LOGICAL_ID_TAG])
        return None

    @property
    def stack_name(self) -> str:
        """The name in the stack id `arn:…:stack/<name>/<uuid>`."""
        return self.stack_id.split("/")[1]

    @property
    def invitation(self) -> str:
        """What the tag of an invitation must say for the resource to take something over."""
        return invitation(self.stack_id.split(":")[3], self.stack_name, self.logical_id)

    def is_invited(self, state: Tagged) -> bool:
        """Whether an administrator invites this resource to take over what AWS describes."""
        return state.tags.get(INVITATION_TAG) == self.invitation

    @property
    def tags(self) -> dict[str, str]:
        """The ownership tags; what does not carry them is never changed or deleted."""
        return {STACK_TAG: self.stack_id, LOGICAL_ID_TAG: self.logical_id}

    @property
    def text(self) -> str:
        """The resource as a message names it; whoever may write tags may have written these."""
        parts = re.fullmatch(
            r"arn:[^:]*:cloudformation:([^:]*):[^:]*:stack/([^/]+)/.*", self.stack_id
        )
        stack = f"stack {parts[2]} in {parts[1]}" if parts else f"stack {shown(self.stack_id)}"
        return f"resource {shown(self.logical_id)} of {stack}"

    def owns(self, state: Tagged) -> bool:
        """Whether what AWS describes belongs to this resource."""
        return self.tags.items() <= state.tags.items()

    def identifies(self, state: Identified, known_id: str) -> bool:
        """Whether what AWS describes is ours: by the id that is remembered, else by its tags."""
        return state.unique_id == known_id if known_id else self.owns(state)

    def owned(self, state: T | None) -> T | None:
        """What AWS describes if it belongs to this resource, else None."""
        return state if state is not None and self.owns(state) else None


def holder(state: Tagged) -> str:
    """Which resource the tags of something name, in words; "" when they name none."""
    owner = Owner.of(state.tags)
    return owner.text if owner else ""
