"""An account with our provider and other people's things in it, as somebody hostile sees it."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from demo.local_aws import REGION, LocalAws
from demo.sam import PROVIDER_STACK
from support.escalations import ADMINISTRATOR

_ACCOUNT = "arn:aws:iam::123456789012"
_ANSWERS = "answers"
_NOTHING = "def handler(event, context):\n    pass\n"
_BUSY_WITHIN_SECONDS = 30


def _trust(**principals: str | list[str]) -> str:
    """A trust policy."""
    statement = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _zipped(source: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", source)
    return packed.getvalue()


@dataclass(frozen=True)
class Answer:
    """What came of invoking a function: what it returned, logged, and put to the response URL."""

    error: str
    returned: str
    logged: str
    sent: dict[str, Any] | None

    @property
    def text(self) -> str:
        return f"{self.error} {self.returned} {self.logged} {json.dumps(self.sent)}"


@dataclass
class Account:
    """The local AWS with the deployed provider, its user Provazio, and strangers' things."""

    aws: LocalAws
    client: Callable[[str], Any]
    physical_ids: dict[str, str] = field(default_factory=dict)
    busy_stack_id: str = ""

    def furnish(self) -> None:
        """Make what is not ours, and a stack that stays at work."""
        resources = self.client("cloudformation").describe_stack_resources(StackName=PROVIDER_STACK)
        self.physical_ids = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in resources["StackResources"]
        }
        self._make_strangers()
        self.client("s3").create_bucket(Bucket=_ANSWERS)
        self.busy_stack_id = self._begin_stack()

    def _make_strangers(self) -> None:
        iam = self.client("iam")
        iam.create_role(
            RoleName="Administrator", AssumeRolePolicyDocument=_trust(AWS=f"{_ACCOUNT}:root")
        )
        iam.attach_role_policy(RoleName="Administrator", PolicyArn=ADMINISTRATOR)
        iam.create_group(GroupName="Administrators")
        iam.create_user(UserName="Administrator")
        iam.create_user(UserName="Unbounded", Path="/restricted/")
        for name in ("Administrator", "Unbounded"):
            iam.create_access_key(UserName=name)
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        iam.create_policy(
            PolicyName="Theirs",
            Path="/restricted/",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
        )
        for name in ("team/database", "restricted/Theirs"):
            self.client("secretsmanager").create_secret(Name=name, SecretString="not for you")
        self.client("lambda").create_function(
            FunctionName="Other",
            Runtime="python3.13",
            Handler="index.handler",
            Role=f"{_ACCOUNT}:role/Administrator",
            Code={"ZipFile": _zipped(_NOTHING)},
        )

    def _begin_stack(self) -> str:
        """A stack that stays in CREATE_IN_PROGRESS, because nobody answers for its resource."""
        token = "arn:aws:lambda:us-east-1:123456789012:function:Other"
        waiting = {
            "Type": "Custom::RestrictedIAMUser",
            "Properties": {"ServiceToken": token, "ServiceTimeout": 3600},
        }
        cloudformation = self.client("cloudformation")
        stack_id = cloudformation.create_stack(
            StackName="busy", TemplateBody=json.dumps({"Resources": {"Installer": waiting}})
        )["StackId"]
        give_up = time.monotonic() + _BUSY_WITHIN_SECONDS
        while time.monotonic() < give_up:
            stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
            logs = self.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/Other")
            # Its first invocation makes its log group, which is to be in every snapshot.
            if stack["StackStatus"] == "CREATE_IN_PROGRESS" and logs["logGroups"]:
                return str(stack_id)
            time.sleep(0.2)
        raise TimeoutError(f"Stack busy is in {stack['StackStatus']}")

    def send(self, function: str, event: dict[str, Any]) -> Answer:
        """Invoke a deployed function with an event made by hand; returns all it let out."""
        before = self._logged(function)
        answer = self.client("lambda").invoke(
            FunctionName=self.physical_ids[function], Payload=json.dumps(event)
        )
        returned = answer["Payload"].read().decode()
        error = str(json.loads(returned)["errorMessage"]) if "FunctionError" in answer else ""
        logged = "\n".join(self._logged(function)[len(before) :])
        return Answer(error, returned, logged, self._sent(event))

    def request(self, **members: Any) -> dict[str, Any]:
        """A request as CloudFormation would send it for the stack that is at work."""
        properties = {"UserName": "Mallory", **members.pop("ResourceProperties", {})}
        if "PolicyDocument" not in properties:
            properties["PolicyTemplate"] = "vanilla"
        request_id = str(uuid4())
        return {
            "RequestType": "Create",
            "RequestId": request_id,
            "StackId": self.busy_stack_id,
            "LogicalResourceId": "Installer",
            "ResponseURL": self._response_url(request_id),
            "ResourceProperties": properties,
            **members,
        }

    @property
    def provider_stack_id(self) -> str:
        """The id of the stack that the provider and its own user are in."""
        found = self.client("cloudformation").describe_stacks(StackName=PROVIDER_STACK)
        return str(found["Stacks"][0]["StackId"])

    def retirement(self, stage: str) -> dict[str, str]:
        """What the schedule of our own resource would say of the key with this label."""
        value = self.client("secretsmanager").get_secret_value(
            SecretId="restricted/Provazio", VersionStage=stage
        )
        return {
            "StackId": self.provider_stack_id,
            "LogicalResourceId": "RestrictedUser",
            "UserName": "Provazio",
            "SecretName": "restricted/Provazio",
            "AccessKeyId": json.loads(value["SecretString"])["AccessKeyId"],
        }

    def remove(self, user_name: str) -> None:
        """Take away what the provider made for a forged Create."""
        iam = self.client("iam")
        for key in iam.list_access_keys(UserName=user_name)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user_name, AccessKeyId=key["AccessKeyId"])
        for one in iam.list_attached_user_policies(UserName=user_name)["AttachedPolicies"]:
            iam.detach_user_policy(UserName=user_name, PolicyArn=one["PolicyArn"])
            iam.delete_policy(PolicyArn=one["PolicyArn"])
        iam.delete_user(UserName=user_name)
        self.client("secretsmanager").delete_secret(
            SecretId=f"restricted/{user_name}", ForceDeleteWithoutRecovery=True
        )

    def _response_url(self, key: str) -> str:
        root: Any = boto3.Session("local-root", "local-root-secret", region_name=REGION)
        s3 = root.client(
            "s3",
            endpoint_url=f"https://localhost:{self.aws.port}",
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )
        parameters = {"Bucket": _ANSWERS, "Key": key}
        return str(s3.generate_presigned_url("put_object", Params=parameters))

    def _sent(self, event: dict[str, Any]) -> dict[str, Any] | None:
        try:
            stored = self.client("s3").get_object(
                Bucket=_ANSWERS, Key=event.get("RequestId", "none")
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
            return None
        return dict(json.loads(stored["Body"].read()))

    def _logged(self, function: str) -> list[str]:
        group = self.physical_ids[function.replace("Function", "LogGroup")]
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    def secret_access_keys(self) -> set[str]:
        """Those that the provider's secret holds."""
        found = set()
        for stage in ("AWSCURRENT", "AWSPREVIOUS"):
            value = self.client("secretsmanager").get_secret_value(
                SecretId="restricted/Provazio", VersionStage=stage
            )
            found.add(str(json.loads(value["SecretString"])["SecretAccessKey"]))
        return found

    def snapshot(self) -> str:
        """Everything that an attempt could have changed, as JSON."""
        iam, secretsmanager = self.client("iam"), self.client("secretsmanager")
        users = [user["UserName"] for user in iam.list_users()["Users"]]
        policies = iam.list_policies(Scope="Local")["Policies"]
        secrets = secretsmanager.list_secrets(IncludePlannedDeletion=True)["SecretList"]
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        schedules = self.client("scheduler").list_schedules()["Schedules"]
        held = {
            "iam": iam.get_account_authorization_details(),
            "users": [self._user(name) for name in users],
            "policies": [iam.list_policy_versions(PolicyArn=one["Arn"]) for one in policies],
            "secrets": [self._secret(secret["ARN"]) for secret in secrets],
            "functions": [
                self._function(name) for name in ("ProviderFunction", "RotationFunction")
            ],
            "logs": self._log_groups(),
            "schedules": [
                self.client("scheduler").get_schedule(Name=one["Name"], GroupName=one["GroupName"])
                for one in schedules
            ],
            "stacks": [(stack["StackId"], stack["StackStatus"]) for stack in stacks],
        }
        return json.dumps(_lasting(held), default=str, indent=1, sort_keys=True)

    def _log_groups(self) -> list[str]:
        groups = self.client("logs").describe_log_groups()["logGroups"]
        return sorted(group["logGroupName"] for group in groups)

    def _user(self, name: str) -> list[Any]:
        iam = self.client("iam")
        keys = iam.list_access_keys(UserName=name)
        try:
            login: Any = iam.get_login_profile(UserName=name)
        except iam.exceptions.NoSuchEntityException:
            login = None
        groups, user = iam.list_groups_for_user(UserName=name), iam.get_user(UserName=name)
        return [user, keys, groups, login]

    def _secret(self, arn: str) -> list[Any]:
        secretsmanager = self.client("secretsmanager")
        policy = secretsmanager.get_resource_policy(SecretId=arn)
        value = secretsmanager.get_secret_value(SecretId=arn)["SecretString"]
        return [secretsmanager.describe_secret(SecretId=arn), policy, value]

    def _function(self, logical_id: str) -> list[Any]:
        functions, name = self.client("lambda"), self.physical_ids[logical_id]
        try:
            policy: Any = functions.get_policy(FunctionName=name)["Policy"]
        except functions.exceptions.ResourceNotFoundException:
            policy = None
        return [functions.get_function_configuration(FunctionName=name), policy]


_PASSING = ("ResponseMetadata", "LastAccessedDate", "PasswordLastUsed", "RoleLastUsed")


def _lasting(value: Any) -> Any:
    """The same without what every look at it changes."""
    if isinstance(value, dict):
        return {name: _lasting(one) for name, one in value.items() if name not in _PASSING}
    if isinstance(value, list | tuple):
        return [_lasting(one) for one in value]
    return value
