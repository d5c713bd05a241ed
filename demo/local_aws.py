"""Runs MiniStack for as long as a `with` block lasts, on a free port and with its own state."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
_START_SECONDS = 60
# MiniStack takes this key for the account's root; it is worth nothing elsewhere.
_ROOT_KEY = {"AWS_ACCESS_KEY_ID": "local-root", "AWS_SECRET_ACCESS_KEY": "local-root-secret"}
# These would hide MiniStack's certificate from the function that it runs.
_TRUST_VARIABLES = frozenset({"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"})


@dataclass(frozen=True)
class LocalAws:
    """An AWS of our own that is listening."""

    directory: Path
    port: int

    @property
    def certificate(self) -> Path:
        """The certificate that MiniStack made for itself."""
        return self.directory / "ministack-tls" / "server.crt"

    @property
    def environment(self) -> dict[str, str]:
        """What the AWS SDKs and command lines need to work here as the account's root."""
        return {
            **_ROOT_KEY,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_CONFIG_FILE": str(self.directory / "aws-config"),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": f"https://localhost:{self.port}",
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "localhost,127.0.0.1",
        }

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of the account's root."""
        access_key_id, secret_access_key = _ROOT_KEY.values()
        return self.client_of(service, access_key_id, secret_access_key, region)

    def client_of(
        self, service: str, access_key_id: str, secret_access_key: str, region: str = REGION
    ) -> Any:
        """A boto3 client of the holder of a key."""
        session: Any = boto3.Session(access_key_id, secret_access_key)
        return session.client(
            service,
            region_name=region,
            endpoint_url=f"https://localhost:{self.port}",
            verify=str(self.certificate),
        )


@contextmanager
def local_aws(directory: Path) -> Iterator[LocalAws]:
    """Start MiniStack, and end it with everything it started, however the block is left."""
    aws = LocalAws(directory, _free_port())
    log = directory / "ministack.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("launcher.py"))],
            env=_environment(aws),
            stdin=subprocess.PIPE,  # The launcher ends its process group when this closes.
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            _wait_until_listening(aws, process, log)
            yield aws
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _environment(aws: LocalAws) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and name not in _TRUST_VARIABLES
    }
    return {
        **inherited,
        **_ROOT_KEY,
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(aws.port),
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
        "NO_PROXY": "localhost,127.0.0.1",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(aws.directory / "state"),
        "TMPDIR": str(aws.directory),
        "USE_SSL": "1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(aws: LocalAws, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        with socket.socket() as probe:
            if aws.certificate.exists() and probe.connect_ex(("127.0.0.1", aws.port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"MiniStack did not start:\n{log.read_text()[-2000:]}")
