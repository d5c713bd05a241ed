"""End to end: who has nothing but examples/deployer-policy.yaml deploys, updates and deletes."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from demo.launcher import DECISIONS
from demo.local_aws import REGION, LocalAws, local_aws
from demo.sam import PROVIDER_STACK, Sam
from support import published
from support.templates import PROJECT, load

EMBEDDING_STACK = "analytics"
# MiniStack's CloudFormation asks IAM nothing for its caller; tests/template/test_deployer_policy.py
# derives those statements. These are what the principals call themselves.
DIRECT = {
    "DeployProvider": ("Stacks", "Look", "Artifacts"),
    "DeployUsers": ("Stacks",),
}
_BUCKET = "CloudFormation makes the bucket of the SAM CLI for its caller"
# Used on AWS, where the local AWS does not show it.
NOT_SHOWN: dict[str, dict[str, str]] = {
    "DeployProvider": {
        "logs:DescribeLogGroups": "CloudFormation makes the log groups for its caller",
        "logs:DescribeQueryDefinitions": "CloudFormation makes the saved queries for its caller",
        "s3:CreateBucket": _BUCKET,
        "s3:GetBucketPolicy": _BUCKET,
        "s3:ListBucket": "without it S3 says of what is not uploaded yet that it is forbidden",
        "s3:PutBucketPolicy": _BUCKET,
        "s3:PutBucketPublicAccessBlock": _BUCKET,
        "s3:PutBucketTagging": _BUCKET,
        "s3:PutBucketVersioning": _BUCKET,
        "s3:PutEncryptionConfiguration": _BUCKET,
        "s3:TagResource": _BUCKET,
    },
    "DeployUsers": {},
}


@dataclass(frozen=True, kw_only=True)
class Principal(LocalAws):
    """The local AWS for the holder of a key."""

    access_key_id: str
    secret_access_key: str
    arn: str

    @property
    def exports(self) -> dict[str, str]:
        key = {"AWS_ACCESS_KEY_ID": self.access_key_id}
        return super().exports | key | {"AWS_SECRET_ACCESS_KEY": self.secret_access_key}

    @property
    def used(self) -> set[str]:
        """The actions that the holder asked for and was allowed."""
        trail = (self.directory / DECISIONS).read_text().splitlines()
        asked = [line.split() for line in trail]
        return {a for who, a, decision in asked if who == self.arn and decision == "Allow"}

    def own_client(self, service: str) -> Any:
        return self.client_of(service, self.access_key_id, self.secret_access_key)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(tmp_path_factory.mktemp("aws")) as started:
        body = (PROJECT / "examples" / "deployer-policy.yaml").read_text()
        published.create(started, REGION, "deployer-policy", {}, TemplateBody=body)
        yield started


def principal(aws: LocalAws, name: str) -> Principal:
    """A user that has one of the two policies and nothing else."""
    iam, cloudformation = aws.client("iam"), aws.client("cloudformation")
    outputs = cloudformation.describe_stacks(StackName="deployer-policy")["Stacks"][0]["Outputs"]
    (arn,) = [one["OutputValue"] for one in outputs if one["OutputKey"] == name]
    user = iam.create_user(UserName=name)["User"]
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Principal(
        aws.directory,
        aws.port,
        access_key_id=key["AccessKeyId"],
        secret_access_key=key["SecretAccessKey"],
        arn=user["Arn"],
    )


def direct(name: str) -> set[str]:
    """What a policy allows its holder to call, and not CloudFormation for its holder."""
    resource = load("examples/deployer-policy.yaml")["Resources"][name]
    return {
        action
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Sid") in DIRECT[name]
        for action in statement["Action"]
    }


def delete(holder: Principal, stack: str) -> None:
    cloudformation = holder.own_client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack)
    waiter = cloudformation.get_waiter("stack_delete_complete")
    waiter.wait(StackName=stack_id, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def test_policies_are_enough_and_no_more(aws: LocalAws, built: Callable[[LocalAws], Sam]) -> None:
    """The provider is deployed, updated and deleted, a stack embeds it; every right was used."""
    deployer, embedder = principal(aws, "DeployProvider"), principal(aws, "DeployUsers")
    sam = built(deployer)
    sam.deploy()
    sam.deploy(Serial="2")
    example = str(PROJECT / "examples" / "embed.yaml")
    command = ["aws", "cloudformation", "deploy", "--template-file", example]
    subprocess.run(
        [*command, "--stack-name", EMBEDDING_STACK], env=embedder.environment, check=True
    )
    for holder in (deployer, embedder):
        with pytest.raises(ClientError, match="AccessDenied"):
            holder.own_client("lambda").invoke(FunctionName=sam_function(aws), Payload=b"{}")
    delete(embedder, EMBEDDING_STACK)
    delete(deployer, PROVIDER_STACK)

    for holder, name in ((deployer, "DeployProvider"), (embedder, "DeployUsers")):
        assert sorted(direct(name) - holder.used) == sorted(NOT_SHOWN[name])


def sam_function(aws: LocalAws) -> str:
    """The provider's function."""
    found = aws.client("cloudformation").describe_stack_resource(
        StackName=PROVIDER_STACK, LogicalResourceId="ProviderFunction"
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])
