"""The boundary of template.yaml, as wide as it is for what the provider serves."""

from functools import cache
from typing import Any

from support.templates import load, resolved

TEMPLATE = load("template.yaml")


def boundary_statements(only: str = "") -> list[dict[str, Any]]:
    """Its statements where the provider serves only one PolicyTemplate, or all of them."""
    parameters = {
        "OnlyPolicyTemplate": "true" if only else "false",
        "PolicyTemplate": only or "vanilla",
    }
    document = TEMPLATE["Resources"]["UserBoundary"]["Properties"]["PolicyDocument"]
    chosen = [_chosen(statement, parameters) for statement in document["Statement"]]
    return [statement for statement in chosen if statement != {"Ref": "AWS::NoValue"}]


def boundary_document(only: str = "") -> dict[str, Any]:
    """The whole document likewise."""
    return {"Version": "2012-10-17", "Statement": boundary_statements(only)}


@cache
def boundary(only: str = "") -> dict[str, Any]:
    """The same as it becomes in an account."""
    values = {"AWS::Partition": "aws", "AWS::AccountId": "123456789012"}
    return dict(resolved(boundary_document(only), values))


def _chosen(statement: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    if "Fn::If" not in statement:
        return statement
    name, then, otherwise = statement["Fn::If"]
    return dict(then if _holds({"Condition": name}, parameters) else otherwise)


def _holds(condition: dict[str, Any], parameters: dict[str, str]) -> bool:
    ((function, value),) = condition.items()
    match function:
        case "Condition":
            return _holds(TEMPLATE["Conditions"][value], parameters)
        case "Fn::And":
            return all(_holds(one, parameters) for one in value)
        case "Fn::Or":
            return any(_holds(one, parameters) for one in value)
        case "Fn::Not":
            return not _holds(value[0], parameters)
        case _:
            left, right = value
            return bool(parameters[left["Ref"]] == right)
