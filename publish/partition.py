"""The three public partitions: where their consoles and their S3 are."""

from dataclasses import dataclass
from functools import cache

import botocore.session
from botocore.exceptions import UnknownRegionError

from publish.errors import PublishError


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
