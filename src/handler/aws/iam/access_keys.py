"""The access keys of one IAM user."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from handler.model.keys import AccessKey, AccessKeyMetadata

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import AccessKeyMetadataTypeDef


class AccessKeys:
    """At most two keys (IAM quotas)."""

    def __init__(self, iam: "IAMClient", user_name: str) -> None:
        self._iam = iam
        self._user_name = user_name

    def list(self) -> list[AccessKeyMetadata]:
        """All keys of the user with their last use; none when the user is gone."""
        return [metadata for key in self._found() if (metadata := self._metadata(key))]

    def exists(self, access_key_id: str) -> bool:
        """Whether the user has the key."""
        return any(key["AccessKeyId"] == access_key_id for key in self._found())

    def last_used(self, access_key_id: str) -> datetime | None:
        """When anybody used the key last, us included, as far as IAM knows; None for never.

        Of a key that is gone IAM says NoSuchEntity, or AccessDenied to who is limited to a path.
        """
        answer = self._iam.get_access_key_last_used(AccessKeyId=access_key_id)
        return answer["AccessKeyLastUsed"].get("LastUsedDate")

    def _found(self) -> "Sequence[AccessKeyMetadataTypeDef]":
        pages = self._iam.get_paginator("list_access_keys").paginate(UserName=self._user_name)
        try:
            return [key for page in pages for key in page["AccessKeyMetadata"]]
        except self._iam.exceptions.NoSuchEntityException:
            return []

    def _metadata(self, key: "AccessKeyMetadataTypeDef") -> AccessKeyMetadata | None:
        try:
            last_used = self.last_used(key["AccessKeyId"])
        except self._iam.exceptions.NoSuchEntityException:
            return None  # The list may still name a key that is gone.
        return AccessKeyMetadata(
            access_key_id=key["AccessKeyId"],
            active=key["Status"] == "Active",
            created=key["CreateDate"],
            last_used=last_used,
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
        """Make a key useless before it is deleted; gone already is success."""
        try:
            self.switch(access_key_id, active=False)
        except self._iam.exceptions.NoSuchEntityException:
            return

    def discard(self, access_key_id: str) -> None:
        """Delete a key; gone already is success."""
        try:
            self._iam.delete_access_key(UserName=self._user_name, AccessKeyId=access_key_id)
        except self._iam.exceptions.NoSuchEntityException:
            return
