"""The system's Chromium, and the launch page of a version that nobody has published."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from publish.page import launch_page
from publish.release import Release
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
def chromium() -> Iterator[Browser]:
    """Debian's browser; it asks nobody anything by itself."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_QUIET)
        yield browser
        browser.close()


def page_text(release: Release = RELEASE) -> str:
    """The launch page for the template and policies of this checkout."""
    return launch_page(release, load("template.yaml"))
