"""As strict_moto, for Secrets Manager and for STS, which judges the keys that are kept there."""

from typing import Any

import pytest
from moto.core.exceptions import InvalidClientTokenIdError
from moto.core.responses import ActionResult
from moto.iam import models as iam_models
from moto.iam.models import iam_backends
from moto.secretsmanager.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceExistsException,
)
from moto.secretsmanager.models import FakeSecret
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sts.responses import TokenResponse

_create_secret = SecretsManagerResponse.create_secret
_get_secret_value = SecretsManagerResponse.get_secret_value
_put_secret_value = SecretsManagerResponse.put_secret_value
_tag_resource = SecretsManagerResponse.tag_resource
_untag_resource = SecretsManagerResponse.untag_resource
_update_secret = SecretsManagerResponse.update_secret
_update_secret_version_stage = SecretsManagerResponse.update_secret_version_stage
_get_caller_identity = TokenResponse.get_caller_identity

_KEY_OF_THE_TESTS = "AKIAEXAMPLE"  # What moto makes of every key id that is not 20 characters long.


class StrictResponses:
    """Actions that replace moto's; `self` is moto's response object."""

    @staticmethod
    def create_secret(response: SecretsManagerResponse) -> str:
        """CreateSecret: the name of a secret that awaits deletion has an error of its own."""
        secret = response.backend.secrets.get(response._get_param("Name"))
        if secret and secret.is_deleted():
            raise InvalidRequestException(
                "You can't create this secret because a secret with this name is already "
                "scheduled for deletion."
            )
        return _create_secret(response)

    @staticmethod
    def get_secret_value(response: SecretsManagerResponse) -> str:
        """GetSecretValue: refused while deletion is awaited, whatever the version."""
        _usable_secret(response)
        return _get_secret_value(response)

    @staticmethod
    def put_secret_value(response: SecretsManagerResponse) -> str:
        """PutSecretValue: a version keeps its value; moto overwrites it under AWSPENDING."""
        secret = _usable_secret(response)
        token = response._get_param("ClientRequestToken")
        known = secret.versions.get(token, {}) if secret else {}
        if secret and "secret_string" in known:
            if known["secret_string"] != response._get_param("SecretString"):
                raise ResourceExistsException(f"Version {token} has another value already.")
            return secret.to_short_dict(include_version_stages=True, version_id=token)
        return _put_secret_value(response)

    @staticmethod
    def update_secret(response: SecretsManagerResponse) -> str:
        """UpdateSecret: refused while deletion is awaited, whatever the token."""
        _usable_secret(response)
        return _update_secret(response)

    @staticmethod
    def tag_resource(response: SecretsManagerResponse) -> str:
        """TagResource: refused while deletion is awaited."""
        _usable_secret(response)
        return _tag_resource(response)

    @staticmethod
    def untag_resource(response: SecretsManagerResponse) -> str:
        """UntagResource: refused while deletion is awaited."""
        _usable_secret(response)
        return _untag_resource(response)

    @staticmethod
    def update_secret_version_stage(response: SecretsManagerResponse) -> str:
        """UpdateSecretVersionStage: a label leaves its version only if that is named."""
        secret = _usable_secret(response)
        stage = response._get_param("VersionStage")
        holder = _holder(secret, stage) if secret else None
        named = [response._get_param(name) for name in ("RemoveFromVersionId", "MoveToVersionId")]
        if holder and holder not in named:
            raise InvalidParameterException(f"RemoveFromVersionId must be {holder}.")
        if stage == "AWSCURRENT" and not named[1]:
            raise InvalidParameterException("AWSCURRENT can't be completely removed.")
        return _update_secret_version_stage(response)


class StrictSecret:
    """Methods that replace those of moto's FakeSecret."""

    @staticmethod
    def reset_default_version(secret: FakeSecret, version: dict[str, Any], version_id: str) -> None:
        """PutSecretValue: a label sits on one version; AWSPREVIOUS goes where AWSCURRENT was."""
        left = _holder(secret, "AWSCURRENT")
        moved = {*version["version_stages"], "AWSCURRENT", "AWSPREVIOUS"}
        secret.remove_version_stages_from_old_versions(sorted(moved))
        if left:
            secret.versions[left]["version_stages"].append("AWSPREVIOUS")
        secret.versions[version_id] = version

    @staticmethod
    def _form_version_ids_to_stages(secret: FakeSecret) -> dict[str, list[str]]:
        """DescribeSecret: lists only the versions that have labels."""
        stages = {key: version["version_stages"] for key, version in secret.versions.items()}
        return {key: labels for key, labels in stages.items() if labels}


class StrictSts:
    """The action that replaces that of moto's STS."""

    @staticmethod
    def get_caller_identity(response: TokenResponse) -> ActionResult:
        """GetCallerIdentity: refused with a key that is unknown, deleted or Inactive, or a use."""
        access_key_id = response.get_access_key()
        keys = iam_backends[response.current_account][response.partition].access_keys
        key = keys.get(access_key_id)
        if access_key_id != _KEY_OF_THE_TESTS and (not key or key.status != "Active"):
            raise InvalidClientTokenIdError
        if key:
            iam_models.mark_account_as_visited(
                response.current_account, access_key_id, "sts", response.region
            )
        return _get_caller_identity(response)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the strictness in place for one test."""
    replaced: dict[type, type] = {
        SecretsManagerResponse: StrictResponses,
        FakeSecret: StrictSecret,
        TokenResponse: StrictSts,
    }
    for owner, strict in replaced.items():
        for name, action in vars(strict).items():
            if isinstance(action, staticmethod):
                monkeypatch.setattr(owner, name, action.__func__)
    # moto notes which version is current, but not when UpdateSecretVersionStage changes it.
    current = property(lambda secret: _holder(secret, "AWSCURRENT"), lambda *_: None)
    monkeypatch.setattr(FakeSecret, "default_version_id", current, raising=False)


def _usable_secret(response: SecretsManagerResponse) -> FakeSecret | None:
    """The secret of the request, None if there is none; refused while it awaits deletion."""
    secret: Any = response.backend.secrets.get(response._get_param("SecretId"))
    if secret and secret.is_deleted():
        raise InvalidRequestException(
            "You can't perform this operation on the secret because it was marked for deletion."
        )
    found: FakeSecret | None = secret
    return found


def _holder(secret: FakeSecret, stage: str) -> str | None:
    versions = secret.versions.items()
    return next((key for key, version in versions if stage in version["version_stages"]), None)
