"""The access keys of one IAM user."""

from collections.abc import Container
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from handler.aws.iam.absence import unless_gone
from handler.deadline import Deadline
from handler.model.keys import AccessKey, AccessKeyMetadata

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import AccessKeyMetadataTypeDef

_PATIENCE_SECONDS = 20


class AccessKeys:
    """At most two keys (IAM quotas)."""

    def __init__(self, iam: "IAMClient", user_name: str, deadline: Deadline) -> None:
        self._iam = iam
        self._user_name = user_name
        self._deadline = deadline

    def list(self, known: Container[str] = ()) -> list[AccessKeyMetadata]:
        """All keys of the user; none when the user is gone. Only a `known` one lacks its last use.

        Of a key that vanished IAM may refuse to tell the last use, while the list still names it.
        Then the list is asked again, for a refusal does not say that nobody used the key.
        """
        return self._deadline.until_settled(
            lambda: [self._metadata(key, known) for key in self._named()],
            "AccessDenied",
            "NoSuchEntity",
            seconds=_PATIENCE_SECONDS,
        )

    def ids(self) -> tuple[str, ...]:
        """The ids of all keys of the user; none when the user is gone."""
        return tuple(key["AccessKeyId"] for key in self._named())

    def last_used(self, access_key_id: str) -> datetime | None:
        """When anybody used the key last, us included, as far as IAM knows; None for never.

        Of a key that is gone IAM says NoSuchEntity, or AccessDenied to who is limited to a path.
        """
        answer = self._iam.get_access_key_last_used(AccessKeyId=access_key_id)
        return answer["AccessKeyLastUsed"].get("LastUsedDate")

    def _named(self) -> "tuple[AccessKeyMetadataTypeDef, ...]":
        pages = self._iam.get_paginator("list_access_keys").paginate(UserName=self._user_name)
        try:
            return tuple(key for page in pages for key in page["AccessKeyMetadata"])
        except self._iam.exceptions.NoSuchEntityException:
            return ()

    def _metadata(
        self, key: "AccessKeyMetadataTypeDef", known: Container[str]
    ) -> AccessKeyMetadata:
        access_key_id = key["AccessKeyId"]
        return AccessKeyMetadata(
            access_key_id=access_key_id,
            active=key["Status"] == "Active",
            created=key["CreateDate"],
            last_used=None if access_key_id in known else self.last_used(access_key_id),
        )

    def create(self) -> AccessKey:
        """Make a key. Its secret half is in this answer and nowhere else."""
        key = self._iam.create_access_key(UserName=self._user_name)["AccessKey"]
        return AccessKey(key["AccessKeyId"], key["CreateDate"], key["SecretAccessKey"])

    def switch(self, access_key_id: str, *, active: bool) -> None:
        """Make a key work, or make it useless without deleting it; as it is already is success."""
        self._iam.update_access_key(
            UserName=self._user_name,
            AccessKeyId=access_key_id,
            Status="Active" if active else "Inactive",
        )

    def deactivate(self, access_key_id: str) -> None:
        """Make a key useless at once, without deleting it; gone already is success."""
        switch = partial(self.switch, access_key_id, active=False)
        unless_gone(self._iam, self._user_name, switch)

    def discard(self, access_key_id: str) -> None:
        """Delete a key; gone already is success."""
        delete = partial(self._iam.delete_access_key, UserName=self._user_name)
        unless_gone(self._iam, self._user_name, partial(delete, AccessKeyId=access_key_id))
