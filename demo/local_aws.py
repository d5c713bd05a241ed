"""Runs MiniStack for as long as a `with` block lasts, on a free port and with its own state.

Whatever works in it gets `LocalAws.environment`: nothing that the person has exported for AWS or
for the SAM CLI leads to another account, and nothing is written outside the directory.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
LAUNCHER = Path(__file__).with_name("launcher.py")
_START_SECONDS = 60
# MiniStack takes this key for the account's root; it is worth nothing elsewhere.
_ROOT_KEY = {"AWS_ACCESS_KEY_ID": "local-root", "AWS_SECRET_ACCESS_KEY": "local-root-secret"}
# What the AWS SDKs and command lines and the SAM CLI read.
_SETTINGS_OF_TOOLS = ("AWS_", "SAM_", "__SAM_")
# All that MiniStack and the functions get of the person's environment: both take many settings from
# it, among them certificates, which would hide MiniStack's own from the functions.
_OF_THE_MACHINE = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH")


@dataclass(frozen=True)
class LocalAws:
    """An AWS of our own that is listening."""

    directory: Path
    port: int
    region: str = REGION
    poll_seconds: float = 0.3

    @property
    def certificate(self) -> Path:
        """The certificate that MiniStack made for itself."""
        return self.directory / "ministack-tls" / "server.crt"

    @property
    def exports(self) -> dict[str, str]:
        """What makes AWS SDKs and command lines work here as the account's root."""
        unproxied = os.environ.get("no_proxy") or os.environ.get("NO_PROXY", "")
        without_proxy = ",".join(dict.fromkeys(["localhost", "127.0.0.1", *unproxied.split(",")]))
        return {
            **_ROOT_KEY,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_CONFIG_FILE": str(self.directory / "aws-config"),
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": f"https://localhost:{self.port}",
            "AWS_REGION": self.region,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": without_proxy,
            "no_proxy": without_proxy,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of what works here, with the AWS CLI that we installed."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_SETTINGS_OF_TOOLS)
        }
        return {
            **kept,
            **self.exports,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SAM_CLI_POLL_DELAY": "0.3",
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": str(self.directory / "sam-cli"),
        }

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of the account's root."""
        access_key_id, secret_access_key = _ROOT_KEY.values()
        return self.client_of(service, access_key_id, secret_access_key, region)

    def client_of(
        self, service: str, access_key_id: str, secret_access_key: str, region: str = REGION
    ) -> Any:
        """A boto3 client of the holder of a key."""
        return _client(self, service, access_key_id, secret_access_key, region)


@cache
def _client(
    aws: LocalAws, service: str, access_key_id: str, secret_access_key: str, region: str
) -> Any:
    """The same client for the same question: building one takes longer than most calls."""
    session: Any = boto3.Session(access_key_id, secret_access_key)
    return session.client(
        service,
        region_name=region,
        endpoint_url=aws.exports["AWS_ENDPOINT_URL"],
        verify=str(aws.certificate),
    )


@contextmanager
def local_aws(directory: Path, launcher: Path = LAUNCHER) -> Iterator[LocalAws]:
    """Start MiniStack, and end it with everything it started, however the block is left."""
    aws = LocalAws(directory, _free_port())
    log = directory / "ministack.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, str(launcher)],
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
    return {
        **{name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ},
        **_ROOT_KEY,
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(aws.port),
        "HOME": str(aws.directory),
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "MINISTACK_REGION": REGION,
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
