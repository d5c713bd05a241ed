"""The harness of these tests: who runs when, and what time it is."""

import time
from typing import Any

import pytest

from doubles import interleave, world
from doubles.aws_calls import Fault
from doubles.fake_cloudformation import ResponseUrl, Stack
from doubles.interleave import Interleaving, Turn
from handler import app
from handler import clock as provider_clock
from handler.aws.clients import clients
from handler.deadline import Deadline


@pytest.fixture
def runs(stack: Stack, responses: ResponseUrl, monkeypatch: pytest.MonkeyPatch) -> Interleaving:
    made = Interleaving(responses)
    made.install(monkeypatch)
    return made


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Instead of serving, the function follows the event's script; returns who did what."""
    done: list[tuple[str, str]] = []

    def follow(event: dict[str, Any], context: Any) -> None:
        for what in event["Script"].split():
            if what.isdecimal():
                time.sleep(int(what))
            elif what == "raise":
                raise LookupError
            else:
                clients(Deadline(context)).iam.get_account_summary()
            left = context.get_remaining_time_in_millis() // 1000
            done.append((context.log_stream_name[-1], f"{what} {left}"))

    monkeypatch.setattr(app, "lambda_handler", follow)
    return done


def who(told: list[tuple[str, str]]) -> str:
    return "".join(name for name, _ in told)


def test_baton_changes_hands_where_the_schedule_says(
    runs: Interleaving, told: list[tuple[str, str]]
) -> None:
    """An invocation runs until it is about to make a call, and later goes on with that call."""
    a = runs.invoke("A", {"Script": "call call call call"})
    b = runs.invoke("B", {"Script": "call call call"})
    runs.play(Turn(a, 2), Turn(b, 1), Turn(a, 3))
    assert who(told) == "AABAABB"
    assert [len(one.calls.names) for one in (a, b)] == [4, 3]


def test_time_passes_only_while_all_sleep(runs: Interleaving, told: list[tuple[str, str]]) -> None:
    """Who sleeps hands over; when all do, time goes on to the first who wakes."""
    began = runs.now
    a = runs.invoke("A", {"Script": "call 10 call 10 call"})
    b = runs.invoke("B", {"Script": "5 call 7 call"})
    runs.play(Turn(a))
    assert told == [
        ("A", "call 300"),
        ("B", "5 295"),
        ("B", "call 295"),
        ("A", "10 290"),
        ("A", "call 290"),
        ("B", "7 288"),
        ("B", "call 288"),
        ("A", "10 280"),
        ("A", "call 280"),
    ]
    assert runs.now == began + 20
    assert (a.seconds_left, b.seconds_left) == (280, 280)


def test_slow_call_lets_the_others_run(runs: Interleaving, told: list[tuple[str, str]]) -> None:
    """While one call takes its time, the others wake and go on."""
    a = runs.invoke("A", {"Script": "call call"})
    runs.invoke("B", {"Script": "20 call 20 call"})
    runs.play(Turn(a, 1, slow=30))
    assert who(told) == "ABBABB"


def test_killed_invocation_is_delivered_again(
    runs: Interleaving, told: list[tuple[str, str]]
) -> None:
    """Lambda delivers an event again one minute after its function died, and two after that."""
    began = runs.now
    a = runs.invoke("A", {"Script": "call call"})
    a.kill(before=1)
    runs.play()
    assert told == [("A", "call 300"), ("'", "call 300"), ("'", "call 300")]
    assert runs.now == began + 60

    runs.again(began)
    told.clear()
    runs.invoke("A", {"Script": "call raise"})
    runs.play()
    assert [name for name, _ in told] == ["A", "'", "'"]
    assert runs.now == began + 60 + 120


def test_killed_after_a_call(runs: Interleaving, told: list[tuple[str, str]]) -> None:
    """The call had its effect, and the function does nothing after it."""
    a = runs.invoke("A", {"Script": "call call"})
    a.calls.arm(0, Fault.KILLED)
    runs.play(Turn(a))
    assert a.calls.names == ["iam:GetAccountSummary"]


def test_function_that_runs_out_of_time_is_killed(
    runs: Interleaving, told: list[tuple[str, str]]
) -> None:
    """Lambda ends a function after its timeout, wherever it is."""
    a = runs.invoke("A", {"Script": "100 call 250 call"})
    runs.play()
    assert a.killed
    assert told[:2] == [("A", "100 200"), ("A", "call 200")]
    assert told[2][0] == "'"


def test_clock_that_is_off(runs: Interleaving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each environment has its clock; Lambda's remaining time does not depend on it."""
    seen: dict[str, tuple[float, float, int]] = {}

    def look(_event: dict[str, Any], context: Any) -> None:
        times = (
            time.time(),
            provider_clock.now().timestamp(),
            context.get_remaining_time_in_millis(),
        )
        seen[context.log_stream_name[-1]] = times

    monkeypatch.setattr(app, "lambda_handler", look)
    runs.invoke("A", {}, skew=5)
    runs.invoke("B", {})
    runs.play()
    assert seen["A"] == pytest.approx((runs.now + 5, runs.now + 5, 300_000))
    assert seen["B"] == pytest.approx((runs.now, runs.now, 300_000))


def test_no_end_fails_with_a_trace(
    runs: Interleaving, told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who never comes to an end is told, with everything that was done."""
    monkeypatch.setattr(interleave, "MOST_STEPS", 20)
    runs.invoke("A", {"Script": "1 call " * 50})
    with pytest.raises(pytest.fail.Exception, match=r"no end after 21 steps.*\n.*A.*begins"):
        runs.play()


def test_answers_are_of_the_invocation_that_gave_them(runs: Interleaving, stack: Stack) -> None:
    """Two resources are made at once, each in an environment of its own, and each is answered."""
    stack.set_status("CREATE_IN_PROGRESS")
    names = ("Provazio", "Second")
    both = []
    for name in names:
        stack.properties = {"UserName": name, "PolicyTemplate": "vanilla"}
        stack.logical_id = name
        both.append(runs.invoke(name, stack.event("Create")))
    runs.play(Turn(both[0], 4), Turn(both[1], 9), Turn(both[0], 12))
    for name, one in zip(names, both, strict=True):
        assert one.answer["Status"] == "SUCCESS", one.answer["Reason"]
        assert one.answer["PhysicalResourceId"] == name
        assert one.answer["Data"]["AccessKeyId"] in world.keys(name)
        assert "iam:CreateAccessKey" in one.calls.names
    assert runs.trace.count("answers SUCCESS") == 2


@pytest.mark.usefixtures("told_at_once")
def test_timer_of_crhelper_answers_before_lambda_ends(
    runs: Interleaving, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a second before the end CloudFormation is told, on the clock of the test."""
    stack.set_status("CREATE_IN_PROGRESS")
    stack.properties = {"UserName": "Provazio", "PolicyTemplate": "vanilla"}
    began = runs.now
    a = runs.invoke("A", stack.event("Create"))
    answered: list[float] = []
    a.on_answer = lambda _answer: answered.append(runs.now)
    runs.play(Turn(a, 5, slow=400))
    assert answered[0] == pytest.approx(began + 299.5)
    assert a.answer["Reason"] == "Execution timed out"
    assert a.killed
