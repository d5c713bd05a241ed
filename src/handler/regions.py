"""The regions that there are, as far as botocore knows them; AWS opens new ones."""

from functools import cache
from typing import Any

from botocore.loaders import create_loader


@cache
def known(partition: str) -> frozenset[str]:
    """The regions of a partition when botocore was released."""
    partitions: Any = create_loader().load_data("partitions")["partitions"]
    return frozenset(
        region
        for one in partitions
        if one["id"] == partition
        for region in one["regions"]
        if region.rpartition("-")[2].isdigit()  # Not its pseudo-regions, such as aws-global.
    )


def may_exist(region: str, partition: str) -> bool:
    """Whether a region exists, or is named as a new one of the partition would be.

    That is for a part of the world where the partition has a region, and a direction that any
    region has: eu-west-9 or sa-north-1, but neither eu-wset-1 nor xx-west-1.
    """
    names = known(partition)
    areas, directions = {_parts(name)[0] for name in names}, {_parts(name)[1] for name in names}
    area, direction = _parts(region)
    return region in names or (area in areas and direction in directions)


def _parts(region: str) -> tuple[str, str]:
    area, direction, _ = region.rsplit("-", 2)
    return area, direction
