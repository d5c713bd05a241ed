"""An AWS of moto for every test, with every call recorded and every secret key looked for."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

os.environ.update(
    AWS_REGION="us-east-1",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    PERMISSIONS_BOUNDARY_ARN="arn:aws:iam::123456789012:policy/boundary",
    SCHEDULE_GROUP="restricted-iam-user",
    SCHEDULE_ROLE_ARN="arn:aws:iam::123456789012:role/scheduler",
    ROTATION_FUNCTION_ARN="arn:aws:lambda:us-east-1:123456789012:function:rotation",
    PROVIDER_FUNCTION_ARN="arn:aws:lambda:us-east-1:123456789012:function:provider",
)
for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
    os.environ.pop(name, None)

import pytest
from moto import mock_aws
from xdist.scheduler import LoadScopeScheduling

import handler.app
import handler.rotation_function  # noqa: F401 - imported here, before any test, as Lambda does
import strict_moto
import world
from aws_calls import LISTENER, Calls
from combinations import COMBINATIONS
from fake_cloudformation import ResponseUrl, Stack
from handler import response

_BOUNDARY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def responses(monkeypatch: pytest.MonkeyPatch) -> ResponseUrl:
    url = ResponseUrl()
    monkeypatch.setattr(response, "_HTTP", url)
    return url


@contextmanager
def fresh_aws(calls: Calls) -> Iterator[None]:
    """An AWS with nothing but the boundary in it."""
    with mock_aws():
        world.iam().create_policy(PolicyName="boundary", PolicyDocument=_BOUNDARY)
        world.client("scheduler").create_schedule_group(Name="restricted-iam-user")
        LISTENER.calls = calls
        yield


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
    with fresh_aws(calls):
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


class Scheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Any test on any worker, but all that uses the local AWS on one, in order.

    The chapters of the journey build on each other. xdist's own `loadgroup` does not keep groups
    together under pytest 9.2 (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        path = self.config.rootpath / nodeid.partition("::")[0]
        return "local AWS" if "from emulator" in path.read_text() else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands its numbers to whoever prints the summary."""
    if output := getattr(session.config, "workeroutput", None):
        output["combinations"] = dict(COMBINATIONS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    COMBINATIONS.update(getattr(node, "workeroutput", {}).get("combinations", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for kind, count in COMBINATIONS.items():
        terminalreporter.write_line(f"fault matrix: {count:5} {kind}")
    if COMBINATIONS:
        terminalreporter.write_line(f"fault matrix: {COMBINATIONS.total():5} combinations held")
