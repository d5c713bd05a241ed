"""A Chromium at work, and the launch page of a version that nobody has published."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from publish.page import launch_page
from publish.release import Release
from support.chromium import chromium
from support.templates import load

RELEASE = Release("1.2.3", "acme-launch", ("eu-west-1", "us-east-1"))
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def started_browser() -> Iterator[Browser]:
    """A browser that asks nobody anything by itself, and has a home of its own."""
    path = chromium()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        environment = {name: value for name, value in os.environ.items() if name[:4] != "XDG_"}
        browser = playwright.chromium.launch(
            executable_path=path, args=_QUIET, env={**environment, "HOME": home}
        )
        yield browser
        browser.close()


def page_text(release: Release = RELEASE) -> str:
    """The launch page for the template and policies of this checkout."""
    return launch_page(release, load("template.yaml"))
