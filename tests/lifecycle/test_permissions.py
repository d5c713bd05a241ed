"""The roles of the functions allow what the functions call, and nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data

from doubles import strict_dynamodb, world
from doubles.aws_calls import Calls
from doubles.dependents import DEPENDENTS
from doubles.fake_cloudformation import Stack
from doubles.secrets_manager import STEPS, SecretsManager
from handler.errors import LeaseLostError, RotationRefusedError
from support.boundary import boundary_statements
from support.roles import ROLES, TEMPLATE, allowed, statements

PLAIN: dict[str, Any] = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
EVERYTHING: dict[str, Any] = {
    **PLAIN,
    "PolicyTemplate": "eks",
    "Tags": [{"Key": "team", "Value": "platform"}],
    "KmsKeyId": "alias/ours",
    "ReaderArns": ["arn:aws:iam::123456789012:role/reader"],
    "ReplicaRegions": ["eu-west-1"],
    "RotationSchedule": "rate(30 days)",
}
# What AWS asks of the caller for others' sake: these are no calls of the functions.
FOR_OTHERS = {
    "iam:PassRole",  # CreateSchedule, for the role that the schedule gets
    "lambda:InvokeFunction",  # RotateSecret, for the function that it is given
    "kms:Decrypt",  # Secrets Manager, for a customer key
    "kms:Encrypt",  # Secrets Manager, for a copy under a customer key
    "kms:GenerateDataKey",  # Secrets Manager, for a customer key
    "logs:CreateLogStream",  # Lambda, for the function's log
    "logs:PutLogEvents",  # Lambda, for the function's log
}


def called(calls: Calls, act: Callable[[], None]) -> set[str]:
    """The actions that the functions call meanwhile; STS is called as the user, not as the role."""
    before = len(calls.names)
    act()
    return {name for name in calls.names[before:] if not name.startswith("sts:")}


def whole_life(stack: Stack) -> None:
    """Everything that a resource can ask for, and what can come in between."""

    def update(**properties: Any) -> None:
        answer = stack.update(**properties)
        assert answer["Status"] == "SUCCESS", answer["Reason"]

    assert stack.create(**PLAIN)["Status"] == "SUCCESS"
    update(**EVERYTHING)
    for region in ("a", "b", "c", "d", "e"):  # One version of each policy too many.
        update(**EVERYTHING, PolicyVariables={"AWS_REGION": f"eu-{region}-1"})
    other = "arn:aws:iam::aws:policy/PowerUserAccess"
    world.iam().put_user_permissions_boundary(UserName="Provazio", PermissionsBoundary=other)
    update(**PLAIN, Revision="repair")
    update(**PLAIN | {"Serial": "2"})
    refused = stack.update(**PLAIN | {"Serial": "3", "Tags": "none"})
    assert refused["Status"] == "FAILED"
    roll_back(stack)
    replace_by_hand()
    leaked = PLAIN | {"PreviousKeyGraceHours": "0"}
    update(**leaked | {"Serial": "4"})
    update(**leaked | {"Serial": "4", "SecretName": "restricted/elsewhere"})
    world.secretsmanager().delete_secret(SecretId="restricted/elsewhere")
    update(**leaked | {"Serial": "5", "SecretName": "restricted/elsewhere"})
    for add in DEPENDENTS.values():
        add("Provazio")
    assert stack.delete()["Status"] == "SUCCESS"


def take_lease_away(stack: Stack) -> None:
    """Somebody else has the lease, so that its holder looks what became of the item."""
    world.client("dynamodb").update_item(
        TableName="state",
        Key={"Resource": {"S": f"{stack.stack_id}#{stack.logical_id}"}},
        UpdateExpression="SET LeaseHolder = :other",
        ExpressionAttributeValues={":other": {"S": "other"}},
    )


def replace_by_hand() -> None:
    """Somebody puts a key of their own in the place of one that the secret does not hold."""
    spare = world.keys().keys() - {world.secret()["AccessKeyId"]}
    for key_id in spare:
        world.iam().delete_access_key(UserName="Provazio", AccessKeyId=key_id)
    world.iam().create_access_key(UserName="Provazio")


def roll_back(stack: Stack) -> None:
    """An Update that succeeds and that its stack then takes back."""
    before, after = stack.properties, PLAIN | {"Serial": "rolled back"}
    for status, old, new in (
        ("UPDATE_IN_PROGRESS", before, after),
        ("UPDATE_ROLLBACK_IN_PROGRESS", after, before),
    ):
        stack.set_status(status)
        stack.properties = new
        assert stack.send("Update", old)["Status"] == "SUCCESS"
    stack.set_status("UPDATE_ROLLBACK_COMPLETE")


def test_provider_may_do_what_it_does(
    stack: Stack, calls: Calls, new_stack: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one action of the provider's role is missing or unused."""
    provider = new_stack(
        name="provider", logical_id="Settings", resource_type="Custom::RestrictedIAMUserProvider"
    )
    monkeypatch.setenv("PROVIDER_STACK_ID", provider.stack_id)

    def live_and_meet_others() -> None:
        assert provider.delete()["Status"] == "SUCCESS"
        stack.properties = PLAIN
        stack.send("Create")  # Refused, because the stack is idle; nothing is remembered.
        whole_life(stack)
        assert stack.create(**PLAIN)["Status"] == "SUCCESS"
        strict_dynamodb.remove(f"{stack.stack_id}#{stack.logical_id}")
        assert stack.delete()["Status"] == "SUCCESS"
        stack.set_status("CREATE_IN_PROGRESS")
        calls.first["secretsmanager:PutSecretValue"] = lambda: take_lease_away(stack)
        with pytest.raises(LeaseLostError):
            stack.send("Create")

    assert called(calls, live_and_meet_others) == allowed("ProviderRole") - FOR_OTHERS


def test_rotation_function_may_do_what_it_does(stack: Stack, calls: Calls) -> None:
    """Not one action of the rotation function's role is missing or unused."""
    stack.create(**EVERYTHING, Status="Inactive")
    rotation = SecretsManager()

    def rotate() -> None:
        rotation.rotate()

    switching_off = called(calls, rotate)
    stack.update(**EVERYTHING)

    def rotate_thrice() -> None:
        for _ in STEPS[1:]:
            rotate()
        replace_by_hand()
        rotate()
        calls.first["scheduler:ListSchedules"] = lambda: take_lease_away(stack)
        with pytest.raises(RotationRefusedError):
            rotation.rotate()
        strict_dynamodb.remove(f"{stack.stack_id}#{stack.logical_id}")
        with pytest.raises(RotationRefusedError):
            rotation.rotate()

    rotating = called(calls, rotate_thrice)
    assert rotating | switching_off == allowed("RotationRole") - FOR_OTHERS


def test_scheduler_may_invoke_the_provider_only() -> None:
    """What schedules run as can do one thing."""
    (statement,) = statements("SchedulerRole")

    assert statement.actions == ("lambda:InvokeFunction",)
    assert ends_with_name_of_provider(statement.resources[0])


def ends_with_name_of_provider(arn: dict[str, Any]) -> bool:
    """Whether an ARN that is put together names the provider's function."""
    function = TEMPLATE["Resources"]["ProviderFunction"]["Properties"]
    (text, names), (name, same_names) = arn["Fn::Sub"], function["FunctionName"]["Fn::Sub"]
    return bool(text.endswith(f":function:{name}") and names == same_names)


def test_what_is_for_others_is_limited_to_them() -> None:
    """An action that the functions do not call themselves names its resource."""
    for role in ROLES:
        for statement in statements(role):
            if FOR_OTHERS & set(statement.actions) and statement.effect == "Allow":
                assert "*" not in statement.resources


@pytest.mark.parametrize("role", ["ProviderRole", "RotationRole"])
def test_role_is_of_use_to_its_function_only(role: str) -> None:
    """All that the function calls itself is refused to whoever else gets the role."""
    (denied,) = [one for one in statements(role) if one.sid == "OnlyFromTheFunction"]

    assert (denied.effect, denied.resources, denied.all_but) == ("Deny", ("*",), True)
    assert denied.conditions == ("lambda:SourceFunctionArn",)
    assert set(denied.actions) == allowed(role) & FOR_OTHERS


def test_star_is_for_what_has_no_resource_level() -> None:
    """`*` stands only where the service authorization tables know no resource for the action."""
    starred = [
        action
        for role in ROLES
        for statement in statements(role)
        if statement.effect == "Allow" and "*" in statement.resources
        for action in statement.actions
    ]

    assert starred
    for action in starred:
        service, name = action.split(":")
        rows = get_action_data(service, name)[service]
        assert {row["resource_arn_format"] for row in rows} == {"*"}, action


def test_no_action_is_a_pattern() -> None:
    """Every action is named whole."""
    assert not [action for role in ROLES for action in allowed(role) if "*" in action]


def test_roles_name_their_functions() -> None:
    """The provider's function by its name; that of rotations, whose name AWS makes, by itself."""
    resources = TEMPLATE["Resources"]
    (caller,) = [
        policy["PolicyDocument"]["Statement"][0]
        for policy in resources["ProviderRole"]["Properties"]["Policies"]
        if policy["PolicyName"] == "Caller"
    ]
    (apart,) = resources["RotationCaller"]["Properties"]["PolicyDocument"]["Statement"]

    assert ends_with_name_of_provider(
        caller["Condition"]["ArnNotEquals"]["lambda:SourceFunctionArn"]
    )
    assert apart["Condition"]["ArnNotEquals"] == {
        "lambda:SourceFunctionArn": {"Fn::GetAtt": ["RotationFunction", "Arn"]}
    }


def test_boundary_reaches_no_user_key_policy_or_boundary() -> None:
    """Of all actions of IAM, the users' ceiling has none on users, groups, policies, boundaries."""
    of_roles = {"role", "instance-profile", "oidc-provider"}
    actions = [
        action
        for statement in boundary_statements()
        for action in statement["Action"]
        if action.startswith("iam:")
    ]

    assert actions
    for action in actions:
        rows = get_action_data("iam", action.removeprefix("iam:"))["iam"]
        kinds = {row["resource_arn_format"].split(":")[-1].split("/")[0] for row in rows}
        assert kinds - {"*"} <= of_roles, action
        assert "Boundary" not in action
    assert "iam:UpdateAssumeRolePolicy" not in actions
