"""End to end: what the functions' roles and the deployed function refuse, with IAM enforced."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from demo.local_aws import REGION, LocalAws, local_aws
from demo.sam import PROVIDER_STACK, Sam
from support.escalations import ACCOUNT, ATTEMPTS, EVERYTHING, PATH, TRUST, Target

_DENIED = {"AccessDenied", "AccessDeniedException"}
CASES = [(role, name) for role, attempts in ATTEMPTS.items() for name in attempts]


@dataclass
class Scene:
    """The local AWS with the provider, a user of ours, and things of others."""

    aws: LocalAws
    target: Target
    roles: dict[str, str]
    sessions: dict[str, dict[str, str]]

    def as_role(self, role: str, *, elsewhere: bool = False) -> Any:
        """Makes clients that hold the credentials of a role, in its function or `elsewhere`."""
        key = f"{role} {elsewhere}"
        if key not in self.sessions:
            iam, name = self.aws.client("iam"), self.roles[role]
            function = self.roles.get(role.replace("Role", "Function"), "schedule")
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=TRUST)
            self.sessions[key] = self.aws.client("sts").assume_role(
                RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}",
                RoleSessionName="attacker" if elsewhere else function,
            )["Credentials"]
        held = self.sessions[key]
        session: Any = boto3.Session(
            held["AccessKeyId"], held["SecretAccessKey"], held["SessionToken"]
        )
        return lambda service: session.client(
            service,
            region_name=REGION,
            endpoint_url=f"https://localhost:{self.aws.port}",
            verify=str(self.aws.certificate),
            config=Config(retries={"total_max_attempts": 1}),
        )


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, built: Callable[[LocalAws], Sam]
) -> Iterator[Scene]:
    with local_aws(tmp_path_factory.mktemp("aws")) as aws:
        built(aws).deploy()
        _plant(aws)
        made = aws.client("cloudformation").describe_stack_resources(StackName=PROVIDER_STACK)
        ids = {
            one["LogicalResourceId"]: one["PhysicalResourceId"] for one in made["StackResources"]
        }
        target = Target(
            boundary=ids["UserBoundary"],
            provider_role=ids["ProviderRole"],
            rotation_role=ids["RotationRole"],
            provider_function=_function_arn(aws, ids["ProviderFunction"]),
            rotation_function=_function_arn(aws, ids["RotationFunction"]),
            schedule_group=ids["ScheduleGroup"],
            provider_log_group=ids["ProviderLogGroup"],
            stack=PROVIDER_STACK,
        )
        yield Scene(aws, target, ids, {})


def _function_arn(aws: LocalAws, name: str) -> str:
    found = aws.client("lambda").get_function(FunctionName=name)
    return str(found["Configuration"]["FunctionArn"])


def _plant(aws: LocalAws) -> None:
    iam, secretsmanager = aws.client("iam"), aws.client("secretsmanager")
    iam.create_user(UserName="Stranger")
    iam.create_login_profile(UserName="Stranger", Password="Pass-word-1")
    iam.create_user(UserName="Unbounded", Path=PATH)
    iam.create_group(GroupName="Administrators")
    iam.create_role(RoleName="Elsewhere", AssumeRolePolicyDocument=json.dumps(_TRUST_NOBODY))
    iam.create_policy(PolicyName="Theirs", Path=PATH, PolicyDocument=EVERYTHING)
    secretsmanager.create_secret(Name="production/database", SecretString="theirs")
    secretsmanager.create_secret(Name="restricted/Theirs", SecretString="theirs")


_TRUST_NOBODY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.mark.parametrize(("role", "name"), CASES, ids=[f"{r}: {n}" for r, n in CASES])
def test_role_refuses(scene: Scene, role: str, name: str) -> None:
    """With the code of a function replaced, the attempt still ends in AccessDenied."""
    with pytest.raises(ClientError) as error:
        ATTEMPTS[role][name](scene.as_role(role), scene.target)

    code = error.value.response["Error"]["Code"]
    print(f"{role}: {name}: {code}")
    assert code in _DENIED, error.value


CONTROLS: dict[str, Any] = {
    "ProviderRole": lambda aws, on: aws("iam").get_user(UserName=on.user),
    "RotationRole": lambda aws, on: aws("secretsmanager").get_secret_value(SecretId=on.secret),
    "SchedulerRole": lambda aws, on: aws("lambda").invoke(
        FunctionName=on.provider_function, Payload=b"{}"
    ),
}


@pytest.mark.parametrize("role", CONTROLS)
def test_role_allows_what_it_is_for(scene: Scene, role: str) -> None:
    """The same credentials do work, so the refusals are the role's and not the session's."""
    assert CONTROLS[role](scene.as_role(role), scene.target)


@pytest.mark.parametrize("role", ["ProviderRole", "RotationRole"])
def test_role_is_useless_outside_its_function(scene: Scene, role: str) -> None:
    """Whoever else gets it, another function say, can do nothing of what it is for."""
    with pytest.raises(ClientError) as error:
        CONTROLS[role](scene.as_role(role, elsewhere=True), scene.target)

    assert error.value.response["Error"]["Code"] in _DENIED


def event(scene: Scene, **changes: Any) -> dict[str, Any]:
    """An event as CloudFormation would send it for the idle stack, with changes."""
    stack = scene.aws.client("cloudformation").describe_stacks(StackName=PROVIDER_STACK)
    return {
        "RequestType": "Update",
        "RequestId": "7c1a27b4-9a5e-4c8e-8a4a-3f6d8a0c1f11",
        "StackId": stack["Stacks"][0]["StackId"],
        "LogicalResourceId": "RestrictedUser",
        "PhysicalResourceId": "Provazio",
        "ResponseURL": f"https://localhost:{scene.aws.port}/forged",
        "ResourceType": "Custom::RestrictedIAMUser",
        "ResourceProperties": {"UserName": "Provazio", "PolicyTemplate": "eks", "Serial": "9"},
        "OldResourceProperties": {},
        **changes,
    }


def inventory(scene: Scene) -> Any:
    """Everything that a forged event could touch."""
    iam, secretsmanager = scene.aws.client("iam"), scene.aws.client("secretsmanager")
    users = iam.list_users()["Users"]
    return {
        "users": [iam.get_user(UserName=user["UserName"])["User"] for user in users],
        "keys": [
            iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"] for user in users
        ],
        "attached": [
            iam.list_attached_user_policies(UserName=user["UserName"])["AttachedPolicies"]
            for user in users
        ],
        "policies": [
            (policy["Arn"], policy["DefaultVersionId"])
            for policy in iam.list_policies(Scope="Local")["Policies"]
        ],
        "secrets": [
            (one["Name"], one.get("SecretVersionsToStages"), one.get("Tags"))
            for one in secretsmanager.list_secrets(IncludePlannedDeletion=True)["SecretList"]
        ],
        "schedules": scene.aws.client("scheduler").list_schedules()["Schedules"],
    }


STACK = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack"
UNKNOWN = f"{STACK}/unknown/00000000-0000-0000-0000-000000000000"
ABROAD = UNKNOWN.replace("us-east-1", "eu-west-1")
FOREIGN = UNKNOWN.replace(ACCOUNT, "999999999999")
EVIL = {"UserName": "Evil", "PolicyTemplate": "eks", "Serial": "1"}
RETIREMENT = {
    "LogicalResourceId": "RestrictedUser",
    "UserName": "Provazio",
    "SecretName": "restricted/Provazio",
}
FORGED: dict[str, dict[str, Any]] = {
    "update a user of an idle stack": {},
    "delete a user of an idle stack": {"RequestType": "Delete"},
    "create for an idle stack": {"RequestType": "Create", "ResourceProperties": EVIL},
    "create for an unknown stack": {
        "RequestType": "Create", "StackId": UNKNOWN, "ResourceProperties": EVIL,
    },
    "create for a stack of another region": {
        "RequestType": "Create", "StackId": ABROAD, "ResourceProperties": EVIL,
    },
    "create for a stack of another account": {
        "RequestType": "Create", "StackId": FOREIGN, "ResourceProperties": EVIL,
    },
    "delete a user outside the path": {"RequestType": "Delete", "PhysicalResourceId": "Stranger"},
    "delete a user of others under the path": {
        "RequestType": "Delete", "PhysicalResourceId": "Unbounded",
    },
    "delete a secret of others under the prefix": {
        "RequestType": "Delete",
        "ResourceProperties": {"SecretName": "restricted/Theirs", "PolicyName": "Theirs"},
    },
    "bring an own policy": {
        "RequestType": "Create",
        "ResourceProperties": {"UserName": "Evil", "PolicyDocument": json.loads(EVERYTHING)},
    },
    "answer to another address": {"ResponseURL": "https://attacker.example/"},
    "answer to the metadata of an instance": {"ResponseURL": "http://169.254.169.254/"},
}  # fmt: skip


def logs(scene: Scene) -> str:
    """All that the functions have logged."""
    client = scene.aws.client("logs")
    return "\n".join(
        event["message"]
        for group in client.describe_log_groups()["logGroups"]
        for event in client.filter_log_events(logGroupName=group["logGroupName"])["events"]
    )


def invoke(scene: Scene, payload: dict[str, Any]) -> str:
    """Invoke the deployed provider; returns what it gave back."""
    answer = scene.aws.client("lambda").invoke(
        FunctionName=scene.target.provider_function, Payload=json.dumps(payload)
    )
    return str(answer["Payload"].read().decode())


@pytest.mark.parametrize("name", FORGED)
def test_forged_event_changes_nothing(scene: Scene, name: str) -> None:
    """Whoever may invoke the function cannot make it touch anything for an idle stack."""
    before = inventory(scene)
    secret = scene.aws.client("secretsmanager").get_secret_value(SecretId=scene.target.secret)
    given = invoke(scene, event(scene, **FORGED[name]))

    assert inventory(scene) == before
    key = json.loads(secret["SecretString"])["SecretAccessKey"]
    assert key not in given
    assert key not in logs(scene)


@pytest.mark.parametrize("owner", ["its own stack", "another stack"])
def test_forged_retirement_deletes_no_current_key(scene: Scene, owner: str) -> None:
    """The event of a schedule, sent by hand, ends neither the current key nor a key early."""
    before = inventory(scene)
    stack_id = event(scene)["StackId"] if owner == "its own stack" else UNKNOWN
    for keys in before["keys"]:
        for key in keys:
            forged = RETIREMENT | {"StackId": stack_id, "AccessKeyId": key["AccessKeyId"]}
            invoke(scene, {"RetireAccessKey": forged})

    assert inventory(scene) == before


def test_forged_retirement_does_not_shorten_a_grace(
    scene: Scene, built: Callable[[LocalAws], Sam]
) -> None:
    """A replaced key lives until its grace is over, whoever asks for its end."""
    replaced = json.loads(
        scene.aws.client("secretsmanager").get_secret_value(SecretId=scene.target.secret)[
            "SecretString"
        ]
    )["AccessKeyId"]
    built(scene.aws).deploy(Serial="2")
    before = inventory(scene)
    forged = RETIREMENT | {"StackId": event(scene)["StackId"], "AccessKeyId": replaced}
    invoke(scene, {"RetireAccessKey": forged})

    assert len(next(keys for keys in before["keys"] if len(keys) == 2)) == 2
    assert inventory(scene) == before
