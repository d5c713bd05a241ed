"""Finds a version 2 of the AWS CLI on the system, or installs Debian's; PyPI has version 1 only."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_PLACES = ("/usr/local/bin/aws", "/usr/bin/aws", "/opt/homebrew/bin/aws")
_ADVICE = (
    "Version 2 of the AWS CLI was not found and could not be installed: install it so that `aws` "
    "is on PATH, for example with `sudo apt-get install awscli`, and run this again."
)


class NoAwsCliError(Exception):
    """There is no version 2 of the AWS CLI, and what to do about it."""


@cache
def awscli2() -> str:
    """The path of an `aws` of version 2: the system's, or else one that we install."""
    for get in (_nothing, _install_debian):
        get()
        for path in filter(None, (shutil.which("aws"), *_PLACES)):
            if Path(path).exists() and _version(path).startswith("aws-cli/2."):
                return path
    raise NoAwsCliError(_ADVICE)


def _nothing() -> None:
    """At first, look at what is there."""


def _install_debian() -> None:
    """Only Debian's own package of this name is of version 2, from Debian 12 on."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        install = ("install", "--yes", "--quiet", "--no-install-recommends", "awscli")
        for arguments in (("update", "--quiet"), install):
            subprocess.run(
                ("apt-get", *arguments),
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
                stdout=sys.stderr.fileno(),
                check=False,
            )


def _version(path: str) -> str:
    try:
        done = subprocess.run(
            (path, "--version"), capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
