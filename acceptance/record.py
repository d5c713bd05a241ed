"""What a run has seen, as a report that can be shown to anybody."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from acceptance.account import Account
from demo.sam import PROJECT

_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:[^\s\"'`,;)\]]*")
# Access keys, and the ids of users and roles.
_ID = re.compile(r"\bA(?:KIA|SIA|IDA|ROA|NPA)[A-Z0-9]{8,}([A-Z0-9]{4})\b")
_NOT_REACHED = "the run stopped before it"


@dataclass
class Part:
    """A chapter of the journey, or a doubt."""

    title: str
    lines: list[str] = field(default_factory=list)
    seconds: float = 0.0
    verdict: str = "not reached"


@dataclass
class Record:
    """The parts in their order, each with what was seen; those not reached say so."""

    account: Account
    chapters: dict[str, Part]
    doubts: dict[str, Part]
    left: list[str] = field(default_factory=list)
    stopped: str = ""
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def held(self) -> bool:
        """Whether the journey came to its end, and nothing is left."""
        parts = self.chapters.values()
        return not self.stopped and not self.left and all(p.verdict == "held" for p in parts)

    @contextmanager
    def timed(self, part: Part) -> Iterator[None]:
        """Measure a part, however it ends."""
        started = time.monotonic()
        part.verdict = "stopped"
        try:
            yield
        finally:
            part.seconds = time.monotonic() - started

    def text(self) -> str:
        """The report: no account id, no ARN, no id and no secret in it."""
        return self._masked("\n".join(self._lines())) + "\n"

    def write(self, directory: Path) -> Path:
        """Write the report under its date and region; never over another one."""
        directory.mkdir(parents=True, exist_ok=True)
        name = f"{self.begun:%Y-%m-%d}-{self.account.region}"
        file = directory / f"{name}.md"
        if file.exists():
            file = directory / f"{name}-{self.account.run}.md"
        file.write_text(self.text())
        return file

    def _lines(self) -> Iterator[str]:
        account, seconds = self.account, (datetime.now(UTC) - self.begun).total_seconds()
        yield f"# Acceptance run of {self.begun:%Y-%m-%d} in {account.region}\n"
        if account.endpoint:
            yield f"**This was not AWS** but what listens at {account.endpoint}.\n"
        yield "| | |\n|---|---|"
        yield f"| Version | {_version()} |"
        yield f"| Region, partition | {account.region}, {account.partition} |"
        yield f"| Begun | {self.begun:%Y-%m-%d %H:%M} UTC |"
        yield f"| Lasted | {seconds:.0f} s |"
        yield f"| Result | {self._result()} |"
        yield "\n## The journey"
        for chapter in self.chapters.values():
            yield f"\n### {chapter.title}: {chapter.verdict}, {chapter.seconds:.0f} s\n"
            yield from (f"- {line}" for line in chapter.lines)
        yield "\n## What AWS does"
        for doubt in self.doubts.values():
            yield f"\n### {doubt.title}\n"
            if not doubt.lines:
                yield f"- Not answered: {self.stopped or _NOT_REACHED}"
            yield from (f"- {line}" for line in doubt.lines)
            yield f"\nTook {doubt.seconds:.0f} s."
        yield "\n## What is left in the account\n"
        yield from (f"- {line}" for line in self.left or ["Nothing."])

    def _result(self) -> str:
        if self.stopped:
            return f"Stopped: {self.stopped}"
        broken = [part.title for part in self.chapters.values() if part.verdict != "held"]
        if broken:
            return f"Did not hold: {', '.join(broken)}"
        return "The journey held" + (", but something is left" if self.left else "")

    def _masked(self, text: str) -> str:
        text = _ARN.sub(lambda arn: arn[0] if self.account.prefix in arn[0] else "arn:…", text)
        text = text.replace(self.account.account_id, "<account>")
        return _ID.sub(r"…\1", text)


def _version() -> str:
    """The version of the checkout, its commit, and whether it was changed since."""
    found = re.search(r'^version = "(.*)"', (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return f"{found[1] if found else '?'}, commit {commit or 'unknown'}"
