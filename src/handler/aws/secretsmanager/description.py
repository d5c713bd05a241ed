"""What Secrets Manager tells of one secret, without its value."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from handler.model import tags as tag_lists
from handler.model.kms import DEFAULT_KMS_KEY

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"
PENDING = "AWSPENDING"
_GOING = timedelta(seconds=150)
_SKEW = timedelta(seconds=10)  # Between the clocks of Lambda and Secrets Manager.


@dataclass(frozen=True)
class RotationState:
    """How a secret rotates by itself."""

    function_arn: str
    schedule: str


@dataclass(frozen=True)
class ReplicaState:
    """The copy of a secret in one region."""

    kms_key_id: str
    status: str
    message: str


@dataclass(frozen=True)
class SecretState:
    """The answer of DescribeSecret, as far as it matters here.

    `stages` are the labels of each version that has any.
    """

    arn: str
    name: str
    kms_key_id: str = DEFAULT_KMS_KEY
    tags: dict[str, str] = field(default_factory=dict)
    deleted: datetime | None = None
    stages: dict[str, list[str]] = field(default_factory=dict)
    rotation: RotationState | None = None
    next_rotation: str = ""
    replicas: dict[str, ReplicaState] = field(default_factory=dict)

    @classmethod
    def of(cls, secret: "DescribeSecretResponseTypeDef") -> "SecretState":
        """Read the answer."""
        rotation = RotationState(
            secret.get("RotationLambdaARN", ""),
            secret.get("RotationRules", {}).get("ScheduleExpression", ""),
        )
        next_rotation = secret.get("NextRotationDate")
        return cls(
            arn=secret["ARN"],
            name=secret["Name"],
            kms_key_id=secret.get("KmsKeyId", DEFAULT_KMS_KEY),
            tags=tag_lists.as_dict(secret.get("Tags", ())),
            deleted=secret.get("DeletedDate"),
            stages=secret.get("VersionIdsToStages", {}),
            rotation=rotation if secret.get("RotationEnabled") else None,
            next_rotation=next_rotation.isoformat() if next_rotation else "",
            replicas={
                replica["Region"]: ReplicaState(
                    replica.get("KmsKeyId", DEFAULT_KMS_KEY),
                    replica["Status"],
                    replica.get("StatusMessage", ""),
                )
                for replica in secret.get("ReplicationStatus", ())
            },
        )

    @property
    def unique_id(self) -> str:
        """The ARN, which ends in letters that another secret of the name would not get."""
        return self.arn

    @property
    def awaits_deletion(self) -> bool:
        """Whether it is scheduled for deletion: it cannot be used unless it is restored."""
        return self.deleted is not None

    def is_going(self, now: datetime) -> bool:
        """Whether it may be a deletion without recovery that is not over yet.

        It takes two minutes at most. A secret that can be recovered tells a date days ahead, or
        that of a deletion long ago.
        """
        return self.deleted is not None and timedelta() <= now - self.deleted + _SKEW < _GOING

    @property
    def current(self) -> str | None:
        """The version with AWSCURRENT."""
        return self.labelled(CURRENT)

    @property
    def staged(self) -> str | None:
        """The version with AWSPENDING, which may stay on it when it has become AWSCURRENT."""
        return self.labelled(PENDING)

    def labelled(self, stage: str) -> str | None:
        """The version with that label."""
        labelled = self.stages.items()
        return next((version_id for version_id, labels in labelled if stage in labels), None)
