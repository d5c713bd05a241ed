"""The order of a publication: every region for itself, then `latest`, or not at all.

A version is begun when its first file is there, and sealed when everything is done. A begun version
may be continued with the same bytes; a sealed one is never written to again.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from publish.aws import Aws, client
from publish.errors import PublishError
from publish.launch import check_launch
from publish.package import Artefact
from publish.record import record_text
from publish.release import LATEST, MOVING, NAME, SEAL, TEMPLATE, Release

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Publication:
    """A release, its files, the account that holds them, and who is told of the progress."""

    release: Release
    artefacts: Sequence[Artefact]
    aws: Aws
    tell: Tell

    def run(self) -> list[str]:
        """Publish; returns the regions that failed, in which case `latest` is what it was."""
        failed = self._in_every_region(self._stage)
        if failed:
            self.tell(f"{LATEST} was not moved, because of {', '.join(failed)}.")
            return failed
        return self._in_every_region(self._move_latest) or self._in_every_region(self._seal)

    def _in_every_region(self, work: Callable[[str], None]) -> list[str]:
        regions = self.release.regions
        with ThreadPoolExecutor(max_workers=8) as pool:
            failed = pool.map(lambda region: self._fails(work, region), regions)
            return [region for region, fails in zip(regions, failed, strict=True) if fails]

    def _fails(self, work: Callable[[str], None], region: str) -> bool:
        try:
            work(region)
        except (PublishError, ClientError, BotoCoreError) as error:
            self.tell(f"{region}: FAILED. {error}")
            return True
        return False

    def _stage(self, region: str) -> None:
        """Upload, fetch and launch; nothing that anybody is pointed to changes."""
        bucket = self.aws.bucket(region, self.release.bucket(region))
        bucket.check()
        if bucket.holds(self.release.key(SEAL)):
            raise PublishError(
                f"Version {self.release.version} is in bucket {bucket.name} and never overwritten: "
                "raise the version in pyproject.toml and template.yaml."
            )
        for number, artefact in enumerate(self.artefacts, start=1):
            bucket.put_once(self.release.key(artefact.file), artefact)
            size = f"{len(artefact.body) / 1024:.0f} KiB"
            self.tell(f"{region}: {number}/{len(self.artefacts)} {artefact.file} uploaded ({size})")
        for artefact in self.artefacts:
            bucket.verify(self.release.key(artefact.file), artefact)
        self.tell(f"{region}: fetched again, and the same")
        check_launch(client("cloudformation", region), region, self.release.url(region, TEMPLATE))
        self.tell(f"{region}: launched, and removed again")

    def _move_latest(self, region: str) -> None:
        """Point `latest` to what has been verified."""
        bucket = self.aws.bucket(region, self.release.bucket(region))
        for artefact in self.artefacts:
            if artefact.file in MOVING:
                bucket.put(f"{NAME}/{LATEST}/{artefact.file}", artefact)
        self.tell(f"{region}: {LATEST} is {self.release.version}")

    def _seal(self, region: str) -> None:
        """Close the version, so that it stays what it is."""
        bucket = self.aws.bucket(region, self.release.bucket(region))
        seal = record_text(self.release, self.artefacts).encode()
        bucket.put_once(self.release.key(SEAL), Artefact(SEAL, seal, "application/json"))
