"""What somebody would try who had replaced the code of a function: each must be refused.

An attempt is a call with the credentials of the function's own role; `docs/security.md` lists
their names.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ACCOUNT = "123456789012"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
PATH = "/restricted/"
EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
        ],
    }
)
PUBLIC = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": "*",
            }
        ],
    }
)
TAGS = [
    {"Key": "restricted-iam-user:stack-id", "Value": "arn:aws:cloudformation:x"},
    {"Key": "restricted-iam-user:logical-id", "Value": "x"},
]
# IAM takes a tag key in any letters for the same.
INVITATION = [{"Key": "Restricted-IAM-User:invited", "Value": "us-east-1/x/x"}]


@dataclass(frozen=True)
class Target:
    """What the attempts are made on; all of it exists."""

    boundary: str
    provider_role: str
    rotation_role: str
    provider_function: str
    rotation_function: str
    schedule_group: str
    provider_log_group: str
    stack: str
    user: str = "Provazio"
    stranger: str = "Stranger"  # Outside the path.
    unbounded: str = "Unbounded"  # Under the path, without the boundary.
    role: str = "Elsewhere"
    secret: str = "restricted/Provazio"
    foreign_secret: str = "production/database"


Attempt = Callable[[Callable[[str], Any], Target], Any]


def _function_url(aws: Callable[[str], Any], on: Target) -> Any:
    return aws("lambda").add_permission(
        FunctionName=on.provider_function,
        StatementId="all",
        Action="lambda:InvokeFunction",
        Principal="*",
    )


def _schedule(
    aws: Callable[[str], Any], group: str, role_arn: str, function_arn: str, name: str = "attempt"
) -> Any:
    return aws("scheduler").create_schedule(
        Name=name,
        GroupName=group,
        ScheduleExpression="at(2099-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": function_arn, "RoleArn": role_arn, "Input": "{}"},
    )


# The boundary is Target.boundary wherever one is forced.
BY_ANY_ROLE: dict[str, Attempt] = {
    "create a user outside the path": lambda aws, on: aws("iam").create_user(
        UserName="Attempt", PermissionsBoundary=on.boundary, Tags=TAGS
    ),
    "create a user without a boundary": lambda aws, _: aws("iam").create_user(
        UserName="Attempt", Path=PATH, Tags=TAGS
    ),
    "create a user under AdministratorAccess as boundary": lambda aws, _: aws("iam").create_user(
        UserName="Attempt", Path=PATH, PermissionsBoundary=ADMINISTRATOR, Tags=TAGS
    ),
    "create a user without ownership tags": lambda aws, on: aws("iam").create_user(
        UserName="Attempt", Path=PATH, PermissionsBoundary=on.boundary
    ),
    "invite itself to a user": lambda aws, on: aws("iam").tag_user(
        UserName=on.user, Tags=INVITATION
    ),
    "invite itself to a policy": lambda aws, _: aws("iam").tag_policy(
        PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy{PATH}ManageIguazioSystems", Tags=INVITATION
    ),
    "invite itself to a secret": lambda aws, on: aws("secretsmanager").tag_resource(
        SecretId=on.secret, Tags=INVITATION
    ),
    "create a user with an invitation": lambda aws, on: aws("iam").create_user(
        UserName="Attempt", Path=PATH, PermissionsBoundary=on.boundary, Tags=[*TAGS, *INVITATION]
    ),
    "remove the boundary of a user": lambda aws, on: aws("iam").delete_user_permissions_boundary(
        UserName=on.user
    ),
    "replace the boundary of a user": lambda aws, on: aws("iam").put_user_permissions_boundary(
        UserName=on.user, PermissionsBoundary=ADMINISTRATOR
    ),
    "remove the boundary of a role": lambda aws, on: aws("iam").delete_role_permissions_boundary(
        RoleName=on.role
    ),
    "write a new version of the boundary": lambda aws, on: aws("iam").create_policy_version(
        PolicyArn=on.boundary, PolicyDocument=EVERYTHING, SetAsDefault=True
    ),
    "switch the version of the boundary": lambda aws, on: aws("iam").set_default_policy_version(
        PolicyArn=on.boundary, VersionId="v1"
    ),
    "delete the boundary": lambda aws, on: aws("iam").delete_policy(PolicyArn=on.boundary),
    "attach AdministratorAccess to a user": lambda aws, on: aws("iam").attach_user_policy(
        UserName=on.user, PolicyArn=ADMINISTRATOR
    ),
    "attach a policy to a user without the boundary": lambda aws, on: aws("iam").attach_user_policy(
        UserName=on.unbounded,
        PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy{PATH}ManageIguazioSystems",
    ),
    "attach AdministratorAccess to its own role": lambda aws, on: aws("iam").attach_role_policy(
        RoleName=on.provider_role, PolicyArn=ADMINISTRATOR
    ),
    "write an inline policy of a user": lambda aws, on: aws("iam").put_user_policy(
        UserName=on.user, PolicyName="all", PolicyDocument=EVERYTHING
    ),
    "write an inline policy of its own role": lambda aws, on: aws("iam").put_role_policy(
        RoleName=on.provider_role, PolicyName="all", PolicyDocument=EVERYTHING
    ),
    "put a user into a group": lambda aws, on: aws("iam").add_user_to_group(
        UserName=on.user, GroupName="Administrators"
    ),
    "give a user a password": lambda aws, on: aws("iam").create_login_profile(
        UserName=on.user, Password="Attempt-1"
    ),
    "change the password of a user": lambda aws, on: aws("iam").update_login_profile(
        UserName=on.stranger, Password="Attempt-1"
    ),
    "make a key for a user outside the path": lambda aws, on: aws("iam").create_access_key(
        UserName=on.stranger
    ),
    "deactivate a key of a user outside the path": lambda aws, on: aws("iam").update_access_key(
        UserName=on.stranger, AccessKeyId="AKIAIOSFODNN7EXAMPLE", Status="Inactive"
    ),
    "delete a user outside the path": lambda aws, on: aws("iam").delete_user(UserName=on.stranger),
    "move a user to another path": lambda aws, on: aws("iam").update_user(
        UserName=on.user, NewPath="/"
    ),
    "create a role": lambda aws, _: aws("iam").create_role(
        RoleName="Attempt", AssumeRolePolicyDocument=TRUST
    ),
    "change who may assume a role": lambda aws, on: aws("iam").update_assume_role_policy(
        RoleName=on.role, PolicyDocument=TRUST
    ),
    "create a policy outside the path": lambda aws, _: aws("iam").create_policy(
        PolicyName="Attempt", PolicyDocument=EVERYTHING, Tags=TAGS
    ),
    "create a group": lambda aws, _: aws("iam").create_group(GroupName="Attempt"),
    "assume another role": lambda aws, on: aws("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{on.role}", RoleSessionName="attempt"
    ),
    "replace the code of the provider": lambda aws, on: aws("lambda").update_function_code(
        FunctionName=on.provider_function, ZipFile=b"x"
    ),
    "change the settings of the provider": lambda aws, on: aws(
        "lambda"
    ).update_function_configuration(FunctionName=on.provider_function, Handler="x.y"),
    "let everybody invoke the provider": _function_url,
    "invoke the provider": lambda aws, on: aws("lambda").invoke(
        FunctionName=on.provider_function, Payload=b"{}"
    ),
    "read a secret outside the prefix": lambda aws, on: aws("secretsmanager").get_secret_value(
        SecretId=on.foreign_secret
    ),
    "create a secret outside the prefix": lambda aws, _: aws("secretsmanager").create_secret(
        Name="production/attempt", SecretString="x", Tags=TAGS
    ),
    "delete a secret outside the prefix": lambda aws, on: aws("secretsmanager").delete_secret(
        SecretId=on.foreign_secret
    ),
    "publish a secret": lambda aws, on: aws("secretsmanager").put_resource_policy(
        SecretId=on.secret, ResourcePolicy=PUBLIC
    ),
    "rotate a secret with a function of its own": lambda aws, on: aws(
        "secretsmanager"
    ).rotate_secret(
        SecretId=on.secret,
        RotationLambdaARN=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:attempt",
        RotationRules={"ScheduleExpression": "rate(1 day)"},
        RotateImmediately=False,
    ),
    "make a schedule outside the group": lambda aws, on: _schedule(
        aws,
        "default",
        f"arn:aws:iam::{ACCOUNT}:role/{on.role}",
        on.provider_function,
    ),
    "make a group of schedules": lambda aws, _: aws("scheduler").create_schedule_group(
        Name="attempt"
    ),
    "delete the logs": lambda aws, on: aws("logs").delete_log_group(
        logGroupName=on.provider_log_group
    ),
    "shorten the retention of the logs": lambda aws, on: aws("logs").put_retention_policy(
        logGroupName=on.provider_log_group, retentionInDays=1
    ),
    "change the stack": lambda aws, on: aws("cloudformation").update_stack(
        StackName=on.stack, TemplateBody='{"Resources": {}}'
    ),
    "delete the stack": lambda aws, on: aws("cloudformation").delete_stack(StackName=on.stack),
}
BY_LESSER_ROLES: dict[str, Attempt] = {
    "create a user": lambda aws, on: aws("iam").create_user(
        UserName="Attempt", Path=PATH, PermissionsBoundary=on.boundary, Tags=TAGS
    ),
    "delete a user": lambda aws, on: aws("iam").delete_user(UserName=on.user),
    "create a policy": lambda aws, _: aws("iam").create_policy(
        PolicyName="Attempt", Path=PATH, PolicyDocument=EVERYTHING, Tags=TAGS
    ),
    "delete a secret": lambda aws, on: aws("secretsmanager").delete_secret(SecretId=on.secret),
    "change the readers of a secret": lambda aws, on: aws("secretsmanager").put_resource_policy(
        SecretId=on.secret, ResourcePolicy=PUBLIC, BlockPublicPolicy=True
    ),
}
BY_THE_SCHEDULER: dict[str, Attempt] = {
    "read a secret": lambda aws, on: aws("secretsmanager").get_secret_value(SecretId=on.secret),
    "make a key": lambda aws, on: aws("iam").create_access_key(UserName=on.user),
    "invoke the rotation function": lambda aws, on: aws("lambda").invoke(
        FunctionName=on.rotation_function, Payload=b"{}"
    ),
}
_MAY_INVOKE = {name: a for name, a in BY_ANY_ROLE.items() if name != "invoke the provider"}
ATTEMPTS: dict[str, dict[str, Attempt]] = {
    "ProviderRole": BY_ANY_ROLE,
    "RotationRole": BY_ANY_ROLE | BY_LESSER_ROLES,
    "SchedulerRole": _MAY_INVOKE | BY_LESSER_ROLES | BY_THE_SCHEDULER,
}
