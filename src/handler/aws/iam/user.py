"""One IAM user: its boundary, its tags and its deletion."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handler.errors import NameTakenError
from handler.model import tags
from handler.model.values import Owner

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

    def belongs_to(self, owner: Owner, path: str) -> bool:
        """Whether the user is the resource's, on the provider's path."""
        return self.path == path and owner.owns(self.tags)


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

    def ensure(
        self,
        state: UserState | None,
        path: str,
        boundary: str | None,
        wanted_tags: dict[str, str],
        owner: Owner,
    ) -> str:
        """Make the user with boundary and tags in one call, or reconcile it; returns its ARN.

        Raises NameTakenError when the name exists after all and is not ours.
        """
        if state is None:
            return self._create(path, boundary, wanted_tags, owner)
        self._reconcile(state, boundary, wanted_tags)
        return state.arn

    def _create(
        self, path: str, boundary: str | None, wanted_tags: dict[str, str], owner: Owner
    ) -> str:
        limits: Any = {"PermissionsBoundary": boundary} if boundary else {}
        try:
            user = self._iam.create_user(
                UserName=self.user_name, Path=path, Tags=tags.as_list(wanted_tags), **limits
            )
        except self._iam.exceptions.EntityAlreadyExistsException as error:
            # Made by an earlier delivery or a lost answer; or taken, names having no case in IAM.
            state = self.describe()
            if state is None or state.user_name != self.user_name or not owner.owns(state.tags):
                raise NameTakenError("IAM user", self.user_name) from error
            return state.arn
        return user["User"]["Arn"]

    def tag(self, notes: dict[str, str]) -> None:
        """Write tags beside those that there are."""
        self._iam.tag_user(UserName=self.user_name, Tags=tags.as_list(notes))

    def _reconcile(
        self, state: UserState, boundary: str | None, wanted_tags: dict[str, str]
    ) -> None:
        if boundary and state.permissions_boundary != boundary:
            self._iam.put_user_permissions_boundary(
                UserName=self.user_name, PermissionsBoundary=boundary
            )
        if removed := tags.to_remove(state.tags, wanted_tags):
            self._iam.untag_user(UserName=self.user_name, TagKeys=removed)
        if changed := tags.to_set(state.tags, wanted_tags):
            self._iam.tag_user(UserName=self.user_name, Tags=tags.as_list(changed))

    def discard(self) -> None:
        """Delete the user; gone already is success. IAM refuses while anything hangs on it."""
        try:
            self._iam.delete_user(UserName=self.user_name)
        except self._iam.exceptions.NoSuchEntityException:
            return
