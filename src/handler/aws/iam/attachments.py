"""The managed policies that are attached to one user."""

from functools import partial
from typing import TYPE_CHECKING

from handler.aws.iam.absence import unless_gone

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


POLICIES_PER_USER = 10  # IAM quotas.


class Attachments:
    """The policies of one user, ours or not."""

    def __init__(self, iam: "IAMClient", user_name: str) -> None:
        self._iam = iam
        self._user_name = user_name

    def list(self) -> list[str]:
        """ARNs of all policies attached to the user; none when there is no user."""
        pages = self._iam.get_paginator("list_attached_user_policies")
        try:
            return [
                policy["PolicyArn"]
                for page in pages.paginate(UserName=self._user_name)
                for policy in page["AttachedPolicies"]
            ]
        except self._iam.exceptions.NoSuchEntityException:
            return []

    def attach(self, arn: str) -> None:
        """Attach a policy; attached already is success."""
        self._iam.attach_user_policy(UserName=self._user_name, PolicyArn=arn)

    def detach(self, arn: str) -> None:
        """Detach a policy; detached already is success."""
        detach = partial(self._iam.detach_user_policy, UserName=self._user_name, PolicyArn=arn)
        unless_gone(self._iam, self._user_name, detach)
