"""Clients of the account that publishes."""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from publish.bucket import Bucket
from publish.errors import PublishError
from publish.release import Release


def client(service: str, region: str, **options: Any) -> Any:
    """A client of one region; from a session of its own, since sessions are not for threads."""
    session: Any = boto3.Session()
    return session.client(service, region_name=region, **options)


def reader(region: str, public: bool) -> Any:
    """A client for S3 as readers have it: without credentials where everybody may read."""
    return client("s3", region, config=Config(signature_version=UNSIGNED) if public else None)


@dataclass(frozen=True)
class Aws:
    """The account that the environment's credentials belong to."""

    account_id: str
    public: bool

    @classmethod
    def from_environment(cls, release: Release, public: bool) -> "Aws":
        """Raises PublishError where the credentials are for another partition than the regions."""
        arn = client("sts", release.regions[0]).get_caller_identity()["Arn"]
        _, partition, _, _, account_id, _ = arn.split(":", 5)
        if partition != release.partition.name:
            raise PublishError(
                f"The credentials are for partition {partition}, "
                f"but the regions are in {release.partition.name}."
            )
        return cls(account_id, public)

    def bucket(self, region: str, name: str) -> Bucket:
        """A bucket that must be ours."""
        return Bucket(client("s3", region), reader(region, self.public), name, self.account_id)
