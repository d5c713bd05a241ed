"""Input that nobody would send: of any type, length, depth and character, in any place."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from doubles.account import fresh_aws
from doubles.aws_calls import Calls
from doubles.clock import Clock
from doubles.fake_cloudformation import FUNCTION_ARN, LambdaContext, ResponseUrl, Stack
from doubles.secrets_manager import STEPS
from handler import app, rotation_function
from handler.cloudformation.response import MAXIMUM_BYTES
from handler.errors import RotationRefusedError
from handler.properties.schema import SCHEMA

VALIDATOR = Draft202012Validator(SCHEMA)
SETTINGS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LONE_SURROGATE = "\ud800"
HOSTILE = (
    "", " ", "\0", "a\nb", "\x1b[31m", "a\x7f", '"', "'; --", "../../etc/passwd", "*", "$NAME",
    "%s%n", "{0.__class__}", "grün", "\U0001d4b3", "\u202eabc", LONE_SURROGATE,
    f"a{LONE_SURROGATE}",
    "aws:tag", "arn:aws:iam::123456789012:user/admin",
    "arn:aws:iam::aws:policy/AdministratorAccess",
    "a" * 10_000, "ü" * 10_000, '"' * 10_000, "\0" * 10_000,
)  # fmt: skip
# What a stack that asks for nothing lets a request come to.
ASKED = {
    "cloudformation:DescribeStacks",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:UpdateItem",
}
TRACES = ("Traceback", ".py", "File ", "Error:", 'line "')


def nested(depth: int, kind: type) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if kind is list else {"a": value}
    return value


TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=30)
DEEP = st.builds(nested, st.just(30), st.sampled_from([list, dict]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = (
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.just("Key"), inner, max_size=4)
        ),
        max_leaves=8,
    )
    | DEEP
)
PROPERTIES = st.dictionaries(st.sampled_from(sorted(SCHEMA["properties"])) | TEXTS, VALUES)
ENVELOPE = (
    "RequestType", "RequestId", "StackId", "LogicalResourceId", "ResponseURL",
    "PhysicalResourceId", "ResourceProperties", "OldResourceProperties", "ResourceType",
    "CrHelperPoll", "CrHelperData",
)  # fmt: skip
REQUEST_TYPES = st.sampled_from(["Create", "Update", "Delete"])
STACKS = "arn:aws:cloudformation:us-east-1:123456789012:stack/"
RETIREMENT = {
    "StackId": f"{STACKS}a/b",
    "LogicalResourceId": "RestrictedUser",
    "UserName": "Provazio",
    "SecretName": "restricted/Provazio",
    "AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
}
ROTATION = {
    "Step": STEPS[0],
    "SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:restricted/Provazio-AbCdEf",
    "ClientRequestToken": "a" * 36,
}


@pytest.fixture
def idle_stack(
    calls: Calls, responses: ResponseUrl, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    """A stack that asks for nothing, so that even a valid request goes no further than to it."""
    monkeypatch.setattr("handler.cloudformation.stack._PATIENCE_SECONDS", 0.0)
    with fresh_aws(calls):
        yield Stack(responses)


def told_safely(text: str) -> None:
    """No trace, no file and no text of an exception, and nothing that a log cannot hold."""
    assert text.encode()
    assert not [trace for trace in TRACES if trace in text], text


def deliver(stack: Stack, calls: Calls, event: Any, log: pytest.LogCaptureFixture) -> Any:
    """The one answer, or None and a line in the log; never an exception."""
    stack.responses.bodies.clear()
    calls.names.clear()
    log.clear()
    app.lambda_handler(event, LambdaContext())
    told_safely("".join(log.messages))
    if not stack.responses.bodies:
        assert log.messages
        return None
    (body,) = stack.responses.bodies
    assert len(body) <= MAXIMUM_BYTES
    answer = json.loads(body)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"]
    assert answer["Data"] == {}
    for name in ("RequestId", "StackId", "LogicalResourceId"):
        assert answer[name] == event[name]
    assert 1 <= len(answer["PhysicalResourceId"].encode()) <= 1024
    told_safely(answer["Reason"])
    return answer


@SETTINGS
@given(REQUEST_TYPES, PROPERTIES, PROPERTIES)
@example("Create", {LONE_SURROGATE: LONE_SURROGATE}, {})
@example("Update", {f"{number}" * 50: "" for number in range(500)}, {})
def test_any_properties_get_one_answer(
    idle_stack: Stack,
    calls: Calls,
    caplog: pytest.LogCaptureFixture,
    request_type: str,
    properties: dict[str, Any],
    old_properties: dict[str, Any],
) -> None:
    """Whatever the properties: one answer; a Create or Update that is invalid makes no call."""
    idle_stack.properties, idle_stack.physical_id = properties, "Provazio"
    event = idle_stack.event(request_type, old_properties)
    answer = deliver(idle_stack, calls, event, caplog)

    assert set(calls.names) <= ASKED
    if request_type == "Delete":
        assert answer["PhysicalResourceId"] == "Provazio"
    elif not VALIDATOR.is_valid(properties):
        assert calls.names == []
        assert "in the properties, nothing was touched: " in answer["Reason"]


@pytest.mark.parametrize("depth", [100, 900])
@pytest.mark.parametrize("kind", [list, dict])
@pytest.mark.parametrize("name", ["PolicyDocument", "PolicyVariables", "Tags", "UserName", "Other"])
def test_depth_is_a_problem_like_any_other(
    idle_stack: Stack,
    calls: Calls,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: type,
    depth: int,
) -> None:
    """A value nested as deeply as the runtime can read it is refused before the first call."""
    monkeypatch.setenv("ALLOW_POLICY_DOCUMENT", "true")
    idle_stack.properties = {name: nested(depth, kind)}
    answer = deliver(idle_stack, calls, idle_stack.event("Create"), caplog)

    assert calls.names == []
    assert answer["PhysicalResourceId"]


@SETTINGS
@given(st.sampled_from(sorted(SCHEMA["properties"])), VALUES)
def test_any_value_of_any_property_is_judged_before_a_call(
    idle_stack: Stack, calls: Calls, caplog: pytest.LogCaptureFixture, name: str, value: Any
) -> None:
    """One bad value among good ones is named, and AWS hears nothing of the request."""
    good = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}
    idle_stack.properties = good | {name: value}
    answer = deliver(idle_stack, calls, idle_stack.event("Create"), caplog)

    if not VALIDATOR.is_valid(idle_stack.properties):
        assert calls.names == []
        assert f"{name} must be " in answer["Reason"]


@SETTINGS
@given(st.dictionaries(st.sampled_from(ENVELOPE), VALUES, min_size=1), REQUEST_TYPES)
@example({"LogicalResourceId": LONE_SURROGATE}, "Create")
@example({"LogicalResourceId": "a" * 10_000}, "Create")
@example({"RequestId": "\0" * 1000}, "Create")
@example(
    {"StackId": f"arn:aws:cloudformation:us-east-1:123456789012:stack/{'a' * 5000}/b"}, "Create"
)
@example({"StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/\ud800/b"}, "Create")
@example({"PhysicalResourceId": "ü" * 10_000}, "Delete")
@example({"PhysicalResourceId": LONE_SURROGATE}, "Delete")
@example({"CrHelperPoll": True}, "Create")
@example({"CrHelperData": "x"}, "Create")
def test_any_envelope_gets_one_answer_or_none(
    idle_stack: Stack,
    calls: Calls,
    caplog: pytest.LogCaptureFixture,
    changes: dict[str, Any],
    request_type: str,
) -> None:
    """An envelope of any shape is answered once, or refused in the log."""
    idle_stack.properties = {"PolicyTemplate": "vanilla"}
    event = idle_stack.event(request_type, {}) | changes
    answer = deliver(idle_stack, calls, event, caplog)

    assert set(calls.names) <= ASKED
    assert answer or calls.names == []


@SETTINGS
@given(VALUES | st.dictionaries(TEXTS | st.sampled_from([*ENVELOPE, "RetireAccessKey"]), VALUES))
def test_what_is_no_event_is_no_exception(
    idle_stack: Stack, calls: Calls, caplog: pytest.LogCaptureFixture, event: Any
) -> None:
    """Anything at all as event: a line in the log, no answer and no call."""
    assert deliver(idle_stack, calls, event, caplog) is None
    assert calls.names == []


@SETTINGS
@given(st.dictionaries(st.sampled_from(sorted(RETIREMENT)) | TEXTS, VALUES, min_size=1))
@example({"UserName": LONE_SURROGATE})
@example({"UserName": "a" * 10_000})
@example({"UserName": "../admin"})
@example({"SecretName": "\0"})
@example({"AccessKeyId": "*"})
@example({})
def test_any_end_of_a_grace_does_nothing(
    idle_stack: Stack, calls: Calls, caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
) -> None:
    """An event of a schedule with anything in it is a line in the log, and AWS is only asked."""
    event = {"RetireAccessKey": RETIREMENT | changes}
    assert deliver(idle_stack, calls, event, caplog) is None

    assert set(calls.names) <= {"dynamodb:GetItem"}
    if any(type(value) is not str for value in changes.values()):
        assert calls.names == []


@SETTINGS
@given(st.dictionaries(st.sampled_from(sorted(ROTATION)) | TEXTS, VALUES, min_size=1) | VALUES)
@example({"SecretId": LONE_SURROGATE})
@example({"SecretId": "a" * 10_000})
@example({"ClientRequestToken": LONE_SURROGATE})
def test_any_step_of_a_rotation_is_refused(
    idle_stack: Stack, calls: Calls, caplog: pytest.LogCaptureFixture, changes: Any
) -> None:
    """Whatever the rotation function is asked for, it refuses in one sentence and only asks AWS."""
    calls.names.clear()
    caplog.clear()
    event = ROTATION | changes if isinstance(changes, dict) else changes
    context = LambdaContext(invoked_function_arn=FUNCTION_ARN)
    with pytest.raises(RotationRefusedError) as refusal:
        rotation_function.lambda_handler(event, context)

    assert set(calls.names) <= {"secretsmanager:DescribeSecret"}
    assert [vars(record)["why"] for record in caplog.records] == [str(refusal.value)]
    told_safely(str(refusal.value))
    assert "Internal error" not in str(refusal.value)
