"""What the auditors find, and what of it we accept with a reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import yaml

from support.templates import PROJECT

ACCEPTED = PROJECT / "tests" / "auditors" / "accepted.yaml"


@dataclass(frozen=True, order=True)
class Finding:
    """What an auditor complains of, and of which resource."""

    check: str
    on: str

    def __str__(self) -> str:
        return f"{self.check} on {self.on}"


@dataclass(frozen=True)
class Accepted:
    """Findings that we know of and leave; `*` in a check stands for any characters."""

    checks: tuple[str, ...]
    on: tuple[str, ...]
    because: str
    emulator: bool

    @property
    def patterns(self) -> list[Finding]:
        return [Finding(check, on) for check in self.checks for on in self.on]


def accepted(auditor: str) -> list[Accepted]:
    """The entries of accepted.yaml for an auditor."""
    return [
        Accepted(
            tuple(entry["checks"]), tuple(entry["where"]), entry["because"], "emulator" in entry
        )
        for entry in yaml.safe_load(ACCEPTED.read_text())[auditor]
    ]


def surprises(auditor: str, found: Iterable[Finding]) -> list[str]:
    """What is found and not accepted, and what is accepted and not found any more."""
    findings = set(found)
    patterns = [pattern for entry in accepted(auditor) for pattern in entry.patterns]
    new = [one for one in findings if not any(_covers(pattern, one) for pattern in patterns)]
    gone = [p for p in patterns if not any(_covers(p, one) for one in findings)]
    return [f"new: {one}" for one in sorted(new)] + [f"gone: {one}" for one in sorted(gone)]


def _covers(pattern: Finding, finding: Finding) -> bool:
    return pattern.on == finding.on and fnmatchcase(finding.check, pattern.check)
