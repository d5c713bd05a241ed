"""AWS as it is: what passes is waited for, what stays is named; see `doubles/unkind.py`.

Every other test of the life cycle meets the same unkindness; these show each rule by itself.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from moto.iam.exceptions import IAMException
from moto.iam.responses import IamResponse
from moto.secretsmanager.exceptions import SecretsManagerClientError
from moto.secretsmanager.responses import SecretsManagerResponse

from doubles import unkind, world
from doubles.aws_calls import Calls, Fault
from doubles.clock import Clock
from doubles.fake_cloudformation import LambdaContext, Stack
from handler import app

PROPERTIES: dict[str, Any] = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
SECRET = "restricted/Provazio"
POLICY_ARN = "arn:aws:iam::123456789012:policy/restricted/Provazio"
ROLE = {"Version": "2012-10-17", "Statement": []}
RESERVED = {"aws:servicecatalog:portfolioArn": "p", "AWS:x": "y", "Restricted-IAM-User:note": "z"}


def succeeded(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return dict(answer["Data"])


def statement(action: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*"}


def documents(count: int, action: str = "s3:ListAllMyBuckets") -> list[dict[str, Any]]:
    return [{"Version": "2012-10-17", "Statement": statement(action)} for _ in range(count)]


def refuse_always(
    monkeypatch: pytest.MonkeyPatch, owner: type, action: str, error: Exception
) -> None:
    def refuse(_: Any) -> Any:
        raise error

    monkeypatch.setattr(owner, action, refuse)


def test_tags_that_a_stack_may_have_and_its_user_may_not(
    new_stack: Callable[..., Stack],
) -> None:
    """Stack tags of AWS and of the provider are left out, in any case of letters."""
    stack = new_stack(tags=RESERVED | {"team": "platform"})
    succeeded(stack.create(**PROPERTIES))
    succeeded(stack.update(**PROPERTIES, Revision="2"))

    for thing in (world.user(), world.policy("Provazio"), world.described_secret()):
        tags = world.tags(thing)
        assert tags["team"] == "platform"
        assert not RESERVED.keys() & tags.keys()


@pytest.mark.parametrize(
    "key", ["aws:x", "AWS:x", "restricted-iam-user:x", "Restricted-iam-user:x"]
)
def test_reserved_keys_in_tags_are_refused(stack: Stack, calls: Calls, key: str) -> None:
    """The property Tags may have none of them."""
    answer = stack.create(**PROPERTIES, Tags=[{"Key": key, "Value": "1"}])

    assert "not beginning with aws: or restricted-iam-user:" in answer["Reason"]
    assert calls.changing() == []


def test_name_of_a_secret_that_is_still_being_deleted(stack: Stack, slept: list[float]) -> None:
    """A Create that wants the name of a secret deleted a moment ago waits until it is free."""
    succeeded(stack.create(**PROPERTIES))
    succeeded(stack.delete())
    del slept[:]
    succeeded(stack.create(**PROPERTIES))

    assert sum(slept) > unkind.UNKINDNESS.dying_secret - 20
    assert list(world.keys()) == [world.secret()["AccessKeyId"]]


def test_secret_that_is_still_being_deleted_when_time_is_over(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    """When there is no time to wait for the name, the reason says so and nothing is made."""
    succeeded(stack.create(**PROPERTIES))
    succeeded(stack.delete())
    spent = sum(slept)

    def remaining(_: LambdaContext) -> int:
        return int(1000 * (100 - sum(slept) + spent))

    monkeypatch.setattr(LambdaContext, "get_remaining_time_in_millis", remaining)
    stack.set_status("CREATE_IN_PROGRESS")
    answer = stack.send("Create")

    assert f"using the name of secret {SECRET}, which is still being deleted" in answer["Reason"]
    assert world.nothing_is_left()


def test_secret_deleted_after_it_was_looked_for(stack: Stack, calls: Calls) -> None:
    """A secret that goes between our look and our call is waited for as well."""

    def come_and_go() -> None:
        world.secretsmanager().create_secret(Name=SECRET, SecretString="theirs")
        world.secretsmanager().delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)

    calls.first["iam:CreateUser"] = come_and_go
    succeeded(stack.create(**PROPERTIES))

    assert world.secret_names() == [SECRET]


def test_secret_that_can_be_recovered_is_restored_at_once(stack: Stack, slept: list[float]) -> None:
    """A secret that somebody deleted with a recovery window comes back, and is not waited for."""
    succeeded(stack.create(**PROPERTIES))
    world.secretsmanager().delete_secret(SecretId=SECRET)
    del slept[:]
    succeeded(stack.update(**PROPERTIES, Revision="2"))

    assert list(world.keys()) == [world.secret()["AccessKeyId"]]
    assert sum(slept) < 30


@pytest.mark.usefixtures("told_at_once")
def test_user_made_just_now_is_deleted(stack: Stack, calls: Calls) -> None:
    """A Delete that comes a moment after the user was made does not take it for absent."""
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    calls.arm(8, Fault.REFUSED)
    answer = stack.send("Create")
    calls.disarm()
    assert calls.names[7:9] == ["iam:CreateUser", "iam:AttachUserPolicy"]
    assert answer["Status"] == "FAILED"
    assert world.user_names() == ["Provazio"]
    stack.physical_id = answer["PhysicalResourceId"]
    stack.set_status("ROLLBACK_IN_PROGRESS")

    succeeded(stack.send("Delete"))
    assert world.nothing_is_left()


def test_lost_answer_of_a_user_made_just_now(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """IAM says that the name is taken while it does not know the user yet; it is ours."""
    create, lost = IamResponse.create_user, [True]

    def lose_the_first_answer(response: Any) -> Any:
        answer = create(response)
        if lost:
            lost.clear()
            raise IAMException("ServiceFailure", "It broke.")
        return answer

    monkeypatch.setattr(IamResponse, "create_user", lose_the_first_answer)
    succeeded(stack.create(**PROPERTIES))

    assert world.attached() == ["Provazio"]


@pytest.mark.parametrize("call", range(4, 16))
def test_user_that_vanishes_is_gone(stack: Stack, calls: Calls, call: int) -> None:
    """AccessDenied for a user that somebody deletes meanwhile means that it is gone."""
    succeeded(stack.create(**PROPERTIES))
    calls.arm(call, meanwhile=world.delete_user)
    succeeded(stack.delete())

    assert world.nothing_is_left()


def test_refusal_for_a_user_that_is_there_is_no_absence(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AccessDenied for a user that exists fails the Delete, in IAM's words."""
    succeeded(stack.create(**PROPERTIES))
    error = IAMException("AccessDenied", "An organisation says no.")
    for action, operation in (
        ("list_ssh_public_keys", "ListSSHPublicKeys"),
        ("delete_user", "DeleteUser"),
    ):
        with monkeypatch.context() as patch:
            refuse_always(patch, IamResponse, action, error)
            answer = stack.delete()
        told = f"AWS refused {operation}: AccessDenied: An organisation says no."
        assert answer["Reason"] == told
        assert world.user_names() == ["Provazio"]


def test_key_that_vanishes_while_keys_are_listed(stack: Stack, calls: Calls) -> None:
    """AccessDenied for the last use of a key that is gone makes the list be asked again."""
    succeeded(stack.create(**PROPERTIES, PreviousKeyGraceHours="0"))
    world.iam().create_access_key(UserName="Provazio")
    (foreign,) = world.keys().keys() - {world.secret()["AccessKeyId"]}
    calls.first["iam:GetAccessKeyLastUsed"] = lambda: world.iam().delete_access_key(
        UserName="Provazio", AccessKeyId=foreign
    )
    succeeded(stack.update(**PROPERTIES | {"Serial": "2"}, PreviousKeyGraceHours="0"))

    assert list(world.keys()) == [world.secret()["AccessKeyId"]]


def told(caplog: pytest.LogCaptureFixture) -> str:
    """Every reason that the log has."""
    return " ".join(str(vars(record).get("why")) for record in caplog.records)


def make_role(name: str) -> str:
    made = world.iam().create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(ROLE))
    return str(made["Role"]["Arn"])


def readers() -> Any:
    text = world.secretsmanager().get_resource_policy(SecretId=SECRET)["ResourcePolicy"]
    return readers_of(text)


def readers_of(text: str) -> Any:
    statements = json.loads(text)["Statement"]
    return next((one["Principal"]["AWS"] for one in statements if one["Sid"] == "Readers"), None)


def test_reader_made_just_now_is_waited_for(stack: Stack) -> None:
    """A role of the same stack may be a reader at once."""
    arn = make_role("reader")
    succeeded(stack.create(**PROPERTIES, ReaderArns=[arn]))

    assert readers() == [arn]


def test_readers_of_a_secret_made_just_now_are_changed(stack: Stack) -> None:
    """An Update that comes at once finds the policy of a secret that is not known everywhere."""
    arn = make_role("reader")
    succeeded(stack.create(**PROPERTIES))
    succeeded(stack.update(**PROPERTIES, ReaderArns=[arn]))

    assert readers() == [arn]


@pytest.mark.parametrize("others", [["arn:aws:iam::123456789012:role/other"], []], ids=len)
def test_reader_that_is_gone_stops_no_roll_back(
    stack: Stack, clock: Clock, others: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A reader deleted meanwhile fails an Update that names it, and is left out by a roll-back."""
    gone, late = make_role("gone"), "arn:aws:iam::123456789012:role/late"
    clock.advance(minutes=1)
    before = PROPERTIES | {"ReaderArns": [gone, *others]}
    after = PROPERTIES | {"ReaderArns": [late], "Serial": "2"}
    key = succeeded(stack.create(**before))["AccessKeyId"]
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = after
    succeeded(stack.send("Update", before))
    unkind.delete_principal(gone)
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.properties = before
    succeeded(stack.send("Update", after))

    assert readers() == (others or None)
    assert world.secret()["AccessKeyId"] == key
    assert f"Secrets Manager accepts {gone} of ReaderArns as no principal" in told(caplog)
    assert "accepts" in stack.update(**before, Revision="2")["Reason"]
    succeeded(stack.delete())
    assert world.nothing_is_left()


def test_other_refusals_of_readers_are_told(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not about a principal fails in AWS's words, also while the guilty one is sought."""
    malformed = SecretsManagerClientError("MalformedPolicyDocumentException", "Unknown principal.")
    other = SecretsManagerClientError("PublicPolicyException", "Not public.")
    sizes: list[int] = []

    def refuse(response: Any) -> Any:
        sizes.append(len(readers_of(response._get_param("ResourcePolicy"))))
        raise malformed if sizes[-1] > 1 else other

    monkeypatch.setattr(SecretsManagerResponse, "put_resource_policy", refuse)
    arns = [f"arn:aws:iam::123456789012:role/{name}" for name in ("one", "two")]
    both = stack.create(**PROPERTIES, ReaderArns=arns)
    alone = stack.create(**PROPERTIES, ReaderArns=arns[:1])

    words = "AWS refused PutResourcePolicy: PublicPolicyException: Not public."
    assert both["Reason"] == alone["Reason"] == words
    assert sizes[-2:] == [1, 1]


def test_copy_that_is_refused_stops_no_roll_back(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A region that AWS refuses fails an Update, which names it; a roll-back goes on without."""
    before, after = PROPERTIES | {"ReplicaRegions": ["eu-west-1"]}, PROPERTIES | {"Serial": "2"}
    succeeded(stack.create(**before))
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = after
    succeeded(stack.send("Update", before))
    error = SecretsManagerClientError("InvalidParameterException", "The region is disabled.")
    refuse_always(monkeypatch, SecretsManagerResponse, "replicate_secret_to_regions", error)
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    stack.properties = before
    succeeded(stack.send("Update", after))

    reason = (
        f"The secret {SECRET} could not be copied to eu-west-1: "
        "InvalidParameterException: The region is disabled."
    )
    assert reason in told(caplog)
    stack.rest("UPDATE_ROLLBACK_COMPLETE")
    failed = PROPERTIES | {"Revision": "2", "ReplicaRegions": ["eu-west-1"]}
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = failed
    assert stack.send("Update", before)["Reason"] == reason


@pytest.mark.parametrize("call", ["remove_regions_from_replication", "delete_secret"])
def test_copy_that_cannot_be_deleted_stops_no_delete(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    """The Delete leaves a secret if it or its copy stays, says so, and removes everything else."""
    succeeded(stack.create(**PROPERTIES, ReplicaRegions=["eu-west-1"]))
    error = SecretsManagerClientError("InvalidRequestException", "It is disabled.")
    refuse_always(monkeypatch, SecretsManagerResponse, call, error)
    succeeded(stack.delete())

    assert f"The secret {SECRET} stays, because AWS did not delete it or its copy" in told(caplog)
    assert world.secret_names() == [SECRET]
    assert world.user_names() == world.policy_names() == []


def test_secret_without_copies_that_cannot_be_deleted(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that AWS does not delete for a reason of its own fails the Delete."""
    succeeded(stack.create(**PROPERTIES))
    error = SecretsManagerClientError("AccessDeniedException", "No.")
    refuse_always(monkeypatch, SecretsManagerResponse, "delete_secret", error)

    assert stack.delete()["Reason"] == "AWS refused DeleteSecret: AccessDeniedException: No."


def test_rotation_that_is_refused_at_first(stack: Stack, calls: Calls) -> None:
    """RotateSecret is asked again until Secrets Manager may invoke the function."""
    data = succeeded(stack.create(**PROPERTIES, RotationSchedule="rate(30 days)"))

    assert calls.names.count("secretsmanager:RotateSecret") > 1
    assert data["NextRotationDate"]


def test_policy_that_a_deleted_user_is_named_for(stack: Stack, slept: list[float]) -> None:
    """The policy of a user that is gone is deleted, though IAM still names the user."""
    succeeded(stack.create(**PROPERTIES))
    succeeded(stack.delete())

    assert world.nothing_is_left()


def test_new_version_is_waited_for(stack: Stack, calls: Calls, slept: list[float]) -> None:
    """A changed document becomes a version first, and the default five seconds later."""
    succeeded(stack.create(**PROPERTIES, PolicyVariables={"AWS_REGION": "eu-west-1"}))
    del calls.names[:], slept[:]
    succeeded(stack.update(**PROPERTIES, PolicyVariables={"AWS_REGION": "eu-west-2"}))

    made = [name for name in calls.names if name.endswith("PolicyVersion")]
    made.remove("iam:GetPolicyVersion")
    assert made == ["iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"]
    assert 5 in slept
    assert "eu-west-2" in json.dumps(world.policy_document("Provazio"))


@pytest.mark.parametrize("count", [6, 10])
def test_as_many_policies_as_a_user_may_have_get_other_names(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, calls: Calls, count: int
) -> None:
    """Where old and new policies are more than ten, old ones are detached first, as few as need."""
    monkeypatch.setenv("ALLOW_POLICY_DOCUMENT", "true")
    own = {"UserName": "Provazio", "Serial": "1", "PolicyDocument": documents(count)}
    succeeded(stack.create(**own))
    before = len(calls.names)
    succeeded(stack.update(**own, PolicyName="Other"))

    changes = [name for name in calls.names[before:] if name.endswith("UserPolicy")]
    assert changes[: 10 - count] == ["iam:AttachUserPolicy"] * (10 - count)
    assert changes.count("iam:DetachUserPolicy") == changes.count("iam:AttachUserPolicy") == count
    assert len(world.attached()) == count
    assert all(name.startswith("Other") for name in world.attached())
    assert world.policy_names() == world.attached()


def test_user_of_another_resource_is_named(new_stack: Callable[..., Stack]) -> None:
    """The reason says which resource of which stack has the user."""
    succeeded(new_stack(name="first").create(**PROPERTIES))
    answer = new_stack(name="second", logical_id="Other").create(**PROPERTIES)

    assert answer["Reason"] == (
        "The IAM user arn:aws:iam::123456789012:user/restricted/Provazio exists and belongs to "
        "resource 'RestrictedUser' of stack first in us-east-1; it was left as it is. Choose "
        "another name; or let an administrator invite this resource to take the user over, with "
        "'restricted-iam-user.pyz adopt Provazio --stack second --logical-id Other', which sets "
        "its tag restricted-iam-user:invited to us-east-1/second/Other, and create the resource "
        "again."
    )


def test_tag_that_names_no_stack_is_quoted(stack: Stack) -> None:
    """Whoever may tag may write anything; it is quoted."""
    tags = {"restricted-iam-user:stack-id": "x/y", "restricted-iam-user:logical-id": "z"}
    world.iam().create_user(
        UserName="Provazio", Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
    )

    assert "belongs to resource 'z' of stack 'x/y';" in stack.create(**PROPERTIES)["Reason"]


def test_user_that_the_path_hides_is_named(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user of this resource on a path of before is said to be there, and what to do."""
    succeeded(stack.create(**PROPERTIES))
    monkeypatch.setenv("IAM_PATH", "/moved/")
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = PROPERTIES | {"Revision": "2"}
    answer = stack.send("Update", PROPERTIES)

    assert answer["Reason"] == (
        "The IAM user arn:aws:iam::123456789012:user/restricted/Provazio belongs to this resource, "
        "but the provider looks after users on path /moved/ only; it was left as it is. Set the "
        "provider's IamPath to /restricted/ again, or delete the user first."
    )


WORDS = [
    (
        {"Usrname": "a"},
        "'Usrname' is not a property of Custom::RestrictedIAMUser; did you mean UserName?",
    ),
    ({"Zzz": "a"}, "'Zzz' is not a property of Custom::RestrictedIAMUser."),
    (
        {"PolicyVariables": {"AWS_REGIONS": "eu-west-1"}},
        "PolicyVariables sets AWS_REGIONS, which "
        "none of the policies uses; did you mean AWS_REGION?",
    ),
    (
        {"ReaderArns": "arn:a,arn:b"},
        "not 'arn:a,arn:b'; in a template give each item a line of its "
        "own, or use !Split [',', …].",
    ),
    (
        {"RotationSchedule": "rate(1000 days)"},
        "rate(N days) of 1 to 999 days, rate(N hours) of 4 to 999 hours",
    ),
    (
        {"ReplicaRegions": ["eu-wset-1"]},
        "ReplicaRegions names 'eu-wset-1', which is no region of "
        "partition aws; did you mean eu-west-1?",
    ),
    ({"ReplicaRegions": ["cn-north-1"]}, "'cn-north-1', which is no region of partition aws"),
]


@pytest.mark.parametrize(("given", "words"), WORDS, ids=[str(given) for given, _ in WORDS])
def test_reasons_say_what_is_meant(
    stack: Stack, calls: Calls, given: dict[str, Any], words: str
) -> None:
    """A slip is answered with what was meant, or with what is allowed, and nothing is touched."""
    answer = stack.create(**PROPERTIES | given)

    assert words in answer["Reason"]
    assert calls.changing() == []


def test_region_that_is_new_is_left_to_aws(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A region that botocore does not know yet is not refused by the provider."""
    error = SecretsManagerClientError("InvalidParameterException", "No such region.")
    refuse_always(monkeypatch, SecretsManagerResponse, "replicate_secret_to_regions", error)
    answer = stack.create(**PROPERTIES, ReplicaRegions=["eu-west-9"])

    assert answer["Reason"] == (
        f"The secret {SECRET} could not be copied to eu-west-9: "
        "InvalidParameterException: No such region."
    )


def test_announcement_of_a_key_is_renewed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, slept: list[float], calls: Calls
) -> None:
    """A key that was made after minutes of throttling, and whose answer was lost, is ours."""
    key = succeeded(stack.create(**PROPERTIES))["AccessKeyId"]
    create, began = IamResponse.create_access_key, sum(slept)

    def late_and_lost(response: Any) -> Any:
        if sum(slept) - began < 150:
            raise IAMException("Throttling", "Rate exceeded")
        create(response)
        raise IAMException("ServiceFailure", "It broke.")

    with monkeypatch.context() as patch:
        patch.setattr(IamResponse, "create_access_key", late_and_lost)
        stack.set_status("UPDATE_IN_PROGRESS")
        stack.properties = PROPERTIES | {"Serial": "2"}
        answer = stack.send("Update", PROPERTIES)

    assert answer["Status"] == "FAILED"
    assert world.keys() == {key: "Active"}


def test_events_that_are_no_resources_meet_no_unkindness(slept: list[float], aws: None) -> None:
    """Nothing is waited for where nothing is done."""
    app.lambda_handler({"RequestType": "Create"}, LambdaContext())

    assert slept == []
