"""What the journey needs of an AWS: the local one has it, and so has an account of a person."""

from pathlib import Path
from typing import Any, Protocol


class Aws(Protocol):
    """An account in one region, and a directory for what the commands write meanwhile."""

    @property
    def directory(self) -> Path: ...

    @property
    def region(self) -> str: ...

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of the SAM CLI and the AWS CLI that work in the account."""

    @property
    def poll_seconds(self) -> float:
        """How long to wait between two looks at a stack."""

    def client(self, service: str) -> Any:
        """A boto3 client of whoever runs the command."""

    def client_of(self, service: str, access_key_id: str, secret_access_key: str) -> Any:
        """A boto3 client of the holder of a key."""
