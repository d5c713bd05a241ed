"""`make screenshot`: docs/launch-page.png, of the launch page as a person sees it."""

from support.browser import page_text, started_browser
from support.templates import PROJECT


def main() -> None:
    with started_browser() as browser:
        page = browser.new_page(viewport={"width": 860, "height": 1000})
        page.set_content(page_text())
        page.get_by_label("eks", exact=True).check()
        page.get_by_label("Cluster name").fill("analytics-1")
        bottom = page.locator("#link").bounding_box()
        assert bottom
        page.screenshot(
            path=PROJECT / "docs" / "launch-page.png",
            full_page=True,
            clip={"x": 0, "y": 0, "width": 860, "height": bottom["y"] + bottom["height"] + 24},
        )


if __name__ == "__main__":
    main()
