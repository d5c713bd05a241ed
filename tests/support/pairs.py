"""Two deliveries of one resource, at every pair of calls at which the first waits for the second.

The first runs until it is about to make its call i; then the second is delivered and runs until it
is about to make its call j, or sleeps; then the first goes on, and after it the second.
"""

import math
import os
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from doubles import world
from doubles.combinations import COMBINATIONS
from doubles.fake_cloudformation import Stack
from doubles.interleave import Event, Interleaving, Invocation, Turn
from doubles.invariants import (
    foreign_things,
    nothing_of_ours_is_left,
    plant_foreign_things,
    resource_is_whole,
)
from doubles.secrets_manager import STEPS, SecretsManager
from doubles.snapshot import Snapshot
from handler.errors import RotationRefusedError

BEFORE: dict[str, Any] = {
    "UserName": "Provazio",
    "PolicyTemplate": "vanilla",
    "PolicyName": "Base",
    "Serial": "1",
    "Tags": [{"Key": "a", "Value": "1"}],
    "ReaderArns": ["arn:aws:iam::123456789012:role/reader"],
    "RotationSchedule": "rate(30 days)",
}
IN_PLACE: dict[str, dict[str, Any]] = {
    "rotate": {"Serial": "2"},
    "policies": {"PolicyTemplate": "eks", "Tags": [{"Key": "b", "Value": "1"}]},
    "secret": {"SecretName": "restricted/elsewhere"},
}
SWITCHING: dict[str, dict[str, Any]] = {
    "switch off and rotate": {"Status": "Inactive", "Serial": "2"},
}
REPLACING: dict[str, dict[str, Any]] = {
    "rename": {"UserName": "Second"},
    "rename, shared secret": {"UserName": "Second", "SecretName": "restricted/shared"},
}
CHANGES = IN_PLACE | REPLACING
INVENTED = "restricted-iam-user-RestrictedUser-1A2B3C4D5E"
POLICIES = {"vanilla": ["Base"], "eks": ["Base", "BaseEks", "BaseEksIam"]}

ONE_IN = 25  # Of the calls of each of the two, where a sample is enough.
_TOLD = 8


@dataclass(frozen=True)
class Delivery:
    """An event, and what CloudFormation does to the stack when it sends it and is answered."""

    event: Event
    sent: str = ""
    answered: str = ""
    rotation: bool = False


@dataclass
class Ended:
    """The two invocations when all is over, and every answer that each request got."""

    runs: Interleaving
    first: Invocation
    second: Invocation

    def answers(self, request: Invocation) -> list[dict[str, Any]]:
        """The answers to the event, whichever delivery of it they come from."""
        request_id = request.event["RequestId"]
        return [
            answer
            for one in self.runs.invocations
            for answer in one.answers
            if answer["RequestId"] == request_id
        ]

    def succeeded(self, request: Invocation) -> dict[str, Any]:
        """The request got an answer, every answer is the same, and it is SUCCESS."""
        answers = self.answers(request)
        assert answers, f"{request.name} got no answer"
        assert answers[0]["Status"] == "SUCCESS", answers[0]["Reason"]
        assert all(answer == answers[0] for answer in answers), answers
        return answers[0]


Check = Callable[[Ended], None]
Properties = dict[str, Any]


def before(change: str) -> Properties:
    """The properties of the resource before an Update that makes the change."""
    shared = {"SecretName": "restricted/shared"} if "shared" in change else {}
    return BEFORE | shared


def wanted(change: str) -> Properties:
    """And after it."""
    return before(change) | (CHANGES | SWITCHING)[change]


def secret_of(properties: Properties) -> str:
    return str(properties.get("SecretName", f"restricted/{properties['UserName']}"))


def current(properties: Properties) -> str:
    """The key that AWSCURRENT holds."""
    return str(world.secret(secret_of(properties))["AccessKeyId"])


def is_whole(properties: Properties) -> None:
    """User, policies, keys and secret are those of the properties, and nothing else is ours."""
    resource_is_whole(
        properties["UserName"],
        secret_of(properties),
        POLICIES[properties["PolicyTemplate"]],
        properties.get("Status", "Active"),
    )


def is_gone() -> None:
    nothing_of_ours_is_left()


class Pairs:
    """A stack with a resource as it was made, and overlaps of what happens to it next."""

    def __init__(self, stack: Stack, runs: Interleaving, one_in: int, seed: str) -> None:
        self.stack, self.runs = stack, runs
        self.foreign = plant_foreign_things()
        self._one_in, self._random = one_in, random.Random(seed)  # noqa: S311 - no secret
        self._skew = 0.0
        self._asked: Event = {}
        self._failures: list[tuple[int, float, str, str]] = []

    def event(
        self,
        request_type: str,
        properties: Properties,
        old_properties: Properties | None = None,
        physical_id: str = "Provazio",
    ) -> Event:
        self.stack.properties, self.stack.physical_id = properties, physical_id
        return self.stack.event(request_type, old_properties)

    def serve(self, event: Event, status: str = "") -> dict[str, Any]:
        """Deliver an event, alone, that must succeed."""
        if status:
            self.stack.set_status(status)
        answer = self.stack.deliver(event)
        assert answer["Status"] == "SUCCESS", answer["Reason"]
        return answer

    def create(self, properties: Properties) -> str:
        """A resource, and the id of its key."""
        event = self.event("Create", properties)
        key = self.serve(event, "CREATE_IN_PROGRESS")["Data"]["AccessKeyId"]
        self.stack.rest("CREATE_COMPLETE")
        return str(key)

    def rotating(self, step: str) -> tuple[SecretsManager, Delivery]:
        """A rotation of the secret that has come so far that this step is next."""
        rotation = SecretsManager()
        rotation.begin()
        rotation.take(*STEPS[: STEPS.index(step)])
        return rotation, Delivery(rotation.event(step), rotation=True)

    def finish(self, rotation: SecretsManager, properties: Properties) -> None:
        """Secrets Manager asks for all steps again, until its version is made or given up."""
        self.stack.rest("UPDATE_COMPLETE")
        rotation.name = secret_of(properties)
        for _ in range(2):
            if not rotation.pending():
                return
            with suppress(RotationRefusedError):
                rotation.take(*STEPS)

    def cut_points(self, delivery: Delivery, prefix: str = "") -> Iterator[int]:
        """The numbers of the delivery's calls, with everything as it was before each of them."""
        self._keep()
        names = self._calls_of(delivery)
        for at in self._sampled(len(names), -(-self._one_in // 3)):
            found = next((n for n in range(at, len(names)) if names[n].startswith(prefix)), None)
            if found is not None and (self._one_in > 1 or found == at):
                self._restore()
                yield found
        self._restore()

    def every(
        self, kind: str, first: Delivery, second: Delivery, check: Check, skew: float = 0.0
    ) -> None:
        """Play every pair of calls, and check what is left each time.

        The clock of the first may be off by `skew` seconds.
        """
        self._keep()
        self._skew = skew
        count = 0
        for i in self._sampled(len(self._calls_of(first))):
            calls = self._play(first, second, check, i, math.inf)
            count += 1
            for j in self._sampled(calls):
                self._play(first, second, check, i, j)
                count += 1
        self._restore()
        COMBINATIONS[f"overlaps: {kind}"] += count
        self._tell(count)

    def _play(self, first: Delivery, second: Delivery, check: Check, i: int, j: float) -> int:
        """One overlap; returns how many calls the second made before the first went on."""
        self._restore()
        ended = Ended(self.runs, self.invoke("A", first, skew=self._skew), self.invoke("B", second))
        self.runs.alone(ended.first, i)
        self.runs.turn(Turn(ended.second, j))
        calls = len(ended.second.calls.names)
        try:
            self.runs.play()
            check(ended)
            assert foreign_things() == self.foreign
        except Exception as error:  # noqa: BLE001 - all of them are told, with their number
            self._failures.append((i, j, _told(error), self.runs.trace))
        return calls

    def invoke(
        self, name: str, delivery: Delivery, *, skew: float = 0.0, seconds: float = 0.0
    ) -> Invocation:
        """An invocation that has not begun; the stack goes along with it."""

        def sent() -> None:
            if delivery.sent:
                self._asked = delivery.event
                self.stack.set_status(delivery.sent)

        def answered(_answer: dict[str, Any]) -> None:
            # Nobody waits for what was cancelled, nor for a second answer.
            if delivery.answered and self._asked == delivery.event:
                self._asked = {}
                self.stack.set_status(delivery.answered)

        return self.runs.invoke(
            name,
            delivery.event,
            rotation=delivery.rotation,
            skew=skew,
            seconds=seconds,
            on_start=sent,
            on_answer=answered,
        )

    def _restore(self) -> None:
        self._asked = {}
        self._snapshot.restore()
        self.runs.again(self._began)

    def _keep(self) -> None:
        self._began, self._snapshot = self.runs.now, Snapshot()

    def _calls_of(self, delivery: Delivery) -> list[str]:
        """The calls that it makes when nothing is in its way."""
        self._restore()
        one = self.invoke("A", delivery)
        self.runs.alone(one)
        return one.calls.names

    def _sampled(self, calls: int, step: int = 0) -> Iterator[int]:
        step = step or self._one_in
        yield from range(self._random.randrange(min(step, calls)) if calls else 0, calls, step)

    def _tell(self, count: int) -> None:
        if not self._failures:
            return
        told = [f"i={i} j={j}: {message}" for i, j, message, _ in self._failures[:_TOLD]]
        pytest.fail(
            "\n".join([f"{len(self._failures)} of {count} overlaps:", *told, self._failures[0][3]]),
            pytrace=False,
        )


def _told(error: Exception) -> str:
    """What was wrong, and the line that says so; pytest shows one of many failures only."""
    line = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{line.line}: {str(error).strip()}" if str(error) else line.line
    return f"{type(error).__name__} at {line.name}: {said}"[:400]


def one_in(config: pytest.Config) -> int:
    """Every call of the two, or one in so many."""
    if "OVERLAPS_ONE_IN" in os.environ:
        return int(os.environ["OVERLAPS_ONE_IN"])
    return 1 if config.getoption("exhaustive", default=False) else ONE_IN
