"""One secret that holds the credentials."""

from typing import TYPE_CHECKING, Any

from handler.aws.secretsmanager import value
from handler.aws.secretsmanager.description import CURRENT, PENDING, PREVIOUS, SecretState
from handler.aws.tagging import create_or_adopt, reconcile
from handler.deadline import Deadline
from handler.model import tags
from handler.model.keys import AccessKey, StoredKey
from handler.model.kms import DEFAULT_KMS_KEY
from handler.model.owner import Owner

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class CredentialSecret:
    """The secret of one resource, by name."""

    def __init__(
        self, secretsmanager: "SecretsManagerClient", name: str, deadline: Deadline
    ) -> None:
        self._client = secretsmanager
        self._deadline = deadline
        self.name = name

    def describe(self) -> SecretState | None:
        """The secret as it is; None when there is none."""
        try:
            secret = self._client.describe_secret(SecretId=self.name)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return SecretState.of(secret)

    def create(
        self, kms_key_id: str | None, wanted_tags: dict[str, str], owner: Owner
    ) -> SecretState:
        """Make the secret, still without a value; raises NameTakenError."""
        encryption: Any = {"KmsKeyId": kms_key_id} if kms_key_id else {}

        def create() -> SecretState:
            answer = self._client.create_secret(
                Name=self.name,
                Description="Credentials of a restricted IAM user",
                Tags=tags.as_list(wanted_tags),
                **encryption,
            )
            return SecretState(answer["ARN"], self.name)

        return create_or_adopt(
            create,
            self.describe,
            "ResourceExistsException",
            owner,
            f"secret {self.name}",
            self._deadline,
        )

    def reconcile(
        self, state: SecretState, kms_key_id: str | None, wanted_tags: dict[str, str]
    ) -> None:
        """Give a secret that exists the KMS key and the tags; one that awaits deletion comes back.

        An id or alias may stand for the ARN of a KMS key.
        """
        key = kms_key_id or DEFAULT_KMS_KEY
        if state.awaits_deletion:
            self._client.restore_secret(SecretId=state.arn)
        if not state.kms_key_id.endswith(key):
            self._client.update_secret(SecretId=state.arn, KmsKeyId=key)
        reconcile(
            state.tags,
            wanted_tags,
            lambda keys: self._client.untag_resource(SecretId=state.arn, TagKeys=keys),
            lambda added: self._client.tag_resource(SecretId=state.arn, Tags=added),
        )

    def stored_key(self, stage: str) -> StoredKey | None:
        """Which key the version with this label holds; None when it holds none that we wrote."""
        try:
            version = self._client.get_secret_value(SecretId=self.name, VersionStage=stage)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return value.stored_key(version["VersionId"], version.get("SecretString", ""))

    def key(self, stage: str) -> AccessKey:
        """The whole key of the version with this label, for which `stored_key` found one."""
        version = self._client.get_secret_value(SecretId=self.name, VersionStage=stage)
        return value.access_key(version["SecretString"])

    def copy_from(self, other: "CredentialSecret") -> None:
        """Copy the labelled versions of another secret: a new name needs no new key.

        The current one comes last, so that a copy that was cut off goes on where it ended.
        """
        state = self.describe()
        for stage in (PREVIOUS, CURRENT):
            try:
                version = self._client.get_secret_value(SecretId=other.name, VersionStage=stage)
            except self._client.exceptions.ResourceNotFoundException:
                continue
            if state is None or version["VersionId"] not in state.stages:
                self.publish(version["SecretString"], version["VersionId"])

    def stage(self, secret_string: str, version_id: str) -> None:
        """Keep `secret_string` as AWSPENDING, the candidate of a rotation that goes on."""
        self._client.put_secret_value(
            SecretId=self.name,
            SecretString=secret_string,
            ClientRequestToken=version_id,
            VersionStages=[PENDING],
        )

    def publish(self, secret_string: str, version_id: str) -> None:
        """Make `secret_string` AWSCURRENT; what was current becomes AWSPREVIOUS.

        `version_id` is the idempotency token of PutSecretValue and the id of the version.
        """
        self._client.put_secret_value(
            SecretId=self.name,
            SecretString=secret_string,
            ClientRequestToken=version_id,
            VersionStages=[CURRENT],
        )

    def restore(self, version_id: str) -> None:
        """Move AWSCURRENT back to a version; the one it leaves becomes AWSPREVIOUS."""
        current = self._client.get_secret_value(SecretId=self.name, VersionStage=CURRENT)
        self.promote(version_id, current["VersionId"])

    def promote(self, version_id: str, instead_of: str) -> None:
        """Move AWSCURRENT from one version to another; Secrets Manager refuses if it is elsewhere.

        API reference of UpdateSecretVersionStage.
        """
        self._client.update_secret_version_stage(
            SecretId=self.name,
            VersionStage=CURRENT,
            MoveToVersionId=version_id,
            RemoveFromVersionId=instead_of,
        )

    def unstage(self, version_id: str) -> None:
        """Take AWSPENDING from a version; not there any more is success."""
        try:
            self._client.update_secret_version_stage(
                SecretId=self.name, VersionStage=PENDING, RemoveFromVersionId=version_id
            )
        except self._client.exceptions.InvalidParameterException:
            state = self.describe()
            if state and PENDING in state.stages.get(version_id, ()):
                raise

    def disown(self, owner: Owner) -> None:
        """Take the ownership tags away."""
        self._client.untag_resource(SecretId=self.name, TagKeys=list(owner.tags))

    def discard(self) -> None:
        """Delete the secret for good, so that its name is free; gone already is success.

        The credentials in it are deleted, so there is nothing to recover.
        """
        try:
            self._client.delete_secret(SecretId=self.name, ForceDeleteWithoutRecovery=True)
        except self._client.exceptions.ResourceNotFoundException:
            return
