"""examples/deployer-policy.yaml allows what CloudFormation calls for its caller, and no more."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from support.policy_calls import Call, allowed
from support.templates import load, resolved

STACK = "restricted-iam-user"
VALUES: dict[str, str] = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "ProviderStack": STACK,
    "EmbeddingStacks": "analytics-*",
    "ProviderBoundaryArn": "arn:aws:iam::123456789012:policy/Ceiling",
}
# What the SAM template becomes, besides what it says itself.
SERVERLESS = ("AWS::Lambda::Function", "AWS::Lambda::EventInvokeConfig")
# What the handlers of CloudFormation's resource types may call, and do not for our template.
NOT_CALLED = {
    "*:*ResourcePolicy": "no resource policy on table or logs; the read handlers' Get stays",
    "dynamodb:*Replica": "no replicas",
    "dynamodb:*Item": "no replicas",
    "dynamodb:Query": "no replicas",
    "dynamodb:Scan": "no replicas",
    "dynamodb:*Import*": "no import",
    "dynamodb:UpdateContributorInsights": "no contributor insights",
    "dynamodb:E*Kinesis*": "no stream",
    "dynamodb:Disable*": "no stream",
    "dynamodb:UpdateKinesis*": "no stream",
    "kinesis:*": "no stream",
    "iam:CreateServiceLinkedRole": "no replicas",
    "kms:*": "no customer key of table or function",
    "s3:*Metadata": "no import",
    "s3:ListBucket": "no import",
    "s3:GetObject*": "Lambda takes the package from the artifact bucket, see Artifacts",
    "s3:REST.*": "no delivery of logs",
    "firehose:*": "no delivery of logs",
    "logs:*LogDelivery": "no delivery of logs",
    "logs:CreateLogStream": "no import into the table",
    "logs:DescribeLogStreams": "no import into the table",
    "logs:PutLogEvents": "no import into the table",
    "logs:DescribeResourcePolicies": "no resource policy of logs",
    "logs:PutDataProtectionPolicy": "no data protection",
    "logs:DeleteDataProtectionPolicy": "no data protection",
    "logs:PutIndexPolicy": "no index",
    "logs:DeleteIndexPolicy": "no index",
    "logs:PutBearerTokenAuthentication": "no bearer token",
    "logs:PutLogGroupDeletionProtection": "no protection",
    "iam:*GroupPolicy": "policies of roles only",
    "iam:*UserPolicy": "policies of roles only",
    "iam:Attach*Policy": "nothing is attached",
    "iam:Detach*Policy": "nothing is attached",
    "ec2:*": "no VPC",
    "elasticfilesystem:*": "no file system",
    "s3files:*": "no file system",
    "lambda:*FunctionConcurrency": "no concurrency",
    "lambda:PutFunction*Config": "defaults of recursion, scaling, code signing",
    "lambda:DeleteFunctionCodeSigningConfig": "no code signing",
    "lambda:GetCodeSigningConfig": "no code signing",
    "lambda:GetLayerVersion": "no layer",
    "lambda:P*CapacityProvider": "no capacity provider",
    "lambda:PutRuntimeManagementConfig": "the default of runtimes",
    "lambda:AssociateRuntimeAlias": "the default of runtimes",
    "lambda:PublishVersion": "no version",
}
# The exceptions to the patterns above.
CALLED = {"dynamodb:GetResourcePolicy", "lambda:PutFunctionEventInvokeConfig"}


def document(name: str, *, bounded: bool = False) -> dict[str, Any]:
    """One of the two policies as CloudFormation makes it."""
    resource = load("examples/deployer-policy.yaml")["Resources"][name]
    chosen = _chosen(resource["Properties"]["PolicyDocument"], 1 if bounded else 2)
    return dict(resolved(chosen, VALUES))


def _chosen(node: Any, branch: int) -> Any:
    """The same with `!If` decided, and without what is NoValue."""
    match node:
        case {"Fn::If": list(parts)}:
            return _chosen(parts[branch], branch)
        case dict():
            fields = {key: _chosen(value, branch) for key, value in node.items()}
            return {k: v for k, v in fields.items() if v != {"Ref": "AWS::NoValue"}}
        case list():
            made = [_chosen(one, branch) for one in node]
            return [one for one in made if one != {"Ref": "AWS::NoValue"}]
    return node


def actions(name: str, *sids: str) -> set[str]:
    """The actions of a policy, of some statements only if they are named."""
    return {
        action
        for statement in document(name)["Statement"]
        if not sids or statement["Sid"] in sids
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    }


def called_by_cloudformation() -> set[str]:
    """What the handlers of the resource types in template.yaml say that they need."""
    types = {resource["Type"] for resource in load("template.yaml")["Resources"].values()}
    plain = {one for one in types if one.startswith("AWS::") and "Serverless" not in one}
    handlers = [
        handler
        for one in [*plain, *SERVERLESS]
        for name, handler in PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", one)
        .schema["handlers"]
        .items()
        if name != "list"
    ]
    needed = {action for handler in handlers for action in handler["permissions"]}
    if any(one.startswith("Custom::") for one in types):
        needed.add("lambda:InvokeFunction")
    unused = {a for a in needed if any(fnmatchcase(a, p) for p in NOT_CALLED)}
    return needed - (unused - CALLED)


def test_provider_policy_is_what_the_resource_types_need() -> None:
    """Every action is one that AWS's schema of a resource type names, and none is missing."""
    own = {"Stacks", "Artifacts"}
    sids = {statement["Sid"] for statement in document("DeployProvider")["Statement"]} - own
    granted = actions("DeployProvider", *sids) - {"cloudformation:GetTemplateSummary"}

    assert granted == called_by_cloudformation()


def test_no_reason_is_left_over() -> None:
    """Each pattern of what is not called stands for something that a handler would call."""
    handlers = {
        action
        for resource_type in (
            *SERVERLESS,
            "AWS::DynamoDB::Table",
            "AWS::IAM::ManagedPolicy",
            "AWS::IAM::Role",
            "AWS::Logs::LogGroup",
        )
        for handler in PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type)
        .schema["handlers"]
        .values()
        for action in handler["permissions"]
    }

    assert [p for p in NOT_CALLED if not any(fnmatchcase(a, p) for a in handlers)] == []


SAMPLES = {
    "iam:*Role*": "arn:aws:iam::123456789012:role/{}-ProviderRole-1A2B3C",
    "iam:*Polic*": "arn:aws:iam::123456789012:policy/{}-UserBoundary-1A2B3C",
    "lambda:*": "arn:aws:lambda:us-east-1:123456789012:function:{}-65aaed7d",
    "dynamodb:*": "arn:aws:dynamodb:us-east-1:123456789012:table/{}-StateTable-1A2B3C",
    "cloudwatch:*": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:{}-CrashesAlarm-1A2B3C",
    "logs:*": "arn:aws:logs:us-east-1:123456789012:log-group:{}-ProviderLogGroup-1A2B3C",
    "scheduler:*": "arn:aws:scheduler:us-east-1:123456789012:schedule-group/{}-ScheduleGroup-1A2B",
}
# Listed without a resource by AWS's own authorization reference.
NO_RESOURCE = {
    "logs:DeleteQueryDefinition",
    "logs:DescribeLogGroups",
    "logs:DescribeQueryDefinitions",
    "logs:PutQueryDefinition",
}
THROUGH_CLOUDFORMATION = {
    "aws:CalledVia": "cloudformation.amazonaws.com",
    "iam:PassedToService": "lambda.amazonaws.com",
}


def call(action: str, stack: str, **context: str) -> Call:
    pattern = next(pattern for pattern in SAMPLES if fnmatchcase(action, pattern))
    return Call(action, (SAMPLES[pattern].format(stack),), context)


@pytest.mark.parametrize("action", sorted(called_by_cloudformation() - NO_RESOURCE))
def test_only_things_of_the_provider_stack(action: str) -> None:
    """What CloudFormation calls is allowed on what the stack makes, and on nothing of another."""
    policy = document("DeployProvider")
    ours, theirs = call(action, STACK), call(action, "payroll")

    assert allowed(Call(action, ours.resources, THROUGH_CLOUDFORMATION), [policy])
    assert not allowed(Call(action, theirs.resources, THROUGH_CLOUDFORMATION), [policy])


@pytest.mark.parametrize("name", ["DeployProvider", "DeployUsers"])
def test_function_is_invoked_through_cloudformation_only(name: str) -> None:
    """Neither policy lets its holder send the provider an event of their own."""
    policy = document(name)
    invoke = call("lambda:InvokeFunction", STACK)

    assert allowed(Call(invoke.action, invoke.resources, THROUGH_CLOUDFORMATION), [policy])
    assert not allowed(invoke, [policy])


@pytest.mark.parametrize("service", ["ec2", "ecs-tasks", "cloudformation"])
def test_roles_are_passed_to_lambda_only(service: str) -> None:
    """Whoever deploys cannot run something else as the provider."""
    policy = document("DeployProvider")
    passing = call("iam:PassRole", STACK, **{"iam:PassedToService": f"{service}.amazonaws.com"})

    assert not allowed(passing, [policy])


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy"])
def test_roles_carry_the_boundary_that_is_named(action: str) -> None:
    """With ProviderBoundaryArn, no role is made or changed without it, and it is not taken off."""
    policy = document("DeployProvider", bounded=True)
    boundary = {"iam:PermissionsBoundary": VALUES["ProviderBoundaryArn"]}

    assert allowed(call(action, STACK, **boundary), [policy])
    assert not allowed(call(action, STACK), [policy])
    assert not allowed(call("iam:DeleteRolePermissionsBoundary", STACK), [policy])
    assert not allowed(call("iam:CreatePolicyVersion", "Ceiling"), [policy])
