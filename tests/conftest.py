"""An AWS of moto for every test, with every call recorded and every secret key looked for."""

import os
from collections.abc import Callable, Iterator
from typing import Any

os.environ.update(
    AWS_REGION="us-east-1",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    PERMISSIONS_BOUNDARY_ARN="arn:aws:iam::123456789012:policy/boundary",
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
    os.environ.pop(name, None)

import pytest
from moto import mock_aws

import handler.app  # noqa: F401 - imported here, before any test, as Lambda does
import strict_moto
import world
from fake_cloudformation import ResponseUrl, Stack
from handler import clients, response

_BOUNDARY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'


class Calls:
    """The AWS calls of the function, as `service:Operation`, and the secret keys it was given."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.secret_access_keys: set[str] = set()


class Listener:
    """Hears the calls of the function's clients, which live as long as the test run."""

    def __init__(self) -> None:
        self.calls = Calls()

    def before_call(self, model: Any, **_: Any) -> None:
        self.calls.names.append(f"{model.service_model.signing_name}:{model.name}")

    def after_create_access_key(self, parsed: dict[str, Any], **_: Any) -> None:
        if "AccessKey" in parsed:
            self.calls.secret_access_keys.add(parsed["AccessKey"]["SecretAccessKey"])


LISTENER = Listener()
clients.session().events.register("before-call", LISTENER.before_call)
clients.session().events.register(
    "after-call.iam.CreateAccessKey", LISTENER.after_create_access_key
)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def responses(monkeypatch: pytest.MonkeyPatch) -> ResponseUrl:
    url = ResponseUrl()
    monkeypatch.setattr(response, "_HTTP", url)
    return url


@pytest.fixture
def aws(
    calls: Calls,
    responses: ResponseUrl,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """moto, empty at first; afterwards no output holds a secret access key."""
    strict_moto.install(monkeypatch)
    with mock_aws():
        world.iam().create_policy(PolicyName="boundary", PolicyDocument=_BOUNDARY)
        monkeypatch.setattr(LISTENER, "calls", calls)
        yield
    printed = capsys.readouterr()
    output = caplog.text + printed.out + printed.err + str(responses.bodies)
    for secret_access_key in calls.secret_access_keys:
        assert secret_access_key not in output


@pytest.fixture
def stack(aws: None, responses: ResponseUrl) -> Stack:
    return Stack(responses)


@pytest.fixture
def new_stack(aws: None, responses: ResponseUrl) -> Callable[..., Stack]:
    return lambda **fields: Stack(responses, **fields)
