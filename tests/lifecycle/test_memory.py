"""What a provider must remember: without it, each of these lost a key or left one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from moto.secretsmanager.exceptions import SecretsManagerClientError
from moto.secretsmanager.responses import SecretsManagerResponse

from doubles import direct_moto, strict_dynamodb, world
from doubles.aws_calls import Calls, KilledError
from doubles.fake_cloudformation import ResponseUrl, Stack
from doubles.interleave import Event, Interleaving, Turn
from doubles.secrets_manager import STEPS, SecretsManager
from handler.errors import RotationRefusedError

Properties = dict[str, Any]

FIRST: Properties = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
SECOND = FIRST | {"Serial": "2"}
SHARED = FIRST | {"SecretName": "restricted/shared"}
NAMELESS = {name: value for name, value in FIRST.items() if name != "UserName"}
SECRET = "restricted/Provazio"
REQUESTS_TAG = "restricted-iam-user:requests"


@pytest.fixture
def runs(aws: None, responses: ResponseUrl, monkeypatch: pytest.MonkeyPatch) -> Interleaving:
    direct_moto.install(monkeypatch)
    made = Interleaving(responses)
    made.install(monkeypatch)
    return made


@pytest.fixture
def key(stack: Stack, runs: Interleaving) -> str:
    """The key of a resource that is there."""
    return made(stack, FIRST)


def made(stack: Stack, properties: Properties) -> str:
    answer = stack.create(**properties)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return str(answer["Data"]["AccessKeyId"])


def event(
    stack: Stack,
    request_type: str,
    properties: Properties,
    old: Properties | None = None,
    physical_id: str = "Provazio",
) -> Event:
    stack.properties, stack.physical_id = properties, physical_id
    return stack.event(request_type, old)


def send(stack: Stack, status: str, sent: Event) -> dict[str, Any]:
    """An event that must succeed, and is answered to a stack that is in this operation."""
    stack.set_status(status)
    answer = stack.deliver(sent)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return answer


def update(
    stack: Stack, new: Properties, old: Properties, physical_id: str = "Provazio"
) -> dict[str, Any]:
    return send(stack, "UPDATE_IN_PROGRESS", event(stack, "Update", new, old, physical_id))


def roll_back(
    stack: Stack, to: Properties, from_: Properties, physical_id: str = "Provazio"
) -> dict[str, Any]:
    sent = event(stack, "Update", to, from_, physical_id)
    answer = send(stack, "UPDATE_ROLLBACK_IN_PROGRESS", sent)
    stack.set_status("UPDATE_ROLLBACK_COMPLETE")
    return answer


def current(secret: str = SECRET) -> str:
    """The key of AWSCURRENT, which must exist, be active, and belong to the user that it names."""
    value = world.secret(secret)
    assert world.keys(value["UserName"])[value["AccessKeyId"]] == "Active"
    return str(value["AccessKeyId"])


def make_foreign_key(*, used: bool) -> str:
    made_by_hand = world.iam().create_access_key(UserName="Provazio")["AccessKey"]["AccessKeyId"]
    if used:
        world.use_key(made_by_hand)
    return str(made_by_hand)


def forget(stack: Stack, user_name: str = "Provazio") -> None:
    """Somebody removes what the provider remembers of the resource."""
    strict_dynamodb.remove(f"{stack.stack_id}#{stack.logical_id}")
    world.iam().untag_user(UserName=user_name, TagKeys=[REQUESTS_TAG])


@pytest.fixture
def refused_secrets(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Lets Secrets Manager refuse every new value, or take them again."""
    put = SecretsManagerResponse.put_secret_value

    def refuse(response: SecretsManagerResponse) -> str:
        raise SecretsManagerClientError("AccessDeniedException", "Not you.")

    def set_refused(refused: bool) -> None:
        action = refuse if refused else put
        monkeypatch.setattr(SecretsManagerResponse, "put_secret_value", action)

    return set_refused


# 1. A cancelled rotating Update and its roll-back.


@pytest.mark.parametrize("call", ["PutSecretValue", "UpdateSecretVersionStage", "GetSecretValue"])
def test_cancelled_rotation_does_not_take_the_key_of_before(
    stack: Stack, runs: Interleaving, key: str, call: str
) -> None:
    """Whatever an Update and its roll-back do to the secret at the same time, the key stays."""
    first = runs.invoke("A", event(stack, "Update", SECOND, FIRST))
    second = runs.invoke(
        "B",
        event(stack, "Update", FIRST, SECOND),
        on_start=lambda: stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS"),
        on_answer=lambda _answer: stack.set_status("UPDATE_ROLLBACK_COMPLETE"),
    )
    stack.set_status("UPDATE_IN_PROGRESS")
    with runs.explained():
        runs.alone(first, "secretsmanager:PutSecretValue")
        runs.play(Turn(second, f"secretsmanager:{call}"))
        assert second.succeeded()["Data"]["AccessKeyId"] == key
        assert current() == key
        assert world.keys() == {key: "Active"}


# 2. One event, delivered twice at once.


@pytest.mark.parametrize(
    "call", ["iam:CreateAccessKey", "sts:GetCallerIdentity", "secretsmanager:PutSecretValue"]
)
def test_update_delivered_twice_at_once_makes_one_key(
    stack: Stack, runs: Interleaving, key: str, call: str
) -> None:
    """Both deliveries of a rotating Update tell of the one key that AWSCURRENT holds."""
    sent = event(stack, "Update", SECOND, FIRST)
    first, second = runs.invoke("A", sent), runs.invoke("B", sent)
    stack.set_status("UPDATE_IN_PROGRESS")
    with runs.explained():
        runs.alone(first, call)
        runs.play(Turn(second))
        answers = [one.succeeded() for one in (first, second)]
        assert answers[0] == answers[1]
        assert answers[0]["Data"]["AccessKeyId"] == current()
        assert world.keys() == {key: "Active", current(): "Active"}


@pytest.mark.parametrize(
    "call", ["iam:ListAccessKeys", "secretsmanager:UpdateSecretVersionStage", "iam:DeleteAccessKey"]
)
def test_roll_back_delivered_twice_at_once_leaves_the_key_of_before(
    stack: Stack, runs: Interleaving, key: str, call: str
) -> None:
    """Both deliveries of a roll-back end with the key of before, and it works."""
    update(stack, SECOND, FIRST)
    sent = event(stack, "Update", FIRST, SECOND)
    first, second = runs.invoke("A", sent), runs.invoke("B", sent)
    stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
    with runs.explained():
        runs.alone(first, call)
        runs.play(Turn(second, call))
        assert [one.succeeded()["Data"]["AccessKeyId"] for one in (first, second)] == [key, key]
        assert current() == key


# 3. A scheduled rotation beside an Update.


@pytest.mark.parametrize("call", ["sts:GetCallerIdentity", "secretsmanager:PutSecretValue"])
def test_finish_secret_again_leaves_the_key_that_an_update_is_making(
    stack: Stack, runs: Interleaving, call: str
) -> None:
    """finishSecret, asked for again, does not take the unpublished key of an Update for lost."""
    old = FIRST | {"RotationSchedule": "rate(30 days)"}
    made(stack, old)
    rotation = SecretsManager()
    rotation.rotate()
    first = runs.invoke("A", event(stack, "Update", old | {"Serial": "2"}, old))
    second = runs.invoke("B", rotation.event("finishSecret"), rotation=True)
    stack.set_status("UPDATE_IN_PROGRESS")
    with runs.explained():
        runs.alone(first, call)
        runs.play(Turn(second))
        assert first.succeeded()["Data"]["AccessKeyId"] == current()


@pytest.mark.parametrize("call", ["UpdateSecretVersionStage", "GetSecretValue"])
def test_slow_finish_secret_while_the_secret_gets_another_name(
    stack: Stack, runs: Interleaving, call: str
) -> None:
    """A finishSecret that ends after its secret was replaced deletes none of the keys in use."""
    old = FIRST | {"RotationSchedule": "rate(30 days)"}
    new = old | {"SecretName": "restricted/elsewhere"}
    made(stack, old)
    rotation = SecretsManager()
    rotation.begin()
    rotation.take(*STEPS[:3])
    first = runs.invoke("A", rotation.event("finishSecret"), rotation=True)
    second = runs.invoke("B", event(stack, "Update", new, old))
    stack.set_status("UPDATE_IN_PROGRESS")
    with runs.explained():
        runs.alone(first, "iam:ListAccessKeys")
        runs.alone(first, f"secretsmanager:{call}")
        runs.play(Turn(second))
        assert second.succeeded()["Data"]["AccessKeyId"] == current("restricted/elsewhere")


def test_slow_finish_secret_leaves_the_schedule_of_an_update(
    stack: Stack, runs: Interleaving
) -> None:
    """A rotation that ends beside an Update does not delete the schedule of the replaced key."""
    old = FIRST | {"RotationSchedule": "rate(30 days)"}
    made(stack, old)
    rotation = SecretsManager()
    rotation.rotate()
    first = runs.invoke("A", rotation.event("finishSecret"), rotation=True)
    second = runs.invoke("B", event(stack, "Update", old | {"Serial": "2"}, old))
    stack.set_status("UPDATE_IN_PROGRESS")
    with runs.explained():
        runs.alone(first, "scheduler:ListSchedules")
        runs.play(Turn(second))
        second.succeeded()
        replaced = world.secret(SECRET, "AWSPREVIOUS")["AccessKeyId"]
        assert world.keys()[replaced] == "Active"
        assert [replaced in each["Target"]["Input"] for each in world.schedules()] == [True]


# 4. A failed rotation, and a key that somebody made by hand.


@pytest.mark.parametrize("used", [True, False])
def test_key_made_by_hand_survives_after_a_failed_rotation(
    stack: Stack, key: str, refused_secrets: Callable[[bool], None], used: bool
) -> None:
    """An Update of tags deletes no key that somebody made, whatever had failed before."""
    refused_secrets(True)
    stack.set_status("UPDATE_IN_PROGRESS")
    assert stack.deliver(event(stack, "Update", SECOND, FIRST))["Status"] == "FAILED"
    refused_secrets(False)
    roll_back(stack, FIRST, SECOND)
    foreign = make_foreign_key(used=used)
    update(stack, FIRST | {"Tags": [{"Key": "a", "Value": "1"}]}, FIRST)

    assert world.keys() == {key: "Active", foreign: "Active"}
    assert current() == key


# 5. Late second deliveries after UserName went from given to generated.


@pytest.mark.parametrize("late", ["Create", "Delete"])
@pytest.mark.parametrize(
    "status", ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"]
)
def test_late_second_delivery_leaves_the_user_that_lives(
    stack: Stack, runs: Interleaving, late: str, status: str
) -> None:
    """An old Create or Delete of a given name does nothing to the user with a generated one."""
    create = event(stack, "Create", FIRST)
    send(stack, "CREATE_IN_PROGRESS", create)
    answer = update(stack, NAMELESS, FIRST)
    name = answer["PhysicalResourceId"]
    delete = event(stack, "Delete", FIRST)
    send(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", delete)
    stack.set_status(status)
    stack.deliver(create if late == "Create" else delete)

    assert world.user_names() == [name]
    assert current(f"restricted/{name}") == answer["Data"]["AccessKeyId"]


# 6. Retained, removed from the template, and put back.


def test_retained_user_that_is_put_back_survives_the_roll_back(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """A resource that was retained and put back is as it was when a sibling fails."""
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.deliver(event(stack, "Create", FIRST))
    gone = event(stack, "Delete", FIRST)
    send(stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", gone)

    assert world.user_names() == ["Provazio"]
    assert world.attached() == ["Provazio"]
    assert current() == key


def test_policy_of_a_retained_user_is_not_taken(stack: Stack, runs: Interleaving, key: str) -> None:
    """Put back under another user name, the resource does not get the policy that was kept."""
    stack.set_status("UPDATE_IN_PROGRESS")
    answer = stack.deliver(
        event(stack, "Create", FIRST | {"UserName": "Second", "PolicyName": "Provazio"})
    )

    assert "policy/restricted/Provazio was kept when this resource left" in answer["Reason"]
    assert world.attached() == ["Provazio"]


# 7. Genuine roll-backs that were taken for late ones.


def test_roll_back_after_three_failed_tries(
    stack: Stack, runs: Interleaving, key: str, refused_secrets: Callable[[bool], None]
) -> None:
    """A stack without roll-back that is rolled back at last gets back to its last good state."""
    stack.disable_rollback()
    refused_secrets(True)
    tried = FIRST
    for serial in ("2", "3", "4"):
        wanted = FIRST | {"Serial": serial}
        stack.set_status("UPDATE_IN_PROGRESS")
        assert stack.deliver(event(stack, "Update", wanted, tried))["Status"] == "FAILED"
        stack.set_status("UPDATE_FAILED")
        tried = wanted
    refused_secrets(False)
    assert roll_back(stack, FIRST, tried)["Data"]["AccessKeyId"] == key
    assert current() == key


def test_roll_back_after_the_user_was_deleted_by_hand_and_healed(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """A roll-back goes back from an Update that had made the user anew."""
    delete_user_by_hand()
    update(stack, FIRST | {"Revision": "2"}, FIRST)
    answer = roll_back(stack, FIRST, FIRST | {"Revision": "2"})

    assert answer["Data"]["AccessKeyId"] == current() != key


def test_roll_back_after_what_we_remember_was_removed(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """A roll-back goes back although what was remembered before the Update is gone."""
    forget(stack)
    update(stack, SECOND, FIRST)
    assert roll_back(stack, FIRST, SECOND)["Data"]["AccessKeyId"] == key
    assert current() == key


@pytest.mark.parametrize("next_event", ["Update", "roll-back", "Delete"])
def test_resource_without_an_item_is_found_again(
    stack: Stack, runs: Interleaving, key: str, next_event: str
) -> None:
    """When the item is gone, tags and ids tell what is ours."""
    if next_event == "roll-back":
        update(stack, SECOND, FIRST)
    forget(stack)
    match next_event:
        case "Update":
            answer = update(stack, FIRST | {"Revision": "2"}, FIRST)
            assert answer["Data"]["AccessKeyId"] == current() == key
        case "roll-back":
            assert roll_back(stack, FIRST, SECOND)["Data"]["AccessKeyId"] == key
            assert current() == key
        case _:
            send(stack, "DELETE_IN_PROGRESS", event(stack, "Delete", FIRST))
            assert world.nothing_is_left()


# 8. Secrets that are shared or renamed.


@pytest.mark.parametrize("call", ["iam:CreateAccessKey", "secretsmanager:PutSecretValue"])
def test_cancelled_replacement_leaves_the_key_in_the_shared_secret(
    stack: Stack, runs: Interleaving, call: str
) -> None:
    """After a replacement was cancelled, the secret of both users holds the key of the old one."""
    key, new = made(stack, SHARED), SHARED | {"UserName": "Second"}
    first = runs.invoke("A", event(stack, "Update", new, SHARED))
    second = runs.invoke(
        "B",
        event(stack, "Update", SHARED, new),
        on_start=lambda: stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS"),
        on_answer=lambda _answer: stack.set_status("UPDATE_ROLLBACK_COMPLETE"),
    )
    stack.set_status("UPDATE_IN_PROGRESS")
    with runs.explained():
        runs.alone(first, call)
        runs.play(Turn(second))
        assert second.succeeded()["Data"]["AccessKeyId"] == key
        assert current("restricted/shared") == key
        assert world.user_names() == ["Provazio"]


def test_renamed_secret_after_a_rolled_back_rotation_keeps_the_key(
    stack: Stack, runs: Interleaving, key: str, calls: Calls
) -> None:
    """A new secret that was cut off half-way holds the working key when the Update comes again."""

    def die() -> None:
        raise KilledError

    def die_next_time() -> None:
        calls.first["secretsmanager:PutSecretValue"] = die

    update(stack, SECOND, FIRST)
    roll_back(stack, FIRST, SECOND)
    new = FIRST | {"SecretName": "restricted/elsewhere"}
    sent = event(stack, "Update", new, FIRST)
    stack.set_status("UPDATE_IN_PROGRESS")
    calls.first["secretsmanager:PutSecretValue"] = die_next_time
    try:
        stack.deliver(sent)
    except KilledError:
        runs.now += 60
        assert stack.deliver(sent)["Status"] == "SUCCESS"

    assert current("restricted/elsewhere") == key
    assert world.keys() == {key: "Active"}


# 9. Stacks without roll-back.


WITHOUT_ROLL_BACK = pytest.mark.parametrize("mode", ["--disable-rollback", "EXPRESS"])


def without_roll_back(stack: Stack, mode: str) -> None:
    if mode == "EXPRESS":
        stack.express()
    else:
        stack.disable_rollback()


@WITHOUT_ROLL_BACK
@pytest.mark.parametrize("serial", ["1", "2"])
@pytest.mark.parametrize("next_event", ["replay", "Delete"])
def test_replacement_that_cloudformation_refuses_leaves_nothing_of_it(
    stack: Stack, runs: Interleaving, key: str, next_event: str, serial: str, mode: str
) -> None:
    """A second user that never got a Delete goes with the next Update or Delete of the first."""
    without_roll_back(stack, mode)
    new = FIRST | {"UserName": "Second", "Serial": serial}
    assert update(stack, new, FIRST)["PhysicalResourceId"] == "Second"
    stack.set_status("UPDATE_FAILED")
    if next_event == "replay":
        assert update(stack, FIRST, new)["PhysicalResourceId"] == "Provazio"
        assert world.user_names() == ["Provazio"]
        assert world.policy_names() == ["Provazio"]
        assert world.secret_names() == [SECRET]
        assert current() == key
    else:
        send(stack, "DELETE_IN_PROGRESS", event(stack, "Delete", FIRST))
        assert world.nothing_is_left()


@WITHOUT_ROLL_BACK
def test_replay_of_the_last_good_template_makes_its_key_current_again(
    stack: Stack, runs: Interleaving, key: str, mode: str
) -> None:
    """Serial 1 after a failed Serial 2 goes back to the key that everybody still uses."""
    without_roll_back(stack, mode)
    update(stack, SECOND, FIRST)
    stack.set_status("UPDATE_FAILED")
    answer = update(stack, FIRST, SECOND)

    assert answer["Data"]["AccessKeyId"] == current() == key


# 10. What people do by hand.


@pytest.mark.parametrize("thing", ["user", "secret", "policy", "all of them"])
def test_delete_needs_no_tag(stack: Stack, runs: Interleaving, key: str, thing: str) -> None:
    """A Delete removes what we made although somebody took our tags from it."""
    tags = ["restricted-iam-user:stack-id", "restricted-iam-user:logical-id"]
    if thing in {"user", "all of them"}:
        world.iam().untag_user(UserName="Provazio", TagKeys=tags)
    if thing in {"secret", "all of them"}:
        world.secretsmanager().untag_resource(SecretId=SECRET, TagKeys=tags)
    if thing in {"policy", "all of them"}:
        world.iam().untag_policy(PolicyArn=world.policy("Provazio")["Arn"], TagKeys=tags)
    send(stack, "DELETE_IN_PROGRESS", event(stack, "Delete", FIRST))

    assert world.nothing_is_left()


def test_delete_leaves_what_only_claims_to_be_ours(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """A user of the same name that somebody made in place of ours, without our tags, stays."""
    delete_user_by_hand()
    theirs = world.iam().create_user(UserName="Provazio", Path=world.PATH)["User"]["UserId"]
    send(stack, "DELETE_IN_PROGRESS", event(stack, "Delete", FIRST))

    assert world.user()["UserId"] == theirs


@pytest.mark.parametrize("step", STEPS)
def test_rotation_of_a_secret_that_only_claims_to_be_ours(
    stack: Stack, runs: Interleaving, step: str
) -> None:
    """The rotation function writes no key into a secret that somebody else made and tagged."""
    key = made(stack, FIRST | {"RotationSchedule": "rate(30 days)"})
    theirs = "restricted/theirs"
    world.secretsmanager().create_secret(
        Name=theirs,
        SecretString=json.dumps(world.secret()),
        Tags=world.described_secret()["Tags"],
    )
    arn = world.described_secret()["RotationLambdaARN"]
    world.secretsmanager().rotate_secret(
        SecretId=theirs,
        RotationLambdaARN=arn,
        RotationRules={"ScheduleExpression": "rate(30 days)"},
        RotateImmediately=False,
    )
    rotation = SecretsManager(theirs)
    rotation.begin()
    before = rotation.stages()
    for name in STEPS[: STEPS.index(step) + 1]:
        with pytest.raises(RotationRefusedError):
            rotation.take(name)

    assert world.keys() == {key: "Active"}
    assert rotation.stages() == before


def test_current_key_deactivated_by_hand_does_not_cost_the_previous_one(
    stack: Stack, runs: Interleaving, key: str
) -> None:
    """In its grace the replaced key goes on working although somebody deactivated the new one."""
    update(stack, SECOND, FIRST)
    new = current()
    world.iam().update_access_key(UserName="Provazio", AccessKeyId=new, Status="Inactive")
    update(stack, SECOND | {"Tags": [{"Key": "a", "Value": "1"}]}, SECOND)

    assert world.keys()[key] == "Active"
    assert current()


WRONG = {
    "a list": [],
    "a number": 5,
    "a text": "text",
    "nothing": None,
    "a number as user": {"UserName": 5},
    "a list as user": {"UserName": ["Provazio"]},
    "a list as key": {"AccessKeyId": ["AKIA"]},
    "a number as key": {"AccessKeyId": 5},
    "a date without zone": {"CreateDate": "2026-01-01T00:00:00"},
    "a list as trigger": {"Trigger": ["Serial:1"]},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("next_event", ["Update", "rotate", "Delete"])
def test_value_that_somebody_wrote_into_the_secret(
    stack: Stack, runs: Interleaving, key: str, next_event: str, wrong: str
) -> None:
    """A value of any kind that was written by hand is put right by an Update, and deletable."""
    value, written = world.secret(), WRONG[wrong]
    content = value | written if isinstance(written, dict) else written
    world.secretsmanager().put_secret_value(SecretId=SECRET, SecretString=json.dumps(content))
    if next_event == "Delete":
        send(stack, "DELETE_IN_PROGRESS", event(stack, "Delete", FIRST))
        assert world.nothing_is_left()
        return
    new = SECOND if next_event == "rotate" else FIRST | {"Revision": "2"}
    answer = update(stack, new, FIRST)
    assert answer["Data"]["AccessKeyId"] == current()
    assert len(world.keys()) <= 2


def test_delete_needs_no_value_of_the_secret(
    stack: Stack, runs: Interleaving, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A KMS key that cannot be used any more does not keep a resource from being deleted."""

    def refuse(response: SecretsManagerResponse) -> str:
        raise SecretsManagerClientError("DecryptionFailure", "The key is disabled.")

    monkeypatch.setattr(SecretsManagerResponse, "get_secret_value", refuse)
    send(stack, "DELETE_IN_PROGRESS", event(stack, "Delete", FIRST))

    assert world.nothing_is_left()


# Answered once.


@pytest.mark.parametrize("what", ["Create", "Update", "roll-back", "replacement", "Delete"])
def test_answered_request_is_answered_again_from_the_table(
    stack: Stack, runs: Interleaving, calls: Calls, what: str
) -> None:
    """A second delivery gets the same answer, and asks nobody but the table."""
    sent = event(stack, "Create", FIRST)
    status = "CREATE_IN_PROGRESS"
    if what != "Create":
        send(stack, status, sent)
        status = "UPDATE_IN_PROGRESS"
        sent = event(stack, "Update", SECOND, FIRST)
    if what == "replacement":
        sent = event(stack, "Update", FIRST | {"UserName": "Second"}, FIRST)
    if what in {"roll-back", "Delete"}:
        send(stack, status, sent)
        status = "UPDATE_ROLLBACK_IN_PROGRESS"
        sent = event(stack, "Update", FIRST, SECOND)
    if what == "Delete":
        send(stack, status, sent)
        status = "DELETE_IN_PROGRESS"
        sent = event(stack, "Delete", FIRST)
    first = send(stack, status, sent)
    before = len(calls.names)
    stack.set_status(status.replace("_IN_PROGRESS", "_COMPLETE"))
    runs.now += 60

    assert stack.deliver(sent) == first
    assert {name.partition(":")[0] for name in calls.names[before:]} == {"dynamodb"}


@pytest.mark.parametrize("at", [5, 15])
@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_overtaken_request_changes_nothing(
    stack: Stack, runs: Interleaving, key: str, status: str, at: int
) -> None:
    """An Update that died and was rolled back does nothing when it is delivered again."""
    sent = event(stack, "Update", SECOND, FIRST)
    one = runs.invoke("A", sent)
    one.kill(before=at)
    stack.set_status("UPDATE_IN_PROGRESS")
    runs.alone(one)
    roll_back(stack, FIRST, SECOND)
    stack.set_status(status)
    runs.now += 60
    assert stack.deliver(sent)["Status"] == "FAILED"

    assert current() == key
    assert world.keys() == {key: "Active"}


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"])
def test_create_that_comes_again_after_its_resource_was_deleted(
    stack: Stack, runs: Interleaving, status: str
) -> None:
    """A late second delivery of a Create does not make the resource again."""
    create = event(stack, "Create", FIRST)
    send(stack, "CREATE_IN_PROGRESS", create)
    send(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", event(stack, "Delete", FIRST))
    stack.set_status(status)
    stack.deliver(create)

    assert world.nothing_is_left()


def delete_user_by_hand() -> None:
    for access_key_id in list(world.keys()):
        world.iam().delete_access_key(UserName="Provazio", AccessKeyId=access_key_id)
    for name in world.attached():
        arn = world.policy(name)["Arn"]
        world.iam().detach_user_policy(UserName="Provazio", PolicyArn=arn)
    world.iam().delete_user(UserName="Provazio")
