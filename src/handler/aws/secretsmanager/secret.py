"""One secret that holds the credentials."""

from typing import TYPE_CHECKING, Any

from handler.aws.secretsmanager import value as secret_value
from handler.aws.secretsmanager.description import (
    CURRENT,
    DEFAULT_KMS_KEY,
    PENDING,
    PREVIOUS,
    SecretState,
)
from handler.errors import NameTakenError
from handler.model import tags
from handler.model.values import AccessKey, Owner, StoredKey

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class CredentialSecret:
    """The secret of one resource, by name."""

    def __init__(self, secretsmanager: "SecretsManagerClient", name: str) -> None:
        self._client = secretsmanager
        self.name = name

    def describe(self) -> SecretState | None:
        """The secret as it is; None when there is none."""
        try:
            secret = self._client.describe_secret(SecretId=self.name)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return SecretState.of(secret)

    def ensure(
        self,
        state: SecretState | None,
        owner: Owner,
        kms_key_id: str | None,
        wanted: dict[str, str],
    ) -> str:
        """Make the secret, still without a value, or reconcile key and tags; returns its ARN.

        Raises NameTakenError when the name exists after all and is not ours.
        """
        if state is None:
            encryption: Any = {"KmsKeyId": kms_key_id} if kms_key_id else {}
            try:
                answer = self._client.create_secret(
                    Name=self.name,
                    Description="Credentials of a restricted IAM user",
                    Tags=tags.as_list(wanted),
                    **encryption,
                )
            except self._client.exceptions.ResourceExistsException as error:
                made = self.describe()  # By an earlier delivery, or an answer that was lost.
                if made is None or not owner.owns(made.tags):
                    raise NameTakenError("secret", self.name) from error
                return made.arn
            return answer["ARN"]
        if state.awaits_deletion:
            self._client.restore_secret(SecretId=state.arn)
        self._reconcile(state, kms_key_id or DEFAULT_KMS_KEY, wanted)
        return state.arn

    def _reconcile(self, state: SecretState, kms_key_id: str, wanted: dict[str, str]) -> None:
        if not state.kms_key_id.endswith(kms_key_id):  # An id or alias may stand for its ARN.
            self._client.update_secret(SecretId=state.arn, KmsKeyId=kms_key_id)
        if removed := tags.to_remove(state.tags, wanted):
            self._client.untag_resource(SecretId=state.arn, TagKeys=removed)
        if changed := tags.to_set(state.tags, wanted):
            self._client.tag_resource(SecretId=state.arn, Tags=tags.as_list(changed))

    def stored_key(self, stage: str) -> StoredKey | None:
        """Which key the version with this label holds; None when it holds none that we wrote."""
        try:
            version = self._client.get_secret_value(SecretId=self.name, VersionStage=stage)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return secret_value.stored_key(version["VersionId"], version.get("SecretString", ""))

    def key(self, stage: str) -> AccessKey:
        """The whole key of the version with this label, for which `stored_key` found one."""
        version = self._client.get_secret_value(SecretId=self.name, VersionStage=stage)
        return secret_value.access_key(version["SecretString"])

    def take_over(self, other: "CredentialSecret") -> None:
        """Copy what another secret holds, unless that is older: a new name needs no new key."""
        here, there = self.stored_key(CURRENT), other.stored_key(CURRENT)
        if there is None or (here and here.created >= there.created):
            return
        for stage in (PREVIOUS, CURRENT):
            try:
                version = self._client.get_secret_value(SecretId=other.name, VersionStage=stage)
            except self._client.exceptions.ResourceNotFoundException:
                continue
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

    def discard(self) -> None:
        """Delete the secret for good, so that its name is free; gone already is success.

        The credentials in it are deleted, so there is nothing to recover.
        """
        try:
            self._client.delete_secret(SecretId=self.name, ForceDeleteWithoutRecovery=True)
        except self._client.exceptions.ResourceNotFoundException:
            return
