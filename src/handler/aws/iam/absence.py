"""Telling what is gone from what is not allowed.

IAM judges a call by the ARN of its user. A user that does not exist has no path, so a grant that is
limited by path does not match and the answer is AccessDenied. GetUser is granted on every path.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from handler.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


def is_gone(iam: "IAMClient", user_name: str, error: ClientError) -> bool:
    """Whether a call failed because its user, or what the call named of it, is gone."""
    code = error_code(error)
    return code == "NoSuchEntity" or (code == "AccessDenied" and not _exists(iam, user_name))


def unless_gone(iam: "IAMClient", user_name: str, call: Callable[[], object]) -> None:
    """Make a call that takes something away from a user; gone already is success."""
    try:
        call()
    except ClientError as error:
        if not is_gone(iam, user_name, error):
            raise


def _exists(iam: "IAMClient", user_name: str) -> bool:
    try:
        iam.get_user(UserName=user_name)
    except iam.exceptions.NoSuchEntityException:
        return False
    return True
