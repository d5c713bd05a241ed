"""A resource to be overlapped, on an AWS that is put back as it was each time."""

import logging
from collections.abc import Iterator

import pytest

from doubles import direct_moto, strict_moto
from doubles.account import fresh_aws
from doubles.aws_calls import Calls
from doubles.fake_cloudformation import ResponseUrl, Stack
from doubles.interleave import Interleaving
from support.pairs import Pairs, one_in


@pytest.fixture
def pairs(
    request: pytest.FixtureRequest, responses: ResponseUrl, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pairs]:
    strict_moto.install(monkeypatch)
    direct_moto.install(monkeypatch)
    logging.disable()  # What thousands of overlaps write is told by nobody.
    calls = Calls()
    with fresh_aws(calls):
        stack, runs = Stack(responses), Interleaving(responses, calls.secret_access_keys)
        runs.install(monkeypatch)
        try:
            yield Pairs(stack, runs, one_in(request.config), request.node.nodeid)
        finally:
            logging.disable(logging.NOTSET)
