"""The same user, policy, key and secret, as each of the ways writes it in a template."""

from typing import Any

from bench.engine import resource_template

Template = dict[str, Any]


def ours(service_token: str, name: str, serial: str) -> Template:
    """One resource of this provider."""
    properties = {"UserName": name, "PolicyTemplate": "vanilla", "Serial": serial}
    return resource_template({"ServiceToken": service_token} | properties)


def native(document: Template, name: str, serial: int) -> Template:
    """Four resources of CloudFormation itself."""
    secret = '{"AccessKeyId":"${Key}","SecretAccessKey":"${Key.SecretAccessKey}"}'
    return {
        "Resources": {
            **_user_and_policy(document, name),
            "Key": {
                "Type": "AWS::IAM::AccessKey",
                "Properties": {"UserName": {"Ref": "User"}, "Serial": serial},
            },
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"Name": f"native/{name}", "SecretString": {"Fn::Sub": secret}},
            },
        }
    }


def key_alone(service_token: str, document: Template, name: str, serial: str) -> Template:
    """User and policy of CloudFormation, and a custom resource for the key."""
    properties = {
        "ServiceToken": service_token,
        "UserName": {"Ref": "User"},
        "ParameterPath": f"/{name}",
        "Serial": serial,
    }
    key = {"Type": "Custom::AccessKey", "Properties": properties}
    return {"Resources": {**_user_and_policy(document, name), "Key": key}}


def with_crhelper(service_token: str, document: Template, name: str, serial: str) -> Template:
    """A custom resource for everything."""
    properties = {
        "ServiceToken": service_token,
        "UserName": name,
        "PolicyDocument": document,
        "Serial": serial,
    }
    return {"Resources": {"User": {"Type": "Custom::User", "Properties": properties}}}


def _user_and_policy(document: Template, name: str) -> Template:
    return {
        "User": {"Type": "AWS::IAM::User", "Properties": {"UserName": name}},
        "Policy": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": document, "Users": [{"Ref": "User"}]},
        },
    }
