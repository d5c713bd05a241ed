"""The resource as a CDK construct. Copy this file into your app."""

from aws_cdk import CustomResource, Duration, Fn, aws_secretsmanager
from constructs import Construct


class RestrictedIamUser(Construct):
    """A restricted IAM user of an installed provider, and the secret with its credentials.

    Properties are those of Custom::RestrictedIAMUser. Change Serial, which begins at 1, to rotate.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        provider: str = "restricted-iam-user",
        **properties: object,
    ) -> None:
        super().__init__(scope, name)
        self.resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::RestrictedIAMUser",
            service_token=Fn.import_value(f"{provider}-ServiceToken"),
            service_timeout=Duration.minutes(15),
            properties={"Serial": "1", **properties},
        )
        self.user_name = self.resource.ref
        self.secret = aws_secretsmanager.Secret.from_secret_complete_arn(
            self, "Secret", self.resource.get_att_string("SecretArn")
        )
