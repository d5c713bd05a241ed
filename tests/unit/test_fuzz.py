"""Whatever an event holds: one well-formed answer, and no call before it is known to be valid."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from doubles.aws_calls import LISTENER, Calls
from doubles.fake_cloudformation import FUNCTION_ARN, LambdaContext, ResponseUrl
from handler import app
from handler.cloudformation import response
from handler.properties import schema

STACK_ID = (
    "arn:aws:cloudformation:us-east-1:123456789012:stack/s/00000000-0000-0000-0000-000000000000"
)
URL = "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x"
HOSTILE = [
    "", " ", "\x00", "\ud800", "../../x", "*", "a" * 70_000, "é" * 5_000, "${AWS::AccountId}",
    "$AWS_ACCOUNT_ID", "arn:aws:iam::aws:policy/AdministratorAccess", "-1", "NaN", "1e9",
    "rate(0 days)", "{{resolve:secretsmanager:x}}", "__proto__", "٣", "Provazio\n", "'; --",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(HOSTILE)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(), st.sampled_from(HOSTILE)), inner, max_size=4),
    ),
    max_leaves=8,
)
NAMES = st.one_of(st.sampled_from(sorted(schema.SCHEMA["properties"])), st.text(max_size=40))
# What no property accepts; so the whole event is invalid whatever the rest says.
INVALID = {"NoSuchProperty": "x"}
BOUNDED = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def event(**changes: Any) -> dict[str, Any]:
    return {
        "RequestType": "Create",
        "RequestId": "request",
        "ResponseURL": URL,
        "StackId": STACK_ID,
        "LogicalResourceId": "User",
        "ResourceType": "Custom::RestrictedIAMUser",
        "ServiceToken": FUNCTION_ARN,
        "ResourceProperties": {},
        **changes,
    }


def answers(
    monkeypatch: pytest.MonkeyPatch, sent: Any
) -> tuple[list[dict[str, Any]], list[str], list[int]]:
    """The answers to an event, the calls that it led to, and the sizes of the answers."""
    calls, responses = Calls(), ResponseUrl()
    LISTENER.calls = calls
    monkeypatch.setattr(response, "_HTTP", responses)
    app.lambda_handler(sent, LambdaContext())
    return responses.answers, calls.names, [len(body) for body in responses.bodies]


@BOUNDED
@given(st.dictionaries(NAMES, VALUES, max_size=6), st.sampled_from(["Create", "Update"]))
def test_invalid_properties_are_refused_before_any_call(
    monkeypatch: pytest.MonkeyPatch, properties: dict[str, Any], request_type: str
) -> None:
    """Every type in every place: one FAILED answer in sentences, and AWS is not asked anything."""
    sent = event(
        RequestType=request_type,
        PhysicalResourceId="Provazio",
        ResourceProperties=properties | INVALID,
    )
    found, calls, sizes = answers(monkeypatch, sent)

    assert calls == []
    (answer,) = found
    assert answer["Status"] == "FAILED"
    assert answer["Data"] == {}
    assert "in the properties, nothing was touched" in answer["Reason"]
    assert "Traceback" not in answer["Reason"]
    assert "Internal error" not in answer["Reason"]
    assert sizes[0] <= 4096
    for name in ("StackId", "RequestId", "LogicalResourceId"):
        assert answer[name] == sent[name]


@BOUNDED
@given(st.dictionaries(st.sampled_from(sorted(event())), VALUES, min_size=1, max_size=4))
@example({"RequestId": "a" * 5000})
@example({"LogicalResourceId": "é" * 5000})
@example({"PhysicalResourceId": "a" * 5000, "RequestType": "Delete"})
@example({"RequestType": []})
def test_whatever_the_envelope_holds(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """An event that is none is not answered; one that is gets one answer; AWS is not asked."""
    sent = event(ResourceProperties=INVALID) | changes
    if isinstance(sent["ResourceProperties"], dict):
        sent["ResourceProperties"] = sent["ResourceProperties"] | INVALID
    found, calls, sizes = answers(monkeypatch, sent)

    assert calls == []
    assert len(found) <= 1
    assert all(size <= 4096 for size in sizes)
    assert "Traceback" not in json.dumps(found)


@BOUNDED
@given(VALUES)
def test_what_is_no_object_is_not_answered(monkeypatch: pytest.MonkeyPatch, sent: Any) -> None:
    """Anything at all may be handed to the function; nothing is sent anywhere for it."""
    found, calls, _ = answers(monkeypatch, sent)

    assert found == []
    assert calls == []
