"""The order of a publication: upload and try in every region, then move `latest`, then seal.

A version is begun when its first file is there, and sealed when everything is done. A begun version
may be continued with the same bytes; a sealed one is never written to again.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from publish import PublishError
from publish.bucket import Bucket
from publish.launch import check_launch
from publish.package import Artefact
from publish.record import record_text
from publish.release import LATEST, MOVING, SEAL, TEMPLATE, Release


@dataclass(frozen=True)
class Publication:
    """A release, its files, a bucket for each region, and who is told of the progress."""

    release: Release
    artefacts: Sequence[Artefact]
    buckets: Sequence[Bucket]
    tell: Callable[[str], None]

    def run(self) -> list[str]:
        """Publish; returns the regions that failed. `latest` moves only after all have passed."""
        failed = self._in_every_region(self._stage)
        if failed:
            self.tell(f"{LATEST} was not moved, because of {', '.join(failed)}.")
            return failed
        return self._in_every_region(self._move_latest) or self._in_every_region(self._seal)

    def _in_every_region(self, work: Callable[[Bucket], None]) -> list[str]:
        """Work in all regions at the same time; returns those that failed."""

        def fails(bucket: Bucket) -> bool:
            try:
                work(bucket)
            except (PublishError, ClientError, BotoCoreError) as error:
                self.tell(f"{bucket.region}: FAILED. {error}")
                return True
            return False

        with ThreadPoolExecutor(max_workers=8) as pool:
            failed = pool.map(fails, self.buckets)
        return [bucket.region for bucket, fail in zip(self.buckets, failed, strict=True) if fail]

    def _stage(self, bucket: Bucket) -> None:
        """Upload, fetch and launch; nothing that anybody is pointed to changes."""
        region, count = bucket.region, len(self.artefacts)
        bucket.check()
        if bucket.holds(self.release.key(SEAL)):
            raise PublishError(
                f"Version {self.release.version} is in bucket {bucket.name} and never overwritten: "
                "raise the version in pyproject.toml and template.yaml."
            )
        for number, artefact in enumerate(self.artefacts, start=1):
            bucket.put_once(self.release.key(artefact.file), artefact)
            size = f"{len(artefact.body) / 1024:.0f} KiB"
            self.tell(f"{region}: {number}/{count} {artefact.file} uploaded ({size})")
        for artefact in self.artefacts:
            bucket.verify(self.release.key(artefact.file), artefact)
        self.tell(f"{region}: fetched again, and the same")
        check_launch(region, self.release.url(region, TEMPLATE))
        self.tell(f"{region}: launched, and removed again")

    def _move_latest(self, bucket: Bucket) -> None:
        """Point `latest` to this version."""
        for artefact in self.artefacts:
            if artefact.file in MOVING:
                bucket.put(self.release.key(artefact.file, LATEST), artefact)
        self.tell(f"{bucket.region}: {LATEST} is {self.release.version}")

    def _seal(self, bucket: Bucket) -> None:
        """Write the file that closes the version to further writes."""
        seal = record_text(self.release, self.artefacts).encode()
        bucket.put_once(self.release.key(SEAL), Artefact(SEAL, seal, "application/json"))
