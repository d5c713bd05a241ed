"""The answer to CloudFormation: one, whole, in time and within its limit."""

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import pytest
import trustme
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from doubles.fake_cloudformation import LambdaContext, ResponseUrl, Stack
from handler import app
from handler.cloudformation import response
from handler.cloudformation.response import (
    MAXIMUM_BYTES,
    CustomResource,
    UndeliveredError,
    encode,
)
from handler.deadline import RESERVE_SECONDS

SILENCE = 0
ANSWER = {
    "Status": "FAILED",
    "PhysicalResourceId": "Provazio",
    "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/a/b",
    "RequestId": "r",
    "LogicalResourceId": "l",
    "NoEcho": False,
    "Data": {},
}
GOOD = {"UserName": "Provazio", "PolicyTemplate": "vanilla", "Serial": "1"}


@dataclass
class Bucket:
    """A real HTTPS server in the place of CloudFormation's bucket."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    woken: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Answers with `statuses` in turn, then with 200; not at all once it comes to SILENCE."""
    found = Bucket()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.requests.append((dict(self.headers), body))
            if found.statuses[:1] == [SILENCE]:
                found.woken.wait()
                return
            self.send_response(found.statuses.pop(0) if found.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    retries = urllib3.Retry(**{**RETRY_SETTINGS, "backoff_factor": 0})
    pool = urllib3.PoolManager(ssl_context=trusting, retries=retries, timeout=1)
    monkeypatch.setattr(response, "_HTTP", pool)
    found.url = f"https://localhost:{server.server_port}/answer"
    yield found
    found.woken.set()
    pool.clear()
    server.shutdown()
    thread.join()
    server.server_close()


RETRY_SETTINGS = {
    name: getattr(response._RETRIES, name)
    for name in ("total", "status_forcelist", "allowed_methods", "raise_on_status", "redirect")
}


def event(bucket: Bucket, **changes: Any) -> dict[str, Any]:
    return {
        "RequestType": "Create",
        "RequestId": "r",
        "ResponseURL": bucket.url,
        "ResourceType": "Custom::RestrictedIAMUser",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/a/b",
        "LogicalResourceId": "l",
        "ResourceProperties": {},
        **changes,
    }


def test_answer_reaches_a_real_server(bucket: Bucket) -> None:
    """The PUT has an empty content type, and a content length in bytes."""
    app.lambda_handler(event(bucket, ResourceProperties={"Farbe": "grün"}), LambdaContext())

    [(headers, body)] = bucket.requests
    assert headers["Content-Type"] == ""
    assert int(headers["Content-Length"]) == len(body)
    assert "'Farbe' is not a property" in json.loads(body)["Reason"]


def test_overloaded_server_is_tried_again(bucket: Bucket) -> None:
    """A 503 is not taken for success: the same answer is sent until it is accepted."""
    bucket.statuses += [503, 500]
    app.lambda_handler(event(bucket), LambdaContext())

    assert len({body for _, body in bucket.requests}) == 1
    assert len(bucket.requests) == 3


def test_refused_answer_is_not_repeated_and_not_swallowed(bucket: Bucket) -> None:
    """A 403 will not get better; the invocation fails, so that Lambda delivers the event again."""
    bucket.statuses += [403]
    with pytest.raises(UndeliveredError, match="HTTP status 403"):
        app.lambda_handler(event(bucket), LambdaContext())

    assert len(bucket.requests) == 1


def test_retries_are_bounded(bucket: Bucket) -> None:
    """A server that stays broken gets five attempts and no more."""
    bucket.statuses += [503] * 20
    with pytest.raises(UndeliveredError, match="HTTP status 503"):
        app.lambda_handler(event(bucket), LambdaContext())

    assert len(bucket.requests) == 5


def test_silent_server_is_given_up(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the answer and says nothing gets five attempts, each with an end."""
    monkeypatch.setitem(response._HTTP.connection_pool_kw, "timeout", 0.1)
    bucket.statuses += [SILENCE]
    with pytest.raises(UndeliveredError, match="MaxRetryError"):
        app.lambda_handler(event(bucket), LambdaContext())

    assert len(bucket.requests) == 5


def test_every_wait_for_the_server_has_an_end() -> None:
    """All attempts together, with the pauses between, end within the deadline's reserve."""
    timeout, retries = response._HTTP.connection_pool_kw["timeout"], response._RETRIES
    assert isinstance(retries.total, int)
    attempts = retries.total + 1
    pauses = sum(retries.backoff_factor * 2**attempt for attempt in range(attempts))

    assert attempts * (timeout.connect_timeout + timeout.read_timeout) + pauses < RESERVE_SECONDS


def test_unreachable_server_is_not_swallowed(bucket: Bucket) -> None:
    """Where nobody listens, the invocation fails."""
    with pytest.raises(UndeliveredError):
        app.lambda_handler(event(bucket, ResponseURL="https://localhost:1/answer"), LambdaContext())


def test_timer_answers_with_the_right_id(responses: ResponseUrl, stack: Stack) -> None:
    """When crhelper's timer fires it fails the request with our id, and nothing follows it."""
    stack.create(**GOOD)
    app.custom_resource._answered = False
    timer: Any = app.custom_resource
    timer._timeout()
    app.custom_resource._send()

    late = responses.answers[-1]
    assert len(responses.answers) == 2
    wanted = f"not-created:{stack.last_event['RequestId']}"
    assert (late["Status"], late["PhysicalResourceId"]) == ("FAILED", wanted)
    assert late["Data"] == {}


def test_failed_start_answers_with_the_right_id(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that could not start still answers a Delete with the id it was asked for."""
    stack.create(**GOOD)
    monkeypatch.setattr(app.custom_resource, "_init_failed", RuntimeError("no region"))
    answer = stack.delete()

    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "Provazio")


def test_crhelper_builds_no_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """No start waits for the clients by which crhelper polls, for they are not built."""
    built: list[str] = []
    monkeypatch.setattr(
        botocore.session.Session, "create_client", lambda _, *of, **__: built.append(of[0])
    )
    made: Any = CustomResource()

    assert built == []
    assert made._init_failed is None


def test_clients_that_cannot_be_built_are_a_failure_like_any_other(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation is answered although the provider never got as far as AWS."""

    def broken() -> None:
        raise RuntimeError("no region")

    monkeypatch.setattr(app, "clients", broken)
    stack.properties = GOOD
    answer = stack.send("Create")

    wanted = f"not-created:{stack.last_event['RequestId']}"
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", wanted)


def test_warm_container_keeps_nothing(stack: Stack) -> None:
    """NoEcho and Data of one event do not show in the next."""
    stack.create(**GOOD)
    app.custom_resource.NoEcho = True
    answer = stack.delete()

    assert answer["NoEcho"] is False
    assert answer["Data"] == {}


@given(st.text(max_size=6000))
def test_answer_is_never_too_long(reason: str) -> None:
    """Whatever the Reason: at most 4,096 bytes of JSON, beginning as the Reason does."""
    body = encode({**ANSWER, "Reason": reason})
    sent = json.loads(body)["Reason"]

    assert len(body) <= MAXIMUM_BYTES
    whole = reason.encode(errors="replace").decode()
    assert sent == whole or (sent.endswith("…") and whole.startswith(sent[:-1]))


def test_long_reason_keeps_its_beginning() -> None:
    """Of a long Reason as much as fits is kept."""
    body = encode({**ANSWER, "Reason": "ü" * 5000})

    assert MAXIMUM_BYTES - 20 < len(body) <= MAXIMUM_BYTES


def test_unforeseen_error_tells_only_its_kind(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of an exception that nobody foresaw may hold a value, so it is not passed on."""

    def broken(*_: object) -> None:
        raise RuntimeError("wJalrXUtnFEMI/K7MDENG")

    monkeypatch.setattr("handler.lifecycle.serve.apply", broken)
    answer = stack.create(**GOOD)

    assert answer["Reason"] == "Internal error RuntimeError; see log stream log-stream."
