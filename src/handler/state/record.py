"""What the provider remembers of one resource, as one item of the state table.

Users, policies, secrets and keys are remembered by the ids that AWS gives once and nobody can
forge: a name may be used again, and a tag may be written by anybody.
"""

from __future__ import annotations  # The operators' tool has it run on Python 3.9.

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from handler.model.progress import Progress
from handler.state.made import MadeUser, read

# Times of requests are in whole seconds, and clocks differ by less.
_SAME_TIME_SECONDS = 2.0
# CloudFormation and Lambda give a request up after less than an hour.
_REMEMBERED_REQUESTS = 20
_REMEMBERED_GOALS = 100


def is_before(sent: float, other: float) -> bool:
    """Whether one request was sent before another, in seconds since 1970; 0 is not known."""
    return 0 < sent < other - _SAME_TIME_SECONDS


@dataclass(frozen=True)
class Answer:
    """What CloudFormation was told."""

    status: str
    reason: str
    data: dict[str, str]


@dataclass(frozen=True)
class Served:
    """A request that was begun; it has no answer while it is served, or when its holder died.

    `asked` tells what it asked for from anything else; it is empty while only its id is known.
    `sent` is when CloudFormation sent it, in seconds since 1970, or 0.
    """

    request_id: str
    answer: Answer | None = None
    asked: str = ""
    sent: float = 0.0

    @property
    def succeeded(self) -> bool:
        """Whether it was answered with SUCCESS."""
        return self.answer is not None and self.answer.status == "SUCCESS"


@dataclass(frozen=True)
class Goal:
    """A state that a roll-back may lead to: its properties, its user and the key of that time."""

    digest: str
    user_name: str
    access_key_id: str


@dataclass(frozen=True)
class Record:
    """The users of a resource, the requests served and the states reached, newest first.

    `confirmed` is the user whose name CloudFormation has as the physical id, `seen` how far the
    stack was when a request was served last.
    """

    confirmed: str = ""
    users: dict[str, MadeUser] = field(default_factory=dict)
    requests: tuple[Served, ...] = ()
    goals: tuple[Goal, ...] = ()
    seen: Progress = field(default_factory=Progress)

    @classmethod
    def parse(cls, text: str) -> Record:
        """Read the attribute of an item."""
        members = json.loads(text)
        return cls(
            confirmed=members["confirmed"],
            users={name: MadeUser.of(user) for name, user in members["users"].items()},
            requests=tuple(
                read(Served, served | {"answer": read(Answer, served["answer"])})
                if served["answer"]
                else read(Served, served)
                for served in members["requests"]
            ),
            goals=tuple(read(Goal, goal) for goal in members["goals"]),
            seen=read(Progress, members.get("seen", {})),
        )

    def __str__(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    def user(self, name: str) -> MadeUser:
        """What is remembered of a user; nothing of one that we never made."""
        return self.users.get(name, MadeUser())

    @property
    def living(self) -> dict[str, MadeUser]:
        """The users that the resource has, without those that it left behind."""
        return {name: user for name, user in self.users.items() if not user.retained}

    @property
    def emptied(self) -> bool:
        """Whether the resource is known to have nothing: its last user was deleted."""
        return not self.users and any(one.succeeded for one in self.requests)

    def served(self, request_id: str) -> Served | None:
        """The request of that id, if it was begun."""
        return next((one for one in self.requests if one.request_id == request_id), None)

    def answer(self, request_id: str) -> Answer | None:
        """The answer of the request of that id, if it got one."""
        served = self.served(request_id)
        return served.answer if served else None

    def asks_otherwise(self, request_id: str, asked: str) -> bool:
        """Whether a request of that id was begun that asked for something else."""
        served = self.served(request_id)
        return served is not None and served.asked not in ("", asked)

    def overtaken(self, request_id: str, sent: float) -> bool:
        """Whether the request was begun and another after it, or one that was sent after it."""
        begun = self.served(request_id) is not None and self.requests[0].request_id != request_id
        return begun or any(is_before(sent, one.sent) for one in self.requests)

    def is_in(self, digest: str) -> bool:
        """Whether these properties led to the state that the resource is in."""
        return bool(self.goals) and self.goals[0].digest == digest

    def goal(self, digest: str) -> Goal | None:
        """The state that these properties led to, if the resource was ever in it."""
        return next((goal for goal in self.goals if goal.digest == digest), None)

    def rotated(self, former: str, access_key_id: str) -> Record:
        """The same when the schedule replaced a key: the states that had it have the new one."""
        goals = tuple(
            replace(goal, access_key_id=access_key_id) if goal.access_key_id == former else goal
            for goal in self.goals
        )
        return replace(self, goals=goals)

    def with_user(self, name: str, user: MadeUser) -> Record:
        """The same with another memory of a user."""
        return replace(self, users={**self.users, name: user})

    def without_user(self, name: str) -> Record:
        """The same without a user that is gone."""
        users = {other: user for other, user in self.users.items() if other != name}
        confirmed = "" if self.confirmed == name else self.confirmed
        return replace(self, users=users, confirmed=confirmed, goals=self.goals if users else ())

    def known_id(self, name: str) -> str:
        """The id of the policy with that ARN, or of the secret with that name, if we made it."""
        users = sorted(self.users.values(), key=lambda user: user.retained)
        ids = [{**user.policies, **user.secrets}.get(name, "") for user in users]
        return next(filter(None, ids), "")

    def is_left_behind(self, name: str, unique_id: str) -> bool:
        """Whether a policy or secret belongs to a user that was retained."""
        return any(
            user.retained and {**user.policies, **user.secrets}.get(name) == unique_id
            for user in self.users.values()
        )

    def is_inherited(self, unique_id: str) -> bool:
        """Whether the resource took it over from somebody else."""
        return any(unique_id in user.inherited for user in self.users.values())

    def confirming(self, name: str, *, stays: bool) -> Record:
        """The same when CloudFormation has shown which user it knows.

        One that a roll-back gives up does not stay, so it does not become known by that.
        """
        if name not in self.users:
            return self
        user = self.users[name]
        user = replace(user, known=user.known or stays, retained=False)
        return replace(self.with_user(name, user), confirmed=name)

    def leaving_behind(self, request_id: str) -> Record:
        """The same when a Create has come: users that were complete before it are retained."""
        if self.served(request_id):
            return self
        users = {
            name: replace(user, retained=True) if user.complete else user
            for name, user in self.users.items()
        }
        return replace(self, users=users, confirmed="", goals=())

    def begun(self, request_id: str, asked: str = "", sent: float = 0.0) -> Record:
        """The same with a request that is about to be served."""
        if self.served(request_id):
            return self._with_served(request_id, asked=asked, sent=sent)
        requests = (Served(request_id, asked=asked, sent=sent), *self.requests)
        return replace(self, requests=requests[:_REMEMBERED_REQUESTS])

    def answered(self, request_id: str, answer: Answer) -> Record:
        """The same with the answer of a request that was begun."""
        return self._with_served(request_id, answer=answer)

    def reached(self, goal: Goal) -> Record:
        """The same with a state that a roll-back may lead to, in place of an older one like it."""
        others = [one for one in self.goals if one.digest != goal.digest]
        return replace(self, goals=(goal, *others)[:_REMEMBERED_GOALS])

    def given_up(self, digest: str) -> Record:
        """The same without a state that a roll-back leaves, until it is reached again."""
        return replace(self, goals=tuple(goal for goal in self.goals if goal.digest != digest))

    def _with_served(self, request_id: str, **changes: Any) -> Record:
        requests = tuple(
            replace(one, **changes) if one.request_id == request_id else one
            for one in self.requests
        )
        return replace(self, requests=requests)
