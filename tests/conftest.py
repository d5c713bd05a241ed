"""An AWS of moto for every test, with every call recorded and every secret key looked for."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from doubles import strict_moto
from doubles.account import fresh_aws
from doubles.aws_calls import Calls
from doubles.combinations import COMBINATIONS
from doubles.fake_cloudformation import ResponseUrl, Stack
from handler import app, rotation_function  # noqa: F401 - as Lambda does, before any event
from handler.cloudformation import response


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
        return "local AWS" if "local_aws" in path.parts else nodeid


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
