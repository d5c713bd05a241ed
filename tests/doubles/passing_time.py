"""Waiting that takes no time, although the leases of the provider's memory grow older by it."""

import time
from types import SimpleNamespace

import pytest

from handler.state import memory, table


def install(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Put it in place for one test; returns the seconds that will have been slept."""
    slept: list[float] = []
    now = time.time()
    clock = SimpleNamespace(time=lambda: now + sum(slept), sleep=slept.append)
    for module in (memory, table):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept
