"""An AWS of moto for every test, with every call recorded and every secret key looked for."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from doubles import late_cloudformation, strict_dynamodb, strict_moto, unkind
from doubles.account import fresh_aws
from doubles.aws_calls import Calls
from doubles.clock import Clock
from doubles.combinations import COMBINATIONS
from doubles.fake_cloudformation import ResponseUrl, Stack
from doubles.secrets_manager import SecretsManager
from handler import app, rotation_function  # noqa: F401 - as Lambda does, before any event
from handler.cloudformation import response
from support.rotated_secret import PROPERTIES
from support.sample import Sample


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="run all of the faults, overlaps and sequences, and not a sample of them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let the tests write within the repository only."""
    directory = config.rootpath / ".pytest_cache" / "tmp"
    directory.mkdir(parents=True, exist_ok=True)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(directory)


@pytest.fixture
def sample(request: pytest.FixtureRequest, no_cover: None) -> Sample:
    """How much of an exhaustive test runs; whoever asks for it tells COMBINATIONS what ran.

    Coverage is that of the other tests, which say what they cover, and tracing takes as long again.
    """
    return Sample(request.config.getoption("exhaustive"), request.node.nodeid)


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
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """moto, empty at first; afterwards no output and no memory holds a secret access key."""
    strict_moto.install(monkeypatch)
    with fresh_aws(calls):
        yield
        remembered = str(strict_dynamodb.items())
    printed = capsys.readouterr()
    logged = caplog.text + str([vars(record) for record in caplog.records])
    output = logged + printed.out + printed.err + str(responses.bodies) + remembered
    for secret_access_key in calls.secret_access_keys:
        assert secret_access_key not in output


@pytest.fixture
def told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudFormation is not late, for tests that count what is waited for otherwise."""
    late_cloudformation.tell_at_once(monkeypatch)


@pytest.fixture
def stack(aws: None, responses: ResponseUrl) -> Stack:
    return Stack(responses)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of a test, on which time passes at once, as far as the functions sleep."""
    made = Clock()
    made.install(monkeypatch)
    return made


@pytest.fixture
def rotation(stack: Stack, slept: list[float]) -> SecretsManager:
    """A user whose secret rotates on a schedule."""
    answer = stack.create(**PROPERTIES)
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return SecretsManager()


@pytest.fixture
def new_stack(aws: None, responses: ResponseUrl) -> Callable[..., Stack]:
    return lambda **fields: Stack(responses, **fields)


@pytest.fixture
def slept(clock: Clock) -> list[float]:
    """The seconds that the functions slept, each time."""
    return clock.slept


@pytest.fixture
def kind(told_at_once: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS has no passing refusals and is not late, for tests that count those of their own."""
    monkeypatch.setattr(unkind, "UNKINDNESS", unkind.NONE)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands its numbers to whoever prints the summary."""
    if output := getattr(session.config, "workeroutput", None):
        output["combinations"] = dict(COMBINATIONS)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    COMBINATIONS.update(getattr(node, "workeroutput", {}).get("combinations", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which combinations of faults, overlaps and sequences ran, and whether they are all."""
    if not COMBINATIONS:
        return
    for kind, count in sorted(COMBINATIONS.items()):
        terminalreporter.write_line(f"fault matrix: {count:5} {kind}")
    extent = Sample(config.getoption("exhaustive"), "")
    terminalreporter.write_line(
        f"fault matrix: {COMBINATIONS.total():5} combinations held: {extent}"
    )
