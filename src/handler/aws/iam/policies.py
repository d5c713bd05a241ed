"""The managed policies under the provider's path."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handler.aws.tagging import reconcile
from handler.model import tags
from handler.model.desired import Policy
from handler.model.owner import Location, Owner

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

VERSIONS_PER_POLICY = 5  # IAM quotas; the oldest must go before another comes.


@dataclass(frozen=True)
class PolicyState:
    """What IAM holds under a policy ARN."""

    arn: str
    unique_id: str
    default_version: str
    tags: dict[str, str]


@dataclass(frozen=True)
class PolicyHolders:
    """Who has a policy: names of users, and of roles and groups."""

    users: list[str]
    others: list[str]


class ManagedPolicies:
    """Makes, changes and removes policies."""

    def __init__(self, iam: "IAMClient", location: Location, path: str) -> None:
        self._iam = iam
        self._path = path
        self._prefix = f"arn:{location.partition}:iam::{location.account_id}:policy{path}"

    def arn(self, name: str) -> str:
        """The ARN that a policy of ours has."""
        return self._prefix + name

    def describe(self, arn: str) -> PolicyState | None:
        """The policy as it is; None when there is none at this ARN, or when it is elsewhere."""
        if not arn.startswith(self._prefix):
            return None
        try:
            policy = self._iam.get_policy(PolicyArn=arn)["Policy"]
        except self._iam.exceptions.NoSuchEntityException:
            return None
        found = tags.as_dict(policy.get("Tags", ()))
        return PolicyState(arn, policy["PolicyId"], policy["DefaultVersionId"], found)

    def create(self, policy: Policy, wanted_tags: dict[str, str]) -> PolicyState | None:
        """Make the policy; None when the name is taken.

        Names are unique in the account whatever the path, so the name may belong to a policy that
        we cannot see.
        """
        try:
            made = self._iam.create_policy(
                PolicyName=policy.name,
                Path=self._path,
                Description=policy.description,
                PolicyDocument=policy.text,
                Tags=tags.as_list(wanted_tags),
            )["Policy"]
        except self._iam.exceptions.EntityAlreadyExistsException:
            return None
        return PolicyState(
            self.arn(policy.name), made["PolicyId"], made["DefaultVersionId"], wanted_tags
        )

    def add_version(self, state: PolicyState, policy: Policy) -> str | None:
        """Make a version with the document; None when the default version has it already.

        It is made default later: one that not all of IAM knows yet would refuse everything to the
        policy's holders.
        """
        present = self._iam.get_policy_version(
            PolicyArn=state.arn, VersionId=state.default_version
        )["PolicyVersion"]
        if present["Document"] == policy.document:
            return None
        self._drop_oldest_version(state.arn)
        made = self._iam.create_policy_version(
            PolicyArn=state.arn, PolicyDocument=policy.text, SetAsDefault=False
        )
        return made["PolicyVersion"]["VersionId"]

    def make_default(self, arn: str, version_id: str) -> None:
        """Let the holders of the policy have this version."""
        self._iam.set_default_policy_version(PolicyArn=arn, VersionId=version_id)

    def tag(self, state: PolicyState, wanted_tags: dict[str, str]) -> None:
        """Give a policy that exists the tags."""
        reconcile(
            state.tags,
            wanted_tags,
            lambda keys: self._iam.untag_policy(PolicyArn=state.arn, TagKeys=keys),
            lambda added: self._iam.tag_policy(PolicyArn=state.arn, Tags=added),
        )

    def disown(self, arn: str, owner: Owner) -> None:
        """Take the ownership tags away."""
        self._iam.untag_policy(PolicyArn=arn, TagKeys=list(owner.tags))

    def unattached(self) -> list[str]:
        """ARNs of policies under our path that nobody has; an interrupted request leaves such."""
        pages = self._iam.get_paginator("list_policies")
        return [
            policy["Arn"]
            for page in pages.paginate(Scope="Local", PathPrefix=self._path)
            for policy in page["Policies"]
            if policy["AttachmentCount"] == 0
        ]

    def holders(self, arn: str) -> PolicyHolders:
        """Who has the policy."""
        pages = list(self._iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn))
        roles = [role["RoleName"] for page in pages for role in page["PolicyRoles"]]
        groups = [group["GroupName"] for page in pages for group in page["PolicyGroups"]]
        users = [user["UserName"] for page in pages for user in page["PolicyUsers"]]
        return PolicyHolders(users, roles + groups)

    def discard(self, arn: str) -> None:
        """Delete a policy; gone already is success.

        IAM refuses while anybody has it, or while it has versions besides the default one.
        """
        try:
            self._iam.delete_policy(PolicyArn=arn)
        except self._iam.exceptions.NoSuchEntityException:
            return

    def discard_versions(self, arn: str) -> None:
        """Delete the versions that are not the default one; none when the policy is gone."""
        try:
            for version in self._versions(arn):
                if not version["IsDefaultVersion"]:
                    self._iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        except self._iam.exceptions.NoSuchEntityException:
            return

    def _versions(self, arn: str) -> list[Any]:
        pages = self._iam.get_paginator("list_policy_versions").paginate(PolicyArn=arn)
        return [version for page in pages for version in page["Versions"]]

    def _drop_oldest_version(self, arn: str) -> None:
        versions = self._versions(arn)
        if len(versions) >= VERSIONS_PER_POLICY:
            oldest = min(
                (version for version in versions if not version["IsDefaultVersion"]),
                key=lambda version: version["CreateDate"],
            )
            self._iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
