"""`make screenshot`: docs/launch-page*.png, of the launch page as people see it."""

from playwright.sync_api import Browser, ViewportSize

from support.browser import page_text, started_browser
from support.templates import PROJECT

DESKTOP = ViewportSize(width=1280, height=1000)
PHONE = ViewportSize(width=320, height=640)


def main() -> None:
    with started_browser() as browser:
        _take(browser, "launch-page", "eks-prebuilt", "light", DESKTOP)
        _take(browser, "launch-page-dark", "eks", "dark", DESKTOP)
        _take(browser, "launch-page-narrow", "eks-prebuilt", "light", PHONE)


def _take(browser: Browser, name: str, variant: str, scheme: str, size: ViewportSize) -> None:
    """A picture of the variant as somebody sees it who has filled in what it needs."""
    page = browser.new_page(viewport=size, color_scheme="dark" if scheme == "dark" else "light")
    page.set_content(page_text())
    page.locator(f"#variant-{variant}").check()
    page.get_by_label("Cluster name").fill("analytics-1")
    if variant == "eks-prebuilt":
        page.get_by_label("Existing cluster role").fill("IguazioCluster")
    page.locator("h1").hover()
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=PROJECT / "docs" / f"{name}.png", full_page=size is PHONE)
    page.close()


if __name__ == "__main__":
    main()
