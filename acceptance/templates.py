"""The small stacks that ask CloudFormation how it behaves."""

import json
from pathlib import Path
from typing import Any

from acceptance.account import Account
from acceptance.stacks import Template

_CODE = Path(__file__).with_name("probe.py").read_text()
FAILS = {"Fail": "and go back"}
# Where no roll-back follows, the next Update is no way back.
FAILS_AND_STAYS = {"Fail": "and stay"}
_LOOKS_SECONDS = 45
NO_SUCH_TEMPLATE = "no-such-template"


def probe(account: Account) -> Template:
    """The function that says what it sees, its role and its log group."""
    stacks = f"arn:{account.partition}:cloudformation:{account.region}:{account.account_id}:stack"
    statements = [
        _allow(
            ["cloudformation:DescribeStacks", "cloudformation:DescribeStackResource"],
            f"{stacks}/{account.prefix}*",
        ),
        _allow(["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": ["Log", "Arn"]}),
    ]
    role = {
        "Path": account.iam_path,
        "AssumeRolePolicyDocument": _trust({"Service": "lambda.amazonaws.com"}),
        "Policies": [{"PolicyName": "Look", "PolicyDocument": _document(statements)}],
    }
    return {
        "Resources": {
            "Log": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"LogGroupName": log_group(account), "RetentionInDays": 1},
            },
            "Role": {"Type": "AWS::IAM::Role", "Properties": role},
            "Function": function(account, {"Fn::GetAtt": ["Role", "Arn"]}),
        },
        "Outputs": {
            "Function": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}},
            "Role": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}},
        },
    }


def log_group(account: Account) -> str:
    """Where the functions say what they see."""
    return f"{account.prefix}-probe"


def function(account: Account, role: Any, version: str = "1") -> dict[str, Any]:
    """One version of the function."""
    seconds = f"LONGEST_SECONDS = {_LOOKS_SECONDS * account.patience}"
    code = _CODE.replace('VERSION = "1"', f'VERSION = "{version}"')
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Handler": "index.lambda_handler",
            "Runtime": "python3.13",
            "Timeout": 120,
            "Role": role,
            "LoggingConfig": {"LogGroup": log_group(account)},
            "Code": {"ZipFile": code.replace("LONGEST_SECONDS = 45", seconds)},
        },
    }


def upgrade(account: Account, role: str, version: str, **properties: str) -> Template:
    """A function together with a resource of its own, as in the provider's stack."""
    return {
        "Resources": {
            "Function": function(account, role, version),
            "Resource": resource({"Fn::GetAtt": ["Function", "Arn"]}, **properties),
        }
    }


def resource(service_token: Any, after: str = "", **properties: str) -> dict[str, Any]:
    """A custom resource that the function answers."""
    return {
        "Type": "Custom::Probe",
        "Properties": {"ServiceToken": service_token, "ServiceTimeout": 180, **properties},
        **({"DependsOn": after} if after else {}),
    }


def two(service_token: str, first: dict[str, str], second: dict[str, str]) -> Template:
    """Two resources, one after the other."""
    return {
        "Resources": {
            "First": resource(service_token, **first),
            "Second": resource(service_token, after="First", **second),
        }
    }


def ruled() -> Template:
    """A template whose rule never holds."""
    return {
        "Parameters": {"Word": {"Type": "String", "Default": "no"}},
        "Rules": {
            "NeverHolds": {
                "Assertions": [
                    {
                        "Assert": {"Fn::Equals": [{"Ref": "Word"}, "yes"]},
                        "AssertDescription": "This rule never holds.",
                    }
                ]
            }
        },
        "Resources": {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}},
    }


def nesting(template_url: str) -> Template:
    """A stack that nests another."""
    return {
        "Resources": {
            "Nested": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {"TemplateURL": template_url},
            }
        }
    }


def embedding(account: Account, user_name: str, **properties: str) -> Template:
    """A stack that gets a user from the provider under test."""
    return {
        "Resources": {"Installer": _user(account, user_name, "vanilla", **properties)},
        "Outputs": {
            "AccessKeyId": {"Value": {"Fn::GetAtt": ["Installer", "AccessKeyId"]}},
            "SecretArn": {"Value": {"Fn::GetAtt": ["Installer", "SecretArn"]}},
        },
    }


def failing(account: Account, user_name: str, **properties: str) -> Template:
    """The same with another resource, which is refused once the first has been served."""
    template = embedding(account, user_name, **properties)
    refused = _user(account, f"{user_name}-refused", NO_SUCH_TEMPLATE)
    template["Resources"]["Refused"] = {**refused, "DependsOn": "Installer"}
    return template


def _user(account: Account, user_name: str, policy: str, **properties: str) -> dict[str, Any]:
    return {
        "Type": "Custom::RestrictedIAMUser",
        "Properties": {
            "ServiceToken": {"Fn::ImportValue": f"{account.prefix}-ServiceToken"},
            "ServiceTimeout": 900,
            "UserName": user_name,
            "PolicyTemplate": policy,
            **properties,
        },
    }


def deployer_trust(account: Account) -> str:
    """Whoever runs the command may take the deployer's role, and no other account."""
    root = f"arn:{account.partition}:iam::{account.account_id}:root"
    return json.dumps(_trust({"AWS": root}))


def deployer_policy(account: Account, function_arn: str, how: str) -> str:
    """Stacks of the run, and the function `never`, only `via` CloudFormation, or `always`."""
    stacks = f"arn:{account.partition}:cloudformation:{account.region}:{account.account_id}:stack"
    statements = [_allow(["cloudformation:*"], f"{stacks}/{account.prefix}-via*")]
    if how != "never":
        statements.append(_allow(["lambda:InvokeFunction"], function_arn))
    if how == "via":
        called = {"aws:CalledVia": ["cloudformation.amazonaws.com"]}
        statements[-1]["Condition"] = {"ForAnyValue:StringEquals": called}
    return json.dumps(_document(statements))


def _allow(actions: list[str], on: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": on}


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _trust(principal: dict[str, str]) -> dict[str, Any]:
    return _document([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}])
