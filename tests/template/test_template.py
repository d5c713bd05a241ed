"""template.yaml keeps the contract that other people's stacks rely on."""

import json
import re
from typing import Any

import pytest

from doubles.fake_cloudformation import FUNCTION_ARN
from handler.cloudformation.request import PROVIDER_TYPE
from handler.policies.catalogue import load_catalogue
from handler.properties.schema import SCHEMA
from handler.settings import Settings
from support.boundary import boundary_document, boundary_statements
from support.templates import load, resolved

TEMPLATE = load("template.yaml")
DEFAULTS = {
    "PolicyTemplate": "vanilla",
    "UserName": "Provazio",
    "PolicyName": "ManageIguazioSystems",
    "Regions": "",
    "EksClusterName": "*",
    "NodeRoleName": "IguazioDataScienceNode",
    "RoleBoundaryArn": "",
    "EksClusterRoleName": "",
    "VpcId": "",
    "PublicIps": "allowed",
    "AmiOwners": "",
    "AllowedCidrs": "",
    "ReaderArns": "",
    "ReplicaRegions": "",
    "Serial": "1",
    "Revision": "",
    "KeyStatus": "Active",
    "PreviousKeyGraceHours": 24,
    "RotationSchedule": "",
    "IamPath": "/restricted/",
    "SecretPrefix": "restricted/",
    "PermissionsBoundaryArn": "",
    "ProviderBoundaryArn": "",
    "OnlyPolicyTemplate": "false",
    "AllowPolicyDocument": "false",
    "KmsKeyArn": "",
    "LogKmsKeyArn": "",
    "AlarmTopicArn": "",
}


def test_parameters_and_defaults_are_the_contract() -> None:
    """Every parameter is there with its documented default, and no other."""
    parameters = TEMPLATE["Parameters"]

    assert {name: definition["Default"] for name, definition in parameters.items()} == DEFAULTS


def test_defaults_are_allowed() -> None:
    """A template that refuses its own defaults cannot be installed."""
    for definition in TEMPLATE["Parameters"].values():
        pattern = definition.get("AllowedPattern", ".*")
        assert re.fullmatch(pattern, str(definition["Default"]))


def test_outputs_are_the_contract() -> None:
    """ServiceToken always, exported; the rest only when a user is made, or rotated."""
    outputs = TEMPLATE["Outputs"]
    always = [name for name, output in outputs.items() if "Condition" not in output]

    assert set(outputs) == {
        "ServiceToken", "UserName", "UserArn", "AccessKeyId", "SecretArn", "PolicyArns",
        "AccessKeyCreateDate", "NextRotationDate",
        "ReadCredentials", "Profile",
    }  # fmt: skip
    assert always == ["ServiceToken"]
    assert outputs["ServiceToken"]["Export"]["Name"] == {
        "Fn::Sub": "${AWS::StackName}-ServiceToken"
    }


def test_policy_templates_are_in_the_catalogue() -> None:
    """What can be chosen exists."""
    choices = set(TEMPLATE["Parameters"]["PolicyTemplate"]["AllowedValues"])

    assert choices - {"none"} <= load_catalogue().entries.keys()


def test_function_is_the_contract() -> None:
    """Handler, runtime, architecture and build method are the documented ones."""
    function = TEMPLATE["Resources"]["ProviderFunction"]

    assert function["Metadata"]["BuildMethod"] == "makefile"
    assert function["Properties"]["Handler"] == "handler.app.lambda_handler"
    assert function["Properties"]["Runtime"] == "python3.13"
    assert function["Properties"]["Architectures"] == ["arm64"]


def test_function_gets_what_settings_read() -> None:
    """Every variable of the environments is read, and every setting is given to some function.

    One is for the library that writes log and metrics.
    """
    functions = ("ProviderFunction", "RotationFunction")
    given = {
        name
        for function in functions
        for name in TEMPLATE["Resources"][function]["Properties"]["Environment"]["Variables"]
    } - {"POWERTOOLS_SERVICE_NAME"}
    marks = {name: f"mark-{name}" for name in given} | {"ALLOW_POLICY_DOCUMENT": "true"}
    settings = Settings.from_environ(FUNCTION_ARN, marks)

    values = (*vars(settings).values(), settings.location.dns_suffix)
    read = {value for value in values if isinstance(value, str)}
    assert read == set(marks.values()) - {"true"}
    assert settings.allow_policy_document


def test_settings_default_to_the_templates_defaults() -> None:
    """A function without an environment behaves as the template's defaults say."""
    settings = Settings.from_environ(FUNCTION_ARN, {})

    assert settings.iam_path == DEFAULTS["IamPath"]
    assert settings.secret_prefix == DEFAULTS["SecretPrefix"]
    assert settings.kms_key_arn is None
    assert not settings.allow_policy_document


@pytest.mark.parametrize("path", ["template.yaml", "examples/embed.yaml"])
def test_resources_use_known_properties(path: str) -> None:
    """Our own stacks pass their own validation, and always give a Serial and a ServiceTimeout."""
    resources = [
        resource["Properties"]
        for resource in load(path)["Resources"].values()
        if resource["Type"] == "Custom::RestrictedIAMUser"
    ]

    assert resources
    for properties in resources:
        own = properties.keys() - {"ServiceToken", "ServiceTimeout"}
        assert own <= SCHEMA["properties"].keys()
        assert {"Serial", "ServiceTimeout"} <= properties.keys()


def test_settings_stand_between_the_function_and_the_user() -> None:
    """They hear of a change when the function has it, and of the deletion after our own user's."""
    resources = TEMPLATE["Resources"]
    settings = resources["Settings"]

    assert settings["Type"] == PROVIDER_TYPE
    assert settings["Properties"]["ServiceToken"] == {"Fn::GetAtt": ["ProviderFunction", "Arn"]}
    assert "Condition" not in settings
    assert resources["RestrictedUser"]["DependsOn"] == "Settings"


def needed_by(name: str) -> set[str]:
    """The resources that cannot go before this one."""
    resources: dict[str, Any] = TEMPLATE["Resources"]
    found: set[str] = set()
    waiting = [name]
    while waiting:
        resource = json.dumps(resources.get(waiting.pop(), {}))
        named = {one for one in resources if re.search(rf'[":{{]{one}[".}}]', resource)} - found
        found |= named
        waiting += named
    return found


def test_nothing_goes_before_the_settings_agree() -> None:
    """What would be deleted beside them is missing when they refuse, but for what only watches."""
    watching = ("AWS::CloudWatch::", "AWS::Logs::MetricFilter", "AWS::Logs::QueryDefinition")
    others = {
        name
        for name, resource in TEMPLATE["Resources"].items()
        if not resource["Type"].startswith(watching)
    }

    assert others - needed_by("Settings") == {"Settings", "RestrictedUser"}
    for function in ("ProviderFunction", "RotationFunction"):
        # SAM makes them of the functions' EventInvokeConfig.
        assert f"{function}EventInvokeConfig" in TEMPLATE["Resources"]["Settings"]["DependsOn"]


def test_settings_are_those_of_the_function() -> None:
    """The resource is told what the function works with."""
    told = TEMPLATE["Resources"]["Settings"]["Properties"]
    given = TEMPLATE["Resources"]["ProviderFunction"]["Properties"]["Environment"]["Variables"]

    assert told == {
        "ServiceToken": {"Fn::GetAtt": ["ProviderFunction", "Arn"]},
        "ServiceTimeout": 900,
        "IamPath": given["IAM_PATH"],
        "SecretPrefix": given["SECRET_PREFIX"],
        "PermissionsBoundaryArn": given["PERMISSIONS_BOUNDARY_ARN"],
        "PolicyTemplate": given["POLICY_TEMPLATE"],
    }


def test_function_ends_before_cloudformation_stops_waiting() -> None:
    """Lambda's timeout lies well inside ServiceTimeout, and so does the age of an event."""
    function = TEMPLATE["Resources"]["ProviderFunction"]["Properties"]
    service_timeout = TEMPLATE["Resources"]["RestrictedUser"]["Properties"]["ServiceTimeout"]

    assert function["Timeout"] * 2 < service_timeout
    assert function["EventInvokeConfig"]["MaximumEventAgeInSeconds"] <= service_timeout


def allowed_by_boundary(action: str, only: str = "") -> bool:
    patterns = [
        pattern for statement in boundary_statements(only) for pattern in statement["Action"]
    ]
    return any(
        re.fullmatch(pattern.replace("*", ".*"), action, re.IGNORECASE) for pattern in patterns
    )


def actions(document: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for statement in document["Statement"]:
        action = statement["Action"]
        found |= {action} if isinstance(action, str) else set(action)
    return found


@pytest.mark.parametrize("entry", load_catalogue().entries)
def test_boundary_is_wide_enough(entry: str) -> None:
    """Every action of every entry is under the ceiling."""
    for source in load_catalogue().entries[entry]:
        granted = actions(source.document)
        assert [a for a in granted if not allowed_by_boundary(a)] == []
        assert [a for a in granted if not allowed_by_boundary(a, entry)] == []


@pytest.mark.parametrize("entry", load_catalogue().entries)
def test_boundary_of_one_template_is_no_wider_than_it(entry: str) -> None:
    """Where one PolicyTemplate is served, its services and its actions of IAM are all there is."""
    granted = {
        action for source in load_catalogue().entries[entry] for action in actions(source.document)
    }
    bounds = {
        pattern for statement in boundary_statements(entry) for pattern in statement["Action"]
    }

    for pattern in bounds:
        assert [action for action in granted if re.fullmatch(pattern.replace("*", ".*"), action)]


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateUser", "iam:CreateAccessKey", "iam:AttachUserPolicy", "iam:PutUserPolicy",
        "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion",
        "iam:DeleteUserPermissionsBoundary", "iam:PutUserPermissionsBoundary",
        "iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary",
        "iam:UpdateAssumeRolePolicy", "lambda:InvokeFunction", "secretsmanager:GetSecretValue",
    ],
)  # fmt: skip
def test_boundary_is_narrow_enough(action: str) -> None:
    """Users, keys, policies and boundaries are beyond the ceiling, and so is the provider."""
    assert not allowed_by_boundary(action)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_boundary_fits(partition: str) -> None:
    """The ceiling is a managed policy too: at most 6,144 characters without white space."""
    document = boundary_document()
    values = {"AWS::Partition": partition, "AWS::AccountId": "123456789012"}

    assert len(re.sub(r"\s", "", json.dumps(resolved(document, values)))) <= 6144
