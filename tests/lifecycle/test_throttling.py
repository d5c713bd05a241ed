"""AWS throttles, breaks or is out of reach for a while, and what the function does meanwhile."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from moto.dynamodb.responses import DynamoHandler
from moto.iam.exceptions import IAMException
from moto.iam.responses import IamResponse
from moto.secretsmanager.exceptions import SecretsManagerClientError
from moto.secretsmanager.responses import SecretsManagerResponse

from doubles import direct_moto, strict_dynamodb, world
from doubles.aws_calls import LISTENER, Calls
from doubles.fake_cloudformation import Stack
from handler.errors import LeaseLostError, UnrememberedError
from handler.state.memory import LEASE_SECONDS

# Which counts the pauses, and has refusals enough.
pytestmark = pytest.mark.usefixtures("kind")

PROPERTIES = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
LONG = 150.0  # More than two leases.

Throttle = Callable[[str, Callable[[], bool]], list[float]]


@pytest.fixture
def throttle(monkeypatch: pytest.MonkeyPatch, slept: list[float]) -> Throttle:
    """Throttles a call, such as `iam:GetUser`, while something lasts; when it was tried is told."""
    direct_moto.install(monkeypatch)

    def install(call: str, lasts: Callable[[], bool]) -> list[float]:
        tried: list[float] = []

        def throttles(service: str, operation: str) -> bool:
            if f"{service}:{operation}" != call:
                return False
            tried.append(sum(slept))
            return lasts()

        monkeypatch.setattr(LISTENER, "throttles", throttles)
        return tried

    return install


def lease_ends(stack: Stack) -> float:
    item = strict_dynamodb.items()[f"{stack.stack_id}#{stack.logical_id}"]
    return float(item["LeaseEnds"]["N"])


CALLS = [
    ("create", "cloudformation:DescribeStacks"),
    ("create", "iam:GetUser"),
    ("create", "iam:CreateUser"),
    ("create", "iam:CreateAccessKey"),
    ("create", "sts:GetCallerIdentity"),
    ("create", "secrets-manager:PutSecretValue"),
    ("rotate", "scheduler:CreateSchedule"),
    ("delete", "cloudformation:DescribeStacks"),
    ("delete", "iam:ListAccessKeys"),
    ("delete", "iam:DeleteUser"),
    ("delete", "secrets-manager:DeleteSecret"),
]


@pytest.mark.parametrize(("operation", "call"), CALLS, ids=map(" at ".join, CALLS))
def test_throttling_is_waited_for_and_the_lease_kept(
    stack: Stack, throttle: Throttle, slept: list[float], operation: str, call: str
) -> None:
    """Each service may throttle for longer than a lease lasts: nobody else gets the lease."""
    if operation != "create":
        stack.create(**PROPERTIES)
    began, remaining = sum(slept), []

    def lasts() -> bool:
        remaining.append(lease_ends(stack) - time.time())
        return sum(slept) - began < LONG

    tried = throttle(call, lasts)
    doings: dict[str, Callable[[], dict[str, Any]]] = {
        "create": lambda: stack.create(**PROPERTIES),
        "rotate": lambda: stack.update(**PROPERTIES | {"Serial": "2"}),
        "delete": stack.delete,
    }
    answer = doings[operation]()

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert tried[-1] - began >= LONG
    assert min(remaining) > 10
    if operation == "create":
        assert list(world.keys()) == [world.secret()["AccessKeyId"]]
    elif operation == "delete":
        assert world.nothing_is_left()


def test_lease_that_is_lost_while_aws_throttles(
    stack: Stack, throttle: Throttle, slept: list[float]
) -> None:
    """Who waited and no longer has the lease makes no further try, and gives no answer."""
    stack.create(**PROPERTIES)

    def lasts() -> bool:
        strict_dynamodb.remove(f"{stack.stack_id}#{stack.logical_id}")
        return sum(slept) < LONG

    tried = throttle("iam:DeleteUser", lasts)
    with pytest.raises(LeaseLostError):
        stack.delete()

    assert tried[-1] < LEASE_SECONDS
    assert world.user_names() == ["Provazio"]


def test_tries_come_at_random_times(stack: Stack, throttle: Throttle, slept: list[float]) -> None:
    """Between two tries are up to 1, 2, 4 and then 8 seconds, of any length."""
    throttle("iam:GetUser", lambda: sum(slept) < LONG)
    stack.create(**PROPERTIES)

    longest = [min(2.0**number, 8.0) for number in range(len(slept))]
    shares = [pause / most for pause, most in zip(slept, longest, strict=True)]
    assert all(0 <= share <= 1 for share in shares)
    assert max(shares) - min(shares) > 0.3


@pytest.mark.parametrize("call", ["iam:CreateUser", "iam:CreateAccessKey", "sts:GetCallerIdentity"])
def test_throttling_without_end(
    stack: Stack, throttle: Throttle, slept: list[float], call: str
) -> None:
    """The answer comes within the time of the request and says what to do, and nothing is left."""
    throttle(call, lambda: True)
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = PROPERTIES
    answer = stack.send("Create")

    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(f"AWS throttled {call.split(':')[1]} until the time ran out")
    assert "change fewer resources at once" in answer["Reason"]
    assert 225 < sum(slept) <= 240
    throttle(call, lambda: False)
    stack.set_status("ROLLBACK_IN_PROGRESS")
    stack.physical_id = answer["PhysicalResourceId"]
    assert stack.send("Delete")["Status"] == "SUCCESS"
    assert world.nothing_is_left()


@pytest.mark.parametrize("asking", ["served", "throttled"])
def test_throttled_update_makes_way_for_its_roll_back(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, slept: list[float], asking: str
) -> None:
    """A throttled Update stops when its roll-back waits, though asking is throttled as well."""
    before = stack.create(**PROPERTIES)["Data"]
    asked: list[float] = []

    def throttles(service: str, operation: str) -> bool:
        if operation == "DescribeStacks" and asked and asking == "throttled":
            return sum(slept) < asked[0] + 20
        if operation != "PutSecretValue":
            return False
        if not asked:
            asked.append(sum(slept))
            stack.set_status("UPDATE_ROLLBACK_IN_PROGRESS")
            wait_for_lease(stack)
        return True

    monkeypatch.setattr(LISTENER, "throttles", throttles)
    stack.set_status("UPDATE_IN_PROGRESS")
    stack.properties = PROPERTIES | {"Serial": "2"}
    answer = stack.send("Update", old_properties=PROPERTIES)

    assert "went from UPDATE_IN_PROGRESS to UPDATE_ROLLBACK_IN_PROGRESS" in answer["Reason"]
    assert sum(slept) - asked[0] < 40
    assert world.secret()["AccessKeyId"] == before["AccessKeyId"]
    assert world.keys() == {before["AccessKeyId"]: "Active"}


def wait_for_lease(stack: Stack) -> None:
    """The roll-back says that it waits for the lease."""
    world.client("dynamodb").update_item(
        TableName="state",
        Key={"Resource": {"S": f"{stack.stack_id}#{stack.logical_id}"}},
        UpdateExpression="SET Waiting = :waiter",
        ExpressionAttributeValues={":waiter": {"S": "the roll-back"}},
    )


def fails(
    monkeypatch: pytest.MonkeyPatch, owner: type, action: str, error: Exception, times: int
) -> list[int]:
    """Let an action fail the first times, before its effect; how often it was tried is told."""
    original, tried = getattr(owner, action), [0]

    def wrapped(response: Any) -> Any:
        tried[0] += 1
        if tried[0] <= times:
            raise error
        return original(response)

    monkeypatch.setattr(owner, action, wrapped)
    return tried


OUTAGES: list[Callable[[], Exception]] = [
    lambda: IAMException("ServiceFailure", "It broke."),
    lambda: ConnectTimeoutError(endpoint_url="https://iam"),
]


@pytest.mark.parametrize("outage", OUTAGES, ids=["500", "out of reach"])
@pytest.mark.parametrize("action", ["get_user", "create_user"])
def test_outage_is_waited_for(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    slept: list[float],
    action: str,
    outage: Callable[[], Exception],
) -> None:
    """A service that breaks or cannot be reached is asked again, more often than four times."""
    tried = fails(monkeypatch, IamResponse, action, outage(), times=9)
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert tried[0] > 9
    assert len(slept) == 9


@pytest.mark.parametrize("outage", OUTAGES, ids=["500", "out of reach"])
def test_key_that_may_have_been_made_is_not_asked_for_again(
    stack: Stack,
    calls: Calls,
    monkeypatch: pytest.MonkeyPatch,
    slept: list[float],
    outage: Callable[[], Exception],
) -> None:
    """CreateAccessKey is repeated only if it was refused: after any other failure a key may be."""
    tried = fails(monkeypatch, IamResponse, "create_access_key", outage(), times=1)
    answer = stack.create(**PROPERTIES)

    assert answer["Status"] == "FAILED"
    assert tried == [1]
    assert slept == []
    assert world.nothing_is_left()


def test_table_that_breaks_until_the_time_is_over(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    """A Create that cannot reach the table makes nothing, and comes again."""
    error = ConnectTimeoutError(endpoint_url="https://dynamodb")
    tried = fails(monkeypatch, DynamoHandler, "update_item", error, times=1_000)
    stack.properties = PROPERTIES
    with pytest.raises(UnrememberedError):
        stack.send("Create")

    assert tried[0] > 9
    assert world.user_names() == []


def test_quota_is_told_at_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    """Secrets Manager's LimitExceededException is no throttling: waiting raises no quota."""
    error = SecretsManagerClientError("LimitExceededException", "Too many secrets.")
    fails(monkeypatch, SecretsManagerResponse, "create_secret", error, times=1)
    answer = stack.create(**PROPERTIES)

    assert answer["Reason"] == (
        "AWS refused CreateSecret: LimitExceededException: Too many secrets."
    )
    assert slept == []
