"""Taking over a user that somebody else made, by invitation only, and giving it back."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from doubles import strict_dynamodb, world
from doubles.aws_calls import Calls, KilledError, die
from doubles.clock import Clock
from doubles.fake_cloudformation import Stack

PROPERTIES: dict[str, Any] = {
    "UserName": "Provazio",
    "PolicyTemplate": "vanilla",
    "PolicyName": "ManageIguazioSystems",
    "Serial": "1",
}
INVITATION = "restricted-iam-user:invited"
BY_HAND = "arn:aws:iam::123456789012:policy/ByHand"
DOCUMENT = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}
)


def invite(resource: str = "us-east-1/restricted-iam-user/RestrictedUser") -> None:
    """An administrator invites the resource to the user."""
    tag = [{"Key": INVITATION, "Value": resource}]
    world.iam().tag_user(UserName="Provazio", Tags=tag)


def invite_all() -> None:
    """The same, and to the policy and the secret of a user that the provider made."""
    invite()
    tag = [{"Key": INVITATION, "Value": "us-east-1/restricted-iam-user/RestrictedUser"}]
    for name in world.attached():
        world.iam().tag_policy(PolicyArn=world.policy(name)["Arn"], Tags=tag)
    world.secretsmanager().tag_resource(SecretId="restricted/Provazio", Tags=tag)


@pytest.fixture
def by_hand(stack: Stack) -> str:
    """A hand-made user on the path, with a policy and a key in use; returns the key's id."""
    world.iam().create_user(UserName="Provazio", Path="/restricted/")
    world.iam().create_policy(PolicyName="ByHand", PolicyDocument=DOCUMENT)
    world.iam().attach_user_policy(UserName="Provazio", PolicyArn=BY_HAND)
    key_id = str(world.iam().create_access_key(UserName="Provazio")["AccessKey"]["AccessKeyId"])
    world.use_key(key_id)
    return key_id


def test_invited_user_is_taken_over(stack: Stack, by_hand: str) -> None:
    """The user is the same one, its key and policy stay, and our key and policy come beside."""
    invite()
    before = world.user()["UserId"]
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.user()["UserId"] == before
    assert world.keys() == {by_hand: "Active", answer["Data"]["AccessKeyId"]: "Active"}
    assert world.attached() == ["ByHand", "ManageIguazioSystems"]
    assert answer["Data"]["OtherPolicyArns"] == BY_HAND
    assert world.secret()["AccessKeyId"] == answer["Data"]["AccessKeyId"]
    boundary = world.user()["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert boundary == "arn:aws:iam::123456789012:policy/boundary"


def test_invitation_is_good_for_once(stack: Stack, by_hand: str) -> None:
    """The tag is gone after the take-over, so the next Create needs another."""
    invite()
    stack.create(**PROPERTIES)

    assert INVITATION not in world.tags(world.user())
    assert world.tags(world.user())["restricted-iam-user:stack-id"] == stack.stack_id


@pytest.mark.parametrize(
    "invited",
    [
        "us-east-1/other/RestrictedUser",
        "us-east-1/restricted-iam-user/Other",
        "eu-west-1/restricted-iam-user/RestrictedUser",
        "restricted-iam-user/RestrictedUser",
    ],
)
def test_invitation_of_another_resource_is_none(stack: Stack, by_hand: str, invited: str) -> None:
    """An invitation names the region, the stack and the logical id, and serves no other."""
    invite(invited)
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "FAILED"
    assert world.keys() == {by_hand: "Active"}
    assert world.tags(world.user()) == {INVITATION: invited}


def test_refusal_says_how_to_invite(stack: Stack, by_hand: str) -> None:
    """Without an invitation the Reason has the command that makes one."""
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "FAILED"
    assert (
        "restricted-iam-user.pyz adopt Provazio --stack restricted-iam-user --logical-id "
        "RestrictedUser" in answer["Reason"]
    )
    assert world.keys() == {by_hand: "Active"}


def test_user_outside_the_path_is_not_taken_over(stack: Stack) -> None:
    """An invitation makes the provider's path no wider."""
    world.iam().create_user(UserName="Provazio")
    invite()
    answer = stack.create(**PROPERTIES)

    assert "IAM user arn:aws:iam::123456789012:user/Provazio exists" in answer["Reason"]
    assert world.policy_names() == []


def test_update_takes_nothing_over(stack: Stack, by_hand: str) -> None:
    """A resource that renames its user to an invited one is refused, and keeps its own."""
    stack.create(**PROPERTIES | {"UserName": "Other"})
    invite()
    answer = stack.update(**PROPERTIES)

    assert answer["Status"] == "FAILED"
    assert sorted(world.user_names()) == ["Other", "Provazio"]
    assert world.keys() == {by_hand: "Active"}


def test_two_keys_in_use_are_named_and_left(stack: Stack, by_hand: str) -> None:
    """With both slots in use the Create fails, names the keys, and leaves the user as it was."""
    key = world.iam().create_access_key(UserName="Provazio")["AccessKey"]["AccessKeyId"]
    world.use_key(key)
    invite()
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "FAILED"
    assert by_hand in answer["Reason"]
    assert key in answer["Reason"]
    assert world.keys() == {by_hand: "Active", key: "Active"}
    assert world.attached() == ["ByHand"]
    assert world.policy_names() == ["ByHand"]
    assert world.secret_names() == []
    assert world.tags(world.user()) == {}


def test_key_that_nobody_used_makes_room(stack: Stack, by_hand: str) -> None:
    """Of two keys the one that was never used goes, and the one in use stays."""
    world.iam().create_access_key(UserName="Provazio")
    invite()
    answer = stack.create(**PROPERTIES)

    assert world.keys() == {by_hand: "Active", answer["Data"]["AccessKeyId"]: "Active"}


def test_updates_keep_what_was_there(stack: Stack, by_hand: str) -> None:
    """An Update leaves the policy of before, until somebody detaches it, and detaches others."""
    invite()
    stack.create(**PROPERTIES)
    added = world.iam().create_policy(PolicyName="Added", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    world.iam().attach_user_policy(UserName="Provazio", PolicyArn=added)
    kept = stack.update(**PROPERTIES, Revision="2")

    assert kept["Data"]["OtherPolicyArns"] == BY_HAND
    assert world.attached() == ["ByHand", "ManageIguazioSystems"]
    world.iam().detach_user_policy(UserName="Provazio", PolicyArn=BY_HAND)
    assert stack.update(**PROPERTIES, Revision="3")["Data"]["OtherPolicyArns"] == ""


def test_rotation_names_the_key_of_before(stack: Stack, by_hand: str) -> None:
    """A new key that needs the slot of one in use is refused, and both keys stay."""
    invite()
    ours = stack.create(**PROPERTIES)["Data"]["AccessKeyId"]
    answer = stack.update(**PROPERTIES | {"Serial": "2"})

    # Our own replaced key has a slot of its own only when the key of before is gone.
    assert answer["Status"] == "FAILED"
    assert by_hand in answer["Reason"]
    assert world.keys() == {by_hand: "Active", ours: "Active"}
    world.iam().delete_access_key(UserName="Provazio", AccessKeyId=by_hand)
    assert stack.update(**PROPERTIES | {"Serial": "2"})["Status"] == "SUCCESS"


def test_delete_gives_the_user_back(stack: Stack, by_hand: str) -> None:
    """What the resource made goes; the user stays with its id, its key and its policy."""
    invite()
    before = world.user()["UserId"]
    stack.create(**PROPERTIES)
    added = world.iam().create_policy(PolicyName="Added", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    world.iam().attach_user_policy(UserName="Provazio", PolicyArn=added)
    assert stack.delete()["Status"] == "SUCCESS"

    assert world.user()["UserId"] == before
    assert world.keys() == {by_hand: "Active"}
    assert world.attached() == ["Added", "ByHand"]
    assert world.policy_names() == ["Added", "ByHand"]
    assert world.secret_names() == []
    assert world.tags(world.user()) == {}


def test_delete_leaves_a_key_that_came_later_and_is_used(stack: Stack, by_hand: str) -> None:
    """A key that somebody made and uses after the take-over stays when the user is given back."""
    invite()
    stack.create(**PROPERTIES)
    world.iam().delete_access_key(UserName="Provazio", AccessKeyId=by_hand)
    later = world.iam().create_access_key(UserName="Provazio")["AccessKey"]["AccessKeyId"]
    world.use_key(later)
    stack.delete()

    assert world.keys() == {later: "Active"}


def create_that_dies(
    stack: Stack, calls: Calls, clock: Clock, call: str, properties: dict[str, Any]
) -> dict[str, Any]:
    """A Create whose function dies before a call, and which is delivered again."""
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = properties
    event = stack.event("Create")
    calls.first[call] = die
    with pytest.raises(KilledError):
        stack.deliver(event)
    clock.sleep(120)
    return stack.deliver(event)


def test_take_over_that_died_is_finished(
    stack: Stack, by_hand: str, calls: Calls, clock: Clock
) -> None:
    """A Create that dies right after it used the invitation is delivered again and goes on."""
    invite()
    answer = create_that_dies(stack, calls, clock, "iam:CreatePolicy", PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert answer["Data"]["OtherPolicyArns"] == BY_HAND
    stack.physical_id = "Provazio"
    stack.delete()
    assert world.keys() == {by_hand: "Active"}


def leave_behind(stack: Stack, **properties: Any) -> dict[str, Any]:
    """A user that its template retains: CloudFormation forgets it without a Delete."""
    answer = stack.create(**PROPERTIES, **properties)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    stack.physical_id = None
    return answer


def test_retained_user_comes_back(stack: Stack) -> None:
    """A resource that comes back gets the user, policy, secret and key that it had."""
    before = leave_behind(stack)
    refused = stack.create(**PROPERTIES)
    assert "adopt Provazio" in refused["Reason"]
    invite_all()
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert answer["Data"]["AccessKeyId"] == before["Data"]["AccessKeyId"]
    assert world.keys() == {before["Data"]["AccessKeyId"]: "Active"}


def test_user_moves_to_another_stack(stack: Stack, new_stack: Callable[..., Stack]) -> None:
    """The other stack gets the user with its key, and a later rotation replaces that key."""
    other = new_stack(name="other")
    other.create(**PROPERTIES)
    key = world.secret()["AccessKeyId"]
    invite_all()
    answer = stack.create(**PROPERTIES)

    assert answer["Data"]["AccessKeyId"] == key
    rotated = stack.update(**PROPERTIES | {"Serial": "2"})
    assert world.keys() == {key: "Active", rotated["Data"]["AccessKeyId"]: "Active"}
    tags = world.tags(world.described_secret())
    assert tags["restricted-iam-user:stack-id"] == stack.stack_id
    assert INVITATION not in tags


def test_move_that_is_taken_back_leaves_the_installer_working(
    stack: Stack, new_stack: Callable[..., Stack]
) -> None:
    """Whatever the new stack did, the secret then holds the key of before, which works."""
    new_stack(name="other").create(**PROPERTIES)
    key = world.secret()["AccessKeyId"]
    invite_all()
    answer = stack.create(**PROPERTIES | {"Serial": "2"})
    assert answer["Data"]["AccessKeyId"] != key
    assert stack.delete()["Status"] == "SUCCESS"

    assert world.keys() == {key: "Active"}
    assert world.secret()["AccessKeyId"] == key
    assert world.attached() == ["ManageIguazioSystems"]
    for held in (world.user(), world.policy("ManageIguazioSystems"), world.described_secret()):
        assert not [key for key in world.tags(held) if key.startswith("restricted-iam-user:")]


def test_move_without_a_new_key_can_be_taken_back(
    stack: Stack, new_stack: Callable[..., Stack]
) -> None:
    """With the same Serial the key stayed the same, and it is still there afterwards."""
    new_stack(name="other").create(**PROPERTIES)
    key = world.secret()["AccessKeyId"]
    invite_all()
    stack.create(**PROPERTIES)
    stack.delete()

    assert world.keys() == {key: "Active"}
    assert world.secret()["AccessKeyId"] == key


def test_secret_that_is_gone_is_not_given_back(
    stack: Stack, new_stack: Callable[..., Stack]
) -> None:
    """A secret that somebody deleted meanwhile does not stop the Delete."""
    new_stack(name="other").create(**PROPERTIES)
    invite_all()
    stack.create(**PROPERTIES)
    world.secretsmanager().delete_secret(
        SecretId="restricted/Provazio", ForceDeleteWithoutRecovery=True
    )

    assert stack.delete()["Status"] == "SUCCESS"
    assert world.user_names() == ["Provazio"]


def test_record_of_an_earlier_release_is_read(stack: Stack) -> None:
    """A record that knew less is as good: no invitations, nothing of documents and schedules."""
    stack.create(**PROPERTIES | {"Serial": "1"})
    stack.update(**PROPERTIES | {"Serial": "2"})
    (item,) = strict_dynamodb.items().values()
    record = json.loads(item["Record"]["S"])
    for user in record["users"].values():
        del user["inherited"], user["documents"], user["scheduled"]
    world.client("dynamodb").put_item(
        TableName="state", Item=item | {"Record": {"S": json.dumps(record)}}
    )

    assert stack.update(**PROPERTIES, Revision="2")["Status"] == "SUCCESS"
    assert stack.delete()["Status"] == "SUCCESS"
    assert world.nothing_is_left()
    assert world.schedules() == []


def test_record_of_a_later_release_is_read(stack: Stack) -> None:
    """When an update of the provider is rolled back, what it wrote beyond our knowledge is left."""
    stack.create(**PROPERTIES)
    stack.update(**PROPERTIES | {"Serial": "2"})
    (item,) = strict_dynamodb.items().values()
    record = json.loads(item["Record"]["S"])
    (user,) = record["users"].values()
    answers = [served["answer"] for served in record["requests"]]
    for members in (
        *(record, record["seen"], user, *user["keys"].values()),
        *(*record["requests"], *answers, *record["goals"]),
    ):
        members["later"] = 1
    world.client("dynamodb").put_item(
        TableName="state", Item=item | {"Record": {"S": json.dumps(record)}}
    )

    assert stack.update(**PROPERTIES, Revision="2")["Status"] == "SUCCESS"
    assert stack.delete()["Status"] == "SUCCESS"
    assert world.nothing_is_left()
