"""The plain course of events, through the function's front door."""

from collections.abc import Callable

import boto3
import pytest

from doubles import world
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import Stack
from handler.policies.catalogue import load_catalogue

VANILLA = {
    "UserName": "Provazio",
    "PolicyTemplate": "vanilla",
    "PolicyName": "ManageIguazioSystems",
    "Serial": "1",
}
VARIABLES = {
    "eks-bounded": {"ROLE_BOUNDARY_ARN": "arn:aws:iam::123456789012:policy/role-boundary"},
    "eks-prebuilt": {"EKS_CLUSTER_ROLE_NAME": "cluster"},
}
OWN_DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::b-$AWS_ACCOUNT_ID/${aws:username}",
        }
    ],
}


def test_create_makes_user_policy_key_and_secret(stack: Stack) -> None:
    """A Create leaves a restricted user whose credentials are in the secret, and says where."""
    answer = stack.create(**VANILLA)

    user, stored = world.user(), world.secret()
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == "Provazio"
    assert user["Path"] == "/restricted/"
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith(":policy/boundary")
    assert world.attached() == ["ManageIguazioSystems"]
    assert world.keys() == {stored["AccessKeyId"]: "Active"}
    created = world.iam().list_access_keys(UserName="Provazio")["AccessKeyMetadata"][0]
    assert {**stored, "SecretAccessKey": ""} == {
        "Version": 1,
        "AccessKeyId": answer["Data"]["AccessKeyId"],
        "CreateDate": created["CreateDate"].isoformat(),
        "SecretAccessKey": "",
        "UserName": "Provazio",
        "AccountId": "123456789012",
        "Trigger": "Serial:1",
    }
    secret = world.secretsmanager().describe_secret(SecretId="restricted/Provazio")
    assert answer["Data"] == {
        "UserArn": user["Arn"],
        "PolicyArns": world.policy("ManageIguazioSystems")["Arn"],
        "OtherPolicyArns": "",
        "AccessKeyId": stored["AccessKeyId"],
        "AccessKeyCreateDate": stored["CreateDate"],
        "SecretArn": secret["ARN"],
        "SecretVersionId": stack.last_event["RequestId"],
        "NextRotationDate": "",
    }


def test_stored_key_is_the_users_own(stack: Stack) -> None:
    """The two halves in the secret authenticate as the user."""
    stack.create(**VANILLA)

    stored = world.secret()
    sts = boto3.client(
        "sts",
        aws_access_key_id=stored["AccessKeyId"],
        aws_secret_access_key=stored["SecretAccessKey"],
    )
    assert sts.get_caller_identity()["Arn"] == world.user()["Arn"]


@pytest.mark.parametrize("entry", load_catalogue().entries)
def test_every_catalogue_entry_becomes_its_policies(stack: Stack, entry: str) -> None:
    """All documents of an entry are rendered without a placeholder left, and attached."""
    answer = stack.create(
        **VANILLA | {"PolicyTemplate": entry, "PolicyVariables": VARIABLES.get(entry, {})}
    )

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert len(world.attached()) == len(load_catalogue().entries[entry])
    assert len(answer["Data"]["PolicyArns"].split(",")) == len(world.attached())
    assert not [name for name in world.attached() if "$" in str(world.policy_document(name))]


def test_policies_say_what_they_are_for_and_who_made_them(stack: Stack) -> None:
    """A policy's description names its purpose and the stack."""
    stack.create(**VANILLA)

    description = world.policy("ManageIguazioSystems")["Description"]
    assert description.endswith("Made by CloudFormation stack restricted-iam-user.")


def test_tags_land_on_user_policies_and_secret(new_stack: Callable[..., Stack]) -> None:
    """Ownership, the stack's own tags and `Tags` are on all three; `Tags` wins over the stack."""
    stack = new_stack(tags={"Team": "platform", "Stage": "test"})
    stack.create(**VANILLA, Tags=[{"Key": "stage", "Value": "production"}])

    expected = {
        "Team": "platform",
        "stage": "production",
        "restricted-iam-user:stack-id": stack.stack_id,
        "restricted-iam-user:logical-id": "RestrictedUser",
    }
    secret = world.secretsmanager().describe_secret(SecretId="restricted/Provazio")
    assert world.tags(world.user()) == expected
    assert world.tags(world.policy("ManageIguazioSystems")) == expected
    assert world.tags(secret) == expected


def test_reserved_tags_of_the_stack_are_left_out(new_stack: Callable[..., Stack]) -> None:
    """AWS refuses its own prefix in any case, and ours on a stack are not our word."""
    reserved = ("aws:servicecatalog:provisioningPrincipalArn", "AWS:x", "Restricted-IAM-User:x")
    stack = new_stack(tags={"Team": "platform", **dict.fromkeys(reserved, "x")})
    assert stack.create(**VANILLA)["Status"] == "SUCCESS"

    assert world.tags(world.user()).keys() == {
        "Team",
        "restricted-iam-user:stack-id",
        "restricted-iam-user:logical-id",
    }


def test_tag_that_changes_in_case_only_keeps_one_spelling(stack: Stack) -> None:
    """IAM users know keys without case, policies and secrets with it; all end with the new one."""
    stack.create(**VANILLA, Tags=[{"Key": "Cost", "Value": "1"}])
    stack.update(**VANILLA, Tags=[{"Key": "cost", "Value": "2"}])

    secret = world.secretsmanager().describe_secret(SecretId="restricted/Provazio")
    for entity in (world.user(), world.policy("ManageIguazioSystems"), secret):
        found = {k: v for k, v in world.tags(entity).items() if k.casefold() == "cost"}
        assert found == {"cost": "2"}


def test_as_many_tags_as_fit_can_all_be_replaced(stack: Stack) -> None:
    """The former tags make room for the wanted ones, of which AWS allows 50 together."""
    for prefix in ("a", "b"):
        tags = [{"Key": f"{prefix}{number}", "Value": "v"} for number in range(40)]
        answer = (stack.update if stack.physical_id else stack.create)(**VANILLA, Tags=tags)
        assert answer["Status"] == "SUCCESS", answer["Reason"]

    assert sum(key.startswith("b") for key in world.tags(world.user())) == 40


def test_tags_are_reconciled_in_place(stack: Stack) -> None:
    """A tag that is changed or dropped from `Tags` is changed or dropped everywhere."""
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]
    stack.create(**VANILLA, Tags=tags)
    stack.update(**VANILLA, Tags=[{"Key": "a", "Value": "2"}])

    secret = world.secretsmanager().describe_secret(SecretId="restricted/Provazio")
    for entity in (world.user(), world.policy("ManageIguazioSystems"), secret):
        assert world.tags(entity)["a"] == "2"
        assert "b" not in world.tags(entity)


def test_new_serial_rotates_and_keeps_the_previous_key(stack: Stack) -> None:
    """After a rotation the secret holds a new key, and the replaced one still works."""
    before = stack.create(**VANILLA)["Data"]
    after = stack.update(**VANILLA | {"Serial": "2"})["Data"]

    assert world.secret()["AccessKeyId"] == after["AccessKeyId"] != before["AccessKeyId"]
    assert world.secret(stage="AWSPREVIOUS")["AccessKeyId"] == before["AccessKeyId"]
    assert world.keys() == {before["AccessKeyId"]: "Active", after["AccessKeyId"]: "Active"}
    assert after.keys() == before.keys()


def test_third_key_takes_the_place_of_the_first(stack: Stack) -> None:
    """A second rotation makes room by deleting the key that AWSPREVIOUS holds."""
    stack.create(**VANILLA)
    second = stack.update(**VANILLA | {"Serial": "2"})["Data"]["AccessKeyId"]
    third = stack.update(**VANILLA | {"Serial": "3"})["Data"]["AccessKeyId"]

    assert world.keys().keys() == {second, third}


def test_key_stays_when_something_else_changes(stack: Stack) -> None:
    """With the same `Serial`, changing anything else in place does not rotate."""
    before = stack.create(**VANILLA)["Data"]
    after = stack.update(**VANILLA | {"PolicyTemplate": "eks", "Revision": "again"})["Data"]

    assert after["AccessKeyId"] == before["AccessKeyId"]
    assert after["SecretVersionId"] == before["SecretVersionId"]
    assert world.keys() == {before["AccessKeyId"]: "Active"}


def test_without_serial_every_update_rotates_once(stack: Stack) -> None:
    """Without `Serial` an Update rotates, and its second delivery does not."""
    properties = {name: value for name, value in VANILLA.items() if name != "Serial"}
    before = stack.create(**properties)["Data"]
    after = stack.update(**properties, Revision="2")["Data"]
    stack.set_status("UPDATE_IN_PROGRESS")
    again = stack.deliver(stack.last_event)["Data"]

    assert before["AccessKeyId"] != after["AccessKeyId"]
    assert again == after


def test_same_create_twice_gives_the_same_answer_and_one_key(stack: Stack) -> None:
    """A redelivered Create changes nothing."""
    first = stack.create(**VANILLA)
    stack.set_status("CREATE_IN_PROGRESS")
    second = stack.deliver(stack.last_event)

    assert second == first
    assert len(world.keys()) == 1


def test_other_template_attaches_and_removes_policies(stack: Stack) -> None:
    """Going to eks and back leaves exactly the policies of the entry."""
    stack.create(**VANILLA)
    stack.update(**VANILLA | {"PolicyTemplate": "eks"})
    assert world.attached() == [f"ManageIguazioSystems{part}" for part in ("", "Eks", "EksIam")]

    stack.update(**VANILLA)
    assert world.attached() == world.policy_names() == ["ManageIguazioSystems"]


def test_changed_document_becomes_the_default_version(stack: Stack) -> None:
    """Other regions make a new version, and the oldest goes when there are five."""
    stack.create(**VANILLA)
    arn = world.policy("ManageIguazioSystems")["Arn"]
    for number in range(1, 8):
        variables = {"AWS_REGION": ["us-east-1", f"eu-west-{number}"]}
        answer = stack.update(**VANILLA, PolicyVariables=variables)
        assert answer["Status"] == "SUCCESS", answer["Reason"]

    versions = world.iam().list_policy_versions(PolicyArn=arn)["Versions"]
    assert len(versions) == 5
    assert "eu-west-7" in str(world.policy_document("ManageIguazioSystems"))


def test_update_without_a_difference_changes_nothing(stack: Stack, calls: Calls) -> None:
    """Applying what AWS already holds changes nothing but the provider's own memory."""
    stack.create(**VANILLA)
    del calls.names[:]
    stack.update(**VANILLA, Revision="2")

    assert calls.changing() == []
    assert set(calls.names) - set(calls.beside_table()) == {"dynamodb:UpdateItem"}


def test_policies_changed_by_hand_are_repaired(stack: Stack) -> None:
    """An Update detaches what was attached by hand and attaches what was detached."""
    stack.create(**VANILLA)
    iam, arn = world.iam(), world.policy("ManageIguazioSystems")["Arn"]
    other = iam.create_policy(PolicyName="other", PolicyDocument=stack_policy_text())
    iam.detach_user_policy(UserName="Provazio", PolicyArn=arn)
    iam.attach_user_policy(UserName="Provazio", PolicyArn=other["Policy"]["Arn"])
    stack.update(**VANILLA, Revision="2")

    assert world.attached() == ["ManageIguazioSystems"]
    assert "other" in world.policy_names()


def stack_policy_text() -> str:
    return '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'


def test_other_policy_name_renames_the_policies(stack: Stack) -> None:
    """A changed `PolicyName` leaves only policies of the new name."""
    stack.create(**VANILLA)
    stack.update(**VANILLA | {"PolicyName": "Other"})

    assert world.attached() == world.policy_names() == ["Other"]


def test_other_secret_name_moves_the_key(stack: Stack) -> None:
    """A changed `SecretName` takes the credentials along instead of rotating."""
    before = stack.create(**VANILLA)["Data"]
    after = stack.update(**VANILLA, SecretName="restricted/elsewhere")["Data"]

    assert world.secret_names() == ["restricted/elsewhere"]
    assert world.secret("restricted/elsewhere")["AccessKeyId"] == before["AccessKeyId"]
    assert after["AccessKeyId"] == before["AccessKeyId"]


def test_other_user_name_replaces_the_user(stack: Stack) -> None:
    """A changed `UserName` makes a new user; the clean-up removes the old one and no more."""
    stack.create(**VANILLA)
    answer = stack.update(**VANILLA | {"UserName": "Second"})

    assert answer["PhysicalResourceId"] == "Second"
    assert world.user_names() == ["Second"]
    assert world.attached("Second") == world.policy_names() == ["ManageIguazioSystems"]
    assert world.secret_names() == ["restricted/Second"]
    assert world.secret("restricted/Second")["AccessKeyId"] in world.keys("Second")


def test_user_name_that_is_no_longer_given(stack: Stack) -> None:
    """The generated user replaces the named one, whose deletion spares it and its schedule."""
    stack.create(**VANILLA)
    unnamed = {name: value for name, value in VANILLA.items() if name != "UserName"}
    stack.update(**unnamed)
    stack.update(**unnamed | {"Serial": "2"})
    (generated,) = world.user_names()
    late = stack.event("Delete") | {"PhysicalResourceId": "Provazio"}
    stack.set_status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    answer = stack.deliver(late)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.user_names() == [generated]
    assert len(world.client("scheduler").list_schedules()["Schedules"]) == 1


def test_replacement_that_shares_the_secret_keeps_it(stack: Stack) -> None:
    """When old and new user share `SecretName`, the clean-up leaves the new credentials there."""
    stack.create(**VANILLA, SecretName="restricted/shared")
    stack.update(**VANILLA | {"UserName": "Second"}, SecretName="restricted/shared")

    assert world.secret("restricted/shared")["UserName"] == "Second"
    assert world.secret("restricted/shared")["AccessKeyId"] in world.keys("Second")


def test_user_name_is_generated_the_same_way_each_time(stack: Stack) -> None:
    """Without `UserName` the name is made of stack and logical id, for every event alike."""
    properties = {"PolicyTemplate": "vanilla", "Serial": "1"}
    created = stack.create(**properties)["PhysicalResourceId"]
    updated = stack.update(**properties, Revision="2")["PhysicalResourceId"]

    assert created == updated
    assert created.startswith("restricted-iam-user-RestrictedUser-")
    assert world.user_names() == [created]


def test_own_document_where_the_provider_allows_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`PolicyDocument` is rendered like ours; IAM's own variables stay."""
    monkeypatch.setenv("ALLOW_POLICY_DOCUMENT", "true")
    stack.create(UserName="Provazio", PolicyDocument=[OWN_DOCUMENT, OWN_DOCUMENT], Serial="1")

    assert world.attached() == ["Provazio", "Provazio2"]
    resource = world.policy_document("Provazio")["Statement"][0]["Resource"]
    assert resource == "arn:aws:s3:::b-123456789012/${aws:username}"


def test_kms_key_is_set_changed_and_taken_back(stack: Stack) -> None:
    """`KmsKeyId` encrypts the secret, and dropping it returns to the account's key."""
    secretsmanager = world.secretsmanager()

    def kms_key_id() -> str:
        secret = secretsmanager.describe_secret(SecretId="restricted/Provazio")
        return str(secret.get("KmsKeyId"))

    stack.create(**VANILLA, KmsKeyId="alias/one")
    assert kms_key_id() == "alias/one"
    stack.update(**VANILLA, KmsKeyId="alias/two")
    assert kms_key_id() == "alias/two"
    stack.update(**VANILLA)
    assert kms_key_id() == "None"


def test_boundary_is_reconciled_in_place(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whose boundary is not the provider's gets it on the next Update."""
    stack.create(**VANILLA)
    other = "arn:aws:iam::123456789012:policy/other-boundary"
    monkeypatch.setenv("PERMISSIONS_BOUNDARY_ARN", other)
    stack.update(**VANILLA, Revision="2")

    assert world.user()["PermissionsBoundary"]["PermissionsBoundaryArn"] == other


def test_delete_leaves_nothing(stack: Stack) -> None:
    """A Delete removes user, policies, keys and secret, and their names are free again."""
    stack.create(**VANILLA | {"PolicyTemplate": "eks"})
    stack.update(**VANILLA | {"PolicyTemplate": "eks", "Serial": "2"})
    answer = stack.delete()

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert answer["PhysicalResourceId"] == "Provazio"
    assert world.nothing_is_left()


def test_delete_twice_succeeds(stack: Stack) -> None:
    """What is gone already is success."""
    stack.create(**VANILLA)
    stack.delete()

    assert stack.delete()["Status"] == "SUCCESS"


def test_delete_leaves_other_resources_alone(new_stack: Callable[..., Stack]) -> None:
    """Two resources under the same path do not touch each other."""
    first, second = new_stack(name="first"), new_stack(name="second")
    first.create(**VANILLA)
    second.create(UserName="Second", PolicyTemplate="vanilla", Serial="1")
    first.delete()

    assert world.user_names() == ["Second"]
    assert world.policy_names() == ["Second"]
    assert world.secret_names() == ["restricted/Second"]
