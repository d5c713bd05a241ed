"""How the tool talks: tables for people, JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from datetime import datetime, timezone
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from operator_tool.caller import Caller


def console() -> Console:
    """Where results go; plain and wide where nobody looks."""
    made = Console(highlight=False, emoji=False)  # ARNs hold words between colons.
    if made.is_terminal:
        return made
    return Console(highlight=False, emoji=False, width=160, no_color=True)


def as_json(caller: Caller, **members: Any) -> str:
    """The result as JSON, with the account, the region, and what could not be read."""
    head = {
        "Account": caller.account_id,
        "Region": caller.region,
        "CouldNotRead": sorted(set(caller.gaps.values())),
    }
    return json.dumps(head | members, indent=2, default=_plain)


def table(*columns: str, title: str = "") -> Table:
    """An empty table."""
    made = Table(*columns, title=title or None, box=box.SIMPLE_HEAD, title_justify="left")
    for column in made.columns:
        column.overflow = "fold"
    return made


def gaps(caller: Caller) -> list[str]:
    """What could not be read, one line each."""
    return [f"[yellow]?[/] Could not read {escape(what)}" for what in _told(caller)]


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago something was, in one unit."""
    return span((now or datetime.now(timezone.utc)) - moment) if moment else "never"


def span(length: Any) -> str:
    """A length of time in one unit."""
    hours = int(abs(length.total_seconds()) // 3600)
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"  # noqa: PLR2004 - two days


def _told(caller: Caller) -> list[str]:
    return [f"{key.partition(':')[0]}: {text}" for key, text in sorted(caller.gaps.items())]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(type(value).__name__)
