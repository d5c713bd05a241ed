"""A stack with a restricted IAM user, and a role that may read its credentials."""

import aws_cdk as cdk
from aws_cdk import aws_iam
from constructs import Construct
from restricted_iam_user import RestrictedIamUser


class Analytics(cdk.Stack):
    """A stack that embeds the resource of an installed provider."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        installer = RestrictedIamUser(
            self, "Installer", UserName="CdkInstaller", PolicyTemplate="vanilla"
        )
        reader = aws_iam.Role(
            self, "Reader", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com")
        )
        installer.secret.grant_read(reader)
        cdk.CfnOutput(self, "SecretArn", value=installer.secret.secret_arn)


app = cdk.App()
Analytics(app, "analytics-cdk")
app.synth()
