"""Every operation of a resource's life, and the AWS calls that it takes at the level of HTTP.

`make calls` writes them to tests/lifecycle/calls.txt, which a test compares with what is so.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest

from doubles import late_cloudformation, strict_moto, unkind, world
from doubles.account import fresh_aws
from doubles.aws_calls import LISTENER, Calls
from doubles.clock import Clock
from doubles.fake_cloudformation import LambdaContext, ResponseUrl, Stack
from doubles.secrets_manager import SecretsManager
from handler import app
from handler.cloudformation import response
from support.templates import PROJECT

GOLDEN = PROJECT / "tests" / "lifecycle" / "calls.txt"
VANILLA: dict[str, Any] = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
EKS: dict[str, Any] = VANILLA | {"PolicyTemplate": "eks"}
_TABLE = "dynamodb:"
_LONGER_THAN_GRACE = 25 * 3600


@dataclass(frozen=True)
class Operation:
    """The name of an operation and its calls as `service:Operation`, each try of one counted."""

    name: str
    calls: tuple[str, ...]

    @property
    def to_table(self) -> int:
        """How many calls go to the table of the provider's memory."""
        return sum(call.startswith(_TABLE) for call in self.calls)

    @property
    def to_aws(self) -> int:
        """How many calls go elsewhere."""
        return len(self.calls) - self.to_table

    @property
    def by_service(self) -> dict[str, int]:
        """The number of calls to each service."""
        return dict(sorted(Counter(call.split(":")[0] for call in self.calls).items()))

    def __str__(self) -> str:
        """What the golden file says of it."""
        heading = f"{self.name}: {self.to_aws} calls and {self.to_table} to the table"
        return "\n".join([heading, *(f"    {call}" for call in self.calls)])


class Heard:
    """Hears each try of a call just before it is sent."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def throttles(self, service: str, operation: str) -> bool:
        """Called for each try; none is refused."""
        self.calls.append(f"{service}:{operation}")
        return False

    def since(self, name: str, number: int) -> Operation:
        """The calls from a number on."""
        return Operation(name, tuple(self.calls[number:]))


@contextmanager
def account() -> Iterator[tuple[Stack, Heard, Clock]]:
    """An empty, patient AWS with one stack in it, on a clock that moves only while we sleep.

    What AWS refuses for a while is asked again, as often as chance has it, so here it refuses
    nothing.
    """
    with pytest.MonkeyPatch.context() as patches, fresh_aws(Calls()):
        strict_moto.install(patches)
        heard, responses, clock = Heard(), ResponseUrl(), Clock()
        clock.install(patches)
        late_cloudformation.tell_at_once(patches)
        patches.setattr(unkind, "UNKINDNESS", unkind.NONE)
        patches.setattr(LISTENER, "throttles", heard.throttles)
        patches.setattr(response, "_HTTP", responses)
        yield Stack(responses), heard, clock


def measured() -> list[Operation]:
    """The life of a resource, in a new account for each part of it."""
    return [*_lives("vanilla", VANILLA), *_lives("eks", EKS), *_updates(), *_keys()]


def succeed(answer: dict[str, Any]) -> None:
    """An operation that failed has no calls worth counting."""
    if answer["Status"] != "SUCCESS":
        raise RuntimeError(answer["Reason"])


def _lives(name: str, properties: dict[str, Any]) -> Iterator[Operation]:
    with account() as (stack, heard, _):
        succeed(stack.create(**properties))
        yield heard.since(f"Create {name}", 0)
        number = len(heard.calls)
        succeed(stack.deliver(stack.last_event))
        if name == "vanilla":
            yield heard.since("An answered event again", number)
        number = len(heard.calls)
        succeed(stack.delete())
        yield heard.since(f"Delete {name}", number)
        number = len(heard.calls)
        succeed(stack.delete())
        if name == "vanilla":
            yield heard.since("A repeated Delete", number)


def _updates() -> Iterator[Operation]:
    changes = {
        "Update of Serial": VANILLA | {"Serial": "2"},
        "Update of Tags": VANILLA | {"Tags": [{"Key": "team", "Value": "platform"}]},
        "Update from vanilla to eks": EKS,
    }
    for name, properties in changes.items():
        with account() as (stack, heard, _):
            succeed(stack.create(**VANILLA))
            number = len(heard.calls)
            succeed(stack.update(**properties))
            yield heard.since(name, number)


def _keys() -> Iterator[Operation]:
    with account() as (stack, heard, clock):
        succeed(stack.create(**VANILLA, RotationSchedule="rate(30 days)"))
        secrets = SecretsManager()
        secrets.begin()
        number = len(heard.calls)
        secrets.take("createSecret", "setSecret", "testSecret", "finishSecret")
        yield heard.since("Scheduled rotation, all four steps", number)
        (schedule,) = world.schedules()
        clock.sleep(_LONGER_THAN_GRACE)
        number = len(heard.calls)
        app.lambda_handler(json.loads(schedule["Target"]["Input"]), LambdaContext())
        yield heard.since("End of a replaced key's grace", number)


def text(operations: list[Operation]) -> str:
    """The golden file."""
    return "\n\n".join(map(str, operations)) + "\n"


def parse(golden: str) -> dict[str, list[str]]:
    """The calls of each operation in the golden file."""
    found = {}
    for part in golden.strip().split("\n\n"):
        heading, *calls = part.splitlines()
        found[heading.split(": ")[0]] = [call.strip() for call in calls]
    return found


if __name__ == "__main__":
    logging.disable()
    with redirect_stdout(StringIO()):  # The metrics.
        golden = text(measured())
    GOLDEN.write_text(golden)
