"""How template.yaml sets the functions up: nobody else calls them, and they keep no secret."""

import json
import re
from typing import Any

import pytest

from support.templates import load

RESOURCES: dict[str, Any] = load("template.yaml")["Resources"]
FUNCTIONS = ("ProviderFunction", "RotationFunction")
ROLES = ("ProviderRole", "RotationRole", "SchedulerRole")


def of_type(kind: str) -> dict[str, Any]:
    return {name: one for name, one in RESOURCES.items() if one["Type"] == kind}


def test_only_secrets_manager_of_this_account_is_let_in() -> None:
    """The one permission to invoke names a service and its account; nothing is public."""
    permissions = of_type("AWS::Lambda::Permission").values()

    assert [one["Properties"] for one in permissions] == [
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "RotationFunction"},
            "Principal": "secretsmanager.amazonaws.com",
            "SourceAccount": {"Ref": "AWS::AccountId"},
        }
    ]
    assert not of_type("AWS::Lambda::Url")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_called_by_nothing_else(name: str) -> None:
    """No event source, function URL, layer, tracing or network of its own."""
    properties = RESOURCES[name]["Properties"]

    for absent in ("Events", "FunctionUrlConfig", "Layers", "Tracing", "DeadLetterQueue"):
        assert absent not in properties


@pytest.mark.parametrize("name", FUNCTIONS)
def test_retries_and_age_are_chosen(name: str) -> None:
    """Lambda's defaults, two retries within six hours, are nobody's choice."""
    chosen = RESOURCES[name]["Properties"]["EventInvokeConfig"]

    assert chosen.keys() == {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_log_group_is_the_functions_own_and_ends(name: str) -> None:
    """Each function writes to a group with a retention, which can have a customer key."""
    group = RESOURCES[name]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    properties = RESOURCES[group]["Properties"]

    assert properties["RetentionInDays"] == 365
    assert properties["KmsKeyId"]["Fn::If"][0] == "HasLogKmsKey"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_environment_holds_nothing_secret(name: str) -> None:
    """Every variable is a parameter or the name of a resource, and no parameter is hidden."""
    variables = RESOURCES[name]["Properties"]["Environment"]["Variables"]

    assert not [one for one in variables.values() if isinstance(one, str)]
    assert not re.search("NoEcho|{{resolve", json.dumps(load("template.yaml")))


@pytest.mark.parametrize("name", ROLES)
def test_roles_take_the_providers_boundary(name: str) -> None:
    """`ProviderBoundaryArn` limits every role, and only the service may assume it."""
    properties = RESOURCES[name]["Properties"]
    principal = properties["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]

    assert properties["PermissionsBoundary"]["Fn::If"][0] == "HasProviderBoundary"
    assert principal.keys() == {"Service"}
    assert "ManagedPolicyArns" not in properties
