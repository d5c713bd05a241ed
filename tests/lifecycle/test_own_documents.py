"""A document of the vendor's or of one's own: what it may be, and what is said when it is none."""

import re
from typing import Any

import pytest

from doubles import world
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import Stack

STATEMENT = {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"}
# In the manner of the vendor's downloads: no Sid, the account as a placeholder.
VENDORS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Instance", "Effect": "Allow", "Action": ["ec2:Run*"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["iam:GetRole"],
            "Resource": [
                "arn:aws:iam::$AWS_ACCOUNT_ID:role/eksctl-*",
                "arn:aws:iam::$AWS_ACCOUNT_ID:role/${aws:username}",
            ],
            "Condition": {"StringEquals": {"aws:RequestedRegion": ["$AWS_REGION"]}},
        },
    ],
}


@pytest.fixture(autouse=True)
def own_documents_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_POLICY_DOCUMENT", "true")


def policy(*statements: Any, **others: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements), **others}


def statement(**changes: Any) -> dict[str, Any]:
    merged = STATEMENT | changes
    return policy({name: value for name, value in merged.items() if value is not None})


def create(stack: Stack, document: Any, **properties: Any) -> dict[str, Any]:
    return stack.create(UserName="Provazio", PolicyDocument=document, Serial="1", **properties)


def test_vendors_file_is_taken(stack: Stack) -> None:
    """Account and region are filled in; IAM's own variables stay."""
    answer = create(stack, VENDORS, PolicyName="ManageIguazioSystems")

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    made = world.policy_document("ManageIguazioSystems")["Statement"][1]
    assert made["Resource"] == [
        "arn:aws:iam::123456789012:role/eksctl-*",
        "arn:aws:iam::123456789012:role/${aws:username}",
    ]
    assert made["Condition"]["StringEquals"]["aws:RequestedRegion"] == ["us-east-1"]


def test_one_document_and_several(stack: Stack) -> None:
    """A list becomes numbered policies, and a shorter one afterwards removes the rest."""
    create(stack, [VENDORS, statement(), statement(Action="*")])
    assert world.attached() == ["Provazio", "Provazio2", "Provazio3"]

    stack.update(UserName="Provazio", PolicyDocument=[VENDORS], Serial="1")
    assert world.attached() == world.policy_names() == ["Provazio"]


@pytest.mark.parametrize(
    "document",
    [
        statement(),
        {"Version": "2012-10-17", "Id": "x", "Statement": STATEMENT},
        statement(Effect="Deny", Action=None, NotAction=["iam:*"]),
        statement(Resource=None, NotResource="arn:aws:s3:::b"),
        statement(Sid="A1", Condition={"Bool": {"aws:SecureTransport": "true"}}),
    ],
)
def test_what_iam_takes_is_taken(stack: Stack, document: dict[str, Any]) -> None:
    """Every form of the grammar of identity-based policies passes."""
    assert create(stack, document)["Status"] == "SUCCESS"


def test_variables_of_ones_own(stack: Stack) -> None:
    """A placeholder that the catalogue does not know takes texts, lists and whole ARNs."""
    document = policy(
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": ["arn:aws:s3:::$BUCKET/*", "$OTHERS"],
        }
    )
    others = ["arn:aws:s3:::one/team/a.csv", "arn:aws:s3:::two"]
    create(stack, document, PolicyVariables={"BUCKET": "b-1", "OTHERS": others})

    made = world.policy_document("Provazio")["Statement"][0]["Resource"]
    assert made == ["arn:aws:s3:::b-1/*", *others]


ARN = "arn:aws:s3:::$BUCKET/*"
BAD: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no statement": ({"Version": "2012-10-17"}, {}, "PolicyDocument is not a policy: it has no S"),
    "empty": (policy(), {}, "PolicyDocument is not a policy: it has no Statement."),
    "text for a statement": (policy("x"), {}, "PolicyDocument Statement 1 must be a map, not 'x'."),
    "something else": (
        policy(STATEMENT, Resources={}),
        {},
        "PolicyDocument is not a policy: it has the unknown element 'Resources'.",
    ),
    "version": (
        {"Version": "2026-01-01", "Statement": STATEMENT},
        {},
        "PolicyDocument must have Version 2012-10-17, not '2026-01-01'.",
    ),
    "no version": ({"Statement": STATEMENT}, {}, "must have Version 2012-10-17, not ''."),
    "effect": (statement(Effect="allow"), {}, "Statement 1 must have the Effect Allow or Deny."),
    "no action": (statement(Action=None), {}, "must have exactly one of Action and NotAction."),
    "two actions": (statement(NotAction="s3:*"), {}, "exactly one of Action and NotAction."),
    "empty action": (statement(Action=[]), {}, "Statement 1 has an empty Action."),
    "no service": (
        statement(Action=["ec2:RunInstances", "RunInstances"]),
        {},
        "must have actions such as ec2:RunInstances in Action, not 'RunInstances'.",
    ),
    "map for an action": (statement(Action={"a": "b"}), {}, "actions such as ec2:RunInstances"),
    "no resource": (statement(Resource=None), {}, "exactly one of Resource and NotResource."),
    "no ARN": (
        statement(Resource="bucket"),
        {},
        "must have ARNs or '*' in Resource, not 'bucket'.",
    ),
    "principal": (
        statement(Principal="*"),
        {},
        "has the unknown element 'Principal', which a policy of a user cannot have.",
    ),
    "sid": (statement(Sid="a b"), {}, "must have a Sid of letters and digits, not 'a b'."),
    "same sid": (
        policy(STATEMENT | {"Sid": "A"}, STATEMENT | {"Sid": "A"}),
        {},
        "PolicyDocument uses the Sid 'A' twice.",
    ),
    "condition": (
        statement(Condition={"Bool": "true"}),
        {},
        "must have a Condition that is a map of operators to maps of keys.",
    ),
    "second of a list": (
        [statement(), policy()],
        {},
        "PolicyDocument 2 is not a policy: it has no Statement.",
    ),
    "too long": (
        statement(Resource=[f"arn:aws:s3:::bucket-{number:03}" for number in range(300)]),
        {},
        "characters without white space; IAM allows 6144.",
    ),
    "too many": ([statement()] * 11, {}, "or a list of 1 to 10 of them"),
    "unknown placeholder": (
        statement(Resource="arn:aws:s3:::$BUCKET"),
        {},
        "PolicyVariables must give BUCKET, a placeholder of the policies.",
    ),
    "unused variable": (
        statement(),
        {"BUCKET": "b"},
        "PolicyVariables sets BUCKET, which none of the policies uses.",
    ),
    "option of the catalogue": (
        statement(),
        {"VPC_ID": "vpc-0a1b2c3d"},
        "PolicyVariables sets VPC_ID, which none of the policies uses.",
    ),
    "value with a wildcard": (
        statement(Resource=ARN),
        {"BUCKET": "*"},
        "without wildcards, not '*'",
    ),
    "value with a colon": (statement(Resource=ARN), {"BUCKET": "b:c"}, "BUCKET in PolicyVariables"),
    "value with a variable": (
        statement(Resource=ARN),
        {"BUCKET": "${aws:x}"},
        "must be an ARN, or",
    ),
    "value with a placeholder": (statement(Resource=ARN), {"BUCKET": "$AWS_REGION"}, "BUCKET in"),
    "value with quotes": (statement(Resource=ARN), {"BUCKET": '","*'}, "BUCKET in PolicyVariables"),
    "account": (
        statement(Resource="arn:aws:iam::$AWS_ACCOUNT_ID:role/x"),
        {"AWS_ACCOUNT_ID": "999999999999"},
        "PolicyVariables must not set AWS_ACCOUNT_ID, which is built in.",
    ),
    "list in a text": (statement(Resource=ARN), {"BUCKET": ["a", "b"]}, "must be one string where"),
}


@pytest.mark.parametrize(("document", "variables", "sentence"), BAD.values(), ids=BAD)
def test_what_is_no_policy_is_refused_before_anything_is_touched(
    stack: Stack, calls: Calls, document: Any, variables: dict[str, Any], sentence: str
) -> None:
    """A bad document or value gets one sentence, and AWS is not called."""
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = {"UserName": "Provazio", "PolicyDocument": document, "Serial": "1"}
    if variables:
        stack.properties["PolicyVariables"] = variables
    answer = stack.send("Create")

    assert answer["Status"] == "FAILED"
    assert sentence in answer["Reason"]
    assert answer["Reason"].startswith("1 problem"), answer["Reason"]
    assert calls.names == []


def test_unknown_elements_are_told_in_order(stack: Stack) -> None:
    """The same mistakes make the same text, whatever process reads them."""
    reason = create(stack, policy(STATEMENT, **dict.fromkeys("FEDCBA")))["Reason"]

    assert re.findall("the unknown element '(.)'", reason) == list("ABCDEF")


def test_all_problems_of_a_document_are_told_at_once(stack: Stack) -> None:
    """Four mistakes make four sentences."""
    answer = create(stack, statement(Effect="x", Action="y", Resource="z", Principal="*"))

    assert answer["Reason"].startswith("4 problems"), answer["Reason"]
    assert world.nothing_is_left()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VPC_ID", "vpc-*"),
        ("VPC_ID", "vpc-0a1b2c3d/x"),
        ("PUBLIC_IPS", "some"),
        ("AMI_OWNER", "*"),
        ("AMI_OWNER", ["999999999999", "self"]),
        ("ALLOWED_CIDR", "203.0.113.0"),
        ("ALLOWED_CIDR", "256.0.113.0/24"),
        ("ALLOWED_CIDR", "203.0.113.0/33"),
        pytest.param("ALLOWED_CIDR", ":" * 200_000, id="ALLOWED_CIDR-200 kB"),
        ("AWS_REGION", "eu-*"),
        ("NODE_ROLE_NAME", "a:role/b"),
        ("NODE_ROLE_NAME", "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Administrator"),
        ("NODE_ROLE_NAME", "service-role/builds"),
    ],
)
def test_values_of_the_catalogues_variables(
    stack: Stack, calls: Calls, name: str, value: str | list[str]
) -> None:
    """A value that would widen or break a statement is refused with what is allowed."""
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = {"PolicyTemplate": "vanilla", "PolicyVariables": {name: value}}
    answer = stack.send("Create")

    assert f"{name} in PolicyVariables must be" in answer["Reason"]
    assert calls.names == []


def test_networks_of_both_kinds_are_allowed(stack: Stack) -> None:
    """`ALLOWED_CIDR` takes several ranges, of either protocol."""
    ranges = ["203.0.113.0/24", "2001:db8::/32"]
    answer = stack.create(PolicyTemplate="vanilla", PolicyVariables={"ALLOWED_CIDR": ranges})

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    name = f"{answer['PhysicalResourceId']}AllowedNetworks"
    condition = world.policy_document(name)["Statement"][0]["Condition"]
    assert condition["NotIpAddress"]["aws:SourceIp"] == ranges
