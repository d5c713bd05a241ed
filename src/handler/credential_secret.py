"""One secret that holds the credentials."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from handler import tags
from handler.errors import NameTakenError
from handler.model import Owner, StoredKey

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"
_DEFAULT_KEY = "alias/aws/secretsmanager"


@dataclass(frozen=True)
class SecretState:
    """What Secrets Manager holds under the name."""

    arn: str
    kms_key_id: str
    tags: dict[str, str]
    awaits_deletion: bool


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
        return SecretState(
            arn=secret["ARN"],
            kms_key_id=secret.get("KmsKeyId", _DEFAULT_KEY),
            tags=tags.as_dict(secret.get("Tags", ())),
            awaits_deletion="DeletedDate" in secret,
        )

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
        self._reconcile(state, kms_key_id or _DEFAULT_KEY, wanted)
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
        try:
            content = json.loads(version["SecretString"])
            return StoredKey(
                version_id=version["VersionId"],
                user_name=content["UserName"],
                access_key_id=content["AccessKeyId"],
                created=datetime.fromisoformat(content["CreateDate"]),
                trigger=content["Trigger"],
            )
        except (ValueError, KeyError, TypeError):  # Somebody wrote another value by hand.
            return None

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
        self._client.update_secret_version_stage(
            SecretId=self.name,
            VersionStage=CURRENT,
            MoveToVersionId=version_id,
            RemoveFromVersionId=current["VersionId"],
        )

    def discard(self) -> None:
        """Delete the secret for good, so that its name is free; gone already is success.

        The credentials in it are deleted, so there is nothing to recover.
        """
        try:
            self._client.delete_secret(SecretId=self.name, ForceDeleteWithoutRecovery=True)
        except self._client.exceptions.ResourceNotFoundException:
            return
