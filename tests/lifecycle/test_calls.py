"""How many AWS calls an operation takes is part of what we promise."""

from collections import Counter

import pytest

from doubles.fake_cloudformation import Stack
from handler.aws import clients
from support.operations import GOLDEN, VANILLA, Operation, measured, parse, succeed, text


@pytest.fixture(scope="module")
def operations() -> list[Operation]:
    return measured()


def test_calls_are_those_that_are_written_down(operations: list[Operation]) -> None:
    """Each operation makes the calls of calls.txt and no other, in whatever order."""
    expected = parse(GOLDEN.read_text())
    assert [operation.name for operation in operations] == list(expected)
    changed = [
        operation
        for operation in operations
        if Counter(operation.calls) != Counter(expected[operation.name])
    ]

    assert not changed, (
        "These operations make other calls than calls.txt says. If that is meant, write it again "
        "with `make calls`.\n\n" + text(changed)
    )


def test_answered_event_is_answered_from_the_table(operations: list[Operation]) -> None:
    """An event that was answered and comes again makes no call but to the table."""
    (again,) = (one for one in operations if one.name == "An answered event again")

    assert again.to_aws == 0
    assert again.to_table > 0


def test_clients_are_built_when_they_are_needed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new execution environment builds no client of a service that its event does not call."""
    succeed(stack.create(**VANILLA))
    new = clients.Clients()
    monkeypatch.setattr(clients, "_CLIENTS", new)
    succeed(stack.deliver(stack.last_event))

    assert list(vars(new)) == ["dynamodb"]
