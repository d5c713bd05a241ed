"""A restricted IAM user in an AWS CDK app, and a function that may read its credentials.

pip install aws-cdk-lib
npx aws-cdk deploy --app "python3 app.py"
"""

import aws_cdk as cdk
from aws_cdk import aws_iam, aws_secretsmanager
from constructs import Construct


class Analytics(cdk.Stack):
    """A stack that embeds the resource of an installed provider."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        installer = cdk.CustomResource(
            self,
            "Installer",
            resource_type="Custom::RestrictedIAMUser",
            service_token=cdk.Fn.import_value("restricted-iam-user-ServiceToken"),
            service_timeout=cdk.Duration.minutes(15),
            properties={
                "UserName": "CdkInstaller",
                "PolicyTemplate": "vanilla",
                "Serial": "1",  # Change it to rotate the key.
            },
        )
        secret = aws_secretsmanager.Secret.from_secret_complete_arn(
            self, "Credentials", installer.get_att_string("SecretArn")
        )
        reader = aws_iam.Role(
            self, "Reader", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com")
        )
        secret.grant_read(reader)
        cdk.CfnOutput(self, "SecretArn", value=secret.secret_arn)


app = cdk.App()
Analytics(app, "analytics-cdk")
app.synth()
