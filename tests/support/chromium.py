"""Finds a Chromium on the system, or gets one; run by itself, it says which."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from playwright.sync_api import sync_playwright

_NAMES = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
)  # fmt: skip
_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
_DEBIAN = ("chromium", "fonts-dejavu-core")
_DOWNLOAD_SECONDS = 300
_ADVICE = (
    "No Chromium was found and none could be installed: install one so that `chromium` is on PATH, "
    "for example with `sudo apt-get install chromium fonts-dejavu-core`, and run this again."
)


class NoChromiumError(Exception):
    """There is no browser, and what to do about it."""


@cache
def chromium() -> str:
    """The path of a Chromium that starts: the system's, or else one that we install."""
    for get in (_nothing, _download, _install_debian):
        get()
        for path in _candidates():
            if _starts(path):
                return path
    raise NoChromiumError(_ADVICE)


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, _NAMES))
    yield str(_MACOS)
    with sync_playwright() as playwright:
        ours = playwright.chromium.executable_path
    yield ours


def _starts(path: str) -> bool:
    """Whether it does more than lie there: a downloaded one may lack libraries of the system."""
    return Path(path).exists() and _run(path, "--version", seconds=30)


def _nothing() -> None:
    """At first, look at what is there."""


def _download() -> None:
    _run(sys.executable, "-m", "playwright", "install", "chromium", seconds=_DOWNLOAD_SECONDS)


def _install_debian() -> None:
    if shutil.which("apt-get") and os.geteuid() == 0:
        install = ("install", "--yes", "--quiet", "--no-install-recommends", *_DEBIAN)
        _run("apt-get", "update", "--quiet", seconds=_DOWNLOAD_SECONDS)
        _run("apt-get", *install, seconds=_DOWNLOAD_SECONDS)


def _run(*command: str, seconds: int) -> bool:
    """Whether a command succeeds in time; what it says goes to the error output."""
    try:
        done = subprocess.run(
            command,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
            stdout=sys.stderr.fileno() if command[1] != "--version" else subprocess.DEVNULL,
            stderr=None if command[1] != "--version" else subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


if __name__ == "__main__":
    try:
        print(f"The browser is {chromium()}.")
    except NoChromiumError as error:
        sys.exit(str(error))
