"""Bad input and taken names: refused in clear sentences, with nothing touched."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from doubles import world
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import LambdaContext, ResponseUrl, Stack
from handler import app
from handler.policies.catalogue import load_catalogue

GOOD = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
OWN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*"}]}
MINIMAL_POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)

BAD_PROPERTIES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown property": ({"Usrname": "a"}, "'Usrname' is not a property of"),
    "user name": ({"UserName": "a b"}, "UserName must be 1 to 64 letters, digits and _+=,.@-"),
    "user name of another type": ({"UserName": ["a"]}, "UserName must be 1 to 64"),
    "template that does not exist": (
        {"PolicyTemplate": "gke"},
        f"PolicyTemplate must be one of {', '.join(load_catalogue().entries)}, not 'gke'.",
    ),
    "no policy": ({"PolicyTemplate": None}, "Exactly one of PolicyTemplate and PolicyDocument"),
    "two policies": ({"PolicyDocument": OWN}, "Exactly one of PolicyTemplate and PolicyDocument"),
    "own document": (
        {"PolicyTemplate": None, "PolicyDocument": OWN},
        "installed with AllowPolicyDocument=false",
    ),
    "own document that is a text": (
        {"PolicyTemplate": None, "PolicyDocument": "text"},
        "PolicyDocument must be an IAM policy document, or a list of 1 to 10 of them",
    ),
    "placeholder without a value": (
        {"PolicyTemplate": "eks-bounded"},
        "PolicyVariables must give ROLE_BOUNDARY_ARN",
    ),
    "variable that is built in": (
        {"PolicyVariables": {"AWS_ACCOUNT_ID": "999999999999"}},
        "PolicyVariables must not set AWS_ACCOUNT_ID",
    ),
    "variable that nothing uses": (
        {"PolicyVariables": {"EKS_CLUSTER_NAME": "a"}},
        "PolicyVariables sets EKS_CLUSTER_NAME, which none of the policies uses.",
    ),
    "variable that breaks out of an ARN": (
        {"PolicyVariables": {"NODE_ROLE_NAME": "a*"}},
        "NODE_ROLE_NAME in PolicyVariables must be an IAM role name",
    ),
    "node role of an AWS service": (
        {
            "PolicyVariables": {
                "NODE_ROLE_NAME": "aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
            }
        },
        "not under aws-service-role/, aws-reserved/ or service-role/, where roles of AWS",
    ),
    "role boundary that is AWS's own": (
        {
            "PolicyTemplate": "eks-bounded",
            "PolicyVariables": {"ROLE_BOUNDARY_ARN": "arn:aws:iam::aws:policy/AdministratorAccess"},
        },
        "must be the ARN of a managed policy of an account, not of AWS",
    ),
    "list inside a text": (
        {"PolicyVariables": {"NODE_ROLE_NAME": ["a", "b"]}},
        "NODE_ROLE_NAME in PolicyVariables must be one string",
    ),
    "policy too long": (
        {"PolicyVariables": {"AWS_REGION": [f"eu-west-{number}" for number in range(60)]}},
        "characters without white space; IAM allows 6144.",
    ),
    "policy name too long": (
        {"PolicyTemplate": "eks", "PolicyName": "a" * 127},
        "is longer than 128 characters",
    ),
    "foreign boundary": (
        {"PermissionsBoundary": "arn:aws:iam::123456789012:policy/other"},
        "PermissionsBoundary must be arn:aws:iam::123456789012:policy/boundary",
    ),
    "tags without a value": ({"Tags": [{"Key": "a"}]}, "Tags must be a list of up to 40 maps"),
    "tags that are a map": ({"Tags": {"a": "b"}}, "Tags must be a list of up to 40 maps"),
    "tags of ours": (
        {"Tags": [{"Key": "restricted-iam-user:stack-id", "Value": "x"}]},
        "not beginning with aws: or restricted-iam-user:",
    ),
    "tags of ours in other letters": (
        {"Tags": [{"Key": "Restricted-IAM-User:x", "Value": "x"}]},
        "not beginning with aws: or restricted-iam-user: in any case of letters",
    ),
    "tags of AWS in other letters": (
        {"Tags": [{"Key": "AWS:x", "Value": "x"}]},
        "not beginning with aws: or restricted-iam-user: in any case of letters",
    ),
    "same tag twice": (
        {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]},
        "Tags must not name a Key twice",
    ),
    "secret outside the prefix": (
        {"SecretName": "other/name"},
        "SecretName must begin with restricted/, not 'other/name'.",
    ),
    "secret that is the prefix": ({"SecretName": "restricted/"}, "SecretName must begin with"),
    "user name that no secret can have": (
        {"UserName": "a,b"},
        "SecretName must be given, because the default 'restricted/a,b'",
    ),
    "grace too long": (
        {"PreviousKeyGraceHours": "721"},
        "PreviousKeyGraceHours must be a whole number of hours from 0 to 720, not '721'.",
    ),
    "grace below nothing": ({"PreviousKeyGraceHours": "-1"}, "hours from 0 to 720, not '-1'."),
    "part of an hour": ({"PreviousKeyGraceHours": "1.5"}, "hours from 0 to 720, not '1.5'."),
    "schedule": (
        {"RotationSchedule": "rate(1 hour)"},
        "RotationSchedule must be rate(N days) of 1 to 999 days, rate(N hours) of 4 to 999 hours, "
        "or a cron expression such as "
        "cron(0 8 1 * ? *), on the full hour and at least 4 hours apart, not 'rate(1 hour)'.",
    ),
    "empty schedule": ({"RotationSchedule": ""}, "RotationSchedule must be rate(N days)"),
    "schedule that is a list": ({"RotationSchedule": ["rate(9 days)"]}, "RotationSchedule must be"),
    "everybody as reader": (
        {"ReaderArns": ["*"]},
        "ReaderArns must be a list of up to 50 ARNs of IAM users, roles, role sessions or "
        "accounts, not '[\"*\"]'.",
    ),
    "every role as reader": (
        {"ReaderArns": ["arn:aws:iam::123456789012:role/*"]},
        "ReaderArns must be a list of up to 50 ARNs",
    ),
    "reader that is no ARN": ({"ReaderArns": ["reader"]}, "ReaderArns must be a list of up to 50"),
    "reader that is a text": (
        {"ReaderArns": "arn:aws:iam::123456789012:role/reader"},
        "ReaderArns must be a list of up to 50 ARNs",
    ),
    "reader of another partition": (
        {"ReaderArns": ["arn:aws-cn:iam::123456789012:role/reader"]},
        "ReaderArns must be of partition aws, not 'arn:aws-cn:iam::123456789012:role/reader'.",
    ),
    "reader of another account": (
        {"ReaderArns": ["arn:aws:iam::999999999999:role/reader"]},
        "ReaderArns names account 999999999999, which can read no secret under the key "
        "aws/secretsmanager; give a KmsKeyId that the account may use.",
    ),
    "reader of another account, and the default key by its name": (
        {
            "ReaderArns": ["arn:aws:iam::999999999999:role/reader"],
            "KmsKeyId": "alias/aws/secretsmanager",
        },
        "ReaderArns names account 999999999999, which can read no secret",
    ),
    "copy where the secret is": (
        {"ReplicaRegions": ["us-east-1"]},
        "ReplicaRegions must not name us-east-1, where the secret itself is.",
    ),
    "copy that is named twice": (
        {"ReplicaRegions": ["eu-west-1", "eu-west-1"]},
        "ReplicaRegions must not name a region twice.",
    ),
    "copy that is in no region": (
        {"ReplicaRegions": ["Ireland"]},
        "ReplicaRegions must be a list of up to 30 regions such as eu-west-1",
    ),
    "copies under a key of one region": (
        {
            "ReplicaRegions": ["eu-west-1"],
            "KmsKeyId": "arn:aws:kms:us-east-1:123456789012:key/1234abcd",
        },
        "KmsKeyId must be a multi-Region key or an alias for ReplicaRegions, not "
        "'arn:aws:kms:us-east-1:123456789012:key/1234abcd', which other regions do not know.",
    ),
}


def changed(**properties: Any) -> dict[str, Any]:
    return {name: value for name, value in (GOOD | properties).items() if value is not None}


@pytest.mark.parametrize(("properties", "sentence"), BAD_PROPERTIES.values(), ids=BAD_PROPERTIES)
def test_bad_properties_are_refused_before_anything_is_touched(
    stack: Stack, calls: Calls, properties: dict[str, Any], sentence: str
) -> None:
    """A Create with a bad property fails with its sentence and without an AWS call."""
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = changed(**properties)
    answer = stack.send("Create")

    assert answer["Status"] == "FAILED"
    assert sentence in answer["Reason"]
    assert "nothing was touched" in answer["Reason"]
    assert calls.names == []


@pytest.mark.parametrize(
    "properties", [bad for bad, _ in BAD_PROPERTIES.values()], ids=BAD_PROPERTIES
)
def test_delete_after_a_refused_create_succeeds(
    stack: Stack, calls: Calls, properties: dict[str, Any]
) -> None:
    """The Delete that follows a refused Create succeeds and changes nothing."""
    stack.create(**changed(**properties))

    assert calls.changing() == []


def test_all_problems_are_told_at_once(stack: Stack) -> None:
    """Five mistakes make five sentences in one Reason."""
    answer = stack.create(
        UserName="a b",
        PolicyTemplate="gke",
        SecretName="other",
        Tags="none",
        Colour="blue",
    )

    assert answer["Reason"].startswith("5 problems in the properties")
    for name in ("UserName", "PolicyTemplate", "SecretName", "Tags", "Colour"):
        assert name in answer["Reason"]


def test_reason_beyond_the_limit_is_cut_not_lost(stack: Stack, responses: ResponseUrl) -> None:
    """A hundred mistakes in letters of two bytes make one answer of at most 4,096 bytes."""
    answer = stack.create(**GOOD, **{f"ÄÖÜ{number}" * 3: "ß" for number in range(100)})

    assert answer["Reason"].startswith("100 problems in the properties")
    assert answer["Reason"].endswith("…")
    assert 4000 < len(responses.bodies[0]) <= 4096


def test_refused_update_keeps_what_there_was(stack: Stack) -> None:
    """An Update with bad properties fails, and its roll-back leaves user and key."""
    before = stack.create(**GOOD)["Data"]
    answer = stack.update(**GOOD | {"PolicyTemplate": "gke", "Serial": "2"})

    assert answer["Status"] == "FAILED"
    assert world.keys() == {before["AccessKeyId"]: "Active"}
    assert world.secret()["AccessKeyId"] == before["AccessKeyId"]


def test_too_many_tags_together(new_stack: Callable[..., Stack]) -> None:
    """More tags of stack and property than AWS allows are refused before IAM is touched."""
    stack = new_stack(tags={f"stack-{number}": "x" for number in range(9)})
    tags = [{"Key": f"property-{number}", "Value": ""} for number in range(40)]
    answer = stack.create(**GOOD, Tags=tags)

    assert "are 51; at most 49 fit. Leave out 2." in answer["Reason"]
    assert world.nothing_is_left()


def test_as_many_tags_as_fit(new_stack: Callable[..., Stack]) -> None:
    """User, policy and secret can have fifty: two are ours, and one is for an invitation."""
    stack = new_stack(tags={f"stack-{number}": "x" for number in range(7)})
    tags = [{"Key": f"property-{number}", "Value": ""} for number in range(40)]

    assert stack.create(**GOOD, Tags=tags)["Status"] == "SUCCESS"


def test_taken_user_is_refused_and_left(stack: Stack) -> None:
    """A user of that name that is not ours is named in the Reason and left as it is."""
    world.iam().create_user(UserName="Provazio")
    answer = stack.create(**GOOD)

    assert "IAM user arn:aws:iam::123456789012:user/Provazio exists" in answer["Reason"]
    assert world.user_names() == ["Provazio"]
    assert world.tags(world.user()) == {}
    assert world.keys() == {}
    assert world.policy_names() == []


def test_taken_policy_is_refused_and_left(stack: Stack) -> None:
    """A policy of that name and path that is not ours stops the Create before the user is made."""
    world.iam().create_policy(
        PolicyName="Provazio", Path="/restricted/", PolicyDocument=MINIMAL_POLICY
    )
    answer = stack.create(**GOOD)

    assert "policy arn:aws:iam::123456789012:policy/restricted/Provazio exists" in answer["Reason"]
    assert world.policy_document("Provazio") == json.loads(MINIMAL_POLICY)
    assert world.user_names() == []


def test_taken_policy_on_another_path_is_refused_and_left(stack: Stack) -> None:
    """Policy names are unique whatever the path: the clash is named and our part undone."""
    world.iam().create_policy(PolicyName="Provazio", PolicyDocument=MINIMAL_POLICY)
    answer = stack.create(**GOOD)

    assert "The policy Provazio exists" in answer["Reason"]
    assert world.policy_names() == ["Provazio"]
    assert world.user_names() == []
    assert world.secret_names() == []


def test_policy_that_is_taken_beside_free_ones(stack: Stack) -> None:
    """When the last of several policies is taken no user is made, and the others go again."""
    properties = GOOD | {"PolicyTemplate": "eks"}
    *_, taken = stack.create(**properties)["Data"]["PolicyArns"].split(",")
    stack.delete()
    world.iam().create_policy(
        PolicyName=taken.rpartition("/")[2], Path="/restricted/", PolicyDocument=MINIMAL_POLICY
    )
    assert len(world.policy_names()) == 1
    answer = stack.create(**properties)

    assert f"The policy {taken} exists" in answer["Reason"]
    assert world.user_names() == []
    assert [f"arn:aws:iam::123456789012:policy/restricted/{world.policy_names()[0]}"] == [taken]


def test_taken_secret_is_refused_and_left(stack: Stack) -> None:
    """A secret of that name that is not ours stops the Create before the user is made."""
    world.secretsmanager().create_secret(Name="restricted/Provazio", SecretString='{"a": 1}')
    answer = stack.create(**GOOD)

    assert "The secret restricted/Provazio exists" in answer["Reason"]
    assert world.secret() == {"a": 1}
    assert world.user_names() == []


KNOWN = {
    "RequestType", "RequestId", "StackId", "ResponseURL", "ResourceProperties",
    "PhysicalResourceId",
}  # fmt: skip
NO_EVENTS: dict[str, Any] = {
    "list": [],
    "other service": {"Records": []},
    "request type": {"RequestType": "Explode"},
    "request id": {"RequestId": 7},
    "stack id": {"StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack"},
    "response address of another bucket": {
        "ResponseURL": "https://cloudformation-custom-resource-response-useast1x.s3.amazonaws.com/"
    },
    "response address with a user": {
        "ResponseURL": "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com@x/"
    },
    "response address of another region": {
        "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com/x"
    },
    "response address": {"ResponseURL": "http://169.254.169.254/"},
    "no response address": {"ResponseURL": "https://["},
    "properties": {"ResourceProperties": "none"},
    "physical id": {"PhysicalResourceId": {}},
    "long request id": {"RequestId": "a" * 129},
    "physical id that JSON writes six times as long": {"PhysicalResourceId": "\0" * 1000},
    "physical id that is no text": {"PhysicalResourceId": "\ud800"},
}


@pytest.mark.parametrize("changes", NO_EVENTS.values(), ids=NO_EVENTS)
def test_what_is_no_event_is_refused(
    stack: Stack, calls: Calls, responses: ResponseUrl, changes: Any
) -> None:
    """What CloudFormation cannot have sent is logged, not answered, and touches nothing."""
    stack.properties = GOOD
    whole = stack.event("Create")
    event: Any = whole | changes if changes and changes.keys() <= KNOWN else changes
    app.lambda_handler(event, LambdaContext())

    assert responses.bodies == []
    assert calls.names == []


def test_forged_event_of_an_idle_stack_learns_nothing(stack: Stack, responses: ResponseUrl) -> None:
    """Whoever may invoke the function learns a refusal only, and at no address of their own."""
    stack.create(**GOOD)
    event = stack.event("Update", GOOD)
    answer = stack.deliver(event)
    app.lambda_handler(event | {"ResponseURL": "https://attacker.example/"}, LambdaContext())

    assert answer["Status"] == "FAILED"
    assert answer["Data"] == {}
    assert len(responses.bodies) == 2
    assert world.keys() == {world.secret()["AccessKeyId"]: "Active"}


@pytest.mark.parametrize(
    ("stack_id", "sentence"),
    [
        ("arn:aws:cloudformation:us-east-1:999999999999:stack/a/b", "not of this account"),
        ("arn:aws:cloudformation:eu-west-1:123456789012:stack/a/b", "not of this account"),
        ("arn:aws:cloudformation:us-east-1:123456789012:stack/a/b", "does not exist"),
    ],
    ids=["other account", "other region", "unknown"],
)
def test_stack_that_is_not_ours_is_refused(stack: Stack, stack_id: str, sentence: str) -> None:
    """A stack of another account or region, or one that does not exist, gets nothing."""
    stack.properties, stack.stack_id = GOOD, stack_id
    answer = stack.send("Create")

    assert answer["Status"] == "FAILED"
    assert sentence in answer["Reason"]
    assert world.nothing_is_left()


@pytest.mark.parametrize(
    ("request_type", "status"),
    [
        ("Create", "CREATE_COMPLETE"),
        ("Create", "ROLLBACK_IN_PROGRESS"),
        ("Update", "UPDATE_COMPLETE"),
        ("Update", "DELETE_IN_PROGRESS"),
        ("Delete", "CREATE_COMPLETE"),
    ],
)
def test_stack_that_does_not_ask_for_it_is_refused(
    stack: Stack, request_type: str, status: str
) -> None:
    """An idle stack, or one in another operation, changes nothing."""
    stack.create(**GOOD)
    before = world.secret()
    stack.set_status(status)
    answer = stack.send(request_type)

    assert f"is in {status}, which does not ask for a {request_type}" in answer["Reason"]
    assert world.secret() == before
