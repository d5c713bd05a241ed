"""One IAM user: its boundary, its tags and its deletion."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from handler.aws.iam.absence import unless_gone
from handler.aws.tagging import YOUNG_SECONDS, create_or_adopt, reconcile
from handler.deadline import Deadline
from handler.model import tags

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import UserTypeDef

    from handler.model.owner import Owner


@dataclass(frozen=True)
class UserState:
    """What IAM holds under the user name; `is_new` when we made it a moment ago."""

    user_name: str
    unique_id: str
    arn: str
    path: str
    permissions_boundary: str | None
    tags: dict[str, str]
    is_new: bool = False

    @classmethod
    def of(cls, user: "UserTypeDef", *, is_new: bool = False) -> "UserState":
        """Read an answer of GetUser or CreateUser."""
        return cls(
            user_name=user["UserName"],
            unique_id=user["UserId"],
            arn=user["Arn"],
            path=user["Path"],
            permissions_boundary=user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            tags=tags.as_dict(user.get("Tags", ())),
            is_new=is_new,
        )


class IamUser:
    """The user of one resource, by name, on the provider's path."""

    def __init__(self, iam: "IAMClient", user_name: str, path: str, deadline: Deadline) -> None:
        self._iam = iam
        self._deadline = deadline
        self._path = path
        self.user_name = user_name

    def describe(self) -> UserState | None:
        """The user as it is, on any path; None when there is none. Names have no case in IAM."""
        try:
            return UserState.of(self._iam.get_user(UserName=self.user_name)["User"])
        except self._iam.exceptions.NoSuchEntityException:
            return None

    def find(self) -> UserState | None:
        """The same for a user that may have been made just now, which IAM does not know at once."""
        return self._deadline.until_found(self.describe, seconds=YOUNG_SECONDS)

    def is_exact(self, state: UserState) -> bool:
        """Whether a user that answers to the name has it in the same letters, on our path."""
        return (state.user_name, state.path) == (self.user_name, self._path)

    def create(
        self, boundary: str | None, wanted_tags: dict[str, str], owner: "Owner"
    ) -> UserState:
        """Make the user with boundary and tags in one call; raises NameTakenError."""
        limits: Any = {"PermissionsBoundary": boundary} if boundary else {}

        def create() -> UserState:
            answer = self._iam.create_user(
                UserName=self.user_name,
                Path=self._path,
                Tags=tags.as_list(wanted_tags),
                **limits,
            )
            return UserState.of(answer["User"], is_new=True)

        return create_or_adopt(
            create,
            self._describe_exactly,
            "EntityAlreadyExists",
            owner,
            f"IAM user {self.user_name}",
            self._deadline,
        )

    def _describe_exactly(self) -> UserState | None:
        state = self.describe()
        return state if state and state.user_name == self.user_name else None

    def reconcile(
        self, state: UserState, boundary: str | None, wanted_tags: dict[str, str]
    ) -> None:
        """Give a user that exists the boundary and the tags."""
        self.limit(state, boundary)
        reconcile(
            state.tags,
            wanted_tags,
            lambda keys: self._iam.untag_user(UserName=self.user_name, TagKeys=keys),
            lambda added: self._iam.tag_user(UserName=self.user_name, Tags=added),
        )

    def disown(self, owner: "Owner") -> None:
        """Take the ownership tags away."""
        self._iam.untag_user(UserName=self.user_name, TagKeys=list(owner.tags))

    def limit(self, state: UserState, boundary: str | None) -> None:
        """Put the boundary, if there is any, on a user that has another one or none."""
        if boundary and state.permissions_boundary != boundary:
            self._iam.put_user_permissions_boundary(
                UserName=self.user_name, PermissionsBoundary=boundary
            )

    def discard(self) -> None:
        """Delete the user; gone already is success. IAM refuses while it has any dependent."""
        delete = partial(self._iam.delete_user, UserName=self.user_name)
        unless_gone(self._iam, self.user_name, delete)
