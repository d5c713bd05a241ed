"""The access keys of one IAM user."""

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
        pages = self._iam.get_paginator("list_access_keys").paginate(UserName=self._user_name)
        try:
            found = [key for page in pages for key in page["AccessKeyMetadata"]]
        except self._iam.exceptions.NoSuchEntityException:
            return []
        return [metadata for key in found if (metadata := self._metadata(key))]

    def _metadata(self, key: "AccessKeyMetadataTypeDef") -> AccessKeyMetadata | None:
        try:
            used = self._iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
        except self._iam.exceptions.NoSuchEntityException:
            return None  # The list may still name a key that is gone.
        return AccessKeyMetadata(
            access_key_id=key["AccessKeyId"],
            active=key["Status"] == "Active",
            created=key["CreateDate"],
            last_used=used["AccessKeyLastUsed"].get("LastUsedDate"),
        )

    def create(self) -> AccessKey:
        """Make a key. Its secret half is in this answer and nowhere else."""
        key = self._iam.create_access_key(UserName=self._user_name)["AccessKey"]
        return AccessKey(key["AccessKeyId"], key["CreateDate"], key["SecretAccessKey"])

    def deactivate(self, access_key_id: str) -> None:
        """Make a key useless at once, without deleting it."""
        try:
            self._iam.update_access_key(
                UserName=self._user_name, AccessKeyId=access_key_id, Status="Inactive"
            )
        except self._iam.exceptions.NoSuchEntityException:
            return

    def discard(self, access_key_id: str) -> None:
        """Delete a key; gone already is success."""
        try:
            self._iam.delete_access_key(UserName=self._user_name, AccessKeyId=access_key_id)
        except self._iam.exceptions.NoSuchEntityException:
            return
