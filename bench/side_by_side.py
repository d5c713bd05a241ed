"""The provider and what a user would pick instead, on the same engine in the same run."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.engine import Engine, Timed
from bench.rivals import templates
from bench.table import markdown

VERBS = ("create", "rotate", "delete")
# CloudFormation's handlers call within AWS, where nobody counts: these are the calls that change
# something, which there must be: for the user, the policy and its attachment.
_NATIVE_BESIDE_KEY = {"create": 3, "rotate": 0, "delete": 3}
# With the key and the secret; a rotation makes a key, changes the secret and deletes the old key.
NATIVE_CALLS = {"create": 5, "rotate": 3, "delete": 5}
# crhelper sleeps two minutes at each Delete, so one is enough.
_DELETES_OF_CRHELPER = 1
Make = Callable[[str, int], dict[str, Any]]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Way:
    """One way to the same thing: calls and median seconds of each operation.

    `first_create` is that of a new execution environment.
    """

    name: str
    calls: dict[str, int]
    within_aws: dict[str, int]
    seconds: dict[str, float]
    first_create: float

    def all_calls(self, verb: str) -> int:
        """Those that were counted, and those within AWS."""
        return self.calls[verb] + self.within_aws[verb]


@dataclass
class _Contender:
    """A way while it is measured: its template, its function if any, and the lives it has had."""

    name: str
    make: Make
    within_aws: dict[str, int]
    function: str
    deletes: int
    firsts: list[float] = field(default_factory=list)
    lives: list[dict[str, Timed]] = field(default_factory=list)

    def begin(self, engine: Engine) -> None:
        """Create once more in a new execution environment; the stack stays."""
        stack = f"{self._stack}-first-{len(self.firsts)}"
        if self.function:
            engine.cool(self.function)
        self.firsts.append(engine.create(stack, self.make(f"User-{stack}", 1)).seconds)

    def live(self, engine: Engine) -> None:
        """Create, rotate and delete once more."""
        stack = f"{self._stack}-{len(self.lives)}"
        name = f"User-{stack}"
        life = {
            "create": engine.create(stack, self.make(name, 1)),
            "rotate": engine.update(stack, self.make(name, 2)),
        }
        if len(self.lives) < self.deletes:
            life["delete"] = engine.delete(stack)
        self.lives.append(life)

    @property
    def way(self) -> Way:
        """What came of it."""
        return Way(
            self.name,
            {verb: len(self.lives[0][verb].calls) for verb in VERBS},
            self.within_aws,
            {
                verb: statistics.median(life[verb].seconds for life in self.lives if verb in life)
                for verb in VERBS
            },
            statistics.median(self.firsts),
        )

    @property
    def _stack(self) -> str:
        return "".join(letter if letter.isalnum() else "-" for letter in self.name)


def measure(engine: Engine, runs: int, tell: Tell) -> list[Way]:
    """All ways create, rotate and delete in turn, so many times, so that none has a better hour."""

    def make(name: str, serial: int) -> dict[str, Any]:
        return templates.ours(engine.service_token, name, str(serial))

    ours = _Contender(
        "this provider", make, dict.fromkeys(VERBS, 0), engine.service_token, deletes=runs
    )
    engine.create("document", make("Document", 1))
    contenders = [ours, *_rivals(engine, _document(engine, "Document"), runs)]
    for number in range(runs):
        tell(f"creating, rotating and deleting side by side, {number + 1} of {runs}")
        for contender in contenders:
            contender.begin(engine)
            contender.live(engine)
    return [contender.way for contender in contenders]


def _rivals(engine: Engine, document: dict[str, Any], runs: int) -> list[_Contender]:
    source = Path(__file__).with_name("rivals")
    key_function = engine.function("key-function", (source / "key_function.py").read_text())
    crhelper = engine.function(
        "crhelper-function",
        (source / "crhelper_function.py").read_text(),
        engine.package / "crhelper",
    )

    def native(name: str, serial: int) -> dict[str, Any]:
        return templates.native(document, name, serial)

    def key_alone(name: str, serial: int) -> dict[str, Any]:
        return templates.key_alone(key_function, document, name, str(serial))

    def with_crhelper(name: str, serial: int) -> dict[str, Any]:
        return templates.with_crhelper(crhelper, document, name, str(serial))

    return [
        _Contender("native resources", native, NATIVE_CALLS, "", runs),
        _Contender(
            "native, key by binxio's algorithm", key_alone, _NATIVE_BESIDE_KEY, key_function, runs
        ),
        _Contender(
            "crhelper in its defaults",
            with_crhelper,
            dict.fromkeys(VERBS, 0),
            crhelper,
            _DELETES_OF_CRHELPER,
        ),
    ]


def _document(engine: Engine, user_name: str) -> dict[str, Any]:
    """The policy of our user, so that every way has the same."""
    iam = engine.aws.client("iam")
    attached = iam.list_attached_user_policies(UserName=user_name)["AttachedPolicies"]
    arn = attached[0]["PolicyArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
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
                *(_ratio(way.seconds[verb], ours.seconds[verb]) for verb in VERBS),
                _ratio(way.first_create, ours.first_create),
            )
            for way in ways
        ],
    )


def words(ways: list[Way]) -> str:
    """What the ratios refer to, and who wins."""
    ours = ways[0]
    parts = [f"{verb} {ours.seconds[verb]:.2f} s" for verb in VERBS]
    return (
        f"The ratios are to {', '.join(parts)}, first create {ours.first_create:.2f} s.\n\n"
        f"**The fewest calls:** {_winners(ways, Way.all_calls)}. "
        f"**The least time here:** {_winners(ways, lambda way, verb: way.seconds[verb])}."
    )


def _winners(ways: list[Way], of: Callable[[Way, str], float]) -> str:
    least = {verb: min(of(way, verb) for way in ways) for verb in VERBS}
    winners = {
        verb: " and ".join(way.name for way in ways if of(way, verb) == least[verb])
        for verb in VERBS
    }
    return "; ".join(f"{verb}, {names}" for verb, names in winners.items())


def _ratio(seconds: float, ours: float) -> str:
    ratio = seconds / ours
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"
