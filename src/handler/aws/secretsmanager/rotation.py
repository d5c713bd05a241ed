"""The schedule by which Secrets Manager rotates a secret, through the rotation function.

Secrets Manager User Guide, "Rotation by Lambda function"; API reference of RotateSecret and
CancelRotateSecret.
"""

from functools import partial
from typing import TYPE_CHECKING

from handler.aws.secretsmanager.description import RotationState, SecretState
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.deadline import Deadline

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretRotation:
    """Rotation of one secret by Secrets Manager."""

    def __init__(
        self, secretsmanager: "SecretsManagerClient", secret: CredentialSecret, deadline: Deadline
    ) -> None:
        self._client = secretsmanager
        self._secret = secret
        self._deadline = deadline

    def abandon(self, state: SecretState, schedule: str | None) -> None:
        """End the rotation that is under way, and cancel the schedule when none is wanted.

        The version that it was making loses AWSPENDING, so that its later steps are refused and its
        key counts as lost. AWSPENDING on an older version would block every rotation to come.
        """
        if state.rotation and schedule is None:
            self._client.cancel_rotate_secret(SecretId=self._secret.name)
        if state.staged:
            self._secret.unstage(state.staged)

    def reconcile(self, state: SecretState | None, schedule: str | None, function_arn: str) -> str:
        """Rotate on the schedule; returns the date of the next rotation or ""."""
        if schedule is None:
            return ""
        wanted = RotationState(function_arn, schedule)
        if state is None or state.rotation != wanted:
            rotate = partial(
                self._client.rotate_secret,
                SecretId=self._secret.name,
                RotationLambdaARN=function_arn,
                RotationRules={"ScheduleExpression": schedule},
                RotateImmediately=False,
            )
            # Secrets Manager may not know yet that it may invoke the function.
            self._deadline.until_settled(rotate, "AccessDeniedException", "InvalidRequestException")
            state = self._secret.describe()
        return state.next_rotation if state else ""
