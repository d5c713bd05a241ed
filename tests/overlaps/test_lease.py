"""Who holds the lease of a resource dies, is slow, has a wrong clock, or cannot reach the table."""

import pytest
from moto.core.exceptions import InvalidClientTokenIdError
from moto.sts.responses import TokenResponse

from doubles import strict_dynamodb, world
from doubles.aws_calls import Fault
from doubles.combinations import COMBINATIONS
from doubles.interleave import Invocation, Turn
from doubles.secrets_manager import STEPS
from doubles.strict_dynamodb import Trouble
from support.pairs import (
    BEFORE,
    Check,
    Delivery,
    Ended,
    Pairs,
    before,
    current,
    is_gone,
    is_whole,
    wanted,
)

OLD, NEW = before("rotate"), wanted("rotate")
ONE_TRY = 20  # Seconds, and some more.
PATIENCE = 300  # Seconds: a lease of a minute, a second delivery after one, and the work.


@pytest.fixture
def key(pairs: Pairs) -> str:
    """The key of a resource that is about to be updated."""
    return pairs.create(OLD)


@pytest.fixture
def update(pairs: Pairs, key: str) -> Delivery:
    return Delivery(pairs.event("Update", NEW, OLD), "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")


@pytest.fixture
def back(pairs: Pairs, update: Delivery) -> Delivery:
    return Delivery(
        pairs.event("Update", OLD, NEW), "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"
    )


def reads(call: str) -> bool:
    service, _, operation = call.partition(":")
    return service in {"sts", "cloudformation", "dynamodb"} or operation.startswith(
        ("Describe", "Get", "List")
    )


def every_death(
    pairs: Pairs, kind: str, first: Delivery, second: Delivery | None, check: Check
) -> None:
    """The first dies before each of its calls, and then the second is delivered if there is one."""
    for at in pairs.cut_points(first):
        one = pairs.invoke("A", first)
        one.kill(before=at)
        pairs.runs.alone(one)
        other = pairs.invoke("B", second) if second else one
        began = pairs.runs.now
        with pairs.runs.explained("died before call", at):
            pairs.runs.play(*([Turn(other)] if second else []))
            check(Ended(pairs.runs, one, other))
            assert pairs.runs.now - began <= PATIENCE
        COMBINATIONS[f"leases: {kind}"] += 1


def test_holder_that_dies_is_delivered_again(pairs: Pairs, update: Delivery, key: str) -> None:
    """An Update whose function dies at any call is finished by its second delivery."""

    def check(ended: Ended) -> None:
        told = ended.succeeded(ended.first)["Data"]["AccessKeyId"]
        is_whole(NEW)
        assert current(NEW) == told != key

    every_death(pairs, "holder dies, delivered again", update, None, check)


def test_roll_back_takes_over_from_a_holder_that_died(
    pairs: Pairs, update: Delivery, back: Delivery, key: str
) -> None:
    """A roll-back waits until the lease of the dead Update has ended, and leaves its key."""

    def check(ended: Ended) -> None:
        assert ended.succeeded(ended.second)["Data"]["AccessKeyId"] == key
        is_whole(OLD)
        assert current(OLD) == key

    every_death(pairs, "holder dies, rolled back", update, back, check)


def test_delete_takes_over_from_a_holder_that_died(pairs: Pairs, update: Delivery) -> None:
    """A Delete waits until the lease of the dead Update has ended, and leaves nothing."""
    gone = Delivery(pairs.event("Delete", OLD), "DELETE_IN_PROGRESS", "DELETE_COMPLETE")

    def check(ended: Ended) -> None:
        ended.succeeded(ended.second)
        is_gone()

    every_death(pairs, "holder dies, deleted", update, gone, check)


@pytest.mark.parametrize("step", STEPS)
def test_update_takes_over_from_a_rotation_that_died(
    pairs: Pairs, update: Delivery, step: str
) -> None:
    """An Update waits until the lease of a dead rotation step has ended, and succeeds."""
    rotation, taken = pairs.rotating(step)

    def check(ended: Ended) -> None:
        told = ended.succeeded(ended.second)["Data"]["AccessKeyId"]
        pairs.finish(rotation, NEW)
        is_whole(NEW)
        assert told in list(world.keys())

    every_death(pairs, f"{step} dies, updated", taken, update, check)


@pytest.mark.parametrize("skew", [0, 5, -5])
@pytest.mark.parametrize("seconds", [13, 20, 100])
def test_holder_that_is_slow(
    pairs: Pairs, update: Delivery, back: Delivery, key: str, seconds: int, skew: int
) -> None:
    """A slow call of the Update, on a clock that is off, does not cost the roll-back its key.

    One try of a call takes 13 s at most; what only reads may as well take longer than a lease.
    """
    for at in pairs.cut_points(update):
        one = pairs.invoke("A", update, skew=skew)
        pairs.runs.alone(one, at)
        if seconds > ONE_TRY and not reads(one.about_to_call):
            continue
        pairs.runs.turn(Turn(one, at, slow=seconds))
        other = pairs.invoke("B", back)
        with pairs.runs.explained("slow at call", at):
            pairs.runs.play(Turn(other))
            assert Ended(pairs.runs, one, other).succeeded(other)["Data"]["AccessKeyId"] == key
            is_whole(OLD)
            assert current(OLD) == key
        COMBINATIONS[f"leases: slow by {seconds} s, clock off by {skew} s"] += 1


@pytest.mark.parametrize("skew", [5, -5])
def test_clocks_that_differ(
    pairs: Pairs, update: Delivery, back: Delivery, key: str, skew: int
) -> None:
    """Five seconds between two clocks let nobody take what another holds."""

    def check(ended: Ended) -> None:
        assert ended.succeeded(ended.second)["Data"]["AccessKeyId"] == key
        is_whole(OLD)
        assert current(OLD) == key

    pairs.every(f"clock off by {skew} s", update, back, check, skew=skew)


def test_roll_back_while_the_update_waits_for_sts(
    pairs: Pairs,
    update: Delivery,
    back: Delivery,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An Update that waits for STS makes way for the roll-back that waits for it."""
    began, known = pairs.runs.now, TokenResponse.get_caller_identity

    def not_yet(response: TokenResponse) -> object:
        if pairs.runs.now < began + 100:
            raise InvalidClientTokenIdError
        return known(response)

    monkeypatch.setattr(TokenResponse, "get_caller_identity", not_yet)
    one, other = pairs.invoke("A", update), pairs.invoke("B", back)
    pairs.runs.alone(one, "sts:GetCallerIdentity")
    answered: list[float] = []
    other.on_answer = lambda _answer: answered.append(pairs.runs.now - began)
    with pairs.runs.explained():
        pairs.runs.play(Turn(one), Turn(other))
        assert other.succeeded()["Data"]["AccessKeyId"] == key
        assert answered[0] < 60, "the Update did not make way"
        is_whole(OLD)
        assert world.keys() == {key: "Active"}


def test_second_whose_time_runs_out_is_delivered_again(
    pairs: Pairs, update: Delivery, back: Delivery, key: str
) -> None:
    """Who waits beyond its own time leaves without an answer, and is answered later."""
    one, other = pairs.invoke("A", update), pairs.invoke("B", back, seconds=75)
    pairs.runs.alone(one, "sts:GetCallerIdentity")
    pairs.runs.turn(Turn(one, "sts:GetCallerIdentity", slow=50))
    with pairs.runs.explained():
        pairs.runs.play(Turn(other))
        assert other.answers == []
        assert other.error is not None
        assert not other.killed, "it did not leave by itself"
        (again,) = [each for each in pairs.runs.invocations if each.name == "B'"]
        assert again.succeeded()["Data"]["AccessKeyId"] == key
        is_whole(OLD)


THROTTLED = [Trouble.THROTTLED, Trouble.OVER_CAPACITY]


@pytest.mark.parametrize("what", ["Create", "Update", "Delete"])
@pytest.mark.parametrize("trouble", THROTTLED)
def test_table_that_is_throttled_for_a_while(
    pairs: Pairs, monkeypatch: pytest.MonkeyPatch, what: str, trouble: Trouble
) -> None:
    """A request waits until the table serves again, and succeeds."""
    if what != "Create":
        pairs.create(OLD)
    event = pairs.event(what, OLD if what != "Update" else NEW, OLD if what == "Update" else None)
    status = f"{what.upper()}_IN_PROGRESS"
    reached: list[str] = []

    def lasts(action: str) -> bool:
        reached.append(action)
        return pairs.runs.now < began + 20

    began = pairs.runs.now
    strict_dynamodb.befall(monkeypatch, trouble, lasts)
    one = pairs.invoke("A", Delivery(event, status))
    with pairs.runs.explained():
        pairs.runs.play()
        one.succeeded()
        assert reached, "the table was not asked"
        assert pairs.runs.now - began >= 20
        if what == "Delete":
            is_gone()
        else:
            is_whole(OLD if what == "Create" else NEW)


@pytest.mark.parametrize("what", ["Create", "Update", "Delete"])
@pytest.mark.parametrize("trouble", [*THROTTLED, Trouble.REFUSED])
def test_table_that_does_not_serve(
    pairs: Pairs, monkeypatch: pytest.MonkeyPatch, what: str, trouble: Trouble
) -> None:
    """Without the table nothing is changed: there is no answer, or one that tells why."""
    if what != "Create":
        pairs.create(OLD)
    held = everything()
    event = pairs.event(what, OLD if what != "Update" else NEW, OLD if what == "Update" else None)
    delivery = Delivery(event, f"{what.upper()}_IN_PROGRESS")
    with monkeypatch.context() as patches:
        strict_dynamodb.befall(patches, trouble)
        one = pairs.invoke("A", delivery)
        with pairs.runs.explained():
            pairs.runs.play()
            answers = Ended(pairs.runs, one, one).answers(one)
            assert everything() == held
            for answer in answers:
                assert answer["Status"] == "FAILED"
                assert "table" in answer["Reason"]
                assert trouble.value in answer["Reason"]
    if not answers:
        pairs.serve(event, delivery.sent)
    elif what == "Update":
        back = pairs.event("Update", OLD, NEW)
        pairs.serve(back, "UPDATE_ROLLBACK_IN_PROGRESS")
        is_whole(OLD)
    else:
        pairs.serve(pairs.event("Delete", OLD), "DELETE_IN_PROGRESS")
        is_gone()


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.THROTTLED, Fault.REFUSED, Fault.KILLED])
@pytest.mark.parametrize("then", ["rolled back", "deleted"])
def test_each_call_to_the_table_goes_wrong(
    pairs: Pairs, update: Delivery, back: Delivery, key: str, fault: Fault, then: str
) -> None:
    """Whatever befalls one call to the table, no key is lost and what comes next succeeds."""
    gone = Delivery(pairs.event("Delete", OLD), "DELETE_IN_PROGRESS", "DELETE_COMPLETE")
    asked = 0
    for at in pairs.cut_points(update, "dynamodb:"):
        asked += 1
        one = pairs.invoke("A", update)
        one.calls.arm(at, fault)
        with pairs.runs.explained(fault, "at call", at):
            pairs.runs.play()
            succeeded = any(answer["Status"] == "SUCCESS" for answer in one.answers)
            assert world.keys()[current(OLD)] == "Active"
            assert not succeeded or current(OLD) != key
            other = pairs.invoke("B", back if then == "rolled back" else gone)
            pairs.runs.play()
            Ended(pairs.runs, one, other).succeeded(other)
            if then == "rolled back":
                is_whole(OLD)
                assert current(OLD) == key
            else:
                is_gone()
        COMBINATIONS[f"leases: table {fault}, {then}"] += 1
    assert asked, "the table was not asked"


def everything() -> dict[str, object]:
    """What AWS holds of ours, by its names and keys."""
    told = ("ResponseMetadata", "LastAccessedDate")
    names = world.user_names()
    secrets = [world.described_secret(name) for name in world.secret_names()]
    return {
        "users": {name: (world.keys(name), world.attached(name)) for name in names},
        "policies": world.policy_names(),
        "secrets": [{k: v for k, v in secret.items() if k not in told} for secret in secrets],
        "schedules": [schedule["Name"] for schedule in world.schedules()],
    }


def holder_of(one: Invocation) -> list[str]:
    """The calls by which an invocation takes and keeps its lease."""
    return [name for name in one.calls.names if name.startswith("dynamodb:")]


def test_lease_is_short(pairs: Pairs, update: Delivery) -> None:
    """Nothing in the table lets a dead holder keep others waiting for longer than a minute."""
    one = pairs.invoke("A", update)
    pairs.runs.alone(one, "sts:GetCallerIdentity")
    assert holder_of(one), "the table was not asked"
    one.killed = True
    pairs.runs.turn(Turn(one))
    pairs.runs.invocations.clear()  # It is not delivered again before all is over.
    began = pairs.runs.now
    gone = Delivery(pairs.event("Delete", BEFORE), "DELETE_IN_PROGRESS", "DELETE_COMPLETE")
    other = pairs.invoke("B", gone)
    answered: list[float] = []
    other.on_answer = lambda _answer: answered.append(pairs.runs.now - began)
    with pairs.runs.explained():
        pairs.runs.play()
        other.succeeded()
        assert 30 <= answered[0] <= 90  # The Delete itself waits for IAM some seconds more.
        is_gone()
