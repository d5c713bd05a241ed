"""What IAM wants gone before it deletes a user.

API reference of DeleteUser: password, access keys, signing certificates, SSH public keys,
service-specific credentials, MFA devices, inline policies, attached policies and group
memberships. People add such things by hand; the console removes them, the API does not. A user of
ours has keys and attached policies, so only when IAM refuses to delete it are all kinds asked for.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handler.aws.iam.absence import is_gone, unless_gone
from handler.aws.iam.access_keys import AccessKeys
from handler.aws.iam.attachments import Attachments
from handler.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

# A kind that a partition does not offer is a kind of which there are none; and a user that is
# gone has nothing.
_NONE = frozenset({"InvalidAction", "ServiceNotSupported"})


class UserDependents:
    """Everything that hangs on one user, in the order in which it is taken away."""

    def __init__(
        self, iam: "IAMClient", keys: AccessKeys, attachments: Attachments, user_name: str
    ) -> None:
        self._iam = iam
        self._keys = keys
        self._attachments = attachments
        self._user_name = user_name

    def discard_usual(self) -> list[str]:
        """Remove the keys and the attached policies; returns the ARNs of those.

        Keys are deactivated first, so a half-done deletion is safe.
        """
        key_ids = self._keys.ids()
        for key_id in key_ids:
            self._keys.deactivate(key_id)
        for key_id in key_ids:
            self._keys.discard(key_id)
        attached = self._attachments.list()
        for arn in attached:
            self._attachments.detach(arn)
        return attached

    def discard(self) -> None:
        """Remove all nine kinds."""
        self.discard_usual()
        self._remove(self._iam.delete_login_profile)
        self._discard_credentials()
        self._discard_mfa_devices()
        for name in self._items("list_user_policies", "PolicyNames"):
            self._remove(self._iam.delete_user_policy, PolicyName=name)
        for item in self._items("list_groups_for_user", "Groups"):
            self._remove(self._iam.remove_user_from_group, GroupName=item["GroupName"])

    def _discard_credentials(self) -> None:
        iam = self._iam
        for item in self._items("list_signing_certificates", "Certificates"):
            self._remove(iam.delete_signing_certificate, CertificateId=item["CertificateId"])
        for item in self._items("list_ssh_public_keys", "SSHPublicKeys"):
            self._remove(iam.delete_ssh_public_key, SSHPublicKeyId=item["SSHPublicKeyId"])
        for item in self._items("list_service_specific_credentials", "ServiceSpecificCredentials"):
            self._remove(
                iam.delete_service_specific_credential,
                ServiceSpecificCredentialId=item["ServiceSpecificCredentialId"],
            )

    def _discard_mfa_devices(self) -> None:
        for item in self._items("list_mfa_devices", "MFADevices"):
            serial = item["SerialNumber"]
            self._remove(self._iam.deactivate_mfa_device, SerialNumber=serial)
            if ":mfa/" in serial:  # Only a virtual device has such an ARN, and outlives the user.
                try:
                    self._iam.delete_virtual_mfa_device(SerialNumber=serial)
                except self._iam.exceptions.NoSuchEntityException:
                    continue

    def _items(self, operation: str, member: str) -> list[Any]:
        try:
            if not self._iam.can_paginate(operation):
                answer = getattr(self._iam, operation)(UserName=self._user_name)
                return list(answer.get(member, ()))
            pages: Any = self._iam.get_paginator(operation)  # type: ignore[call-overload] # by name
            return [
                item
                for page in pages.paginate(UserName=self._user_name)
                for item in page.get(member, ())
            ]
        except ClientError as error:
            if error_code(error) in _NONE or is_gone(self._iam, self._user_name, error):
                return []
            raise

    def _remove(self, call: Callable[..., object], **arguments: str) -> None:
        unless_gone(
            self._iam, self._user_name, partial(call, UserName=self._user_name, **arguments)
        )
