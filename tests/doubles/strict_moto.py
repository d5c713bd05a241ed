"""Makes moto's IAM as particular as AWS's, where our code relies on it.

Each rule names the page of the IAM API reference that it follows.
"""

import re
from collections.abc import Iterable
from typing import Any

import pytest
from moto.core.responses import ActionResult, EmptyResult
from moto.iam.exceptions import (
    DeleteConflictException,
    EntityAlreadyExists,
    InvalidInput,
    LimitExceededException,
    NoSuchEntity,
)
from moto.iam.models import User
from moto.iam.responses import IamResponse

from doubles import (
    late_cloudformation,
    strict_dynamodb,
    strict_rotation,
    strict_scheduler,
    strict_secrets,
    unkind,
)

_create_user = IamResponse.create_user
_create_policy = IamResponse.create_policy
_create_policy_version = IamResponse.create_policy_version
_attach_user_policy = IamResponse.attach_user_policy
_delete_policy = IamResponse.delete_policy
_delete_user = IamResponse.delete_user
_tag_user = IamResponse.tag_user
_update_user = IamResponse.update_user


class StrictResponses:
    """Actions that replace or add to moto's; `self` is moto's response object."""

    @staticmethod
    def create_user(response: IamResponse) -> ActionResult:
        """CreateUser: unique without case; takes a PermissionsBoundary, which moto forgets."""
        _refuse_taken(response._get_param("UserName"), response.backend.users)
        _check_tags(response)
        result = _create_user(response)
        _set_boundary(response)
        return result

    @staticmethod
    def tag_user(response: IamResponse) -> ActionResult:
        """TagUser: keys are the same without case, the last spelling stays; at most 50 in all."""
        _check_tags(response)
        arn, tagger = _user(response).arn, response.backend.tagger
        present = [tag["Key"] for tag in tagger.list_tags_for_resource(arn)["Tags"]]
        added = {tag["Key"].casefold() for tag in response._get_param("Tags")}
        replaced = [key for key in present if key.casefold() in added]
        if len(present) - len(replaced) + len(added) > 50:
            raise LimitExceededException("Cannot exceed quota for TagsPerUser: 50")
        tagger.untag_resource_using_names(arn, replaced)
        return _tag_user(response)

    @staticmethod
    def update_user(response: IamResponse) -> ActionResult:
        """UpdateUser: the tags stay, while moto loses them with the ARN."""
        user, tagger = _user(response), response.backend.tagger
        tags = tagger.list_tags_for_resource(user.arn)["Tags"]
        tagger.delete_all_tags_for_resource(user.arn)
        result = _update_user(response)
        tagger.tag_resource(user.arn, tags)
        return result

    @staticmethod
    def create_policy(response: IamResponse) -> ActionResult:
        """CreatePolicy: unique in the account whatever the path, and without case; limited size."""
        managed = response.backend.managed_policies.values()
        local = [policy.name for policy in managed if ":iam::aws:" not in policy.arn]
        _refuse_taken(response._get_param("PolicyName"), local)
        _refuse_oversize(response)
        return _create_policy(response)

    @staticmethod
    def create_policy_version(response: IamResponse) -> ActionResult:
        """CreatePolicyVersion: limited in size as in CreatePolicy."""
        _refuse_oversize(response)
        return _create_policy_version(response)

    @staticmethod
    def attach_user_policy(response: IamResponse) -> ActionResult:
        """AttachUserPolicy: at most ten; a second time changes nothing, while moto counts it."""
        attached = _user(response).managed_policies
        if response._get_param("PolicyArn") in attached:
            return EmptyResult()
        if len(attached) >= 10:
            raise LimitExceededException("Cannot exceed quota for PoliciesPerUser: 10")
        return _attach_user_policy(response)

    @staticmethod
    def delete_policy(response: IamResponse) -> ActionResult:
        """DeletePolicy: refused while anything uses it, and while it has other versions."""
        iam, arn = response.backend, response._get_param("PolicyArn")
        entities: list[Any] = [*iam.users.values(), *iam.groups.values(), *iam.roles.values()]
        if any(arn in entity.managed_policies or _boundary(entity) == arn for entity in entities):
            raise DeleteConflictException("Cannot delete a policy attached to entities.")
        if len(iam.get_policy(arn).versions) > 1:
            raise DeleteConflictException("This policy has more than one version.")
        return _delete_policy(response)

    @staticmethod
    def put_user_permissions_boundary(response: IamResponse) -> ActionResult:
        """PutUserPermissionsBoundary: unknown to moto."""
        _set_boundary(response)
        return EmptyResult()

    @staticmethod
    def delete_user_permissions_boundary(response: IamResponse) -> ActionResult:
        """DeleteUserPermissionsBoundary: unknown to moto."""
        user: Any = _user(response)
        user.permissions_boundary = None
        return EmptyResult()

    @staticmethod
    def delete_user(response: IamResponse) -> ActionResult:
        """DeleteUser: refused while anything hangs on the user."""
        user = _user(response)
        dependents = {
            "login profile": user.password,
            "access keys": user.access_keys,
            "signing certificates": user.signing_certificates,
            "SSH public keys": user.ssh_public_keys,
            "service-specific credentials": _credentials(user),
            "MFA devices": user.mfa_devices,
            "groups": response.backend.get_groups_for_user(user.name),
        }
        for kind, found in dependents.items():
            if found:
                raise DeleteConflictException(f"Cannot delete, has {kind}.")
        return _delete_user(response)

    @staticmethod
    def create_service_specific_credential(response: IamResponse) -> ActionResult:
        """CreateServiceSpecificCredential: unknown to moto."""
        credentials = _credentials(_user(response))
        credential_id = f"ACCA{len(credentials):016}"
        credentials[credential_id] = {
            "UserName": response._get_param("UserName"),
            "ServiceName": response._get_param("ServiceName"),
            "ServiceSpecificCredentialId": credential_id,
        }
        return ActionResult({"ServiceSpecificCredential": credentials[credential_id]})

    @staticmethod
    def list_service_specific_credentials(response: IamResponse) -> ActionResult:
        """ListServiceSpecificCredentials: unknown to moto."""
        credentials = _credentials(_user(response))
        return ActionResult({"ServiceSpecificCredentials": list(credentials.values())})

    @staticmethod
    def delete_service_specific_credential(response: IamResponse) -> ActionResult:
        """DeleteServiceSpecificCredential: unknown to moto."""
        wanted = response._get_param("ServiceSpecificCredentialId")
        if not _credentials(_user(response)).pop(wanted, None):
            raise NoSuchEntity(f"{wanted} cannot be found.")
        return EmptyResult()


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the strictness in place for one test."""
    for name, action in vars(StrictResponses).items():
        if not name.startswith("_"):
            monkeypatch.setattr(IamResponse, name, action.__func__, raising=False)
    strict_secrets.install(monkeypatch)
    strict_rotation.install(monkeypatch)
    strict_scheduler.install(monkeypatch)
    strict_dynamodb.install(monkeypatch)
    late_cloudformation.install(monkeypatch)
    unkind.install(monkeypatch)


def _check_tags(response: IamResponse) -> None:
    """Tag values have letters, digits, spaces and _.:/=+-@ only (API reference of Tag)."""
    tags = response._get_param("Tags", [])
    response.backend._tag_verification(tags)
    for tag in tags:
        if not re.fullmatch(r"[\w .:/=+@-]{0,256}", tag["Value"]):
            raise InvalidInput(f"The tag value {tag['Value']} is invalid.")


def _user(response: IamResponse) -> User:
    return response.backend.get_user(response._get_param("UserName"))


def _credentials(user: User) -> dict[str, dict[str, str]]:
    found: dict[str, Any] = user.__dict__.setdefault("service_specific_credentials", {})
    return found


def _set_boundary(response: IamResponse) -> None:
    if arn := response._get_param("PermissionsBoundary"):
        user: Any = _user(response)
        user.permissions_boundary = {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": arn,
        }


def _boundary(entity: Any) -> str | None:
    boundary: dict[str, str] = getattr(entity, "permissions_boundary", None) or {}
    return boundary.get("PermissionsBoundaryArn")


def _refuse_taken(name: str, taken: Iterable[str]) -> None:
    if name.casefold() in {other.casefold() for other in taken}:
        raise EntityAlreadyExists(f"{name} already exists.")


def _refuse_oversize(response: IamResponse) -> None:
    if len("".join(response._get_param("PolicyDocument").split())) > 6144:
        raise LimitExceededException("Cannot exceed quota for PolicySize: 6144")
