"""Waiting that takes no time, although the leases of the provider's memory grow older by it."""

import time
from types import SimpleNamespace

import pytest

from handler.state import memory, table


def install(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Put it in place for one test; returns the seconds that will have been slept."""
    slept: list[float] = []
    now = time.time()

    def sleep(seconds: float) -> None:
        if seconds:
            slept.append(seconds)

    clock = SimpleNamespace(time=lambda: now + sum(slept), sleep=sleep)
    for module in (memory, table):
        monkeypatch.setattr(module, "time", clock)
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + sum(slept))
    monkeypatch.setattr(time, "sleep", sleep)
    return slept
