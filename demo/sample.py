"""A sample of what a restricted user does on AWS, and of what it is refused."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError

_REFUSALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_TRUST = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"eks.amazonaws.com"}}}'
)
_ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
_INSTANCE, _ROLE = "i-0a1b2c3d4e5f67890", "eksctl-demo-cluster-ServiceRole"


@dataclass(frozen=True)
class Attempt:
    """One call, and what it is in plain words."""

    words: str
    service: str
    operation: str
    parameters: dict[str, Any] = field(default_factory=dict)
    elsewhere: bool = False

    @property
    def only_looks(self) -> bool:
        """Whether the call changes nothing even where it is allowed by mistake."""
        return self.operation.startswith(("describe_", "list_"))

    def refused(self, session: Any, elsewhere: str) -> bool:
        """Whether IAM refuses the call; what does not exist may be asked for all the same."""
        region = elsewhere if self.elsewhere else session.region_name
        client = session.client(self.service, region_name=region)
        try:
            getattr(client, self.operation)(**self.parameters)
        except ClientError as error:
            return error.response["Error"]["Code"] in _REFUSALS
        return False


VANILLA_MAY = [
    Attempt("look at the instances", "ec2", "describe_instances"),
    Attempt("look at the Auto Scaling groups", "autoscaling", "describe_auto_scaling_groups"),
    Attempt("stop an instance", "ec2", "stop_instances", {"InstanceIds": [_INSTANCE]}),
    Attempt("remove a VPC", "ec2", "delete_vpc", {"VpcId": "vpc-0a1b2c3d4e5f67890"}),
]
NOBODY_MAY = [
    Attempt("list users", "iam", "list_users"),
    Attempt("look at another region", "ec2", "describe_instances", elsewhere=True),
    Attempt("make another user", "iam", "create_user", {"UserName": "backdoor"}),
    Attempt("make itself a second key", "iam", "create_access_key"),
    Attempt(
        "make a user administrator",
        "iam",
        "attach_user_policy",
        {"UserName": "Provazio", "PolicyArn": _ADMINISTRATOR},
    ),
    Attempt(
        "rewrite user data",
        "ec2",
        "modify_instance_attribute",
        {"InstanceId": _INSTANCE, "UserData": {"Value": b"x"}},
    ),
    Attempt("list buckets", "s3", "list_buckets"),
    Attempt("list secrets", "secretsmanager", "list_secrets"),
]
EKS_MAY = [
    Attempt("look at a cluster", "eks", "describe_cluster", {"name": "demo"}),
    Attempt(
        "make an eksctl role",
        "iam",
        "create_role",
        {"RoleName": _ROLE, "AssumeRolePolicyDocument": _TRUST},
    ),
    Attempt(
        "attach the policy of EKS clusters to it",
        "iam",
        "attach_role_policy",
        {"RoleName": _ROLE, "PolicyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"},
    ),
]
EKS_MAY_NOT = [
    Attempt(
        "attach AdministratorAccess to it",
        "iam",
        "attach_role_policy",
        {"RoleName": _ROLE, "PolicyArn": _ADMINISTRATOR},
    ),
    Attempt(
        "make a role of another name",
        "iam",
        "create_role",
        {"RoleName": "Backdoor", "AssumeRolePolicyDocument": _TRUST},
    ),
    Attempt(
        "change whom it trusts",
        "iam",
        "update_assume_role_policy",
        {"RoleName": _ROLE, "PolicyDocument": _TRUST},
    ),
]
EKS_MAY_AFTERWARDS = [
    Attempt(
        "detach it again",
        "iam",
        "detach_role_policy",
        {"RoleName": _ROLE, "PolicyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"},
    ),
    Attempt("remove that role", "iam", "delete_role", {"RoleName": _ROLE}),
]


def check(session: boto3.Session, promise: Callable[[bool, str], None]) -> None:
    """What every entry of the catalogue may and may not do."""
    _check(session, promise, VANILLA_MAY, NOBODY_MAY)


def look(session: boto3.Session, promise: Callable[[bool, str], None], elsewhere: str) -> None:
    """The same, by calls that change nothing; `elsewhere` is a region that the user is not for."""
    may = [attempt for attempt in VANILLA_MAY if attempt.only_looks]
    may_not = [attempt for attempt in NOBODY_MAY if attempt.only_looks]
    _check(session, promise, may, may_not, elsewhere)


def check_eks(session: boto3.Session, promise: Callable[[bool, str], None]) -> None:
    """What the plain EKS entry may and may not do besides; leaves no role behind."""
    _check(session, promise, EKS_MAY, EKS_MAY_NOT)
    _check(session, promise, EKS_MAY_AFTERWARDS, NOBODY_MAY)


def _check(
    session: boto3.Session,
    promise: Callable[[bool, str], None],
    may: list[Attempt],
    may_not: list[Attempt],
    elsewhere: str = "eu-west-3",
) -> None:
    for verdict, attempts in (("may", may), ("may not", may_not)):
        wrong = [
            attempt.words
            for attempt in attempts
            if attempt.refused(session, elsewhere) != (verdict == "may not")
        ]
        sentence = ", ".join(attempt.words for attempt in attempts)
        promise(not wrong, f"the user {verdict} {', '.join(wrong) or sentence}")
