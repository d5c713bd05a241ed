"""Makes moto's IAM as particular as AWS's, where our code relies on it.

Each rule names the page of the IAM API reference that it follows.
"""

from typing import Any

import pytest
from moto.core.responses import ActionResult, EmptyResult
from moto.iam.exceptions import DeleteConflictException, EntityAlreadyExists, NoSuchEntity
from moto.iam.models import User
from moto.iam.responses import IamResponse

_create_user = IamResponse.create_user
_create_policy = IamResponse.create_policy
_delete_user = IamResponse.delete_user


class StrictResponses:
    """Actions that replace or add to moto's; `self` is moto's response object."""

    @staticmethod
    def create_user(response: IamResponse) -> ActionResult:
        """CreateUser: takes a PermissionsBoundary, which moto forgets."""
        result = _create_user(response)
        _set_boundary(response)
        return result

    @staticmethod
    def create_policy(response: IamResponse) -> ActionResult:
        """CreatePolicy: names are unique in the account whatever the path, and without case."""
        name = response._get_param("PolicyName").casefold()
        managed = response.backend.managed_policies.values()
        if any(
            policy.name.casefold() == name for policy in managed if ":iam::aws:" not in policy.arn
        ):
            raise EntityAlreadyExists(f"A policy called {name} already exists.")
        return _create_policy(response)

    @staticmethod
    def put_user_permissions_boundary(response: IamResponse) -> ActionResult:
        """PutUserPermissionsBoundary: unknown to moto."""
        _set_boundary(response)
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
        user = _user(response)
        credential = {
            "UserName": user.name,
            "ServiceName": response._get_param("ServiceName"),
            "ServiceSpecificCredentialId": f"ACCA{len(_credentials(user)):016}",
        }
        _credentials(user).append(credential)
        return ActionResult({"ServiceSpecificCredential": credential})

    @staticmethod
    def list_service_specific_credentials(response: IamResponse) -> ActionResult:
        """ListServiceSpecificCredentials: unknown to moto."""
        return ActionResult({"ServiceSpecificCredentials": _credentials(_user(response))})

    @staticmethod
    def delete_service_specific_credential(response: IamResponse) -> ActionResult:
        """DeleteServiceSpecificCredential: unknown to moto."""
        credentials = _credentials(_user(response))
        wanted = response._get_param("ServiceSpecificCredentialId")
        if wanted not in [found["ServiceSpecificCredentialId"] for found in credentials]:
            raise NoSuchEntity(f"{wanted} cannot be found.")
        credentials[:] = [
            found for found in credentials if found["ServiceSpecificCredentialId"] != wanted
        ]
        return EmptyResult()


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the strictness in place for one test."""
    for name, action in vars(StrictResponses).items():
        if not name.startswith("_"):
            monkeypatch.setattr(IamResponse, name, action.__func__, raising=False)


def _user(response: IamResponse) -> User:
    return response.backend.get_user(response._get_param("UserName"))


def _credentials(user: User) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = user.__dict__.setdefault("service_specific_credentials", [])
    return found


def _set_boundary(response: IamResponse) -> None:
    if arn := response._get_param("PermissionsBoundary"):
        user: Any = _user(response)
        user.permissions_boundary = {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": arn,
        }
