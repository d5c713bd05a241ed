"""One region's bucket: what may be written to it once, and what strangers read from it."""

import hashlib
from typing import Any

from botocore.exceptions import ClientError

from publish.errors import PublishError
from publish.package import Artefact

_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchBucket"})


def read(client: Any, bucket: str, key: str) -> bytes:
    """An object's content; raises PublishError where there is none for this reader."""
    try:
        body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        what = "is missing from" if code in _ABSENT else f"cannot be read ({code}) from"
        raise PublishError(f"{key} {what} bucket {bucket}.") from error
    return body


def check_same(body: bytes, sha256: str, what: str) -> None:
    """Raise PublishError unless these are the bytes that were built."""
    if hashlib.sha256(body).hexdigest() != sha256:
        raise PublishError(f"{what} is not what was built: do not use it.")


class Bucket:
    """A bucket that must be the account's own: each write names the owner it expects."""

    def __init__(self, writer: Any, reader: Any, name: str, owner: str) -> None:
        """`reader` is a client that signs nothing, as a stranger's, where readers are public."""
        self._writer = writer
        self._reader = reader
        self.name = name
        self._ours = {"Bucket": name, "ExpectedBucketOwner": owner}

    def check(self) -> None:
        """Raise PublishError unless the bucket is there and is ours."""
        try:
            self._writer.head_bucket(**self._ours)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _ABSENT:
                raise PublishError(
                    f"There is no bucket {self.name}: make it with publish/bucket.yaml."
                ) from error
            owner = self._ours["ExpectedBucketOwner"]
            raise PublishError(
                f"Bucket {self.name} is not ours: account {owner} is not its owner, "
                f"or may not see it ({code})."
            ) from error

    def holds(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            self._writer.head_object(Key=key, **self._ours)
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return False
            raise
        return True

    def put_once(self, key: str, artefact: Artefact) -> None:
        """Write what is not there yet; what is there stays, and must be the same."""
        try:
            self.put(key, artefact, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            there = read(self._writer, self.name, key)
            check_same(there, artefact.sha256, f"{key}, which bucket {self.name} has already,")

    def put(self, key: str, artefact: Artefact, **conditions: str) -> None:
        """Write an object, over whatever is there."""
        self._writer.put_object(
            Key=key,
            Body=artefact.body,
            ContentType=artefact.content_type,
            **self._ours,
            **conditions,
        )

    def verify(self, key: str, artefact: Artefact) -> None:
        """Fetch as a reader does, and raise PublishError unless it is what was built."""
        body = read(self._reader, self.name, key)
        check_same(body, artefact.sha256, f"{key} in bucket {self.name}")
