"""One version of the product and the places that it is published to."""

import re
from dataclasses import dataclass

from publish.errors import PublishError
from publish.partition import Partition, partition_of

NAME = "restricted-iam-user"
LATEST = "latest"
TEMPLATE = "template.yaml"
PAGE = "index.html"
SEAL = "manifest.json"
MOVING = (TEMPLATE, PAGE)  # What is under `latest` too.
MAXIMUM_BUCKET_NAME = 63  # "General purpose bucket naming rules".
_PREFIX = re.compile(r"[a-z0-9][a-z0-9-]*[a-z0-9]")
_VERSION = re.compile(r"\d+\.\d+\.\d+([-+.][A-Za-z0-9.+-]+)?")


@dataclass(frozen=True)
class Release:
    """A version, and the buckets `<prefix>-<region>` that hold it."""

    version: str
    prefix: str
    regions: tuple[str, ...]

    @property
    def partition(self) -> Partition:
        """The partition that all its regions are in."""
        return partition_of(self.regions[0])

    def bucket(self, region: str) -> str:
        """Name of the bucket of a region."""
        return f"{self.prefix}-{region}"

    def key(self, file: str) -> str:
        """Where a file of this version is, in every bucket."""
        return f"{NAME}/{self.version}/{file}"

    def url(self, region: str, file: str, version: str = "") -> str:
        """Address of a file; `version` may be `latest`."""
        host = f"{self.bucket(region)}.s3.{region}.{partition_of(region).dns_suffix}"
        return f"https://{host}/{NAME}/{version or self.version}/{file}"


def checked_release(version: str, prefix: str, regions: list[str]) -> Release:
    """A release whose places can exist; raises PublishError with all that is wrong."""
    problems = []
    if not _VERSION.fullmatch(version):
        problems.append(f"Version {version!r} must look like 1.2.3.")
    if not _PREFIX.fullmatch(prefix):
        problems.append(f"PREFIX {prefix!r} must be small letters, digits and hyphens.")
    if not regions:
        problems.append("REGIONS must name at least one region, such as eu-west-1.")
    partitions = set()
    for region in regions:
        try:
            partitions.add(partition_of(region).name)
        except PublishError as error:
            problems.append(str(error))
        if len(f"{prefix}-{region}") > MAXIMUM_BUCKET_NAME:
            problems.append(
                f"Bucket name {prefix}-{region} is longer than {MAXIMUM_BUCKET_NAME} characters."
            )
    if len(partitions) > 1:
        names = " and ".join(sorted(partitions))
        problems.append(f"The regions are in {names}; publish to one partition at a time.")
    if problems:
        raise PublishError(" ".join(problems))
    return Release(version, prefix, tuple(dict.fromkeys(regions)))
