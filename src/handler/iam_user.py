"""One IAM user: its boundary, its tags and its deletion."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handler import tags

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


@dataclass(frozen=True)
class UserState:
    """What IAM holds under the user name."""

    user_name: str
    arn: str
    path: str
    permissions_boundary: str | None
    tags: dict[str, str]


class IamUser:
    """The user of one resource, by name."""

    def __init__(self, iam: "IAMClient", user_name: str) -> None:
        self._iam = iam
        self.user_name = user_name

    def describe(self) -> UserState | None:
        """The user as it is, on any path; None when there is none."""
        try:
            user = self._iam.get_user(UserName=self.user_name)["User"]
        except self._iam.exceptions.NoSuchEntityException:
            return None
        return UserState(
            user_name=user["UserName"],
            arn=user["Arn"],
            path=user["Path"],
            permissions_boundary=user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            tags=tags.as_dict(user.get("Tags", ())),
        )

    def create(self, path: str, boundary: str | None, wanted_tags: dict[str, str]) -> str:
        """Make the user with boundary and tags in one call; returns its ARN."""
        limits = {"PermissionsBoundary": boundary} if boundary else {}
        user = self._iam.create_user(
            UserName=self.user_name, Path=path, Tags=tags.as_list(wanted_tags), **limits
        )
        return user["User"]["Arn"]

    def reconcile(
        self, state: UserState, boundary: str | None, wanted_tags: dict[str, str]
    ) -> None:
        """Give an existing user the boundary and exactly the tags that are wanted."""
        if boundary and state.permissions_boundary != boundary:
            self._iam.put_user_permissions_boundary(
                UserName=self.user_name, PermissionsBoundary=boundary
            )
        if changed := tags.to_set(state.tags, wanted_tags):
            self._iam.tag_user(UserName=self.user_name, Tags=tags.as_list(changed))
        if removed := tags.to_remove(state.tags, wanted_tags):
            self._iam.untag_user(UserName=self.user_name, TagKeys=removed)

    def discard(self) -> None:
        """Delete the user, which must have no dependents left; gone already is success."""
        try:
            self._iam.delete_user(UserName=self.user_name)
        except self._iam.exceptions.NoSuchEntityException:
            return
