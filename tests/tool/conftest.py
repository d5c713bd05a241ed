"""The tool against moto, run inside the test by whoever has all rights."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from doubles import world
from doubles.fake_cloudformation import Stack
from operator_tool import caller, providers
from operator_tool.__main__ import main

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:restricted-iam-user-1234abcd"
# Those of the double's provider; moto has no table and no policy of this stack.
PHYSICAL_IDS = {
    "StateTable": "state",
    "UserBoundary": "arn:aws:iam::123456789012:policy/boundary",
}
TEMPLATE = {
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {"ServiceToken": {"Value": FUNCTION}},
}

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Clients that take the place of moto's, by service."""
    replaced: dict[str, Any] = {}

    def client(_caller: caller.Caller, service: str) -> Any:
        return replaced.get(service) or world.client(service)

    monkeypatch.setattr(caller.Caller, "client", client)
    return replaced


@pytest.fixture
def tool(
    aws: None,
    kind: None,
    clients: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run a command; returns the exit code and all that was printed."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()  # What the functions printed.
        code = main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.fixture
def provider(aws: None, kind: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack of a provider, with the table and the boundary of the tests."""
    monkeypatch.setattr(
        providers, "physical_id", lambda _caller, _stack, logical_id: PHYSICAL_IDS[logical_id]
    )
    world.client("cloudformation").create_stack(
        StackName="provider", TemplateBody=json.dumps(TEMPLATE)
    )


@pytest.fixture
def installer(stack: Stack, provider: None) -> Stack:
    """A stack with the user Provazio."""
    answer = stack.create(
        UserName="Provazio",
        PolicyTemplate="vanilla",
        PolicyName="ManageIguazioSystems",
        Serial="1",
    )
    assert answer["Status"] == "SUCCESS", answer["Reason"]
    return stack
