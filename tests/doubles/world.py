"""What AWS holds, as the tests ask for it."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from moto.iam.models import AccessKeyLastUsed, iam_backends
from moto.secretsmanager.models import secretsmanager_backends

PATH = "/restricted/"


@cache
def client(service: str) -> Any:
    """A client of the tests' own, kept for the test run: building one takes a tenth of a second."""
    session: Any = boto3.Session()
    return session.client(service)


def iam() -> Any:
    return client("iam")


def secretsmanager() -> Any:
    return client("secretsmanager")


def user(user_name: str = "Provazio") -> dict[str, Any]:
    return dict(iam().get_user(UserName=user_name)["User"])


def user_names() -> list[str]:
    return [user["UserName"] for user in iam().list_users()["Users"]]


def tags(entity: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in entity.get("Tags", ())}


def policy(name: str) -> dict[str, Any]:
    arn = f"arn:aws:iam::123456789012:policy{PATH}{name}"
    return dict(iam().get_policy(PolicyArn=arn)["Policy"])


def policy_document(name: str) -> dict[str, Any]:
    found = policy(name)
    version = iam().get_policy_version(PolicyArn=found["Arn"], VersionId=found["DefaultVersionId"])
    return dict(version["PolicyVersion"]["Document"])


def policy_names() -> list[str]:
    """Names of all customer managed policies but the boundary."""
    found = iam().list_policies(Scope="Local")["Policies"]
    return sorted(policy["PolicyName"] for policy in found if policy["PolicyName"] != "boundary")


def attached(user_name: str = "Provazio") -> list[str]:
    found = iam().list_attached_user_policies(UserName=user_name)["AttachedPolicies"]
    return sorted(policy["PolicyName"] for policy in found)


def keys(user_name: str = "Provazio") -> dict[str, str]:
    found = iam().list_access_keys(UserName=user_name)["AccessKeyMetadata"]
    return {key["AccessKeyId"]: key["Status"] for key in found}


def secret(name: str = "restricted/Provazio", stage: str = "AWSCURRENT") -> dict[str, Any]:
    value = secretsmanager().get_secret_value(SecretId=name, VersionStage=stage)
    return dict(json.loads(value["SecretString"]))


def secret_names() -> list[str]:
    found = secretsmanager().list_secrets(IncludePlannedDeletion=True)["SecretList"]
    return sorted(secret["Name"] for secret in found)


def described_secret(name: str = "restricted/Provazio") -> dict[str, Any]:
    return dict(secretsmanager().describe_secret(SecretId=name))


def foreign_secret_in(region: str, name: str) -> None:
    """Somebody else's secret of that name in another region."""
    session: Any = boto3.Session()
    session.client("secretsmanager", region_name=region).create_secret(Name=name, SecretString="x")


def moto_secret(name: str) -> Any:
    """What moto keeps of a secret."""
    return secretsmanager_backends["123456789012"]["us-east-1"].secrets[name]


def replace_user(user_name: str = "Provazio") -> dict[str, str]:
    """Somebody deletes the user and makes one like it, tags and all, with a key of its own."""
    found, arns = user(user_name), [policy(name)["Arn"] for name in attached(user_name)]
    delete_user(user_name)
    iam().create_user(UserName=user_name, Path=found["Path"], Tags=found["Tags"])
    for arn in arns:
        iam().attach_user_policy(UserName=user_name, PolicyArn=arn)
    iam().create_access_key(UserName=user_name)
    return keys(user_name)


def delete_user(user_name: str = "Provazio") -> None:
    """Somebody deletes the user as the console does; its policies and secret stay."""
    for access_key_id in keys(user_name):
        iam().delete_access_key(UserName=user_name, AccessKeyId=access_key_id)
    for name in attached(user_name):
        iam().detach_user_policy(UserName=user_name, PolicyArn=policy(name)["Arn"])
    iam().delete_user(UserName=user_name)


def replace_secret(name: str = "restricted/Provazio") -> None:
    """Somebody deletes the secret and makes one like it, tags, value and all."""
    value, found = secretsmanager().get_secret_value(SecretId=name), described_secret(name)
    secretsmanager().delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    secretsmanager().create_secret(
        Name=name, SecretString=value["SecretString"], Tags=found["Tags"]
    )


def use_key(access_key_id: str, at: datetime | None = None) -> None:
    """The key is used, now or at another time, so that IAM tells a last use."""
    key = iam_backends["123456789012"]["aws"].access_keys[access_key_id]
    key.last_used = AccessKeyLastUsed(at or datetime.now(UTC), "ec2", "us-east-1")


def schedules() -> list[dict[str, Any]]:
    """All schedules of the group, whole."""
    scheduler, group = client("scheduler"), "restricted-iam-user"
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName=group)
    found = [each["Name"] for page in pages for each in page["Schedules"]]
    return [scheduler.get_schedule(GroupName=group, Name=name) for name in found]


def nothing_is_left() -> bool:
    return not (user_names() or policy_names() or secret_names() or schedules())
