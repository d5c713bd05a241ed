"""The provider and what a user would pick instead, on the same engine in the same run."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.engine import Engine, Timed
from bench.rivals import templates
from bench.table import markdown

VERBS = ("create", "rotate", "delete")
# CloudFormation's handlers call within AWS, where nobody counts: these are the calls that change
# something, which there must be, for the user, the policy with its attachment, the key, the secret.
_NATIVE_CALLS = {"create": 5, "rotate": 3, "delete": 6}
# Likewise for the user and the policy beside the key.
_NATIVE_BESIDE_KEY = {"create": 3, "rotate": 0, "delete": 3}
# crhelper sleeps two minutes at each Delete, so one is enough.
_RUNS_OF_CRHELPER = 1
Make = Callable[[str, int], dict[str, Any]]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Way:
    """One way to the same thing: calls and median seconds of each operation, the first apart."""

    name: str
    calls: dict[str, int]
    within_aws: dict[str, int]
    seconds: dict[str, float]
    first_create: float


def measure(engine: Engine, runs: int, tell: Tell) -> list[Way]:
    """Each way creates, rotates and deletes so many times, after a Create that is told apart."""
    source = Path(__file__).with_name("rivals")
    nothing = dict.fromkeys(VERBS, 0)

    def ours(name: str, serial: int) -> dict[str, Any]:
        return templates.ours(engine.service_token, name, str(serial))

    found = [_way("this provider", engine, ours, runs, nothing)]
    document = _document(engine, ours)
    key_function = engine.function("key-function", (source / "key_function.py").read_text())
    crhelper = engine.function(
        "crhelper-function",
        (source / "crhelper_function.py").read_text(),
        engine.package / "crhelper",
    )
    rivals: dict[str, tuple[Make, dict[str, int], int]] = {
        "native resources": (
            lambda name, serial: templates.native(document, name, serial),
            _NATIVE_CALLS,
            runs,
        ),
        "native, key by binxio's algorithm": (
            lambda name, serial: templates.key_alone(key_function, document, name, str(serial)),
            _NATIVE_BESIDE_KEY,
            runs,
        ),
        "crhelper in its defaults": (
            lambda name, serial: templates.with_crhelper(crhelper, document, name, str(serial)),
            nothing,
            _RUNS_OF_CRHELPER,
        ),
    }
    for name, (make, within_aws, times) in rivals.items():
        tell(f"creating, rotating and deleting by {name}")
        found.append(_way(name, engine, make, times, within_aws))
    return found


def _way(name: str, engine: Engine, make: Make, runs: int, within_aws: dict[str, int]) -> Way:
    stack = name.partition(",")[0].replace(" ", "-")
    # In a new execution environment; it stays, for crhelper's Delete would take two minutes.
    first = engine.create(f"{stack}-0", make(f"User-{stack}-0", 1))
    lives = [_life(engine, f"{stack}-{number + 1}", make) for number in range(runs)]
    return Way(
        name,
        {verb: len(lives[0][verb].calls) for verb in VERBS},
        within_aws,
        {verb: statistics.median(life[verb].seconds for life in lives) for verb in VERBS},
        first.seconds,
    )


def _life(engine: Engine, stack: str, make: Make) -> dict[str, Timed]:
    name = f"User-{stack}"
    return {
        "create": engine.create(stack, make(name, 1)),
        "rotate": engine.update(stack, make(name, 2)),
        "delete": engine.delete(stack),
    }


def _document(engine: Engine, ours: Make) -> dict[str, Any]:
    """The policy that our user gets, so that every way has the same."""
    engine.create("document", ours("Document", 1))
    iam = engine.aws.client("iam")
    attached = iam.list_attached_user_policies(UserName="Document")["AttachedPolicies"]
    arn = attached[0]["PolicyArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    engine.delete("document")
    return dict(found)


def details(ways: list[Way]) -> str:
    """Calls, and seconds as ratios to ours."""
    ours = ways[0]

    def calls(way: Way, verb: str) -> str:
        parts = [str(way.calls[verb])] if way.calls[verb] or not way.within_aws[verb] else []
        if way.within_aws[verb]:
            parts.append(f"{way.within_aws[verb]}*")
        return " + ".join(parts)

    return markdown(
        (
            "",
            *(f"{verb}, calls" for verb in VERBS),
            *(f"{verb}, time" for verb in VERBS),
            "first create, time",
        ),
        [
            (
                way.name,
                *(calls(way, verb) for verb in VERBS),
                *(f"{way.seconds[verb] / ours.seconds[verb]:.2f}" for verb in VERBS),
                f"{way.first_create / ours.first_create:.2f}",
            )
            for way in ways
        ],
    )


def seconds_of_ours(ways: list[Way]) -> str:
    """What the ratios refer to."""
    ours = ways[0]
    parts = [f"{verb} {ours.seconds[verb]:.2f} s" for verb in VERBS]
    return f"{', '.join(parts)}, first create {ours.first_create:.2f} s"
