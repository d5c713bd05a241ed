"""Plays Secrets Manager's part in a rotation.

Secrets Manager User Guide, "Rotation by Lambda function": a version without a value gets
AWSPENDING, the four steps are asked for in turn, and after a failure all of them again.
"""

from dataclasses import dataclass
from typing import Any

from doubles import world
from doubles.fake_cloudformation import LambdaContext
from handler import rotation_function
from handler.errors import RotationRefusedError

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:rotation"


@dataclass
class SecretsManager:
    """Rotates one secret."""

    name: str = "restricted/Provazio"
    token: str = ""

    def begin(self) -> str:
        """What "Rotate secret immediately" in the console and the schedule do first."""
        self.token = str(world.secretsmanager().rotate_secret(SecretId=self.name)["VersionId"])
        return self.token

    def event(self, step: str) -> dict[str, Any]:
        arn = world.described_secret(self.name)["ARN"]
        return {"Step": step, "SecretId": arn, "ClientRequestToken": self.token}

    def take(self, *steps: str) -> None:
        """Ask for steps; raises what the function raises."""
        for step in steps:
            context = LambdaContext(invoked_function_arn=FUNCTION_ARN, remaining_millis=90_000)
            rotation_function.lambda_handler(self.event(step), context)

    def rotate(self) -> str:
        """A rotation that goes well."""
        self.begin()
        self.take(*STEPS)
        return self.token

    def refusal(self, *steps: str) -> str:
        """Why the steps were refused, which they must be."""
        try:
            self.take(*steps)
        except RotationRefusedError as error:
            return str(error)
        raise AssertionError("it was not refused")

    def stages(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = world.described_secret(self.name)["VersionIdsToStages"]
        return found

    def pending(self) -> str | None:
        """The version of an unfinished rotation."""
        return next(
            (
                version_id
                for version_id, labels in self.stages().items()
                if "AWSPENDING" in labels and "AWSCURRENT" not in labels
            ),
            None,
        )
