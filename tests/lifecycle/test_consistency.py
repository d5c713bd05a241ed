"""IAM's eventual consistency, refusals that pass, lost replies, and the time of a request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from moto.iam.exceptions import IAMException
from moto.iam.responses import IamResponse
from moto.secretsmanager.exceptions import SecretsManagerClientError
from moto.secretsmanager.responses import SecretsManagerResponse
from moto.sts.exceptions import STSClientError
from moto.sts.responses import TokenResponse

from doubles import fake_cloudformation, world
from doubles.aws_calls import Calls, Fault
from doubles.fake_cloudformation import LambdaContext, Stack

pytestmark = pytest.mark.usefixtures("told_at_once")

PROPERTIES = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
FOR_EVER = 1_000_000
ERRORS: dict[type, Callable[[str, str], Exception]] = {
    IamResponse: IAMException,
    SecretsManagerResponse: SecretsManagerClientError,
    TokenResponse: STSClientError,
}


@dataclass
class Moto:
    """moto, whose actions can be made to go wrong; keeps how often each was reached."""

    monkeypatch: pytest.MonkeyPatch
    reached: dict[str, int] = field(default_factory=dict)

    def wrap(
        self, owner: type, action: str, around: Callable[[int, Callable[[], Any]], Any]
    ) -> None:
        """Let `around` decide, at the n-th time, what becomes of an action."""
        original = getattr(owner, action)
        self.reached[action] = 0

        def wrapped(response: Any) -> Any:
            self.reached[action] += 1
            return around(self.reached[action], lambda: original(response))

        self.monkeypatch.setattr(owner, action, wrapped)

    def refuse(self, owner: type, action: str, code: str, times: int) -> None:
        """Refuse an action the first times with an error of this code."""

        def around(number: int, perform: Callable[[], Any]) -> Any:
            if number > times:
                return perform()
            raise ERRORS[owner](code, "Not now.")

        self.wrap(owner, action, around)

    def lose_reply(self, owner: type, action: str, times: int = 1) -> None:
        """Let an action have its effect the first times although its reply never arrives."""

        def around(number: int, perform: Callable[[], Any]) -> Any:
            result = perform()
            if number > times:
                return result
            raise ReadTimeoutError(endpoint_url="https://aws")

        self.wrap(owner, action, around)


@pytest.fixture
def moto(aws: None, monkeypatch: pytest.MonkeyPatch) -> Moto:
    return Moto(monkeypatch)


@pytest.fixture
def remaining(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], float]], None]:
    """Lets a function say how many seconds an invocation has left."""

    class Context(LambdaContext):
        seconds: Callable[[], float]

        def get_remaining_time_in_millis(self) -> int:
            return int(1000 * type(self).seconds())

    def set_remaining(seconds: Callable[[], float]) -> None:
        Context.seconds = staticmethod(seconds)
        monkeypatch.setattr(fake_cloudformation, "LambdaContext", Context)

    return set_remaining


def begin(stack: Stack) -> dict[str, Any]:
    """A Create, and not yet what CloudFormation does when it fails."""
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    answer = stack.send("Create")
    stack.physical_id = answer["PhysicalResourceId"]
    return answer


@pytest.mark.parametrize("action", ["attach_user_policy", "create_access_key"])
def test_user_that_is_not_known_everywhere_yet(
    stack: Stack, moto: Moto, slept: list[float], action: str
) -> None:
    """A Create slept until the user that it just made is known to the rest of IAM."""
    moto.refuse(IamResponse, action, "NoSuchEntity", times=3)
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.attached() == ["Provazio"]
    assert world.keys() == {world.secret()["AccessKeyId"]: "Active"}


@pytest.mark.usefixtures("kind")
def test_slept_grow_and_are_as_many_as_the_refusals(
    stack: Stack, moto: Moto, slept: list[float]
) -> None:
    """Between tries is one pause each, with full jitter, of up to 1, 2, 4, 8 and 8 seconds."""
    moto.refuse(IamResponse, "create_access_key", "NoSuchEntity", times=5)
    stack.create(**PROPERTIES)

    assert moto.reached["create_access_key"] == 6
    assert len(slept) == 5
    assert all(0 < pause <= longest for pause, longest in zip(slept, (1, 2, 4, 8, 8), strict=True))


@pytest.mark.usefixtures("kind")
def test_other_refusals_are_not_waited_for(stack: Stack, moto: Moto, slept: list[float]) -> None:
    """A refusal that waiting cannot change fails an Update at once, in IAM's words."""
    stack.create(**PROPERTIES)
    moto.refuse(IamResponse, "create_access_key", "AccessDenied", times=FOR_EVER)
    answer = stack.update(**PROPERTIES | {"Serial": "2"})

    assert answer["Reason"] == "AWS refused CreateAccessKey: AccessDenied: Not now."
    assert (moto.reached["create_access_key"], slept) == (1, [])


def test_refusal_for_a_new_user_is_waited_for_and_told(
    stack: Stack, moto: Moto, slept: list[float]
) -> None:
    """AccessDenied for a user made just now may pass; if it does not, it is told in IAM's words."""
    moto.refuse(IamResponse, "create_access_key", "AccessDenied", times=FOR_EVER)
    answer = stack.create(**PROPERTIES)

    assert answer["Reason"] == "AWS refused CreateAccessKey: AccessDenied: Not now."
    assert 20 < sum(slept) < 60
    assert world.nothing_is_left()


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("code", ["InvalidClientTokenId", "SignatureDoesNotMatch"])
def test_key_that_sts_does_not_know_yet(
    stack: Stack, moto: Moto, slept: list[float], code: str
) -> None:
    """A new key is published when STS accepts it, and only then."""
    moto.refuse(TokenResponse, "get_caller_identity", code, times=4)
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert len(slept) == 4
    assert world.keys() == {world.secret()["AccessKeyId"]: "Active"}


@pytest.mark.usefixtures("kind")
def test_first_key_that_sts_never_accepts(stack: Stack, moto: Moto, slept: list[float]) -> None:
    """After two minutes the Create fails, names the key, deletes it and publishes nothing."""
    moto.refuse(TokenResponse, "get_caller_identity", "InvalidClientTokenId", times=FOR_EVER)
    answer = begin(stack)

    assert answer["Status"] == "FAILED"
    assert "STS did not accept access key AKIA" in answer["Reason"]
    assert "(InvalidClientTokenId)" in answer["Reason"]
    assert 100 < sum(slept) <= 120
    assert world.keys() == {}
    versions = world.secretsmanager().list_secret_version_ids(SecretId="restricted/Provazio")
    assert versions["Versions"] == []


def test_refusal_of_sts_that_says_nothing_about_the_key(stack: Stack, moto: Moto) -> None:
    """STS that fails for a reason of its own fails the Create with that reason, and at once."""
    moto.refuse(TokenResponse, "get_caller_identity", "RegionDisabledException", times=FOR_EVER)
    answer = begin(stack)

    assert answer["Status"] == "FAILED"
    assert "RegionDisabledException" in answer["Reason"]
    assert "did not accept" not in answer["Reason"]
    assert moto.reached["get_caller_identity"] == 1
    assert world.keys() == {}


def test_rotated_key_that_sts_never_accepts(stack: Stack, moto: Moto, slept: list[float]) -> None:
    """A rotation whose key is never accepted leaves the key of before, alone and current."""
    before = stack.create(**PROPERTIES)["Data"]
    moto.refuse(TokenResponse, "get_caller_identity", "InvalidClientTokenId", times=FOR_EVER)
    answer = stack.update(**PROPERTIES | {"Serial": "2"})

    assert answer["Status"] == "FAILED"
    assert world.keys() == {before["AccessKeyId"]: "Active"}
    assert world.secret()["AccessKeyId"] == before["AccessKeyId"]


PASSING = [
    ("ConcurrentModification", "create_user"),
    ("ConcurrentModification", "create_policy"),
    ("ConcurrentModification", "delete_policy"),
    ("ConcurrentModification", "delete_user"),
    ("EntityTemporarilyUnmodifiable", "delete_login_profile"),
    ("EntityTemporarilyUnmodifiable", "delete_user"),
    ("Throttling", "create_user"),
    ("Throttling", "list_attached_user_policies"),
    ("Throttling", "delete_user"),
]


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize(("code", "action"), PASSING, ids=map(" at ".join, PASSING))
def test_refusal_that_passes(
    stack: Stack, moto: Moto, slept: list[float], code: str, action: str
) -> None:
    """A conflict or throttling that passes is waited for, and nobody notices."""
    times = 9
    moto.refuse(IamResponse, action, code, times)
    created = stack.create(**PROPERTIES)
    world.iam().create_login_profile(UserName="Provazio", Password="Pw-1")
    deleted = stack.delete()

    assert created["Status"] == "SUCCESS", created["Reason"]
    assert deleted["Status"] == "SUCCESS", deleted["Reason"]
    assert len(slept) == times
    assert moto.reached[action] > times
    assert world.nothing_is_left()


def test_conflict_that_does_not_pass(stack: Stack, moto: Moto, slept: list[float]) -> None:
    """A conflict that stays fails the Delete when its time is over, and the next one finishes."""
    stack.create(**PROPERTIES)
    del slept[:]
    stays = [True]

    def around(_: int, perform: Callable[[], Any]) -> Any:
        if stays:
            raise ERRORS[IamResponse]("ConcurrentModification", "Not now.")
        return perform()

    moto.wrap(IamResponse, "delete_user", around)
    answer = stack.delete()

    assert answer["Reason"] == "AWS refused DeleteUser: ConcurrentModification: Not now."
    assert 220 < sum(slept) <= 240
    stays.clear()
    assert stack.delete()["Status"] == "SUCCESS"
    assert world.nothing_is_left()


@pytest.mark.usefixtures("kind")
def test_throttled_key_is_asked_for_again(stack: Stack, moto: Moto, slept: list[float]) -> None:
    """Throttling at CreateAccessKey, which made nothing, is waited for by the function itself."""
    moto.refuse(IamResponse, "create_access_key", "Throttling", times=2)
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert (moto.reached["create_access_key"], len(slept)) == (3, 2)
    assert len(world.keys()) == 1


@pytest.mark.usefixtures("kind")
def test_thing_added_while_the_user_is_deleted(
    stack: Stack, moto: Moto, slept: list[float]
) -> None:
    """What is added between the removal of all that hangs on a user and its own goes as well."""
    stack.create(**PROPERTIES)

    def around(number: int, perform: Callable[[], Any]) -> Any:
        if number == 1:
            world.iam().create_access_key(UserName="Provazio")
        return perform()

    moto.wrap(IamResponse, "delete_user", around)
    answer = stack.delete()

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert (moto.reached["delete_user"], len(slept)) == (2, 0)
    assert world.nothing_is_left()


@pytest.mark.usefixtures("kind")
def test_secret_name_that_is_not_free_yet(stack: Stack, moto: Moto, slept: list[float]) -> None:
    """The name of a secret that was deleted a moment ago is waited for."""
    moto.refuse(SecretsManagerResponse, "create_secret", "InvalidRequestException", times=1)
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert (moto.reached["create_secret"], len(slept)) == (2, 1)


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize(
    ("owner", "action"),
    [
        (IamResponse, "create_user"),
        (IamResponse, "create_policy"),
        (IamResponse, "attach_user_policy"),
        (SecretsManagerResponse, "create_secret"),
        (SecretsManagerResponse, "put_secret_value"),
    ],
)
def test_lost_reply_is_asked_for_again(
    stack: Stack, moto: Moto, slept: list[float], owner: type, action: str
) -> None:
    """What was made although its reply was lost is ours, and the Create goes on with it."""
    moto.lose_reply(owner, action)
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert moto.reached[action] == 2
    assert world.keys() == {world.secret()["AccessKeyId"]: "Active"}
    assert world.attached() == ["Provazio"]


@pytest.mark.parametrize("action", ["delete_access_key", "delete_user", "delete_policy"])
def test_lost_reply_of_a_deletion(
    stack: Stack, moto: Moto, slept: list[float], action: str
) -> None:
    """What was deleted although the reply was lost is gone, which is success."""
    stack.create(**PROPERTIES)
    moto.lose_reply(IamResponse, action)
    answer = stack.delete()

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.nothing_is_left()


def test_lost_key_is_not_followed_by_a_second(
    stack: Stack, moto: Moto, calls: Calls, slept: list[float]
) -> None:
    """CreateAccessKey is called once; the key whose reply was lost is deleted, not replaced."""
    before = stack.create(**PROPERTIES)["Data"]
    del calls.names[:]
    moto.lose_reply(IamResponse, "create_access_key")
    answer = stack.update(**PROPERTIES | {"Serial": "2"})

    assert answer["Status"] == "FAILED"
    assert calls.names.count("iam:CreateAccessKey") == moto.reached["create_access_key"] == 1
    assert world.keys() == {before["AccessKeyId"]: "Active"}
    assert world.secret()["AccessKeyId"] == before["AccessKeyId"]


def test_published_key_stays_although_the_reply_was_lost(
    stack: Stack, moto: Moto, calls: Calls, slept: list[float]
) -> None:
    """A key that the secret took is the user's, even when Secrets Manager never said so."""

    def around(_: int, perform: Callable[[], Any]) -> Any:
        calls.arm(-1, Fault.LOST)
        return perform()

    moto.wrap(SecretsManagerResponse, "put_secret_value", around)
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.keys() == {world.secret()["AccessKeyId"]: "Active"}


def steps_out_of_time(
    calls: Calls,
    remaining: Callable[[Callable[[], float]], None],
    perform: Callable[[], dict[str, Any]],
) -> list[str]:
    """The sentence of each answer, with time for one AWS call more each time, until a SUCCESS."""
    sentences: list[str] = []
    for enough in range(100):
        begun = len(calls.names)
        remaining(lambda end=begun + enough: 60 + end - len(calls.names))  # type: ignore[misc]
        answer = perform()
        if answer["Status"] == "SUCCESS":
            assert answer["PhysicalResourceId"] == "Provazio"
            return list(dict.fromkeys(sentences))
        assert "Time ran out before this could be done: " in answer["Reason"]
        assert answer["Reason"].endswith("try again.")
        sentences.append(answer["Reason"].split("done: ")[1].split(". What")[0])
    raise AssertionError("never done")


@pytest.mark.usefixtures("kind")
def test_create_begins_no_step_that_it_cannot_answer_for(
    stack: Stack, calls: Calls, remaining: Callable[[Callable[[], float]], None]
) -> None:
    """A Create whose time runs out says before which step, and the next one goes on from there."""
    steps = steps_out_of_time(calls, remaining, lambda: begin(stack))

    assert steps == [
        "making user Provazio",
        "making policy Provazio",
        "creating the secret",
        "making an access key",
    ]
    assert world.keys() == {world.secret()["AccessKeyId"]: "Active"}


@pytest.mark.usefixtures("kind")
def test_delete_begins_no_step_that_it_cannot_answer_for(
    stack: Stack, calls: Calls, remaining: Callable[[Callable[[], float]], None]
) -> None:
    """A Delete whose time runs out says before which step, and the next one goes on from there."""
    stack.create(**PROPERTIES)
    steps = steps_out_of_time(calls, remaining, stack.delete)

    arn = "arn:aws:iam::123456789012:policy/restricted/Provazio"
    assert steps == ["deleting user Provazio", f"deleting policy {arn}"]
    assert world.nothing_is_left()


def test_delete_without_time_touches_nothing(
    stack: Stack, remaining: Callable[[Callable[[], float]], None]
) -> None:
    """A Delete with less time than the reserve leaves the user and its key as they are."""
    stack.create(**PROPERTIES)
    remaining(lambda: 59)
    answer = stack.delete()

    assert answer["Status"] == "FAILED"
    assert world.keys() == {world.secret()["AccessKeyId"]: "Active"}


def test_waiting_ends_with_the_time_of_the_request(
    stack: Stack,
    moto: Moto,
    slept: list[float],
    remaining: Callable[[Callable[[], float]], None],
) -> None:
    """A key that STS does not accept is given up when the reserve is reached, and deleted."""
    moto.refuse(TokenResponse, "get_caller_identity", "InvalidClientTokenId", times=FOR_EVER)
    remaining(lambda: 90 - sum(slept))
    answer = begin(stack)

    assert "STS did not accept access key" in answer["Reason"]
    assert 20 < sum(slept) <= 30
    assert world.keys() == {}


def test_name_of_the_secret_taken_at_the_same_moment(stack: Stack, moto: Moto) -> None:
    """A secret that somebody makes between our look and our call is refused, and left."""

    def around(number: int, perform: Callable[[], Any]) -> Any:
        if number == 1:
            world.secretsmanager().create_secret(Name="restricted/Provazio", SecretString="theirs")
        return perform()

    moto.wrap(SecretsManagerResponse, "create_secret", around)
    answer = stack.create(**PROPERTIES)

    assert "The secret restricted/Provazio exists and does not belong" in answer["Reason"]
    assert world.secret_names() == ["restricted/Provazio"]
    assert world.user_names() == []


@pytest.mark.parametrize(
    ("owner", "action", "code"),
    [
        (SecretsManagerResponse, "delete_secret", "ResourceNotFoundException"),
        (IamResponse, "delete_user", "NoSuchEntity"),
        (IamResponse, "delete_policy", "NoSuchEntity"),
        (IamResponse, "detach_user_policy", "NoSuchEntity"),
        (IamResponse, "list_attached_user_policies", "NoSuchEntity"),
    ],
)
def test_thing_that_is_gone_when_it_is_deleted(
    stack: Stack, moto: Moto, owner: type, action: str, code: str
) -> None:
    """What somebody else deletes at the same moment is gone, which is success."""
    stack.create(**PROPERTIES)
    moto.refuse(owner, action, code, times=1)
    answer = stack.delete()

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert moto.reached[action] >= 1


def test_policy_detached_by_hand_at_the_same_moment(stack: Stack, moto: Moto) -> None:
    """A policy that somebody detaches while an Update does is detached, which is success."""
    stack.create(**PROPERTIES)

    def around(_: int, perform: Callable[[], Any]) -> Any:
        perform()
        raise ERRORS[IamResponse]("NoSuchEntity", "Detached already.")

    moto.wrap(IamResponse, "detach_user_policy", around)
    answer = stack.update(**PROPERTIES, PolicyName="Other")

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert world.attached() == world.policy_names() == ["Other"]


def test_create_that_comes_when_the_stack_has_turned_back(stack: Stack) -> None:
    """A Create that is served after its stack turned back fails and leaves nothing."""
    stack.properties = PROPERTIES
    stack.set_status("ROLLBACK_IN_PROGRESS")
    answer = stack.send("Create")

    assert "is in ROLLBACK_IN_PROGRESS, which does not ask for a Create" in answer["Reason"]
    assert world.nothing_is_left()


@pytest.mark.usefixtures("kind")
def test_create_that_ran_out_of_time_is_delivered_again_after_its_roll_back(
    stack: Stack, remaining: Callable[[Callable[[], float]], None], calls: Calls
) -> None:
    """Lambda's second delivery of a Create that CloudFormation rolled back makes nothing again."""
    remaining(lambda: 70 - len(calls.names))
    assert "Time ran out" in begin(stack)["Reason"]
    create = stack.last_event
    remaining(lambda: 300)
    stack.set_status("ROLLBACK_IN_PROGRESS")
    stack.physical_id = "invented"
    assert stack.send("Delete")["Status"] == "SUCCESS"
    for status in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"):
        stack.set_status(status)
        assert stack.deliver(create)["Status"] == "FAILED"

    assert world.nothing_is_left()


@pytest.mark.parametrize("waited_for", [True, False], ids=["waited for", "alone"])
@pytest.mark.parametrize("changes", [{"Serial": "2"}, {"UserName": "Second"}], ids=str)
def test_update_whose_stack_turns_back_meanwhile(
    stack: Stack, moto: Moto, slept: list[float], changes: dict[str, str], waited_for: bool
) -> None:
    """An Update stops while it waits for AWS, as soon as its roll-back waits; all is undone."""
    before = stack.create(**PROPERTIES)["Data"]

    def around(number: int, perform: Callable[[], Any]) -> Any:
        if number > 1:
            return perform()
        stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
        if waited_for:
            resource = {"Resource": {"S": f"{stack.stack_id}#{stack.logical_id}"}}
            world.client("dynamodb").update_item(
                TableName="state",
                Key=resource,
                UpdateExpression="SET Waiting = :waiter",
                ExpressionAttributeValues={":waiter": {"S": "the roll-back"}},
            )
        raise ERRORS[TokenResponse]("InvalidClientTokenId", "Not now.")

    moto.wrap(TokenResponse, "get_caller_identity", around)
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = PROPERTIES | changes
    answer = stack.send("Update", old_properties=PROPERTIES)
    given_up = "went from UPDATE_IN_PROGRESS to UPDATE_ROLLBACK_IN_PROGRESS" in answer["Reason"]
    assert given_up == waited_for
    stack.properties = PROPERTIES
    rolled_back = stack.send("Update", old_properties=PROPERTIES | changes)

    assert rolled_back["Status"] == "SUCCESS", rolled_back["Reason"]
    assert world.user_names() == ["Provazio"]
    assert world.keys() == {before["AccessKeyId"]: "Active"}
    assert world.secret()["AccessKeyId"] == before["AccessKeyId"]


def test_short_request_id_is_made_a_token(stack: Stack) -> None:
    """A request id that Secrets Manager would not take as a token is turned into one."""
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    answer = stack.deliver(stack.event("Create") | {"RequestId": "short"})

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert len(answer["Data"]["SecretVersionId"]) == 64
