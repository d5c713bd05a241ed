"""Readers, copies and key of the secret are exactly those that the properties name."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from moto.secretsmanager.exceptions import InvalidParameterException
from moto.secretsmanager.models import FakeSecret
from moto.secretsmanager.responses import SecretsManagerResponse

from doubles import world
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import Stack
from handler.properties.rotation_schedule import is_rotation_schedule

PROPERTIES: dict[str, Any] = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
SECRET = "restricted/Provazio"
READERS = [f"arn:aws:iam::123456789012:role/{name}" for name in ("one", "two")]
MULTI_REGION = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"


def policy() -> dict[str, Any] | None:
    answer = world.secretsmanager().get_resource_policy(SecretId=SECRET)
    return json.loads(answer["ResourcePolicy"]) if "ResourcePolicy" in answer else None


def readers() -> list[str]:
    found = policy()
    assert found
    (statement,) = found["Statement"]
    return list(statement["Principal"]["AWS"])


def copies() -> dict[str, str]:
    """The key of the copy in each region."""
    found = world.described_secret().get("ReplicationStatus", [])
    return {each["Region"]: each["KmsKeyId"] for each in found}


def test_readers_may_read_and_nothing_else(stack: Stack) -> None:
    """The resource policy names exactly the readers, and no action that changes anything."""
    stack.create(**PROPERTIES, ReaderArns=[READERS[1], READERS[0], READERS[1]])

    assert policy() == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Readers",
                "Effect": "Allow",
                "Principal": {"AWS": READERS},
                "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                "Resource": "*",
            }
        ],
    }


def test_readers_are_changed_and_removed(stack: Stack) -> None:
    """Another list replaces the first one; without any there is no policy."""
    stack.create(**PROPERTIES, ReaderArns=READERS)
    stack.update(**PROPERTIES, ReaderArns=READERS[:1])
    assert readers() == READERS[:1]

    stack.update(**PROPERTIES)
    assert policy() is None


@pytest.mark.parametrize("wanted", [READERS, []], ids=["readers", "none"])
def test_policy_that_was_changed_by_hand_is_mended(stack: Stack, wanted: list[str]) -> None:
    """An Update takes away whom somebody let read besides."""
    stack.create(**PROPERTIES, ReaderArns=wanted)
    before = policy()
    other = {"Effect": "Allow", "Principal": {"AWS": READERS[0]}, "Action": "*", "Resource": "*"}
    world.secretsmanager().put_resource_policy(
        SecretId=SECRET,
        ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [other]}),
    )
    stack.update(**PROPERTIES, ReaderArns=wanted, Revision="2")

    assert policy() == before


def test_policy_as_aws_turns_it_about_is_left(stack: Stack, calls: Calls) -> None:
    """A list of one as its item, and another order, are the same policy."""
    stack.create(**PROPERTIES, ReaderArns=READERS[:1])
    statement = {
        "Sid": "Readers",
        "Effect": "Allow",
        "Principal": {"AWS": READERS[0]},
        "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        "Resource": "*",
    }
    world.secretsmanager().put_resource_policy(
        SecretId=SECRET,
        ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )
    before = calls.names.count("secretsmanager:PutResourcePolicy")
    stack.update(**PROPERTIES, ReaderArns=READERS[:1], Revision="2")

    assert calls.names.count("secretsmanager:PutResourcePolicy") == before


def test_readers_are_changed_before_a_new_key_is_published(stack: Stack, calls: Calls) -> None:
    """Who may no longer read never sees the new key."""
    stack.create(**PROPERTIES, ReaderArns=READERS)
    before = len(calls.names)
    stack.update(**PROPERTIES | {"Serial": "2"}, ReaderArns=READERS[:1])

    made = calls.names[before:]
    assert made.index("secretsmanager:PutResourcePolicy") < made.index("iam:CreateAccessKey")


def test_readers_of_another_account_with_a_key_that_it_may_use(stack: Stack) -> None:
    """With a customer key the secret can be read across accounts."""
    abroad = "arn:aws:iam::999999999999:root"
    stack.create(**PROPERTIES, ReaderArns=[abroad], KmsKeyId="alias/shared")

    assert readers() == [abroad]


def test_reader_that_aws_does_not_know_is_told(stack: Stack) -> None:
    """A principal that AWS refuses fails the Create with AWS's own words, and all is undone."""
    answer = stack.create(
        **PROPERTIES, ReaderArns=["arn:aws:sts::123456789012:assumed-role/without-session"]
    )

    assert "MalformedPolicyDocumentException" in answer["Reason"]
    assert world.nothing_is_left()


def test_roll_back_restores_readers_copies_and_schedule(stack: Stack, slept: list[float]) -> None:
    """An Update that succeeded and is rolled back leaves what there was before."""
    before = PROPERTIES | {"ReaderArns": READERS[:1], "ReplicaRegions": ["eu-west-1"]}
    after = PROPERTIES | {
        "ReaderArns": READERS[1:],
        "ReplicaRegions": ["eu-west-2"],
        "RotationSchedule": "rate(30 days)",
        "KmsKeyId": "alias/other",
    }
    stack.create(**before)
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = after
    assert stack.send("Update", before)["Status"] == "SUCCESS"
    assert copies() == {"eu-west-2": "alias/other"}
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.properties = before
    assert stack.send("Update", after)["Status"] == "SUCCESS"

    secret = world.described_secret()
    assert readers() == READERS[:1]
    assert copies() == {"eu-west-1": "alias/aws/secretsmanager"}
    assert secret["RotationEnabled"] is False
    assert "KmsKeyId" not in secret or secret["KmsKeyId"] == "alias/aws/secretsmanager"


def test_copies_are_made_changed_and_removed(stack: Stack) -> None:
    """`ReplicaRegions` names exactly the regions that have a copy."""
    stack.create(**PROPERTIES, ReplicaRegions=["eu-west-1", "eu-west-2"])
    assert copies().keys() == {"eu-west-1", "eu-west-2"}
    stack.update(**PROPERTIES, ReplicaRegions=["eu-west-2", "eu-west-3"])
    assert copies().keys() == {"eu-west-2", "eu-west-3"}

    stack.update(**PROPERTIES)
    assert copies() == {}


def test_copies_that_are_there_are_not_made_again(stack: Stack, calls: Calls) -> None:
    """An Update that changes nothing about the copies leaves them; what is missing comes back."""
    stack.create(**PROPERTIES, ReplicaRegions=["eu-west-1", "eu-west-2"])
    world.secretsmanager().remove_regions_from_replication(
        SecretId=SECRET, RemoveReplicaRegions=["eu-west-2"]
    )
    stack.update(**PROPERTIES, ReplicaRegions=["eu-west-1", "eu-west-2"], Revision="2")
    assert copies().keys() == {"eu-west-1", "eu-west-2"}
    stack.update(**PROPERTIES, ReplicaRegions=["eu-west-1", "eu-west-2"], Revision="3")

    mine = [name for name in calls.names if "Repl" in name]
    # The removal is the test's own.
    assert mine.count("secretsmanager:ReplicateSecretToRegions") == 2
    assert mine.count("secretsmanager:RemoveRegionsFromReplication") <= 1


@pytest.mark.parametrize(
    ("kms_key_id", "key_of_the_copy"),
    [
        (MULTI_REGION, "mrk-1234abcd12ab34cd56ef1234567890ab"),
        ("alias/everywhere", "alias/everywhere"),
        ("arn:aws:kms:us-east-1:123456789012:alias/everywhere", "alias/everywhere"),
        ("alias/aws/secretsmanager", "alias/aws/secretsmanager"),
    ],
)
def test_copies_are_under_the_key_as_their_region_knows_it(
    stack: Stack, kms_key_id: str, key_of_the_copy: str
) -> None:
    """A multi-Region key goes by its id, an alias by its name; changing it moves the copies."""
    stack.create(**PROPERTIES, ReplicaRegions=["eu-west-1"], KmsKeyId=kms_key_id)
    assert copies() == {"eu-west-1": key_of_the_copy}

    stack.update(**PROPERTIES, ReplicaRegions=["eu-west-1"], KmsKeyId="alias/other")
    assert copies() == {"eu-west-1": "alias/other"}


def test_copy_that_fails_is_told_and_undone(stack: Stack) -> None:
    """Where another secret has the name, the Update says so and leaves the key there was."""
    key = stack.create(**PROPERTIES)["Data"]["AccessKeyId"]
    world.foreign_secret_in("eu-west-1", SECRET)
    answer = stack.update(**PROPERTIES | {"Serial": "2"}, ReplicaRegions=["eu-west-1", "eu-west-2"])

    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(f"The secret {SECRET} could not be copied to eu-west-1 (")
    assert "already exists in region eu-west-1" in answer["Reason"]
    assert copies() == {}
    assert world.keys() == {key: "Active"}


def test_copy_that_failed_is_tried_again(stack: Stack) -> None:
    """An Update makes a copy anew that failed, when what was in its way is gone."""
    stack.create(**PROPERTIES, ReplicaRegions=["eu-west-1"])
    fail_copies(status="Failed")
    answer = stack.update(**PROPERTIES, ReplicaRegions=["eu-west-1"], Revision="2")

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    (one,) = world.described_secret()["ReplicationStatus"]
    assert one["Status"] == "InSync"


def test_delete_removes_the_copies_first(stack: Stack) -> None:
    """A secret with copies, one of which failed, goes with all of them."""
    stack.create(**PROPERTIES, ReplicaRegions=["eu-west-1", "eu-west-2"])
    fail_copies(status="Failed")

    assert stack.delete()["Status"] == "SUCCESS"
    assert world.nothing_is_left()


def test_rename_takes_the_copies_along(stack: Stack) -> None:
    """A secret of another name has the copies, and the former one goes with its own."""
    stack.create(**PROPERTIES, ReplicaRegions=["eu-west-1"])
    stack.update(**PROPERTIES, ReplicaRegions=["eu-west-1"], SecretName="restricted/elsewhere")

    assert world.secret_names() == ["restricted/elsewhere"]
    (one,) = world.described_secret("restricted/elsewhere")["ReplicationStatus"]
    assert one["Region"] == "eu-west-1"


def fail_copies(status: str) -> None:
    for replica in world.moto_secret(SECRET).replicas:
        replica.config["Status"] = status


def change_descriptions(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[dict[str, Any]], None]
) -> None:
    """DescribeSecret answers otherwise."""
    describe = FakeSecret.to_dict

    def changed(secret: FakeSecret) -> dict[str, Any]:
        described = copy.deepcopy(describe(secret))
        if "ReplicationStatus" in described:
            change(described)
        return described

    monkeypatch.setattr(FakeSecret, "to_dict", changed)


def keep_copies(monkeypatch: pytest.MonkeyPatch, refusals: int) -> None:
    """The secret cannot be deleted the first few times.

    The code is that of AWS: github.com/rebuy-de/aws-nuke, issue 1127.
    """
    delete, left = SecretsManagerResponse.delete_secret, iter(range(refusals))

    def refuse(response: SecretsManagerResponse) -> str:
        if next(left, None) is not None:
            raise InvalidParameterException(
                "You can't delete secret that still has replica regions"
            )
        return delete(response)

    monkeypatch.setattr(SecretsManagerResponse, "delete_secret", refuse)


@pytest.mark.usefixtures("told_at_once")
def test_copies_are_waited_for(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    """A copy in progress, or not told of yet, is asked for again until it is in sync."""
    stack.create(**PROPERTIES)
    statuses = iter([None, "InProgress"])

    def later(described: dict[str, Any]) -> None:
        status = next(statuses, "InSync")
        if status is None:
            del described["ReplicationStatus"]
        for one in described.get("ReplicationStatus", ()):
            one["Status"] = status

    change_descriptions(monkeypatch, later)
    answer = stack.update(**PROPERTIES, ReplicaRegions=["eu-west-1"])

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert slept == [2, 2]


@pytest.mark.usefixtures("told_at_once")
def test_copies_that_take_long_do_not_fail_the_update(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    """After a minute the Update succeeds, because Secrets Manager goes on by itself."""
    stack.create(**PROPERTIES)

    def never(described: dict[str, Any]) -> None:
        for one in described.get("ReplicationStatus", ()):
            one["Status"] = "InProgress"

    change_descriptions(monkeypatch, never)
    answer = stack.update(**PROPERTIES, ReplicaRegions=["eu-west-1"])

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert sum(slept) == 60


@pytest.mark.usefixtures("told_at_once")
def test_deletion_waits_for_copies_that_linger(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    """A secret whose copies are still being deleted is deleted when they are gone."""
    stack.create(**PROPERTIES, ReplicaRegions=["eu-west-1"])
    keep_copies(monkeypatch, refusals=2)

    assert stack.delete()["Status"] == "SUCCESS"
    assert world.nothing_is_left()
    assert len(slept) == 2


TAKEN = [
    "rate(4 hours)", "rate(12 hours)", "rate(999 hours)", "rate(1 day)",
    "rate(10 days)", "rate(999 days)", "cron(0 8 1 * ? *)", "cron(0 16 ? * SAT *)",
    "cron(0 12 ? * 1#1 *)", "cron(0 10 ? * 2L *)", "cron(0 0 L * ? *)", "cron(0 0 LW * ? *)",
    "cron(0 0 1 */3 ? *)", "cron(0 8/8 * * ? *)", "cron(0 /4 * * ? *)", "cron(0 0,12 * * ? *)",
    "cron(0 1-1 * * ? *)", "cron(0 */6 ? JAN,JUL MON-FRI *)", "cron(0 20,0 * * ? *)",
]  # fmt: skip
REFUSED = [
    "", "30 days", "rate()", "rate(0 days)", "rate(-1 days)", "rate(1.5 days)", "rate(1٩ days)",
    "rate(1 hour)", "rate(3 hours)", "rate(1000 days)", "rate(30 minutes)", "rate(4 weeks)",
    "rate(30 days) ", "Rate(30 days)", "rate(30 days)\n", "at(2030-01-01T00:00:00)",
    "cron(0 8 1 * ?)", "cron(5 8 1 * ? *)", "cron(* 8 1 * ? *)", "cron(0 8 1 * ? 2030)",
    "cron(0 8 ? * ? *)", "cron(0 8 1 * 1 *)", "cron(0 8 * * * *)", "cron(0 * * * ? *)",
    "cron(0 8-12 * * ? *)", "cron(0 8,10 * * ? *)", "cron(0 /3 * * ? *)", "cron(0 24 * * ? *)",
    "cron(0 12-8 * * ? *)", "cron(0 /0 * * ? *)", "cron(0 8, * * ? *)", "cron(0 22,0 * * ? *)",
    "cron(0 x * * ? *)", "cron(0 8 a ? ? *)", "cron(0 8 1 ü ? *)", "cron(0 8 1 ? ? *)",
    "cron(0 ? * * ? *)", "cron(0 8  1 * ? *)", "cron(0 ٨ 1 * ? *)", "rate(٩ days)",
]  # fmt: skip


@pytest.mark.parametrize("expression", TAKEN)
def test_schedule_that_aws_takes(expression: str) -> None:
    """Rates of 4 hours and more, and cron expressions on the hour, are taken."""
    assert is_rotation_schedule(expression)


@pytest.mark.parametrize("expression", REFUSED)
def test_schedule_that_aws_refuses(expression: str) -> None:
    """What Secrets Manager would refuse is refused before anything is touched."""
    assert not is_rotation_schedule(expression)
