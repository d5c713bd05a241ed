"""What a schema cannot say of the properties: how they go together, what AWS would refuse."""

from collections.abc import Iterator
from typing import Any

from handler.errors import did_you_mean, shown
from handler.model.kms import DEFAULT_KMS_KEY, replica_key
from handler.properties import schema
from handler.properties.rotation_schedule import is_rotation_schedule
from handler.regions import known, may_exist
from handler.settings import Settings


def problems(properties: dict[str, Any], secret_name: str, settings: Settings) -> Iterator[str]:
    """One sentence for each value that is well-formed but that cannot be honoured."""
    yield from _boundary_problems(properties, settings.permissions_boundary)
    yield from _template_problems(properties, settings.policy_template)
    yield from _secret_name_problems(secret_name, settings.secret_prefix)
    yield from _reader_problems(properties, settings)
    yield from _replica_problems(properties, settings)
    schedule = properties.get("RotationSchedule")
    if schedule is not None and not is_rotation_schedule(schedule):
        allowed = schema.allowed("RotationSchedule")
        yield f"RotationSchedule must be {allowed}, not {shown(schedule)}."
    keys = [tag["Key"].casefold() for tag in properties.get("Tags", ())]
    if len(set(keys)) != len(keys):
        yield "Tags must not name a Key twice; IAM compares keys without regard to case."


def kms_key_id(properties: dict[str, Any], settings: Settings) -> str | None:
    """The KMS key of the secret; None stands for the account's `aws/secretsmanager`."""
    return properties.get("KmsKeyId", settings.kms_key_arn)


def _boundary_problems(properties: dict[str, Any], forced: str | None) -> Iterator[str]:
    boundary = properties.get("PermissionsBoundary", forced)
    if forced not in (None, boundary):
        yield (
            f"PermissionsBoundary must be {forced}, the boundary that the provider forces on every "
            f"user, not {shown(boundary)}."
        )


def _template_problems(properties: dict[str, Any], only: str | None) -> Iterator[str]:
    template = properties.get("PolicyTemplate", only)
    if only not in (None, template):
        yield (
            f"PolicyTemplate must be {only}, the only one that this provider serves "
            f"(OnlyPolicyTemplate=true), not {shown(template)}."
        )


def _secret_name_problems(name: str, prefix: str) -> Iterator[str]:
    if not name.startswith(prefix) or name == prefix:
        yield f"SecretName must begin with {prefix}, not {shown(name)}."
    elif not schema.allows("SecretName", name):
        yield (
            f"SecretName must be given, because the default {shown(name)} is not "
            f"{schema.allowed('SecretName')}."
        )


def _reader_problems(properties: dict[str, Any], settings: Settings) -> Iterator[str]:
    readers, location = properties.get("ReaderArns", []), settings.location
    for arn in readers:
        if arn.split(":")[1] != location.partition:
            yield f"ReaderArns must be of partition {location.partition}, not {shown(arn)}."
    abroad = sorted({arn.split(":")[4] for arn in readers} - {location.account_id})
    if abroad and (kms_key_id(properties, settings) or DEFAULT_KMS_KEY).endswith(DEFAULT_KMS_KEY):
        yield (
            f"ReaderArns names account {', '.join(abroad)}, which can read no secret under the key "
            "aws/secretsmanager; give a KmsKeyId that the account may use."
        )


def _replica_problems(properties: dict[str, Any], settings: Settings) -> Iterator[str]:
    regions, here = properties.get("ReplicaRegions", []), settings.location.region
    for region in regions:
        if not may_exist(region, settings.location.partition):
            yield (
                f"ReplicaRegions names {shown(region)}, which is no region of partition "
                f"{settings.location.partition}"
                f"{did_you_mean(region, known(settings.location.partition))}"
            )
    if here in regions:
        yield f"ReplicaRegions must not name {here}, where the secret itself is."
    if len(set(regions)) != len(regions):
        yield "ReplicaRegions must not name a region twice."
    kms_key = kms_key_id(properties, settings)
    if regions and replica_key(kms_key) is None:
        yield (
            f"KmsKeyId must be a multi-Region key or an alias for ReplicaRegions, not "
            f"{shown(kms_key)}, which other regions do not know."
        )
