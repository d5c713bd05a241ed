"""Whether the secret can be read, copied and rotated as the properties ask; pure."""

from typing import Any

from handler.aws.secretsmanager.description import DEFAULT_KMS_KEY
from handler.aws.secretsmanager.replicas import replica_key
from handler.model.values import Location
from handler.properties import schema
from handler.properties.rotation_schedule import is_rotation_schedule


def problems(properties: dict[str, Any], kms_key_id: str | None, location: Location) -> list[str]:
    """One sentence for each value that is well-formed but that AWS would refuse."""
    readers, regions = properties.get("ReaderArns", []), properties.get("ReplicaRegions", [])
    found = [
        f"ReaderArns must be of partition {location.partition}, not {schema.shown(arn)}."
        for arn in readers
        if arn.split(":")[1] != location.partition
    ]
    abroad = sorted({arn.split(":")[4] for arn in readers} - {location.account_id})
    if abroad and (kms_key_id or DEFAULT_KMS_KEY).endswith(DEFAULT_KMS_KEY):
        found.append(
            f"ReaderArns names account {', '.join(abroad)}, which can read no secret under the key "
            "aws/secretsmanager; give a KmsKeyId that the account may use."
        )
    if location.region in regions:
        found.append(f"ReplicaRegions must not name {location.region}, where the secret itself is.")
    if len(set(regions)) != len(regions):
        found.append("ReplicaRegions must not name a region twice.")
    if regions and replica_key(kms_key_id) is None:
        found.append(
            f"KmsKeyId must be a multi-Region key or an alias for ReplicaRegions, not "
            f"{schema.shown(kms_key_id)}, which other regions do not know."
        )
    schedule = properties.get("RotationSchedule")
    if schedule is not None and not is_rotation_schedule(schedule):
        allowed = schema.SCHEMA["properties"]["RotationSchedule"]["x-allowed"]
        found.append(f"RotationSchedule must be {allowed}, not {schema.shown(schedule)}.")
    return found
