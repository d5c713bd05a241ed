"""What the operator decided when installing the provider, from the function's environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from handler.model.owner import Location


@dataclass(frozen=True)
class Settings:
    """The parameters of `template.yaml` that bind every resource this provider serves."""

    location: Location
    iam_path: str
    secret_prefix: str
    permissions_boundary: str | None
    allow_policy_document: bool
    kms_key_arn: str | None
    schedule_group: str
    state_table: str
    schedule_role_arn: str
    rotation_function_arn: str
    provider_function_arn: str
    provider_stack_id: str
    policy_template: str | None

    @classmethod
    def from_environ(cls, function_arn: str, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment; the account is that of the function's ARN, so no call is needed.

        Defaults are those of the template's parameters. Schedules invoke PROVIDER_FUNCTION_ARN,
        which the provider itself need not be told.
        """
        _, partition, _, region, account_id, *_ = function_arn.split(":")
        return cls(
            location=Location(
                partition, region, account_id, environ.get("DNS_SUFFIX", "amazonaws.com")
            ),
            iam_path=environ.get("IAM_PATH", "/restricted/"),
            secret_prefix=environ.get("SECRET_PREFIX", "restricted/"),
            permissions_boundary=environ.get("PERMISSIONS_BOUNDARY_ARN") or None,
            allow_policy_document=environ.get("ALLOW_POLICY_DOCUMENT") == "true",
            kms_key_arn=environ.get("KMS_KEY_ARN") or None,
            schedule_group=environ.get("SCHEDULE_GROUP", "default"),
            state_table=environ.get("STATE_TABLE", ""),
            schedule_role_arn=environ.get("SCHEDULE_ROLE_ARN", ""),
            rotation_function_arn=environ.get("ROTATION_FUNCTION_ARN", ""),
            provider_function_arn=environ.get("PROVIDER_FUNCTION_ARN", function_arn),
            provider_stack_id=environ.get("PROVIDER_STACK_ID", ""),
            policy_template=environ.get("POLICY_TEMPLATE") or None,
        )
