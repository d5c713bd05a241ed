"""The shortest provider that one would write with crhelper in its defaults.

It makes the user, its policy, a key and the secret, one call after another. It proves nothing, keeps
no key for a while, knows no roll-back, and leaves everything behind when it is cut off. The file is
the function's code; it is not imported.
"""

import json

import boto3
from crhelper import CfnResource  # noqa: TID251 - as a user would

iam, secrets = boto3.client("iam"), boto3.client("secretsmanager")
helper = CfnResource()


def handler(event, context):  # noqa: ANN001, ANN201 - runs in Lambda alone
    """Serve one event."""
    helper(event, context)


@helper.create
def create(event, _context):  # noqa: ANN001, ANN201
    """Make everything."""
    properties = event["ResourceProperties"]
    user = properties["UserName"]
    iam.create_user(UserName=user)
    document = json.dumps(properties["PolicyDocument"])
    policy = iam.create_policy(PolicyName=user, PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName=user, PolicyArn=policy)
    secrets.create_secret(Name=user, SecretString=new_key(user))
    return user


@helper.update
def update(event, _context):  # noqa: ANN001, ANN201
    """Replace the key."""
    user = event["PhysicalResourceId"]
    old = json.loads(secrets.get_secret_value(SecretId=user)["SecretString"])
    secrets.put_secret_value(SecretId=user, SecretString=new_key(user))
    iam.delete_access_key(UserName=user, AccessKeyId=old["AccessKeyId"])
    return user


@helper.delete
def delete(event, _context):  # noqa: ANN001, ANN201
    """Delete everything."""
    user = event["PhysicalResourceId"]
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    for policy in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=user, PolicyArn=policy["PolicyArn"])
        iam.delete_policy(PolicyArn=policy["PolicyArn"])
    iam.delete_user(UserName=user)
    secrets.delete_secret(SecretId=user, ForceDeleteWithoutRecovery=True)


def new_key(user):  # noqa: ANN001, ANN201
    """Make a key; returns what the secret holds."""
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return json.dumps({name: key[name] for name in ("AccessKeyId", "SecretAccessKey")})
