"""The copies of a secret in other regions.

Secrets Manager User Guide, "Replicate secrets across Regions": a primary cannot be deleted before
its replicas, and a copy may fail after the request for it was accepted.
"""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handler.aws.secretsmanager.description import ReplicaState, SecretState
from handler.deadline import Deadline
from handler.errors import ReplicationError, error_code
from handler.model.kms import DEFAULT_KMS_KEY, replica_key

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_LONGEST_SECONDS = 60
_PAUSE_SECONDS = 2
_REQUESTED = ReplicaState(DEFAULT_KMS_KEY, "InProgress", "")


class SecretReplicas:
    """The replicas of one secret."""

    def __init__(
        self, secretsmanager: "SecretsManagerClient", secret_name: str, deadline: Deadline
    ) -> None:
        self._client = secretsmanager
        self._secret_name = secret_name
        self._deadline = deadline

    def reconcile(
        self,
        present: dict[str, ReplicaState],
        regions: tuple[str, ...],
        kms_key_id: str | None,
    ) -> None:
        """Copy the secret to exactly these regions, under the key; raises ReplicationError."""
        key = replica_key(kms_key_id) or DEFAULT_KMS_KEY
        good = {
            region
            for region, replica in present.items()
            if region in regions and replica.status != "Failed" and replica.kms_key_id.endswith(key)
        }
        self.discard(sorted(present.keys() - good))
        if missing := sorted(set(regions) - good):
            encryption: dict[str, Any] = {"KmsKeyId": key} if key != DEFAULT_KMS_KEY else {}
            replicas: list[Any] = [{"Region": region, **encryption} for region in missing]
            try:
                self._client.replicate_secret_to_regions(
                    SecretId=self._secret_name, AddReplicaRegions=replicas
                )
            except ClientError as error:
                message = error.response["Error"]["Message"]
                raise ReplicationError(
                    f"The secret {self._secret_name} could not be copied to {', '.join(missing)}: "
                    f"{error_code(error)}: {message}"
                ) from error
            self._wait_for(missing)

    def discard(self, regions: list[str]) -> None:
        """Delete the copies in these regions."""
        if regions:
            self._client.remove_regions_from_replication(
                SecretId=self._secret_name, RemoveReplicaRegions=regions
            )

    def _wait_for(self, regions: list[str]) -> None:
        waited = 0
        while True:
            state = SecretState.of(self._client.describe_secret(SecretId=self._secret_name))
            found = {region: state.replicas.get(region, _REQUESTED) for region in regions}
            if failed := [
                f"{region} ({replica.message})"
                for region, replica in found.items()
                if replica.status == "Failed"
            ]:
                raise ReplicationError(
                    f"The secret {self._secret_name} could not be copied to {', '.join(failed)}."
                )
            if all(replica.status == "InSync" for replica in found.values()):
                return
            if waited >= _LONGEST_SECONDS or self._deadline.seconds_left() < _PAUSE_SECONDS:
                return  # Secrets Manager goes on by itself.
            self._deadline.pause(_PAUSE_SECONDS)
            waited += _PAUSE_SECONDS
