"""A version and its places: the buckets that hold it, and the addresses that lead to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, urlencode

import botocore.session
from botocore.exceptions import UnknownRegionError

from publish import PublishError

NAME = "restricted-iam-user"
LATEST = "latest"
TEMPLATE = "template.yaml"
PAGE = "index.html"
SEAL = "manifest.json"
TOOL = "restricted-iam-user.pyz"
MOVING = (TEMPLATE, PAGE, TOOL)  # The files that `latest` has too.
_MAXIMUM_BUCKET_NAME = 63  # "General purpose bucket naming rules".
_PREFIX = re.compile(r"[a-z0-9][a-z0-9-]*[a-z0-9]")
_VERSION = re.compile(r"\d+\.\d+\.\d+([-+.][A-Za-z0-9.+-]+)?")


@dataclass(frozen=True)
class Partition:
    """Domain names that differ between partitions ("AWS service endpoints", "Console URLs")."""

    name: str
    dns_suffix: str
    console: str


_PARTITIONS = {
    partition.name: partition
    for partition in (
        Partition("aws", "amazonaws.com", "console.aws.amazon.com"),
        Partition("aws-cn", "amazonaws.com.cn", "console.amazonaws.cn"),
        Partition("aws-us-gov", "amazonaws.com", "console.amazonaws-us-gov.com"),
    )
}


@dataclass(frozen=True)
class Publisher:
    """Who answers for a version: a name, and where its source can be read; empty where not told."""

    name: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if self.source and not self.source.startswith("https://"):
            raise PublishError("--source must be an address that begins with https://.")


@cache
def partition_of(region: str) -> Partition:
    """The partition of a region, new regions included; raises PublishError for anything else."""
    try:
        name = botocore.session.get_session().get_partition_for_region(region)
    except UnknownRegionError:
        raise PublishError(f"{region!r} is not a region.") from None
    if name not in _PARTITIONS:
        raise PublishError(f"{region} is in partition {name}, which has no public console.")
    return _PARTITIONS[name]


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

    def key(self, file: str, version: str = "") -> str:
        """Key of a file in every bucket; `version` may be `latest`."""
        return f"{NAME}/{version or self.version}/{file}"

    def url(self, region: str, file: str, version: str = "") -> str:
        """Address of a file; `version` may be `latest`."""
        host = f"{self.bucket(region)}.s3.{region}.{partition_of(region).dns_suffix}"
        return f"https://{host}/{self.key(file, version)}"


def checked_release(version: str, prefix: str, regions: list[str]) -> Release:
    """A release whose places can exist; raises PublishError with all that is wrong."""
    release = Release(version, prefix, tuple(dict.fromkeys(regions)))
    problems = []
    if not _VERSION.fullmatch(version):
        problems.append(f"Version {version!r} must look like 1.2.3.")
    if not _PREFIX.fullmatch(prefix):
        problems.append(f"PREFIX {prefix!r} must be small letters, digits and hyphens.")
    if not regions:
        problems.append("REGIONS must name at least one region, such as eu-west-1.")
    partitions = set()
    for region in release.regions:
        try:
            partitions.add(partition_of(region).name)
        except PublishError as error:
            problems.append(str(error))
        bucket = release.bucket(region)
        if len(bucket) > _MAXIMUM_BUCKET_NAME:
            problems.append(
                f"Bucket name {bucket} is longer than {_MAXIMUM_BUCKET_NAME} characters."
            )
    if len(partitions) > 1:
        names = " and ".join(sorted(partitions))
        problems.append(f"The regions are in {names}; publish to one partition at a time.")
    if problems:
        raise PublishError(" ".join(problems))
    return release


def launch_url(release: Release, region: str, parameters: Mapping[str, str] | None = None) -> str:
    """Address of the console page that is filled in for this version, region and parameters.

    The user guide calls it a quick-create link ("Create quick-create links for stacks").
    """
    query = {
        "templateURL": release.url(region, TEMPLATE),
        "stackName": NAME,
        **{f"param_{name}": value for name, value in (parameters or {}).items()},
    }
    return f"{console_url(region)}#/stacks/create/review?{urlencode(query, quote_via=quote)}"


def console_url(region: str) -> str:
    """Address of the CloudFormation console of a region."""
    console = partition_of(region).console
    return f"https://{region}.{console}/cloudformation/home?region={region}"
