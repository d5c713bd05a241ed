"""The managed policies of one resource, under the provider's path."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handler.aws.iam.user import IamUser
from handler.errors import NameTakenError, StillAttachedError
from handler.model import tags
from handler.model.values import Location, Owner, Policy

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

VERSIONS_PER_POLICY = 5  # IAM quotas; the oldest must go before another comes.


@dataclass(frozen=True)
class PolicyState:
    """What IAM holds under a policy ARN."""

    arn: str
    document: dict[str, Any]
    tags: dict[str, str]


class ManagedPolicies:
    """Makes, changes and removes policies that carry the owner's tags, and no others."""

    def __init__(self, iam: "IAMClient", location: Location, path: str, owner: Owner) -> None:
        self._iam = iam
        self._path = path
        self._owner = owner
        self._prefix = f"arn:{location.partition}:iam::{location.account_id}:policy{path}"

    def arn(self, name: str) -> str:
        """The ARN of a policy of ours."""
        return self._prefix + name

    def describe(self, arn: str) -> PolicyState | None:
        """The policy as it is; None when there is none at this ARN."""
        try:
            policy = self._iam.get_policy(PolicyArn=arn)["Policy"]
            version = self._iam.get_policy_version(
                PolicyArn=arn, VersionId=policy["DefaultVersionId"]
            )
        except self._iam.exceptions.NoSuchEntityException:
            return None
        document: Any = version["PolicyVersion"]["Document"]
        return PolicyState(arn, document, tags.as_dict(policy.get("Tags", ())))

    def ensure(self, policy: Policy, state: PolicyState | None, wanted: dict[str, str]) -> str:
        """Make the policy, or give it the wanted document and tags; returns its ARN.

        Raises NameTakenError when the name belongs to a policy elsewhere in the account: names
        are unique whatever the path.
        """
        text = policy.text
        if state is None:
            try:
                answer = self._iam.create_policy(
                    PolicyName=policy.name,
                    Path=self._path,
                    Description=policy.description,
                    PolicyDocument=text,
                    Tags=tags.as_list(wanted),
                )
            except self._iam.exceptions.EntityAlreadyExistsException as error:
                made = self.describe(self.arn(policy.name))  # By an answer that was lost, perhaps.
                if made is None or not self._owner.owns(made.tags):
                    raise NameTakenError("policy", policy.name) from error
                return made.arn
            return answer["Policy"]["Arn"]
        if state.document != policy.document:
            self._drop_oldest_version(state.arn)
            self._iam.create_policy_version(
                PolicyArn=state.arn, PolicyDocument=text, SetAsDefault=True
            )
        if removed := tags.to_remove(state.tags, wanted):
            self._iam.untag_policy(PolicyArn=state.arn, TagKeys=removed)
        if changed := tags.to_set(state.tags, wanted):
            self._iam.tag_policy(PolicyArn=state.arn, Tags=tags.as_list(changed))
        return state.arn

    def unattached(self) -> list[str]:
        """ARNs of policies under our path that nobody has; an interrupted request leaves such."""
        pages = self._iam.get_paginator("list_policies")
        return [
            policy["Arn"]
            for page in pages.paginate(Scope="Local", PathPrefix=self._path)
            for policy in page["Policies"]
            if policy["AttachmentCount"] == 0
        ]

    def discard(self, arn: str) -> None:
        """Delete a policy with its versions if it is ours and no other user of ours has it.

        Raises StillAttachedError when something has it that is not ours.
        """
        state = self.describe(arn) if arn.startswith(self._prefix) else None
        if state is None or not self._owner.owns(state.tags) or self._needed(arn):
            return
        try:
            for version in self._versions(arn):
                if not version["IsDefaultVersion"]:
                    self._iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
            self._iam.delete_policy(PolicyArn=arn)
        except self._iam.exceptions.NoSuchEntityException:
            return

    def _needed(self, arn: str) -> bool:
        pages = list(self._iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn))
        users = [user["UserName"] for page in pages for user in page["PolicyUsers"]]
        others = [role["RoleName"] for page in pages for role in page["PolicyRoles"]]
        others += [group["GroupName"] for page in pages for group in page["PolicyGroups"]]
        for user_name in users:
            state = IamUser(self._iam, user_name).describe()
            if state and not self._owner.owns(state.tags):
                others.append(user_name)
        if others:
            raise StillAttachedError(
                f"Policy {arn} is attached to {', '.join(others)} as well; detach it there and "
                "try again."
            )
        return bool(users)

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
