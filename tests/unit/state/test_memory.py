"""The lease of a resource: one holder at a time, who loses it when it ends."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from doubles import strict_dynamodb
from doubles.aws_calls import Calls, KilledError
from doubles.fake_cloudformation import FUNCTION_ARN, LambdaContext
from doubles.strict_dynamodb import Trouble
from handler.aws.account import Account
from handler.aws.clients import clients
from handler.deadline import RESERVE_SECONDS, Deadline
from handler.errors import LeaseLostError, StillBusyError, UnrememberedError
from handler.model.owner import Owner
from handler.settings import Settings
from handler.state.memory import LEASE_SECONDS, Memory, lease
from handler.state.record import Record
from handler.state.table import SKEW_SECONDS, StateTable

OWNER = Owner("arn:aws:cloudformation:us-east-1:123456789012:stack/s/1", "User")
KEY = "arn:aws:cloudformation:us-east-1:123456789012:stack/s/1#User"


Make = Callable[..., Memory]


@pytest.fixture
def new_memory(aws: None, slept: list[float]) -> Make:
    """Makes what one invocation knows of the resource."""

    def make(waiter: str = "request", seconds: int = 300) -> Memory:
        settings = Settings.from_environ(FUNCTION_ARN)
        context = LambdaContext(remaining_millis=1000 * seconds)
        deadline = Deadline(context)
        return Memory(Account(clients(deadline), settings, deadline), OWNER, waiter)

    return make


def iam() -> Any:
    """The function's client."""
    return clients(Deadline(LambdaContext())).iam


def item() -> dict[str, Any] | None:
    """The item of the resource, if there is one."""
    return strict_dynamodb.items().get(KEY)


def change() -> None:
    """Something that only the holder of the lease may do."""
    iam().create_user(UserName="Provazio")


def test_second_holder_waits_until_the_first_is_done(
    new_memory: Make, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second says so, waits, and reads what the first one wrote."""
    first, second = new_memory("first"), new_memory("second")
    first.open()
    first.note("Provazio", user_id="AIDA1")

    def let_go(seconds: float) -> None:
        slept.append(seconds)
        first.hold()
        first.renew()
        held = item()
        assert held is not None
        assert held["Waiting"] == {"S": "second"}
        assert first.others_wait
        first.close()

    monkeypatch.setattr("time.sleep", let_go)
    second.open()

    assert len(slept) == 1
    assert second.user("Provazio").user_id == "AIDA1"


def test_dead_holder_is_followed_when_its_lease_has_ended(
    new_memory: Make, slept: list[float]
) -> None:
    """A lease ends by itself, but not before clocks that differ agree that it has."""
    new_memory().open()
    new_memory().open()

    assert LEASE_SECONDS + SKEW_SECONDS <= sum(slept) < LEASE_SECONDS + SKEW_SECONDS + 5


def test_lease_that_does_not_become_free_in_time(new_memory: Make, slept: list[float]) -> None:
    """Whoever has no time left leaves without an answer, and has changed nothing."""
    new_memory().open()
    late = new_memory(seconds=120)

    with pytest.raises(StillBusyError):
        late.open()
    assert 25 < sum(slept) <= 33  # The 30 s that it may wait, less what the test itself takes.


def test_lost_lease_raises_before_a_change(
    new_memory: Make, slept: list[float], calls: Calls
) -> None:
    """Who was slow, and whose lease another has now, changes nothing any more."""
    slow, next_one = new_memory(), new_memory()

    def be_slow() -> None:
        with lease(slow):
            slept.append(LEASE_SECONDS + SKEW_SECONDS + 1)
            next_one.open()
            change()

    with pytest.raises(LeaseLostError):
        be_slow()
    assert "iam:CreateUser" not in calls.names[-1:]
    with pytest.raises(LeaseLostError):
        slow.save()
    next_one.save()


def test_lease_that_ends_soon_is_renewed_before_a_change(
    new_memory: Make, slept: list[float], calls: Calls
) -> None:
    """A change that might outlast the lease makes it longer first, another makes no call."""
    memory = new_memory()
    with lease(memory):
        change()
        assert calls.names[-2:] == ["dynamodb:UpdateItem", "iam:CreateUser"]
        slept.append(LEASE_SECONDS - 5)
        iam().delete_user(UserName="Provazio")
        assert calls.names[-2:] == ["dynamodb:UpdateItem", "iam:DeleteUser"]
        change()
        assert calls.names[-2:] == ["iam:DeleteUser", "iam:CreateUser"]


def test_lease_that_somebody_took_away_is_lost_at_the_renewal(
    new_memory: Make, slept: list[float]
) -> None:
    """When the item was removed by hand, its holder stops before the next change."""

    def work() -> None:
        with lease(new_memory()):
            strict_dynamodb.remove(KEY)
            slept.append(LEASE_SECONDS - 5)
            change()

    with pytest.raises(LeaseLostError):
        work()


def test_outside_of_a_lease_nothing_is_asked(aws: None, calls: Calls) -> None:
    """What holds no lease, such as a test, is not checked."""
    change()

    assert calls.names == ["iam:CreateUser"]


@pytest.mark.parametrize("trouble", [Trouble.THROTTLED, Trouble.OVER_CAPACITY])
def test_throttled_table_is_waited_for(
    new_memory: Make, slept: list[float], monkeypatch: pytest.MonkeyPatch, trouble: Trouble
) -> None:
    """A table that is short of capacity for a while is asked again until it serves."""
    memory = new_memory()
    with monkeypatch.context() as patch:
        strict_dynamodb.befall(patch, trouble, lambda _: sum(slept) < 30)
        memory.open()
        memory.note("Provazio", user_id="AIDA1")
        memory.close()

    assert 30 <= sum(slept) < 60
    assert new_memory().peek().user("Provazio").user_id == "AIDA1"


@pytest.mark.parametrize(("seconds", "taken"), [(20, True), (40, False)])
def test_throttled_table_may_use_half_of_the_reserve(
    new_memory: Make,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    taken: bool,
) -> None:
    """What was done is remembered though time is up, and the answer still has its own time."""
    memory = new_memory()
    memory.open()
    memory.note("Provazio", user_id="AIDA1")
    slept.append(300 - RESERVE_SECONDS)
    until = sum(slept) + seconds
    with monkeypatch.context() as patch:
        strict_dynamodb.befall(patch, Trouble.THROTTLED, lambda _: sum(slept) < until)
        if taken:
            memory.close()
        else:
            with pytest.raises(UnrememberedError):
                memory.close()

    assert sum(slept) < 300 - RESERVE_SECONDS / 2
    assert (new_memory().peek().user("Provazio").user_id == "AIDA1") == taken


def test_table_that_refuses_is_told(new_memory: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal that waiting cannot change is raised at once."""
    strict_dynamodb.befall(monkeypatch, Trouble.REFUSED)

    with pytest.raises(ClientError, match="AccessDeniedException"):
        new_memory().open()


@pytest.mark.parametrize("left", ["something", "a tombstone", "nothing"])
def test_close_whose_answer_was_lost(
    new_memory: Make, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """The lease was given back although the reply never came, so the repeated call is no loss."""
    memory, once = new_memory(), iter([True])
    memory.open()
    if left != "nothing":
        memory.record = memory.record.begun("request")
    if left == "something":
        memory.note("Provazio", user_id="AIDA1")
    changing = ("update_item", "delete_item")
    with monkeypatch.context() as patch:
        strict_dynamodb.befall(
            patch, Trouble.LOST, lambda name: name in changing and next(once, False)
        )
        memory.close()

    assert new_memory().peek() == memory.record


def test_close_after_another_went_on(new_memory: Make, slept: list[float]) -> None:
    """Who lost the lease for good does not write over what the next one wrote."""
    slow, next_one = new_memory(), new_memory()
    slow.open()
    slow.note("Provazio", user_id="AIDA1")
    slept.append(LEASE_SECONDS + SKEW_SECONDS + 1)
    next_one.open()
    next_one.note("Provazio", user_id="AIDA2")
    next_one.close()

    with pytest.raises(LeaseLostError):
        slow.close()
    assert new_memory().peek().user("Provazio").user_id == "AIDA2"


def test_item_of_a_resource_with_nothing_goes(new_memory: Make) -> None:
    """A request that leaves nothing to remember leaves no item."""
    memory = new_memory()
    with lease(memory):
        assert item()

    assert item() is None
    assert memory.record == Record()


def test_item_of_a_living_resource_stays(new_memory: Make) -> None:
    """As long as there is a user, the item does not expire, and nobody holds its lease."""
    with lease(memory := new_memory()):
        memory.note("Provazio", user_id="AIDA1")

    found = item()
    assert found
    assert found.keys() == {"Resource", "Record"}


def test_tombstone_expires(new_memory: Make, slept: list[float]) -> None:
    """The answers of a resource that is gone are kept for a week, unless it comes back."""
    with lease(memory := new_memory()):
        memory.record = memory.record.begun("request")
    found = item()

    assert found
    assert found.keys() == {"Resource", "Record", "ExpiresAt"}
    assert found["ExpiresAt"]["N"].isdigit()
    with lease(memory := new_memory()):
        memory.note("Provazio", user_id="AIDA1")
    found = item()
    assert found
    assert found.keys() == {"Resource", "Record"}


def test_failure_gives_the_lease_back(new_memory: Make, slept: list[float]) -> None:
    """What went wrong is raised, with the record written and the lease free."""

    def fail() -> None:
        with lease(memory := new_memory()):
            memory.note("Provazio", user_id="AIDA1")
            raise ReadTimeoutError(endpoint_url="https://aws")

    with pytest.raises(ReadTimeoutError):
        fail()
    with lease(memory := new_memory()):
        assert memory.user("Provazio").user_id == "AIDA1"
    assert slept == []


def test_death_keeps_the_lease(new_memory: Make, slept: list[float]) -> None:
    """Of an environment that is gone nobody knows what it still has under way."""

    def die() -> None:
        with lease(new_memory()):
            raise KilledError

    with pytest.raises(KilledError):
        die()
    new_memory().open()
    assert sum(slept) >= LEASE_SECONDS


def test_table_that_does_not_answer_is_asked_by_a_later_delivery(
    new_memory: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever cannot know whether it has the lease gives no answer, and comes again."""

    def time_out(*_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://aws")

    monkeypatch.setattr(StateTable, "acquire", time_out)

    with pytest.raises(UnrememberedError):
        new_memory().open()


@pytest.mark.parametrize("slow", [1, 2])
def test_renewal_that_took_too_long_is_made_once_more(
    new_memory: Make, slept: list[float], monkeypatch: pytest.MonkeyPatch, slow: int
) -> None:
    """A change is not begun when the lease was renewed so slowly, twice, that it ends soon."""
    holder, renew, renewals = new_memory(), StateTable.renew, list(range(slow))

    def renew_slowly(table: StateTable, name: str, until: float) -> Any:
        if renewals:
            slept.append(LEASE_SECONDS - 10)
            renewals.pop()
        return renew(table, name, until)

    monkeypatch.setattr(StateTable, "renew", renew_slowly)
    holder.open()
    slept.append(LEASE_SECONDS - 20)

    if slow == 1:
        holder.hold()
    else:
        with pytest.raises(LeaseLostError):
            holder.hold()
    assert renewals == []
