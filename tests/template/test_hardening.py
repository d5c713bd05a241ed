"""The template's further limits reach the user as the properties that they stand for."""

import re
from typing import Any

import pytest

from doubles import world
from doubles.fake_cloudformation import Stack
from handler.policies.catalogue import load_catalogue
from handler.properties.schema import SCHEMA
from support.templates import load

TEMPLATE = load("template.yaml")
PARAMETERS = TEMPLATE["Parameters"]
VARIABLES = {"VpcId": "VPC_ID", "AmiOwners": "AMI_OWNER", "AllowedCidrs": "ALLOWED_CIDR"}
LISTS = ("AmiOwners", "AllowedCidrs", "ReaderArns", "ReplicaRegions")
READER = "arn:aws:iam::123456789012:role/Installer"


def evaluated(node: Any, values: dict[str, Any]) -> Any:  # noqa: PLR0911 - one for each function
    """What CloudFormation makes of a part of the template; None where it leaves it out."""
    match node:
        case {"Ref": "AWS::NoValue"}:
            return None
        case {"Ref": name}:
            return values[name]
        case {"Condition": str(name)}:
            return evaluated(TEMPLATE["Conditions"][name], values)
        case {"Fn::If": [name, yes, no]}:
            return evaluated(yes if evaluated({"Condition": name}, values) else no, values)
        case {"Fn::Equals": [one, other]}:
            return evaluated(one, values) == evaluated(other, values)
        case {"Fn::Not": [condition]}:
            return not evaluated(condition, values)
        case {"Fn::Split": [separator, text]}:
            return evaluated(text, values).split(separator)
        case dict():
            each = {key: evaluated(value, values) for key, value in node.items()}
            return {key: value for key, value in each.items() if value is not None}
        case list():
            return [evaluated(item, values) for item in node]
    return node


def properties(**given: str) -> dict[str, Any]:
    """The properties of the template's own user, as the provider gets them."""
    defaults = {name: str(definition["Default"]) for name, definition in PARAMETERS.items()}
    values = {**defaults, "AWS::Region": "us-east-1", **given}
    own = TEMPLATE["Resources"]["RestrictedUser"]["Properties"]
    left_out = ("ServiceToken", "ServiceTimeout")
    return dict(evaluated({k: v for k, v in own.items() if k not in left_out}, values))


@pytest.mark.parametrize("template", ["vanilla", "eks"])
def test_limits_become_policies_of_the_user(stack: Stack, template: str) -> None:
    """Each of the four limits adds the document that it stands for, with its values in it."""
    answer = stack.create(
        **properties(
            PolicyTemplate=template,
            VpcId="vpc-0a1b2c3d",
            PublicIps="none",
            AmiOwners="amazon,123456789012",
            AllowedCidrs="203.0.113.0/24,2001:db8::/32",
        )
    )

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    names = {name.removeprefix("ManageIguazioSystems") for name in world.attached()}
    assert names >= {"ExistingVpc", "NoPublicIps", "AmiOwner", "AllowedNetworks"}
    owners = world.policy_document("ManageIguazioSystemsAmiOwner")["Statement"][0]["Condition"]
    assert owners == {"StringNotEquals": {"ec2:Owner": ["amazon", "123456789012"]}}
    networks = world.policy_document("ManageIguazioSystemsAllowedNetworks")["Statement"][0]
    assert networks["Condition"]["NotIpAddress"] == {
        "aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]
    }


def test_readers_and_copies_reach_the_secret(stack: Stack) -> None:
    """The comma-separated parameters become the lists that the properties take."""
    given = properties(ReaderArns=f"{READER},{READER}2", ReplicaRegions="eu-west-1,eu-central-1")
    answer = stack.create(**given)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert given["ReaderArns"] == [READER, f"{READER}2"]
    copies = world.described_secret()["ReplicationStatus"]
    assert {copy["Region"] for copy in copies} == {"eu-west-1", "eu-central-1"}


def test_defaults_limit_nothing_further(stack: Stack) -> None:
    """Without them the user has the policies of its variant alone."""
    answer = stack.create(**properties())

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.attached() == ["ManageIguazioSystems"]
    assert not properties().keys() & {"ReaderArns", "ReplicaRegions"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("VpcId", "vpc-0a1b2c3d"),
        ("AmiOwners", "amazon"),
        ("AmiOwners", "aws-marketplace,123456789012"),
        ("AllowedCidrs", "0.0.0.0/0"),
        ("AllowedCidrs", "2001:db8::/32,203.0.113.7/32"),
        ("ReaderArns", f"{READER},arn:aws-cn:sts::123456789012:assumed-role/a/b"),
        ("ReaderArns", "arn:aws:iam::123456789012:root"),
        ("ReplicaRegions", "eu-west-1,us-gov-west-1"),
    ],
)
def test_what_the_console_takes_the_provider_takes(name: str, text: str) -> None:
    """A value that the template lets pass is not refused by the resource a minute later."""
    items = text.split(",")

    assert re.fullmatch(PARAMETERS[name]["AllowedPattern"], text)
    assert all(re.search(provider_pattern(name), item) for item in items)


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("VpcId", "vpc-1"),
        ("VpcId", "vpc-0a1b2c3d,vpc-0a1b2c3d"),
        ("AmiOwners", "self"),
        ("AllowedCidrs", "203.0.113.0"),
        ("AllowedCidrs", "203.0.113.0/33"),
        ("AllowedCidrs", "256.0.0.0/8"),
        ("ReaderArns", "*"),
        ("ReaderArns", "arn:aws:s3:::bucket"),
        ("ReplicaRegions", "Frankfurt"),
    ],
)
def test_what_the_provider_refuses_the_console_refuses(name: str, item: str) -> None:
    """A wrong value never gets as far as a stack."""
    assert not re.search(provider_pattern(name), item)
    assert not re.fullmatch(PARAMETERS[name]["AllowedPattern"], item)


@pytest.mark.parametrize("name", LISTS)
def test_lists_have_no_spaces_and_no_gaps(name: str) -> None:
    """CloudFormation splits at commas only: a space or an empty item would get into a policy."""
    pattern = PARAMETERS[name]["AllowedPattern"]
    (example,) = re.findall(r"such as (\S+?)[,.]? ", PARAMETERS[name]["Description"])
    one = example.split(",")[0]

    assert re.fullmatch(pattern, f"{one},{one}")
    for wrong in (f"{one}, {one}", f"{one},", f",{one}", f"{one},,{one}", f"{one}{one}", " "):
        assert not re.fullmatch(pattern, wrong), wrong


def provider_pattern(name: str) -> str:
    """What the provider itself takes for one item."""
    if name in VARIABLES:
        return f"^({load_catalogue().variables[VARIABLES[name]].pattern})$"
    return str(SCHEMA["properties"][name]["items"]["pattern"])


@pytest.mark.parametrize("name", ["VpcId", "PublicIps", "AmiOwners", "AllowedCidrs"])
def test_limit_without_a_user_is_refused(name: str) -> None:
    """With PolicyTemplate none a limit would look as if it held for the users of other stacks."""
    rule = TEMPLATE["Rules"]["LimitsAreForAUser"]

    assert rule["RuleCondition"] == {"Fn::Equals": [{"Ref": "PolicyTemplate"}, "none"]}
    wanted = {"Fn::Equals": [{"Ref": name}, PARAMETERS[name]["Default"]]}
    assert wanted in [one["Assert"] for one in rule["Assertions"]]


def test_profile_calls_another_profile_than_itself() -> None:
    """AWS_PROFILE=installer is inherited by the process, which must not ask itself again."""
    value = TEMPLATE["Outputs"]["Profile"]["Value"]["Fn::Sub"]
    heading, region, process = value.splitlines()

    assert heading == "[profile installer]"
    assert region == "region = ${AWS::Region}"
    assert process.startswith("credential_process = aws secretsmanager get-secret-value ")
    assert " --profile default --region ${AWS::Region} " in process
