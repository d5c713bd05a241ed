"""The shortest provider that one would write with crhelper in its defaults.

It makes the user, its policy, a key and the secret, one call after another. It proves nothing,
keeps no key for a while, knows no roll-back, and leaves everything behind when it is cut off. The
file is the function's code; it is not imported.
"""

import json
from typing import Any

import boto3
from crhelper import CfnResource

Event = dict[str, Any]
iam, secrets = boto3.client("iam"), boto3.client("secretsmanager")
helper = CfnResource()


def handler(event: Event, context: object) -> None:
    """Serve one event."""
    helper(event, context)


@helper.create
def create(event: Event, _context: object) -> str:
    """Make everything."""
    properties = event["ResourceProperties"]
    user = properties["UserName"]
    iam.create_user(UserName=user)
    document = json.dumps(properties["PolicyDocument"])
    policy = iam.create_policy(PolicyName=user, PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName=user, PolicyArn=policy)
    secrets.create_secret(Name=user, SecretString=new_key(user))
    return str(user)


@helper.update
def update(event: Event, _context: object) -> str:
    """Replace the key."""
    user = event["PhysicalResourceId"]
    old = json.loads(secrets.get_secret_value(SecretId=user)["SecretString"])
    secrets.put_secret_value(SecretId=user, SecretString=new_key(user))
    iam.delete_access_key(UserName=user, AccessKeyId=old["AccessKeyId"])
    return str(user)


@helper.delete
def delete(event: Event, _context: object) -> None:
    """Delete everything."""
    user = event["PhysicalResourceId"]
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    for policy in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=user, PolicyArn=policy["PolicyArn"])
        iam.delete_policy(PolicyArn=policy["PolicyArn"])
    iam.delete_user(UserName=user)
    secrets.delete_secret(SecretId=user, ForceDeleteWithoutRecovery=True)


def new_key(user: str) -> str:
    """Make a key; returns what the secret holds."""
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return json.dumps({name: key[name] for name in ("AccessKeyId", "SecretAccessKey")})
