"""As strict_moto, for what Secrets Manager does with a secret over time: rotation, copies, readers.

`secrets_manager.py` plays the part that calls the rotation function.
"""

import json
import re
import time
from typing import Any
from uuid import uuid4

import pytest
from moto.secretsmanager.exceptions import (
    InvalidRequestException,
    SecretNotFoundException,
    SecretsManagerClientError,
)
from moto.secretsmanager.models import FakeSecret
from moto.secretsmanager.responses import SecretsManagerResponse

_put_resource_policy = SecretsManagerResponse.put_resource_policy
_replicate_secret_to_regions = SecretsManagerResponse.replicate_secret_to_regions
_to_dict = FakeSecret.to_dict

_PRINCIPAL = re.compile(
    r"arn:aws:(iam::\d{12}:(root|(user|role)/\S+)|sts::\d{12}:assumed-role/[^/\s]+/[^/\s]+)"
)
_A_DAY = 86400


class StrictResponses:
    """Actions that replace moto's; `self` is moto's response object."""

    @staticmethod
    def rotate_secret(response: SecretsManagerResponse) -> str:
        """RotateSecret: the schedule is kept; refused while another rotation is unfinished.

        Rotating at once puts AWSPENDING on a version without a value. Else the version that the
        configuration is tried with is gone again when the call is over.
        """
        secret = _secret(response)
        stages = {key: version["version_stages"] for key, version in secret.versions.items()}
        if not any("AWSCURRENT" in labels for labels in stages.values()):
            raise InvalidRequestException("The secret has no value to rotate.")
        if any("AWSPENDING" in one and "AWSCURRENT" not in one for one in stages.values()):
            raise InvalidRequestException("A previous rotation isn't complete.")
        rules = response._get_param("RotationRules")
        function_arn = response._get_param("RotationLambdaARN") or secret.rotation_lambda_arn
        if not function_arn:
            raise InvalidRequestException("No Lambda rotation function ARN is associated.")
        secret.rotation_requested = secret.rotation_enabled = True
        secret.rotation_lambda_arn = function_arn
        secret.rotation_rules = rules or secret.rotation_rules
        secret.next_rotation_date = int(time.time()) + _A_DAY
        token = response._get_param("ClientRequestToken") or str(uuid4())
        if response._get_bool_param("RotateImmediately", True):
            secret.remove_version_stages_from_old_versions(["AWSPENDING"])
            secret.versions[token] = {
                "createdate": int(time.time()),
                "version_id": token,
                "version_stages": ["AWSPENDING"],
            }
        return json.dumps({"ARN": secret.arn, "Name": secret.name, "VersionId": token})

    @staticmethod
    def cancel_rotate_secret(response: SecretsManagerResponse) -> str:
        """CancelRotateSecret: the date goes; AWSPENDING stays where it is."""
        secret = _secret(response)
        secret.rotation_enabled, secret.next_rotation_date = False, None
        return json.dumps({"ARN": secret.arn, "Name": secret.name})

    @staticmethod
    def put_resource_policy(response: SecretsManagerResponse) -> str:
        """PutResourcePolicy: BlockPublicPolicy refuses `*`; a principal must look like one."""
        statements = json.loads(response._get_param("ResourcePolicy"))["Statement"]
        for statement in [statements] if isinstance(statements, dict) else statements:
            principal = statement["Principal"]
            named = principal["AWS"] if isinstance(principal, dict) else principal
            for one in [named] if isinstance(named, str) else named:
                blocks = response._get_bool_param("BlockPublicPolicy", False)
                if one == "*" and blocks and statement["Effect"] == "Allow":
                    raise SecretsManagerClientError(
                        "PublicPolicyException", "The policy grants public access."
                    )
                if one != "*" and not _PRINCIPAL.fullmatch(one):
                    raise SecretsManagerClientError(
                        "MalformedPolicyDocumentException",
                        "This resource policy contains an unsupported principal.",
                    )
        return _put_resource_policy(response)

    @staticmethod
    def replicate_secret_to_regions(response: SecretsManagerResponse) -> str:
        """ReplicateSecretToRegions: each copy has its key; a region is taken once."""
        secret = _secret(response)
        wanted = {one["Region"]: one for one in response._get_param("AddReplicaRegions")}
        if taken := wanted.keys() & {replica.region for replica in secret.replicas}:
            raise InvalidRequestException(f"The secret is replicated to {taken} already.")
        answer = _replicate_secret_to_regions(response)
        for replica in secret.replicas:
            if key := wanted.get(replica.region, {}).get("KmsKeyId"):
                replica.config["KmsKeyId"] = key
        return answer


def to_dict(secret: Any) -> dict[str, Any]:
    """DescribeSecret: RotationRules are those that were given."""
    described: dict[str, Any] = _to_dict(secret)
    if secret.rotation_requested:
        described["RotationRules"] = secret.rotation_rules
    return described


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the strictness in place for one test."""
    for name, action in vars(StrictResponses).items():
        if isinstance(action, staticmethod):
            monkeypatch.setattr(SecretsManagerResponse, name, action.__func__)
    monkeypatch.setattr(FakeSecret, "to_dict", to_dict)
    monkeypatch.setattr(FakeSecret, "rotation_rules", {}, raising=False)


def _secret(response: SecretsManagerResponse) -> Any:
    secret: Any = response.backend.secrets.get(response._get_param("SecretId"))
    if secret is None:
        raise SecretNotFoundException
    if secret.is_deleted():
        raise InvalidRequestException("The secret is marked for deletion.")
    return secret
