"""Making what is ours, and keeping its tags."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from handler.deadline import Deadline
from handler.errors import NameTakenError, error_code
from handler.model import tags
from handler.model.owner import Owner, Tagged, holder

T = TypeVar("T", bound=Tagged)

# How long AWS may not describe what it says exists.
YOUNG_SECONDS = 10


def create_or_adopt(
    create: Callable[[], T],
    describe: Callable[[], T | None],
    taken: str,
    owner: Owner,
    what: str,
    deadline: Deadline,
) -> T:
    """Create something, or adopt what an earlier delivery or a lost answer created for the owner.

    `taken` is the error code by which AWS says that the name exists, while it may not yet describe
    what has it. Raises NameTakenError when the name belongs to somebody else.
    """
    try:
        return create()
    except ClientError as error:
        if error_code(error) != taken:
            raise
        found = deadline.until_found(describe, seconds=YOUNG_SECONDS)
        if made := owner.owned(found):
            return made
        raise NameTakenError(what, holder(found) if found else "") from error


def reconcile(
    present: Mapping[str, str],
    wanted: Mapping[str, str],
    untag: Callable[[list[str]], object],
    tag: Callable[[list[Any]], object],
) -> None:
    """Turn the tags that are present into the wanted ones, with a call only where they differ.

    Tags go before others come, for two reasons: all must fit, and to IAM's users a key in other
    letters is the same key (IAM User Guide, "Tags for IAM resources").
    """
    if removed := tags.to_remove(present, wanted):
        untag(removed)
    if changed := tags.to_set(present, wanted):
        tag(tags.as_list(changed))
