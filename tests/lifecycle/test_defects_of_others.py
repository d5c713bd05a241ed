"""What providers of this kind get wrong, and what people do by hand, as a user would see it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from moto.cloudformation.responses import CloudFormationResponse
from moto.iam.models import AccessKeyLastUsed, iam_backends
from moto.iam.responses import IamResponse
from moto.secretsmanager.exceptions import SecretsManagerClientError
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sts.exceptions import STSClientError

from doubles import world
from doubles.aws_calls import Calls, KilledError, die
from doubles.fake_cloudformation import ACCOUNT_ID, Stack

PROPERTIES = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
POLICY_ARN = f"arn:aws:iam::{ACCOUNT_ID}:policy/restricted/Provazio"
SECRET = "restricted/Provazio"


def succeeded(answer: dict[str, Any]) -> dict[str, Any]:
    """The attributes of an answer that must be SUCCESS."""
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return dict(answer["Data"])


def roll_back(stack: Stack, properties: dict[str, Any]) -> dict[str, Any]:
    """What CloudFormation sends when another resource fails after ours was updated."""
    failed, stack.properties = stack.properties, properties
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    answer = stack.send("Update", old_properties=failed)
    stack.set_status("UPDATE_ROLLBACK_COMPLETE")
    return answer


def refuse(_: SecretsManagerResponse) -> str:
    """Takes the place of an action that the function may not do."""
    raise SecretsManagerClientError("AccessDeniedException", "No.")


def make_key_by_hand(*, used: bool) -> str:
    """A second key of the user, as a person would make it."""
    made = world.iam().create_access_key(UserName="Provazio")["AccessKey"]["AccessKeyId"]
    if used:
        key = iam_backends[ACCOUNT_ID]["aws"].access_keys[made]
        key.last_used = AccessKeyLastUsed(datetime(2026, 1, 2, tzinfo=UTC), "sts", "us-east-1")
    return str(made)


def delete_key_by_hand(access_key_id: str) -> None:
    world.iam().delete_access_key(UserName="Provazio", AccessKeyId=access_key_id)


def delete_policy_by_hand() -> None:
    world.iam().detach_user_policy(UserName="Provazio", PolicyArn=POLICY_ARN)
    world.iam().delete_policy(PolicyArn=POLICY_ARN)


def delete_secret_by_hand() -> None:
    world.secretsmanager().delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)


def schedule_deletion() -> None:
    world.secretsmanager().delete_secret(SecretId=SECRET, RecoveryWindowInDays=7)


def awaits_deletion() -> bool:
    return "DeletedDate" in world.secretsmanager().describe_secret(SecretId=SECRET)


def attach_to_role() -> str:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    world.iam().create_role(RoleName="helper", AssumeRolePolicyDocument=trust)
    world.iam().attach_role_policy(RoleName="helper", PolicyArn=POLICY_ARN)
    return "helper"


def detach_from_role() -> None:
    world.iam().detach_role_policy(RoleName="helper", PolicyArn=POLICY_ARN)


def attach_to_group() -> str:
    world.iam().create_group(GroupName="helpers")
    world.iam().attach_group_policy(GroupName="helpers", PolicyArn=POLICY_ARN)
    return "helpers"


def detach_from_group() -> None:
    world.iam().detach_group_policy(GroupName="helpers", PolicyArn=POLICY_ARN)


def test_rolled_back_rotation_needs_no_key_slot(stack: Stack) -> None:
    """A rotation with both slots taken is rolled back to the key of before, which still works."""
    stack.create(**PROPERTIES)
    second = succeeded(stack.update(**PROPERTIES | {"Serial": "2"}))["AccessKeyId"]
    third = succeeded(stack.update(**PROPERTIES | {"Serial": "3"}))["AccessKeyId"]
    assert world.keys().keys() == {second, third}

    restored = succeeded(roll_back(stack, PROPERTIES | {"Serial": "2"}))

    assert restored["AccessKeyId"] == world.secret()["AccessKeyId"] == second
    assert world.keys() == {second: "Active"}


@pytest.mark.parametrize("named", [True, False], ids=["UserName", "generated name"])
def test_delete_with_an_invented_id_leaves_nothing(stack: Stack, named: bool) -> None:
    """When CloudFormation never learned the id, Delete finds everything all the same."""
    names = ("UserName",) if not named else ()
    stack.create(**{key: value for key, value in PROPERTIES.items() if key not in names})
    stack.physical_id = "restricted-iam-user_RestrictedUser_1ABCDEFGHIJKL"
    succeeded(stack.delete())

    assert world.nothing_is_left()


def test_create_delivered_twice_succeeds_twice(stack: Stack, calls: Calls) -> None:
    """The second delivery of a Create without `Serial` answers as the first and makes no key."""
    first = stack.create(PolicyTemplate="vanilla")
    before = len(calls.names)
    second = stack.deliver(stack.last_event)

    assert calls.names[before:] == ["dynamodb:UpdateItem"] * 2
    assert succeeded(second) == succeeded(first)
    assert second["PhysicalResourceId"] == first["PhysicalResourceId"]
    assert list(world.keys(first["PhysicalResourceId"])) == [first["Data"]["AccessKeyId"]]


def test_create_that_could_not_store_blocks_nothing(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Create whose secret took no value leaves no key, and the next Create succeeds."""
    with monkeypatch.context() as patch:
        patch.setattr(SecretsManagerResponse, "put_secret_value", refuse)
        failed = stack.create(**PROPERTIES)
    assert failed["Status"] == "FAILED"
    assert "AWS refused PutSecretValue: AccessDeniedException" in failed["Reason"]
    assert world.nothing_is_left()

    key = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    assert world.keys() == {key: "Active"}


def test_create_goes_on_where_a_failed_one_was_not_cleaned_up(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Create succeeds over the remains of one that failed, and leaves one key."""
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    with monkeypatch.context() as patch:
        patch.setattr(SecretsManagerResponse, "put_secret_value", refuse)
        assert stack.send("Create")["Status"] == "FAILED"
    key = succeeded(stack.send("Create"))["AccessKeyId"]

    assert world.keys() == {key: "Active"}


@pytest.mark.parametrize("serial", ["1", "2"], ids=["same Serial", "new Serial"])
def test_key_deleted_by_hand_is_replaced(stack: Stack, serial: str) -> None:
    """When somebody deleted the key, every later update succeeds with a new one."""
    delete_key_by_hand(succeeded(stack.create(**PROPERTIES))["AccessKeyId"])
    second = succeeded(stack.update(**PROPERTIES | {"Serial": serial}, Revision="2"))
    third = succeeded(stack.update(**PROPERTIES | {"Serial": serial}, Revision="3"))

    assert second["AccessKeyId"] == third["AccessKeyId"] == world.secret()["AccessKeyId"]
    assert world.keys() == {third["AccessKeyId"]: "Active"}
    succeeded(stack.delete())
    assert world.nothing_is_left()


def test_unused_key_made_by_hand_makes_room(stack: Stack) -> None:
    """A second key that nobody ever used does not stop a rotation."""
    first = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    make_key_by_hand(used=False)
    second = succeeded(stack.update(**PROPERTIES | {"Serial": "2"}))["AccessKeyId"]

    assert world.keys() == {first: "Active", second: "Active"}


@pytest.mark.parametrize("used", [True, False])
def test_deactivated_key_makes_room_before_one_made_by_hand(stack: Stack, used: bool) -> None:
    """With both slots taken, a current key that somebody deactivated goes, not the unknown."""
    first = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    theirs = make_key_by_hand(used=used)
    world.iam().update_access_key(UserName="Provazio", AccessKeyId=first, Status="Inactive")
    second = succeeded(stack.update(**PROPERTIES | {"Serial": "2"}))["AccessKeyId"]

    assert world.keys() == {second: "Active", theirs: "Active"}
    assert world.secret()["AccessKeyId"] == second


def test_used_key_made_by_hand_is_named_and_kept(stack: Stack) -> None:
    """A second key in use stops the rotation, which says so; key and roll-back are unharmed."""
    first = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    theirs = make_key_by_hand(used=True)
    answer = stack.update(**PROPERTIES | {"Serial": "2"})

    assert answer["Status"] == "FAILED"
    assert f"{theirs} (last used 2026-01-02)" in answer["Reason"]
    assert world.keys() == {first: "Active", theirs: "Active"}
    assert world.secret()["AccessKeyId"] == first


def test_secret_is_not_scheduled_for_deletion_after_a_rotation(stack: Stack, calls: Calls) -> None:
    """A rotation keeps the physical id, so that no clean-up Delete follows; the secret is live."""
    created = stack.create(**PROPERTIES)
    rotated = stack.update(**PROPERTIES | {"Serial": "2"})

    assert rotated["PhysicalResourceId"] == created["PhysicalResourceId"]
    assert stack.last_event["RequestType"] == "Update"
    assert "secretsmanager:DeleteSecret" not in calls.names
    assert not awaits_deletion()


def test_failed_create_can_be_rolled_back_with_an_unknown_id(stack: Stack) -> None:
    """The Delete that follows a refused Create succeeds under an id that nobody knows."""
    world.iam().create_user(UserName="Provazio")
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    assert stack.send("Create")["Status"] == "FAILED"
    stack.set_status("ROLLBACK_IN_PROGRESS")
    stack.physical_id = "restricted-iam-user_RestrictedUser_1ABCDEFGHIJKL"
    succeeded(stack.send("Delete"))

    assert world.user_names() == ["Provazio"]


@pytest.mark.parametrize("serial", ["1", "2"], ids=["same Serial", "new Serial"])
def test_secret_scheduled_for_deletion_by_hand_is_restored(stack: Stack, serial: str) -> None:
    """An Update takes our secret back from deletion and goes on with the key in it."""
    first = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    schedule_deletion()
    after = succeeded(stack.update(**PROPERTIES | {"Serial": serial}, Revision="2"))

    assert not awaits_deletion()
    assert world.secret()["AccessKeyId"] == after["AccessKeyId"]
    assert (after["AccessKeyId"] == first) is (serial == "1")


def test_secret_of_a_cut_off_create_that_somebody_scheduled_for_deletion(
    stack: Stack, calls: Calls, slept: list[float]
) -> None:
    """The second delivery of a Create takes our own secret back from deletion."""
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    calls.first["secretsmanager:PutSecretValue"] = die
    with pytest.raises(KilledError):
        stack.send("Create")
    schedule_deletion()

    succeeded(stack.deliver(stack.last_event))
    assert not awaits_deletion()
    assert world.keys() == {world.secret()["AccessKeyId"]: "Active"}


def test_secret_scheduled_for_deletion_by_hand_is_deleted(stack: Stack) -> None:
    """A Delete frees the name of our secret although somebody scheduled its deletion."""
    stack.create(**PROPERTIES)
    schedule_deletion()
    succeeded(stack.delete())

    assert world.nothing_is_left()


def test_foreign_secret_scheduled_for_deletion_is_refused_and_left(stack: Stack) -> None:
    """A Create never takes a secret of somebody else back from deletion."""
    world.secretsmanager().create_secret(Name=SECRET, SecretString="theirs")
    schedule_deletion()
    answer = stack.create(**PROPERTIES)

    assert f"The secret {SECRET} exists and does not belong" in answer["Reason"]
    assert awaits_deletion()
    assert world.user_names() == []


@pytest.mark.parametrize(
    "remove",
    [world.delete_user, delete_policy_by_hand, delete_secret_by_hand],
    ids=["user", "policy", "secret"],
)
def test_delete_after_something_was_removed_by_hand(
    stack: Stack, remove: Callable[[], None]
) -> None:
    """What somebody removed already is no reason to fail, nor to leave the rest."""
    stack.create(**PROPERTIES)
    remove()
    succeeded(stack.delete())

    assert world.nothing_is_left()


@pytest.mark.parametrize(
    "remove",
    [world.delete_user, delete_policy_by_hand, delete_secret_by_hand],
    ids=["user", "policy", "secret"],
)
def test_update_makes_again_what_was_removed_by_hand(
    stack: Stack, remove: Callable[[], None]
) -> None:
    """An Update puts back the user, policy or secret that somebody removed."""
    stack.create(**PROPERTIES)
    remove()
    after = succeeded(stack.update(**PROPERTIES, Revision="2"))

    assert world.attached() == world.policy_names() == ["Provazio"]
    assert world.secret()["AccessKeyId"] == after["AccessKeyId"]
    assert world.keys()[after["AccessKeyId"]] == "Active"


def test_delete_with_properties_of_an_older_schema(stack: Stack) -> None:
    """A Delete reads no more of the properties than names that can be names."""
    stack.create(**PROPERTIES)
    stack.properties = {
        "Usrname": {"Deeply": [["nested"]]},
        "UserName": ["Provazio"],
        "PolicyTemplate": {"Name": "vanilla"},
        "PolicyDocument": "text",
        "PolicyName": 7,
        "PolicyVariables": "none",
        "SecretName": {"Ref": "Secret"},
        "Serial": [1],
        "Tags": "none",
        "ReaderArns": None,
    }
    succeeded(stack.delete())

    assert world.nothing_is_left()


def test_user_name_that_differs_in_case_only_is_refused(stack: Stack) -> None:
    """IAM knows one user of a name whatever its case; the clash is named and the user left."""
    world.iam().create_user(UserName="PROVAZIO")
    answer = stack.create(**PROPERTIES)

    assert "The IAM user Provazio exists and does not belong to this" in answer["Reason"]
    assert world.user_names() == ["PROVAZIO"]
    assert world.keys("PROVAZIO") == {}


def test_user_that_iam_finds_in_another_case_is_refused(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user of ours that IAM finds under the name in other letters is not taken for the wanted."""
    tags = {
        "restricted-iam-user:stack-id": stack.stack_id,
        "restricted-iam-user:logical-id": stack.logical_id,
    }
    world.iam().create_user(
        UserName="PROVAZIO",
        Path="/restricted/",
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    original = IamResponse._get_param

    def folded(response: IamResponse, name: str, *rest: Any) -> Any:
        value = original(response, name, *rest)
        return value.upper() if name == "UserName" and value else value

    monkeypatch.setattr(IamResponse, "_get_param", folded)
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    answer = stack.send("Create")

    arn = f"arn:aws:iam::{ACCOUNT_ID}:user/restricted/PROVAZIO"
    assert f"The IAM user {arn} belongs to this resource" in answer["Reason"]
    assert "differs in more than case" in answer["Reason"]
    assert world.keys("PROVAZIO") == {}


@pytest.mark.parametrize(
    ("attach", "detach"),
    [(attach_to_role, detach_from_role), (attach_to_group, detach_from_group)],
    ids=["role", "group"],
)
def test_policy_of_ours_that_something_else_uses(
    stack: Stack, attach: Callable[[], str], detach: Callable[[], None]
) -> None:
    """Delete removes all but the policy and names its holder each time, until it is detached."""
    stack.create(**PROPERTIES)
    holder = attach()
    first, second = stack.delete(), stack.delete()

    for answer in (first, second):
        assert answer["Status"] == "FAILED"
        assert f"Policy {POLICY_ARN} is attached to {holder} as well" in answer["Reason"]
    assert world.user_names() == world.secret_names() == []
    assert world.policy_names() == ["Provazio"]
    detach()
    succeeded(stack.delete())
    assert world.nothing_is_left()


def test_policies_that_nobody_else_uses_go_although_another_stays(stack: Stack) -> None:
    """Of several policies, Delete keeps only the one that something else uses."""
    stack.create(**PROPERTIES | {"PolicyTemplate": "eks"})
    attach_to_role()
    assert stack.delete()["Status"] == "FAILED"

    assert world.policy_names() == ["Provazio"]


def test_policy_of_ours_that_another_user_uses(stack: Stack) -> None:
    """A foreign user that got our policy by hand is named, and keeps it."""
    stack.create(**PROPERTIES)
    world.iam().create_user(UserName="other")
    world.iam().attach_user_policy(UserName="other", PolicyArn=POLICY_ARN)
    answer = stack.delete()

    assert "is attached to other as well" in answer["Reason"]
    assert world.attached("other") == ["Provazio"]


@pytest.mark.parametrize("call", range(4, 12))
def test_user_deleted_by_hand_in_the_middle_of_a_delete(
    stack: Stack, calls: Calls, call: int
) -> None:
    """A user that vanishes while it is deleted is gone, which is success."""
    stack.create(**PROPERTIES)
    calls.arm(call, meanwhile=world.delete_user)
    succeeded(stack.delete())

    assert world.nothing_is_left()


def test_key_deleted_by_hand_in_the_middle_of_an_update(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that vanishes between being listed and being looked at is a key that there is not."""
    first = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    original = IamResponse.get_access_key_last_used

    def vanished(response: IamResponse) -> Any:
        if world.keys().get(first):
            delete_key_by_hand(first)
        return original(response)

    monkeypatch.setattr(IamResponse, "get_access_key_last_used", vanished)
    after = succeeded(stack.update(**PROPERTIES, Revision="2"))

    assert world.keys() == {after["AccessKeyId"]: "Active"}


@pytest.mark.parametrize("value", ["text", "{}", "[]", '{"UserName": "a"}'])
@pytest.mark.parametrize("moved", [{}, {"SecretName": "restricted/elsewhere"}], ids=["", "moved"])
def test_secret_overwritten_by_hand_gets_a_new_key(
    stack: Stack, value: str, moved: dict[str, str]
) -> None:
    """A value that somebody wrote into our secret is replaced by a working key."""
    stack.create(**PROPERTIES)
    world.secretsmanager().put_secret_value(SecretId=SECRET, SecretString=value)
    after = succeeded(stack.update(**PROPERTIES, Revision="2", **moved))

    stored = world.secret(moved.get("SecretName", SECRET))
    assert stored["AccessKeyId"] == after["AccessKeyId"]
    assert world.keys()[after["AccessKeyId"]] == "Active"


def test_rolled_back_addition_is_found_under_an_invented_id(stack: Stack) -> None:
    """A resource that an update added and that failed is removed though its id is unknown."""
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    succeeded(stack.send("Create"))
    stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    stack.physical_id = "restricted-iam-user_RestrictedUser_1ABCDEFGHIJKL"
    succeeded(stack.send("Delete"))

    assert world.nothing_is_left()


def test_rolled_back_replacement_gives_the_shared_secret_back(stack: Stack) -> None:
    """The clean-up of a user that shared the secret makes the remaining user's key current."""
    shared = PROPERTIES | {"SecretName": "restricted/shared"}
    first = succeeded(stack.create(**shared))["AccessKeyId"]
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = shared | {"UserName": "Second"}
    succeeded(stack.send("Update", old_properties=shared))
    stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    stack.physical_id = "Second"
    succeeded(stack.send("Delete"))

    assert world.user_names() == ["Provazio"]
    assert world.secret("restricted/shared")["AccessKeyId"] == first


def test_rolled_back_replacement_leaves_a_replaced_key_its_grace(stack: Stack) -> None:
    """A key that a replacement pushed out of the shared secret goes at the end of its grace."""
    shared = PROPERTIES | {"SecretName": "restricted/shared"}
    first = succeeded(stack.create(**shared))["AccessKeyId"]
    second = succeeded(stack.update(**shared | {"Serial": "2"}))["AccessKeyId"]
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = shared | {"UserName": "Second", "Serial": "2"}
    succeeded(stack.send("Update", old_properties=shared | {"Serial": "2"}))
    stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    stack.physical_id = "Second"
    succeeded(stack.send("Delete"))

    assert world.secret("restricted/shared")["AccessKeyId"] == second
    assert world.keys() == {first: "Active", second: "Active"}
    (schedule,) = world.schedules()
    assert first in schedule["Target"]["Input"]


def test_rolled_back_replacement_leaves_a_key_made_by_hand(stack: Stack) -> None:
    """Giving the shared secret back to the remaining user takes away no key but our own."""
    shared = PROPERTIES | {"SecretName": "restricted/shared"}
    first = succeeded(stack.create(**shared))["AccessKeyId"]
    other = make_key_by_hand(used=False)
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = shared | {"UserName": "Second"}
    succeeded(stack.send("Update", old_properties=shared))
    stack.set_status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    stack.physical_id = "Second"
    succeeded(stack.send("Delete"))

    assert world.keys().keys() == {first, other}


def test_rolled_back_replacement_is_removed_by_the_roll_back_itself(stack: Stack) -> None:
    """The Update that rolls a replacement back removes the new user, clean-up or not."""
    stack.create(**PROPERTIES)
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = PROPERTIES | {"UserName": "Second"}
    succeeded(stack.send("Update", old_properties=PROPERTIES))
    succeeded(roll_back(stack, PROPERTIES))

    assert world.user_names() == ["Provazio"]
    assert world.secret_names() == [SECRET]


def test_delete_removes_old_policy_versions(stack: Stack) -> None:
    """A policy that was changed, by us or by hand, is deleted with all its versions."""
    stack.create(**PROPERTIES)
    document = json.dumps(world.policy_document("Provazio"))
    world.iam().create_policy_version(PolicyArn=POLICY_ARN, PolicyDocument=document)
    succeeded(stack.delete())

    assert world.nothing_is_left()


def test_event_that_comes_late_changes_nothing(stack: Stack, calls: Calls) -> None:
    """A Create that is delivered again after a later update is answered as it was, and no more."""
    first = stack.create(**PROPERTIES)
    late = stack.last_event
    after = succeeded(stack.update(**PROPERTIES | {"Serial": "2"}))
    stack.set_status("UPDATE_IN_PROGRESS")
    before = len(calls.names)

    assert stack.deliver(late) == first
    assert calls.names[before:] == ["dynamodb:UpdateItem"] * 2
    assert world.secret()["AccessKeyId"] == after["AccessKeyId"]


def test_failed_event_that_comes_again_fails_again(stack: Stack, calls: Calls) -> None:
    """An Update that failed gets its Reason again, without a look whether it would go now."""
    stack.create(**PROPERTIES)
    stack.set_status("UPDATE_IN_PROGRESS")
    theirs = make_key_by_hand(used=True)
    stack.properties = PROPERTIES | {"Serial": "2"}
    first = stack.send("Update", PROPERTIES)
    delete_key_by_hand(theirs)
    before = len(calls.names)

    assert first["Status"] == "FAILED"
    assert stack.deliver(stack.last_event) == first
    assert calls.names[before:] == ["dynamodb:UpdateItem"] * 2


def test_roll_back_that_fails_can_be_continued(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A roll-back that AWS refuses fails with the reason, and succeeds when it is sent again."""
    first = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    changed = PROPERTIES | {"Serial": "2"}
    succeeded(stack.update(**changed))
    with monkeypatch.context() as patch:
        patch.setattr(SecretsManagerResponse, "update_secret_version_stage", refuse)
        assert "AccessDeniedException" in roll_back(stack, PROPERTIES)["Reason"]
    stack.properties = changed
    succeeded(roll_back(stack, PROPERTIES))

    assert world.keys() == {first: "Active"}
    assert world.secret()["AccessKeyId"] == first


def test_stack_that_cannot_be_asked_about(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """When DescribeStacks is refused, the request fails with the reason and touches nothing."""

    def refused(_: CloudFormationResponse) -> Any:
        raise STSClientError("AccessDenied", "No.")

    monkeypatch.setattr(CloudFormationResponse, "describe_stacks", refused)
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    answer = stack.send("Create")

    assert answer["Reason"] == "AWS refused DescribeStacks: AccessDenied: No."
    assert world.nothing_is_left()


def test_own_document_with_a_truth_value(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no text in a document of one's own is left as it is."""
    monkeypatch.setenv("ALLOW_POLICY_DOCUMENT", "true")
    condition = {"Bool": {"aws:SecureTransport": True}}
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    succeeded(stack.create(UserName="Provazio", PolicyDocument=document, Serial="1"))

    assert world.policy_document("Provazio") == document
