"""The set of managed policies that one user has: exactly the desired ones, and no leftovers."""

from functools import partial
from typing import TYPE_CHECKING

from handler.aws.iam.policies import ManagedPolicies, PolicyState
from handler.deadline import Deadline
from handler.model.values import Policy

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class UserPolicies:
    """Attaches and detaches for one user, and finds what an interrupted request left behind."""

    def __init__(self, iam: "IAMClient", policies: ManagedPolicies, user_name: str) -> None:
        self._iam = iam
        self._policies = policies
        self._user_name = user_name

    def ensure(
        self,
        policies: tuple[Policy, ...],
        states: list[PolicyState | None],
        wanted_tags: dict[str, str],
        deadline: Deadline,
    ) -> list[str]:
        """Make and attach the policies; what is no longer wanted goes last. Returns the ARNs."""
        arns = []
        for policy, state in zip(policies, states, strict=True):
            deadline.check(f"making policy {policy.name}")
            arns.append(self._policies.ensure(policy, state, wanted_tags))
        attached = self.attached()
        for arn in arns:
            if arn not in attached:
                # IAM may not know the user's boundary yet, which our right to attach depends on.
                deadline.until_settled(
                    partial(self._attach, arn), "NoSuchEntity", "AccessDenied", seconds=20
                )
        for arn in attached:
            if arn not in arns:
                self._detach(arn)
        for arn in dict.fromkeys([*attached, *self._policies.unattached()]):
            if arn not in arns:
                self._policies.discard(arn)
        return arns

    def attached(self) -> list[str]:
        """ARNs of all policies attached to the user, ours or not; none when there is no user."""
        pages = self._iam.get_paginator("list_attached_user_policies")
        try:
            return [
                policy["PolicyArn"]
                for page in pages.paginate(UserName=self._user_name)
                for policy in page["AttachedPolicies"]
            ]
        except self._iam.exceptions.NoSuchEntityException:
            return []

    def _attach(self, arn: str) -> None:
        self._iam.attach_user_policy(UserName=self._user_name, PolicyArn=arn)

    def _detach(self, arn: str) -> None:
        try:
            self._iam.detach_user_policy(UserName=self._user_name, PolicyArn=arn)
        except self._iam.exceptions.NoSuchEntityException:
            return
