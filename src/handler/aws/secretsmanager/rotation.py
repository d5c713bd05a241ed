"""The schedule by which Secrets Manager rotates a secret, through the rotation function.

Secrets Manager User Guide, "Rotation by Lambda function"; API reference of RotateSecret and
CancelRotateSecret.
"""

import time
from typing import TYPE_CHECKING

from handler.aws.secretsmanager.description import RotationState, SecretState
from handler.aws.secretsmanager.secret import CredentialSecret
from handler.deadline import Deadline

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

# Longer than the rotation function may run for one step, so that none is under way afterwards.
SETTLING_SECONDS = 100
_PAUSE_SECONDS = 5


class SecretRotation:
    """Rotation of one secret by Secrets Manager."""

    def __init__(
        self, secretsmanager: "SecretsManagerClient", secret: CredentialSecret, deadline: Deadline
    ) -> None:
        self._client = secretsmanager
        self._secret = secret
        self._deadline = deadline

    def stop(self, state: SecretState | None, schedule: str | None) -> None:
        """Wait for the rotation that is under way, and cancel the schedule when none is wanted.

        What a rotation leaves unfinished loses its label, so that its key counts as lost. The
        rotation function begins none while the stack is at work.
        """
        if state and state.rotation and schedule is None:
            self._client.cancel_rotate_secret(SecretId=self._secret.name)
        waited = 0
        while state and state.pending:
            if waited >= SETTLING_SECONDS or self._deadline.seconds_left() < _PAUSE_SECONDS:
                self._secret.unstage(state.pending)
                time.sleep(_PAUSE_SECONDS)  # The last step may be under way.
                return
            time.sleep(_PAUSE_SECONDS)
            waited += _PAUSE_SECONDS
            state = self._secret.describe()
        if state and state.staged:  # Its rotation is done; on an older version it would block all.
            self._secret.unstage(state.staged)

    def reconcile(self, state: SecretState | None, schedule: str | None, function_arn: str) -> str:
        """Rotate on the schedule; returns the date of the next rotation or ""."""
        if schedule is None:
            return ""
        wanted = RotationState(function_arn, schedule)
        if state is None or state.rotation != wanted:
            self._client.rotate_secret(
                SecretId=self._secret.name,
                RotationLambdaARN=function_arn,
                RotationRules={"ScheduleExpression": schedule},
                RotateImmediately=False,
            )
            state = self._secret.describe()
        return state.next_rotation if state else ""
