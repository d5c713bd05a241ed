"""How calls and time grow with policies, regions and stacks.

Policies and regions run on moto through HTTP, so their seconds are those of our own work and of
moto's. Stacks run on the clock of tests/load, in an account that throttles: their seconds are those
that people would wait.
"""

import itertools
import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bench.plot import Panel, Series
from bench.table import markdown
from doubles import direct_moto, interleave, rates, strict_dynamodb, strict_moto
from doubles.account import fresh_aws
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import ResponseUrl, Stack
from doubles.interleave import Interleaving
from doubles.rates import Rates
from doubles.unkind import UNKINDNESS
from load.test_load import AT_ONCE, LONGEST_SECONDS, MOST_STEPS, SECONDS_OF_A_CALL
from support.operations import VANILLA, account, succeed

POLICIES = (1, 2, 3, 5, 10)
REGIONS = (0, 1, 2, 5, 10)
STACKS = (1, 10, 25, 50, 100, 250, 500)
_PLACES = (
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-central-1",
    "eu-north-1",
    "ap-northeast-1",
    "ap-southeast-1",
)
Tell = Callable[[str], None]
Properties = dict[str, Any]


@dataclass(frozen=True)
class Life:
    """Calls of a Create, of an Update that rotates, and of a Delete; milliseconds of all three."""

    number: int
    create: int
    update: int
    delete: int
    milliseconds: float


@dataclass(frozen=True)
class Crowd:
    """All operations of so many stacks: calls, how many were throttled, the slowest request."""

    stacks: int
    calls: int
    throttled: int
    slowest: dict[str, float]


@dataclass(frozen=True)
class Growth:
    """Against policies, regions and stacks."""

    policies: list[Life]
    regions: list[Life]
    crowds: list[Crowd]

    @property
    def panels(self) -> list[Panel]:
        """The picture."""

        def calls(lives: list[Life], of: Callable[[Life], int]) -> list[tuple[float, float]]:
            return [(life.number, of(life)) for life in lives if life.number]

        slowest = [
            Series(verb, [(crowd.stacks, crowd.slowest[verb]) for crowd in self.crowds])
            for verb in self.crowds[0].slowest
        ]
        return [
            Panel(
                "Calls by policies",
                "policies of the user, logarithmic",
                "calls",
                [
                    Series("Create", calls(self.policies, lambda life: life.create)),
                    Series("Delete", calls(self.policies, lambda life: life.delete)),
                ],
            ),
            Panel(
                f"Slowest request, {AT_ONCE} at a time",
                "stacks with one user each, logarithmic",
                "seconds",
                slowest,
            ),
        ]


def measure(tell: Tell, stacks: tuple[int, ...] = STACKS) -> Growth:
    """All three."""
    crowds = []
    for number in stacks:
        crowds.append(_crowd(number))
        tell(f"{number} stacks took {crowds[-1].calls:,} calls")
    _life(1, VANILLA)  # The first is slow, for moto reads its models.
    return Growth(
        [_life(number, VANILLA | _with_policies(number)) for number in POLICIES],
        [_life(number, VANILLA | {"ReplicaRegions": list(_PLACES[:number])}) for number in REGIONS],
        crowds,
    )


def _with_policies(number: int) -> Properties:
    statement = {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"PolicyTemplate": None, "PolicyDocument": [document] * number}


def _life(number: int, properties: Properties) -> Life:
    given = {name: value for name, value in properties.items() if value is not None}
    with account() as (stack, heard, _), pytest.MonkeyPatch.context() as patches:
        patches.setenv("ALLOW_POLICY_DOCUMENT", "true")
        counts, began = [0], time.perf_counter()
        operations: list[Callable[[], Properties]] = [
            lambda: stack.create(**given),
            lambda: stack.update(**given | {"Serial": "2"}),
            stack.delete,
        ]
        for operation in operations:
            succeed(operation())
            counts.append(len(heard.calls))
        seconds = time.perf_counter() - began
    create, update, delete = (after - before for before, after in itertools.pairwise(counts))
    return Life(number, create, update, delete, seconds * 1000)


def _crowd(number: int) -> Crowd:
    """One user in each of so many stacks is created, rotated and deleted, in flights."""
    state = random.getstate()
    random.seed(number)
    logging.disable()
    with pytest.MonkeyPatch.context() as patches:
        strict_moto.install(patches)
        direct_moto.install(patches)
        patches.setattr(interleave, "MOST_STEPS", MOST_STEPS)
        calls = Calls()
        with fresh_aws(calls):
            responses = ResponseUrl()
            stacks = [Stack(responses, name=f"stack-{each}") for each in range(number)]
            runs = Interleaving(responses, calls.secret_access_keys)
            runs.install(patches)
            account_rates = rates.install(patches, SECONDS_OF_A_CALL)
            slowest = {
                verb: _flights(stacks, runs, verb) for verb in ("Create", "Update", "Delete")
            }
    random.setstate(state)
    return Crowd(number, account_rates.tries, account_rates.throttled, slowest)


def _flights(stacks: list[Stack], runs: Interleaving, verb: str) -> float:
    slowest = 0.0
    for first in range(0, len(stacks), AT_ONCE):
        began = runs.now
        runs.again(began)
        flight = [
            runs.invoke(stack.name, _event(stack, verb))
            for stack in stacks[first : first + AT_ONCE]
        ]
        runs.play()
        for one in flight:
            one.succeeded()
        slowest = max(slowest, runs.now - began)
    return slowest


def _event(stack: Stack, verb: str) -> Properties:
    old = {"UserName": f"User-{stack.name}", "PolicyTemplate": "vanilla", "Serial": "1"}
    stack.physical_id = old["UserName"]
    stack.properties = old | {"Serial": "1" if verb == "Create" else "2"}
    stack.set_status(f"{verb.upper()}_IN_PROGRESS")
    return stack.event(verb, old if verb == "Update" else None)


def lives(found: list[Life], what: str) -> str:
    """A table of calls and of our own time, and what one more takes."""
    last, before = found[-1], found[-2]

    def one_more(of: Callable[[Life], int]) -> str:
        return f"{(of(last) - of(before)) / (last.number - before.number):.3g}"

    rows = markdown(
        (what, "Create, calls", "Update, calls", "Delete, calls", "all three, ms on moto"),
        [
            (
                str(one.number),
                str(one.create),
                str(one.update),
                str(one.delete),
                f"{one.milliseconds:.0f}",
            )
            for one in found
        ],
    )
    return (
        f"{rows}\n\nBeyond {before.number}, each adds {one_more(lambda life: life.create)} calls "
        f"to a Create, {one_more(lambda life: life.update)} to an Update, and "
        f"{one_more(lambda life: life.delete)} to a Delete."
    )


def crowds(found: list[Crowd]) -> str:
    """The account, a table of stacks, and how near the slowest request came to its end."""
    rates, (least, most) = Rates(), UNKINDNESS.young_key
    slowest = max(seconds for one in found for seconds in one.slowest.values())
    rows = markdown(
        ("stacks", "calls", "throttled", *(f"slowest {verb}, s" for verb in found[0].slowest)),
        [
            (
                f"{one.stacks:,}",
                f"{one.calls:,}",
                f"{one.throttled:,}",
                *(f"{seconds:.0f}" for seconds in one.slowest.values()),
            )
            for one in found
        ],
    )
    return (
        f"A call takes {SECONDS_OF_A_CALL * 1000:.0f} ms. IAM allows {rates.iam.rate:g} calls a "
        f"second with a burst of {rates.iam.burst:g}, CloudFormation {rates.cloudformation.rate:g} "
        f"with a burst of {rates.cloudformation.burst:g}. STS does not know a key for {least:g} to "
        f"{most:g} s.\n\n{rows}\n\nThe slowest request took {slowest:.0f} s of the "
        f"{LONGEST_SECONDS:.0f} s that it has. More than {AT_ONCE} at once were not measured."
    )


def item_bytes() -> int:
    """About how large the item of a resource is after a Create and an Update."""
    with account() as (stack, _, _clock):
        succeed(stack.create(**VANILLA))
        succeed(stack.update(**VANILLA | {"Serial": "2"}))
        (item,) = strict_dynamodb.items().values()
    return len(json.dumps(item, default=str))
