"""The corrections to MiniStack: what they return, and that MiniStack still needs them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from ministack.core import iam_actions, iam_evaluator
from ministack.services import cloudformation, iam, lambda_svc, s3, secretsmanager
from ministack.services.cloudformation import helpers, provisioners

from demo import launcher

USER = {
    "Path": "/restricted/",
    "PermissionsBoundary": "arn:b",
    "Tags": [{"Key": "k", "Value": "v"}],
}
CORRECTED = [
    ("CreateUser", {"UserName": "New", "Path": "/restricted/"}, "user/restricted/New"),
    ("DeleteUser", {"UserName": "Old"}, "user/restricted/Old"),
    ("GetRole", {"RoleName": "Role"}, "role/team/Role"),
    ("CreateRole", {"RoleName": "New", "Path": "/team/"}, "role/team/New"),
    ("CreatePolicy", {"PolicyName": "P", "Path": "/restricted/"}, "policy/restricted/P"),
    ("GetAccessKeyLastUsed", {"AccessKeyId": "AKIA1"}, "user/restricted/Old"),
    ("RemoveUserFromGroup", {"GroupName": "G", "UserName": "Old"}, "group/G"),
    ("DeleteVirtualMFADevice", {"SerialNumber": "arn:aws:iam::123456789012:mfa/m"}, "mfa/m"),
]


@pytest.fixture(autouse=True)
def entities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iam, "_users", {"Old": USER})
    monkeypatch.setattr(iam, "_roles", {"Role": {"Path": "/team/"}})
    monkeypatch.setattr(iam, "_access_keys", {"AKIA1": {"UserName": "Old"}})


def request(action: str, parameters: dict[str, str]) -> tuple[Any, ...]:
    query = {"Action": [action], **{name: [value] for name, value in parameters.items()}}
    return ("iam", "POST", "/", {}, b"", query, "us-east-1", "123456789012")


@pytest.mark.parametrize(
    ("action", "parameters", "resource"), CORRECTED, ids=[case[0] for case in CORRECTED]
)
def test_resource_is_what_aws_evaluates(
    action: str, parameters: dict[str, str], resource: str
) -> None:
    """The corrected ARN is AWS's; MiniStack's own is not, or the correction can go."""
    expected = f"arn:aws:iam::123456789012:{resource}"

    assert launcher.resource_arn(*request(action, parameters)) == expected
    assert iam_actions.extract_resource_arn(*request(action, parameters)) != expected


@pytest.mark.parametrize(
    ("session", "told"),
    [
        ("role/rotate", {"lambda:sourcefunctionarn": "arn:f"}),
        ("other/rotate", {}),
        ("role/attacker", {}),
    ],
)
def test_role_of_a_function_tells_which(
    monkeypatch: pytest.MonkeyPatch, session: str, told: dict[str, str]
) -> None:
    """Lambda names the session after the function; whoever else has its role is not it."""
    config = {"Role": "arn:aws:iam::123456789012:role/role", "FunctionArn": "arn:f"}
    found: dict[str, Any] = {"rotate": ({}, config, "rotate")}
    monkeypatch.setattr(
        lambda_svc, "_get_func_record_for_ref", lambda name: found.get(name, (None, None, name))
    )

    arn = f"arn:aws:sts::123456789012:assumed-role/{session}"
    assert launcher.calling_function(arn) == told
    assert iam_evaluator._resolve_condition_key("lambda:SourceFunctionArn", caller(arn)) is None


def caller(arn: str) -> iam_evaluator.EvalContext:
    return iam_evaluator.EvalContext(
        principal_arn=arn,
        principal_type="AssumedRole",
        principal_account="123456789012",
        action="iam:GetUser",
        resource_arn="*",
        region="us-east-1",
    )


def test_what_a_failed_deletion_needs_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudFormation does not come to it; MiniStack does, and would delete the function."""
    template: dict[str, Any] = {
        "Function": {"Type": "AWS::Lambda::Function"},
        "Custom": {"Type": "Custom::X", "Properties": {"Token": {"Ref": "Function"}}},
        "Other": {"Type": "AWS::S3::Bucket"},
    }
    made: dict[str, dict[str, str]] = {name: {} for name in template}
    made["Custom"]["ResourceStatus"] = "DELETE_FAILED"
    stack = {"_resources": made, "_template": {"Resources": template}}
    monkeypatch.setattr(cloudformation, "_stacks", {"stack": stack})
    deleted: list[str] = []
    monkeypatch.setattr(launcher, "_delete_resource", lambda *call: deleted.append(call[4]))

    with pytest.raises(RuntimeError, match="Custom needs it"):
        launcher.delete_resource("AWS::Lambda::Function", "f", {}, "stack", "Function")
    for name in ("Other", "Custom"):
        launcher.delete_resource(template[name]["Type"], name, {}, "stack", name)

    assert deleted == ["Other", "Custom"]


def test_other_resources_are_ministacks_own() -> None:
    """What needs no correction is passed on."""
    arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"

    assert launcher.resource_arn(*request("GetPolicy", {"PolicyArn": arn})) == arn


def test_condition_keys_are_iams() -> None:
    """IAM's condition keys and the tags of users are there; MiniStack alone has none of them."""
    parameters = {"UserName": ["Old"], "PolicyArn": ["arn:p"]}
    arguments: Any = ("iam", "iam:AttachUserPolicy", b"", parameters)

    assert launcher.condition_context(*arguments) == {
        "iam:PermissionsBoundary": "arn:b",
        "iam:PolicyARN": "arn:p",
        "aws:ResourceTag/k": "v",
        "iam:ResourceTag/k": "v",
    }
    assert iam_actions.request_tag_context(*arguments) == {}


def test_schedules_are_judged_with_their_group() -> None:
    """The ARN of a schedule names its group; MiniStack alone takes all for the default group."""
    creation = b'{"GroupName": "ours"}'
    deletion = {"groupName": ["ours"]}
    expected = "arn:aws:scheduler:us-east-1:123456789012:schedule/ours/end"

    for method, body, query in (("POST", creation, {}), ("DELETE", b"", deletion)):
        arguments: Any = (
            "scheduler", method, "/schedules/end", {}, body, query, "us-east-1", "123456789012"
        )  # fmt: skip
        assert launcher.resource_arn(*arguments) == expected
        assert iam_actions.extract_resource_arn(*arguments) != expected


def test_condition_keys_are_secrets_managers() -> None:
    """The keys that the provider's role relies on are there; MiniStack alone has none of them."""
    body = b'{"BlockPublicPolicy": true, "RotationLambdaARN": "arn:f"}'
    arguments: Any = ("secretsmanager", "secretsmanager:RotateSecret", body, {})

    assert launcher.condition_context(*arguments) == {
        "secretsmanager:BlockPublicPolicy": "true",
        "secretsmanager:RotationLambdaARN": "arn:f",
    }
    assert iam_actions.request_tag_context(*arguments) == {}


def test_expected_bucket_owner_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket of another account than the one named is refused; MiniStack alone never looks."""
    monkeypatch.setattr(s3, "_bucket_owner_account", lambda _bucket: "210987654321")
    monkeypatch.setattr(launcher, "_apply_bucket_scope", lambda *_: None)

    def answer(expected: str) -> Any:
        headers = {"x-amz-expected-bucket-owner": expected}
        return launcher.bucket_scope("PUT", "theirs", "key", headers, {}, b"", False)

    assert answer("123456789012")[0] == 403
    assert answer("210987654321") is None
    assert "expected-bucket-owner" not in Path(str(s3.__file__)).read_text()


def test_virtual_hosted_templates_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template is found under the address that its bucket has; MiniStack alone finds another."""
    found = {("acme", "a/template.yaml"): b"Resources: {}"}
    monkeypatch.setattr(s3, "_get_object_data", lambda bucket, key: found.get((bucket, key)))
    address = {"TemplateURL": ["https://acme.s3.eu-west-1.amazonaws.com/a/template.yaml"]}
    arguments = (address, "TemplateBody", "TemplateURL", "Template")

    assert launcher.document(*arguments) == ("Resources: {}", None)
    assert helpers._resolve_document(*arguments)[0] is None


def test_nested_stack_is_in_deletion_while_it_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A custom resource that asks CloudFormation hears of the deletion; MiniStack leaves it out."""
    seen, child = list[str](), dict[str, Any]()
    monkeypatch.setitem(cloudformation._stacks, "child", child)
    monkeypatch.setattr(
        provisioners, "_delete_resource", lambda *_: seen.append(child["StackStatus"])
    )
    for delete in (launcher._delete_nested_stack, launcher.delete_nested_stack):
        child["StackStatus"] = "CREATE_COMPLETE"
        child["_resources"] = {"User": {"ResourceType": "Custom::User"}}
        delete("child", {})

    assert seen == ["CREATE_COMPLETE", "DELETE_IN_PROGRESS"]


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A secret with one version, and a function that takes no step."""
    monkeypatch.setattr(launcher, "_take_steps", lambda _secret, _token: None)
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-abcdef"
    version = {"SecretString": "v", "SecretBinary": None, "Stages": ["AWSCURRENT"]}
    found: dict[str, Any] = {"ARN": arn, "Name": "s", "Versions": {"old": version}}
    monkeypatch.setattr(secretsmanager, "_resolve", lambda _name: ("s", found))
    return found


def test_rotation_is_left_to_the_function(secret: dict[str, Any]) -> None:
    """A new version waits for the function, or there is none; MiniStack alone copies the old."""
    request = {"SecretId": "s", "RotationLambdaARN": "arn:f", "ClientRequestToken": "new"}

    launcher.rotate_secret(request | {"RotateImmediately": False})
    assert list(secret["Versions"]) == ["old"]
    launcher.rotate_secret(request)
    assert secret["Versions"]["old"]["Stages"] == ["AWSCURRENT"]
    assert secret["Versions"]["new"]["Stages"] == ["AWSPENDING"]
    assert secret["Versions"]["new"]["SecretString"] is None
    launcher._rotate_secret(request | {"ClientRequestToken": "newer"})
    assert secret["Versions"]["newer"]["Stages"] == ["AWSCURRENT"]


def test_rotation_can_be_cancelled(secret: dict[str, Any]) -> None:
    """CancelRotateSecret switches the schedule off; MiniStack alone does not know it."""
    launcher.rotate_secret(
        {"SecretId": "s", "RotationLambdaARN": "arn:f", "ClientRequestToken": "n"}
    )
    headers = {"x-amz-target": "secretsmanager.CancelRotateSecret"}
    arguments: Any = ("POST", "/", headers, b'{"SecretId": "s"}', {})

    assert asyncio.run(launcher.secrets_request(*arguments))[0] == 200
    assert secret["RotationEnabled"] is False
    assert asyncio.run(launcher._secrets_request(*arguments))[0] == 400


@pytest.mark.parametrize("resource_type", launcher.resource_types())
def test_types_that_ministack_does_not_make(resource_type: str) -> None:
    """MiniStack alone refuses a template with them."""
    assert resource_type not in provisioners._RESOURCE_HANDLERS


def test_saved_query_is_taken_and_forgotten() -> None:
    """It is made, changed and removed as CloudFormation does, though nothing runs it."""
    handlers = launcher.resource_types()["AWS::Logs::QueryDefinition"]
    name, attributes = handlers["create"]("Keys", {}, "stack")

    assert attributes == {"QueryDefinitionId": name}
    assert handlers["update"](name, {}, {}, "stack")[0] == name
    assert handlers["delete"](name, {}) is None


@pytest.mark.parametrize(
    ("entities_of_iam", "what"),
    [
        ("_login_profiles", {"Old": {}}),
        ("_user_inline_policies", {"Old": {"Inline": "{}"}}),
        ("_mfa_devices", {"arn:m": {"User": "Old"}}),
        ("_groups", {"Operators": {"Users": ["Old"]}}),
    ],
)
def test_user_with_dependents_is_not_deleted(
    monkeypatch: pytest.MonkeyPatch, entities_of_iam: str, what: dict[str, Any]
) -> None:
    """A password, an inline policy, an MFA device and a group keep their user in place."""
    monkeypatch.setattr(iam, entities_of_iam, what)
    monkeypatch.setattr(iam, "_access_keys", {})
    name: Any = {"UserName": ["Old"]}

    assert launcher.delete_user(name)[0] == 409
    assert "Old" in iam._users
    assert launcher._delete_user(name)[0] == 200
