"""The bucket of each region: we write to it once, and strangers read from it."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from publish import PublishError
from publish.package import Artefact
from publish.release import Release

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchBucket"})


def reader(region: str, public: bool) -> "S3Client":
    """A client that fetches as readers do: without credentials where everybody may read."""
    config = Config(signature_version=UNSIGNED) if public else None
    return boto3.Session().client("s3", region_name=region, config=config)


def read(client: "S3Client", bucket: str, key: str) -> bytes:
    """Return an object's content; raises PublishError where this client gets none."""
    try:
        return client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        code = _code(error)
        what = "is missing from" if code in _ABSENT else f"cannot be read ({code}) from"
        raise PublishError(f"{key} {what} bucket {bucket}.") from error


def check_same(body: bytes, sha256: str, what: str) -> None:
    """Raise PublishError unless these are the bytes that were built."""
    if hashlib.sha256(body).hexdigest() != sha256:
        raise PublishError(f"{what} is not what was built: do not use it.")


@dataclass(frozen=True)
class Bucket:
    """A bucket that must be the account's own: each write names the owner it expects."""

    region: str
    name: str
    owner: str
    writer: "S3Client"
    reader: "S3Client"

    def check(self) -> None:
        """Raise PublishError unless the bucket exists and is ours."""
        try:
            self.writer.head_bucket(Bucket=self.name, ExpectedBucketOwner=self.owner)
        except ClientError as error:
            if _code(error) in _ABSENT:
                raise PublishError(
                    f"There is no bucket {self.name}: make it with publish/bucket.yaml."
                ) from error
            raise PublishError(
                f"Bucket {self.name} is not ours: account {self.owner} is not its owner, "
                f"or may not see it ({_code(error)})."
            ) from error

    def holds(self, key: str) -> bool:
        """Whether the bucket has such an object."""
        try:
            self.writer.head_object(Bucket=self.name, ExpectedBucketOwner=self.owner, Key=key)
        except ClientError as error:
            if _code(error) in _ABSENT:
                return False
            raise
        return True

    def put_once(self, key: str, artefact: Artefact) -> None:
        """Write an object unless the bucket has it; raises PublishError if that one differs."""
        try:
            self.put(key, artefact, IfNoneMatch="*")
        except ClientError as error:
            if _code(error) != "PreconditionFailed":
                raise
            there = read(self.writer, self.name, key)
            check_same(there, artefact.sha256, f"{key}, which bucket {self.name} has already,")

    def put(self, key: str, artefact: Artefact, **conditions: Any) -> None:
        """Write an object over the present one, if any."""
        self.writer.put_object(
            Bucket=self.name,
            ExpectedBucketOwner=self.owner,
            Key=key,
            Body=artefact.body,
            ContentType=artefact.content_type,
            **conditions,
        )

    def verify(self, key: str, artefact: Artefact) -> None:
        """Fetch an object as a reader does; raises PublishError unless it is what was built."""
        body = read(self.reader, self.name, key)
        check_same(body, artefact.sha256, f"{key} in bucket {self.name}")


def own_buckets(release: Release, public: bool) -> list[Bucket]:
    """The buckets of a release, which must belong to the account of the environment's credentials.

    Raises PublishError where the credentials are for another partition than the regions.
    """
    sts = boto3.Session().client("sts", region_name=release.regions[0])
    _, partition, _, _, account_id, _ = sts.get_caller_identity()["Arn"].split(":", 5)
    if partition != release.partition.name:
        raise PublishError(
            f"The credentials are for partition {partition}, "
            f"but the regions are in {release.partition.name}."
        )
    return [
        Bucket(
            region,
            release.bucket(region),
            account_id,
            writer=boto3.Session().client("s3", region_name=region),
            reader=reader(region, public),
        )
        for region in release.regions
    ]


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
