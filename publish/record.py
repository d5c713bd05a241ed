"""docs/published.json: which version was published last, where, and the digests of its files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from publish import PROJECT
from publish.package import Artefact
from publish.release import Release

RECORD = PROJECT / "docs" / "published.json"


@dataclass(frozen=True)
class Record:
    """A release, and the SHA-256 of each of its files."""

    release: Release
    digests: Mapping[str, str]


def read_record(path: Path) -> Record | None:
    """Return what was published last; None where there is no such file yet."""
    if not path.exists():
        return None
    fields = json.loads(path.read_text())
    release = Release(fields["Version"], fields["Prefix"], tuple(fields["Regions"]))
    return Record(release, fields["Sha256"])


def record_text(release: Release, artefacts: Sequence[Artefact]) -> str:
    """The record of a release as JSON; the same text seals it in its buckets."""
    fields = {
        "Version": release.version,
        "Prefix": release.prefix,
        "Regions": release.regions,
        "Sha256": {artefact.file: artefact.sha256 for artefact in artefacts},
    }
    return json.dumps(fields, indent=2) + "\n"
