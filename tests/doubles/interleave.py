"""Several invocations of the functions at once, one of them running at a time, on one clock.

Each invocation has a thread and an execution environment of its own. The baton changes hands only
where an AWS call is about to be made and where the function sleeps, so what happens is decided by
the test. Time passes only while all of them sleep.

AWS Lambda Developer Guide, "Asynchronous invocation": an invocation that raises, or runs out of
time, is delivered again after one minute and after two more.
"""

import json
import math
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest

from doubles import clock, late_cloudformation, secrets_manager
from doubles.aws_calls import LISTENER, Calls, KilledError
from doubles.fake_cloudformation import FUNCTION_ARN, LambdaContext, ResponseUrl
from handler import app, rotation_function
from handler.cloudformation import response
from handler.cloudformation.response import CustomResource

TIMEOUT_SECONDS = 300.0
ROTATION_TIMEOUT_SECONDS = 90.0
DELIVERED_AGAIN_AFTER = (60.0, 120.0)
MOST_STEPS = 3000
MOST_SECONDS = 3600.0
_PATIENCE_SECONDS = 60.0  # Of the machine that runs the tests.

Event = dict[str, Any]
Handler = Callable[[Event, Any], None]
Until = float | str  # The number of a call, or its name.


class State(StrEnum):
    """Where an invocation is."""

    PARKED = "about to make a call"
    SLEEPING = "sleeping"
    RUNNING = "running"
    ENDED = "ended"


class Context(LambdaContext):
    """What Lambda says of an invocation; a twin and a second delivery have the same request id."""

    def __init__(self, invocation: "Invocation", function_arn: str) -> None:
        super().__init__(
            invoked_function_arn=function_arn,
            function_name=function_arn.rpartition(":")[2],
            aws_request_id=str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(invocation.event))),
            log_stream_name=f"log-stream-{invocation.name}",
        )
        self._invocation = invocation

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(self._invocation.seconds_left * 1000))


class Heard(Calls):
    """The calls of one invocation, before each of which the baton may change hands."""

    invocation: "Invocation"

    def before(self, service: str, operation: str) -> None:
        self.invocation.reach(f"{service}:{operation}")
        super().before(service, operation)

    def after(self, parsed: dict[str, Any]) -> None:
        try:
            super().after(parsed)
        except KilledError:
            self.invocation.killed = True
            raise


class Invocation:
    """One delivery of one event to one execution environment."""

    def __init__(
        self,
        runs: "Interleaving",
        name: str,
        event: Event,
        *,
        begins: float,
        skew: float = 0.0,
        seconds: float = 0.0,
        rotation: bool = False,
        attempt: int = 0,
        on_start: Callable[[], None] | None = None,
        on_answer: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.name, self.event, self.rotation, self.attempt = name, event, rotation, attempt
        self.skew = skew
        self.seconds = seconds or (ROTATION_TIMEOUT_SECONDS if rotation else TIMEOUT_SECONDS)
        self.on_start, self.on_answer = on_start, on_answer
        self.state, self.wakes, self.ends = State.SLEEPING, begins, begins + self.seconds
        self.calls = Heard(secret_access_keys=runs.secret_access_keys)
        self.calls.invocation = self
        self.answers: list[dict[str, Any]] = []
        self.error: BaseException | None = None
        self.killed = False
        self.kill_before: int | None = None
        self.until: Until = math.inf
        self.about_to_call = ""
        self.environment: dict[str, Any] = {}
        self._runs = runs
        self._thread: threading.Thread | None = None
        self._baton = threading.Semaphore(0)

    @property
    def ended(self) -> bool:
        return self.state is State.ENDED

    @property
    def answer(self) -> dict[str, Any]:
        """The one answer, which there must be."""
        assert len(self.answers) == 1, f"{self.name} gave {len(self.answers)} answers"
        return self.answers[0]

    @property
    def seconds_left(self) -> float:
        return self.ends - self._runs.now

    def kill(self, *, before: int) -> None:
        """Let the execution environment vanish when it is about to make that call."""
        self.kill_before = before

    def succeeded(self) -> dict[str, Any]:
        """The one answer, which is SUCCESS."""
        assert self.answer["Status"] == "SUCCESS", self.answer["Reason"]
        return self.answer

    def reach(self, call: str) -> None:
        """The function is about to make a call; returns when it may."""
        number, self.about_to_call = len(self.calls.names), call
        if threading.current_thread() is self._thread:
            while call == self.until if isinstance(self.until, str) else number >= self.until:
                self._hand_back(State.PARKED)
        if number == self.kill_before or self._runs.failure:
            self.killed = True
        self._die_if_killed()
        self._runs.step(self, f"{number:3} {call}")

    def sleep(self, seconds: float) -> None:
        """The function sleeps; returns when time has come so far."""
        self._die_if_killed()
        self._runs.step(self, f"    sleeps {seconds:.1f} s")
        self.wakes = min(self._runs.now + max(seconds, 0.0), self.ends)
        self._hand_back(State.SLEEPING)
        self._die_if_killed()

    def run_on(self, until: Until) -> None:
        """Called by the scheduler: give the baton, and wait until it comes back."""
        self.until, self.state = until, State.RUNNING
        if self._thread is None:
            if self.on_start:
                self.on_start()
            if not self.rotation:
                late_cloudformation.sends(self.event)
            self._runs.note(self, "    begins")
            self._thread = threading.Thread(target=self._serve, name=self.name, daemon=True)
            self._thread.start()
        else:
            self._baton.release()
        self._runs.wait_for_baton(self)

    def _die_if_killed(self) -> None:
        if self.killed or self.seconds_left <= 0:
            self.killed = True
            raise KilledError

    def _hand_back(self, state: State) -> None:
        self.state = state
        self._runs.take_baton()
        self._baton.acquire()
        self.state = State.RUNNING

    def _serve(self) -> None:
        handler: Handler = rotation_function.lambda_handler if self.rotation else app.lambda_handler
        arn = secrets_manager.FUNCTION_ARN if self.rotation else FUNCTION_ARN
        try:
            handler(self.event, Context(self, arn))
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for it
            self.error = error
        finally:
            self.state = State.ENDED
            self._runs.take_baton()


@dataclass(frozen=True)
class Turn:
    """An invocation runs until it is about to make the call `until`, sleeps, or ends.

    If it gets there, that call takes `slow` seconds, in which others run.
    """

    invocation: Invocation
    until: Until = math.inf
    slow: float = 0.0


@dataclass
class _Timer:
    """Takes the place of threading.Timer, by which crhelper answers before Lambda's end."""

    runs: "Interleaving"
    seconds: float
    function: Callable[[], None]
    invocation: Invocation | None = None
    due: float = math.inf

    def start(self) -> None:
        self.invocation = self.runs.running
        if self.invocation:
            self.due = self.runs.now + self.seconds
            self.runs.timers.append(self)

    def cancel(self) -> None:
        if self in self.runs.timers:
            self.runs.timers.remove(self)


@dataclass
class Interleaving:
    """The invocations, the clock, and who has the baton."""

    responses: ResponseUrl
    secret_access_keys: set[str] = field(default_factory=set)
    now: float = field(default_factory=time.time)
    invocations: list[Invocation] = field(default_factory=list)
    timers: list[_Timer] = field(default_factory=list)
    running: Invocation | None = None
    failure: str = ""

    def __post_init__(self) -> None:
        self._began, self._steps = self.now, 0
        self._lines: list[str] = []
        self._baton = threading.Semaphore(0)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the clock and the letter box in place for one test."""
        clock.install(monkeypatch, self._sleep, self._time, lambda: self.now)
        monkeypatch.setattr(threading, "Timer", lambda *args: _Timer(self, *args))
        monkeypatch.setattr(response, "_HTTP", self)

    def again(self, now: float) -> None:
        """Forget all that ran, and begin once more at that time."""
        self.invocations, self.timers, self.failure, self._lines = [], [], "", []
        self.now = self._began = now
        self._steps = 0
        random.seed(self._began)  # As often as it is played, what waits waits as long.

    def invoke(self, name: str, event: Event, **more: Any) -> Invocation:
        """An invocation that has not begun; it does when it gets its first turn."""
        invocation = Invocation(self, name, event, begins=self.now, **more)
        self.invocations.append(invocation)
        return invocation

    def alone(self, invocation: Invocation, until: Until = math.inf) -> bool:
        """Let one run, its sleeps included, until it is about to make a call; whether it did."""
        while not invocation.ended:
            if invocation.state is State.SLEEPING and invocation.wakes > self.now:
                self._pass_time(invocation.wakes)
            self._give(invocation, until)
            if invocation.state is State.PARKED:
                return True
        return False

    def turn(self, turn: Turn) -> bool:
        """Give one turn; returns whether the call was reached."""
        one = turn.invocation
        if one.state is State.PARKED or (one.state is State.SLEEPING and one.wakes <= self.now):
            self._give(one, turn.until)
        parked = one.state is State.PARKED
        if parked and turn.slow:
            one.state, one.wakes = State.SLEEPING, self.now + turn.slow
            self.note(one, f"    that call takes {turn.slow:.1f} s")
        return parked

    def play(self, *turns: Turn) -> None:
        """Give the turns in this order, then let all run to their end, the first ones first.

        What ends without an answer is delivered again, as Lambda does.
        """
        for turn in turns:
            self.turn(turn)
        while waiting := [one for one in self.invocations if not one.ended]:
            ready = [one for one in waiting if one.state is State.PARKED or one.wakes <= self.now]
            if ready:
                self._give(ready[0], math.inf)
            else:
                self._pass_time(min(one.wakes for one in waiting))

    def step(self, invocation: Invocation, text: str) -> None:
        """Something happens; too much of it is a mistake."""
        self.note(invocation, text)
        self._steps += 1
        if self._steps > MOST_STEPS or self.now - self._began > MOST_SECONDS:
            self.failure = f"no end after {self._steps} steps, {self.now - self._began:.0f} s"

    def note(self, invocation: Invocation, text: str) -> None:
        self._lines.append(f"{self.now - self._began:8.1f} s  {invocation.name:4} {text}")

    @property
    def trace(self) -> str:
        """Who did what when."""
        return "\n".join(self._lines)

    @contextmanager
    def explained(self, *words: object) -> Iterator[None]:
        """Adds to a failure what led to it."""
        try:
            yield
        except BaseException as error:
            error.add_note(" ".join(map(str, words)) + "\n" + self.trace)
            raise

    def wait_for_baton(self, invocation: Invocation) -> None:
        if not self._baton.acquire(timeout=_PATIENCE_SECONDS):
            pytest.fail(f"{invocation.name} does not give the baton back\n{self.trace}")

    def take_baton(self) -> None:
        self._baton.release()

    def request(
        self, method: str, url: str, *, body: bytes, headers: dict[str, str]
    ) -> ResponseUrl:
        """CloudFormation takes an answer."""
        answer = json.loads(body)
        if one := self.running:
            self.note(one, f"    answers {answer['Status']} {answer['Reason']}")
            one.answers.append(answer)
            if one.on_answer:
                one.on_answer(answer)
        return self.responses.request(method, url, body=body, headers=headers)

    def _give(self, invocation: Invocation, until: Until) -> None:
        with self._in_environment_of(invocation):
            invocation.run_on(until)
        if self.failure:
            pytest.fail(f"{self.failure}\n{self.trace}")
        if invocation.ended:
            self._ended(invocation)

    def _ended(self, invocation: Invocation) -> None:
        error = invocation.error
        told = f"raises {type(error).__name__} {error}" if error else "is done"
        self.note(invocation, f"    {told}")
        if error is None or invocation.rotation or invocation.attempt == len(DELIVERED_AGAIN_AFTER):
            return
        self.invocations.append(
            Invocation(
                self,
                invocation.name + "'",
                invocation.event,
                begins=self.now + DELIVERED_AGAIN_AFTER[invocation.attempt],
                skew=invocation.skew,
                seconds=invocation.seconds,
                attempt=invocation.attempt + 1,
                on_answer=invocation.on_answer,
            )
        )

    def _pass_time(self, until: float) -> None:
        for timer in sorted(self.timers, key=lambda one: one.due):
            if timer.due <= until and timer in self.timers and timer.invocation:
                self.now = max(self.now, timer.due)
                timer.cancel()
                self.note(timer.invocation, "    its timer runs out")
                with self._in_environment_of(timer.invocation):
                    timer.function()
        self.now = until

    @contextmanager
    def _in_environment_of(self, invocation: Invocation) -> Iterator[None]:
        """The globals of the function and of the tests' recorder are those of the invocation."""
        kept = {name: one for name, one in vars(app).items() if isinstance(one, CustomResource)}
        kept_calls = LISTENER.calls
        if not invocation.environment:
            invocation.environment = {name: _cold(one) for name, one in kept.items()}
        vars(app).update(invocation.environment)
        self.running, LISTENER.calls = invocation, invocation.calls
        try:
            yield
        finally:
            vars(app).update(kept)
            self.running, LISTENER.calls = None, kept_calls

    def _sleep(self, seconds: float) -> None:
        if self.running:
            self.running.sleep(seconds)
        else:
            self.now += seconds

    def _time(self) -> float:
        return self.now + (self.running.skew if self.running else 0.0)


def _cold(warm: CustomResource) -> CustomResource:
    """As a new execution environment would make it, with the functions that `app` registered."""
    cold: Any = copy(warm)
    cold._answering, cold._timer = threading.Lock(), None
    made: CustomResource = cold
    return made
