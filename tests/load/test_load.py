"""Fifty resources of one stack at once, in an account that throttles, on a clock of their own."""

import json
import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from doubles import direct_moto, interleave, rates, strict_moto, world
from doubles.account import fresh_aws
from doubles.aws_calls import Calls
from doubles.combinations import COMBINATIONS
from doubles.fake_cloudformation import ResponseUrl, Stack
from doubles.interleave import Interleaving
from doubles.rates import Rates
from handler.deadline import RESERVE_SECONDS

AT_ONCE = 50
FLIGHTS = 10
SECONDS_OF_A_CALL = 0.05
# Of the function's timeout; the rest is for the answer.
LONGEST_SECONDS = interleave.TIMEOUT_SECONDS - RESERVE_SECONDS
MOST_STEPS = 1_000_000


@dataclass
class Crowd:
    """One stack with very many resources."""

    stack: Stack
    runs: Interleaving
    rates: Rates
    names: list[str]

    def all(self, request_type: str, serial: str, old_serial: str = "") -> None:
        """Send one event to each resource, in flights; every one succeeds within its time."""
        tries, throttled, slowest = self.rates.tries, self.rates.throttled, 0.0
        self.stack.set_status(f"{request_type.upper()}_IN_PROGRESS")
        for first in range(0, len(self.names), AT_ONCE):
            began = self.runs.now
            self.runs.again(began)
            flight = [
                self.runs.invoke(name, self._event(name, request_type, serial, old_serial))
                for name in self.names[first : first + AT_ONCE]
            ]
            self.runs.play()
            for one in flight:
                one.succeeded()
            slowest = max(slowest, self.runs.now - began)
        self.stack.set_status(f"{request_type.upper()}_COMPLETE")
        print(
            f"{len(self.names)} times {request_type}: {self.rates.tries - tries} calls, "
            f"{self.rates.throttled - throttled} throttled, slowest {slowest:.0f} s"
        )
        assert slowest < LONGEST_SECONDS

    def _event(self, name: str, request_type: str, serial: str, old_serial: str) -> dict[str, Any]:
        def properties(serial: str) -> dict[str, Any]:
            return {"UserName": name, "PolicyTemplate": "vanilla", "Serial": serial}

        self.stack.logical_id = self.stack.physical_id = name
        self.stack.properties = properties(serial)
        return self.stack.event(request_type, properties(old_serial) if old_serial else None)


@pytest.fixture
def crowd(
    request: pytest.FixtureRequest,
    responses: ResponseUrl,
    monkeypatch: pytest.MonkeyPatch,
    no_cover: None,
) -> Iterator[Crowd]:
    strict_moto.install(monkeypatch)
    direct_moto.install(monkeypatch)
    monkeypatch.setattr(interleave, "MOST_STEPS", MOST_STEPS)
    state = random.getstate()
    random.seed(request.node.nodeid)
    logging.disable()  # What thousands of calls write is told by nobody.
    calls = Calls()
    flights = FLIGHTS if request.config.getoption("exhaustive") else 1
    with fresh_aws(calls):
        stack, runs = Stack(responses), Interleaving(responses, calls.secret_access_keys)
        runs.install(monkeypatch)
        names = [f"User{number:03}" for number in range(AT_ONCE * flights)]
        yield Crowd(stack, runs, rates.install(monkeypatch, SECONDS_OF_A_CALL), names)
        COMBINATIONS["load: resources"] += len(names)
    logging.disable(logging.NOTSET)
    random.setstate(state)


def test_many_resources_at_once(crowd: Crowd) -> None:
    """All are created, rotated and deleted within their time, and nothing is left."""
    crowd.all("Create", "1")
    keys = {name: world.secret(f"restricted/{name}")["AccessKeyId"] for name in crowd.names}
    crowd.all("Update", "2", "1")
    ends = ends_of_grace()
    for name in crowd.names:
        current = world.secret(f"restricted/{name}")["AccessKeyId"]
        assert current != keys[name]
        assert world.keys(name) == {current: "Active", keys[name]: "Active"}
        assert ends[name] == keys[name]
    crowd.all("Delete", "2")
    assert world.nothing_is_left()


def ends_of_grace() -> dict[str, str]:
    """The key of each user that a schedule deletes."""
    events = [json.loads(each["Target"]["Input"])["RetireAccessKey"] for each in world.schedules()]
    return {event["UserName"]: event["AccessKeyId"] for event in events}
