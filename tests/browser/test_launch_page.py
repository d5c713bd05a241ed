"""The launch page in a real browser: it says what is so, and everybody can use it."""

import functools
import http.server
import json
import re
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import hcl2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from handler.model.owner import Location
from handler.policies.catalogue import load_catalogue
from handler.policies.documents import built_in_variables
from handler.policies.placeholders import render
from publish.release import TEMPLATE, Release, launch_url
from support.browser import RELEASE, page_text, started_browser
from support.templates import load, parse

VARIANTS = load("template.yaml")["Parameters"]["PolicyTemplate"]["AllowedValues"]
NEEDED = {
    "eks-bounded": ("RoleBoundaryArn", "arn:aws:iam::123456789012:policy/Ceiling"),
    "eks-prebuilt": ("EksClusterRoleName", "IguazioCluster"),
}


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the test's output to itself."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page is served as S3 would: nothing but its bytes."""
    directory = tmp_path_factory.mktemp("page")
    (directory / "index.html").write_text(page_text())
    handler = functools.partial(QuietHandler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_browser() as started:
        yield started


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page as just opened; no test may leave an error in its console."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    opened, errors = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda line: errors.append(line.text))
    opened.goto(address)
    yield opened
    context.close()
    assert errors == []


def choose(page: Page, variant: str) -> None:
    page.get_by_label(variant, exact=True).check()
    if variant in NEEDED:
        page.locator(f"#{NEEDED[variant][0]}").fill(NEEDED[variant][1])


def link(page: Page) -> dict[str, str]:
    """The fields of the launch link."""
    return dict(parse_qsl(str(page.locator("#link").get_attribute("href")).split("?")[-1]))


def snippet(page: Page, kind: str) -> str:
    return page.locator(f"[id='snippet-{kind}']").inner_text()


@pytest.mark.parametrize("variant", load_catalogue().entries)
def test_permissions_are_what_the_provider_makes(page: Page, variant: str) -> None:
    """Every document shown is the one that the provider would create for the same choice."""
    page.get_by_label("Region of the stack").select_option("us-east-1")
    choose(page, variant)
    page.get_by_label("Regions of the platform").fill("eu-west-1,eu-central-1")
    page.get_by_label("Role of the platform's instances").fill("team/Node")
    shown = [json.loads(text) for text in page.locator("pre.document").all_text_contents()]

    location = Location("aws", "us-east-1", "YOUR-ACCOUNT-ID", "amazonaws.com")
    variables = {
        **built_in_variables(location),
        "AWS_REGION": ["eu-west-1", "eu-central-1"],
        "NODE_ROLE_NAME": "team/Node",
        "EKS_CLUSTER_NAME": "*",
        "ROLE_BOUNDARY_ARN": NEEDED["eks-bounded"][1],
        "EKS_CLUSTER_ROLE_NAME": NEEDED["eks-prebuilt"][1],
    }
    documents = [source.document for source in load_catalogue().entries[variant]]
    assert shown == [render(document, variables) for document in documents]


def test_statements_are_shown_in_words(page: Page) -> None:
    """Opening a policy lists each of its actions, without reading JSON."""
    page.locator("summary").first.click()
    source = load_catalogue().entries["vanilla"][0].document
    actions = [action for s in source["Statement"] for action in [s["Action"]] if action]
    flat = [a for action in actions for a in ([action] if isinstance(action, str) else action)]

    assert page.locator("ul.actions code").all_text_contents() == flat
    expect(page.locator("ul.actions").first).to_be_visible()


@pytest.mark.parametrize("variant", VARIANTS)
def test_warning_is_shown_for_eks_alone(page: Page, variant: str) -> None:
    """The variant whose holder can become administrator says so, and only that one."""
    choose(page, variant)

    expect(page.locator("#warning")).to_be_visible(visible=variant == "eks")


@pytest.mark.parametrize("variant", VARIANTS)
def test_link_and_snippets_say_the_same(page: Page, variant: str) -> None:
    """Console link, AWS CLI, CloudFormation and Terraform hand over the same parameters."""
    page.get_by_label("Region of the stack").select_option("us-east-1")
    choose(page, variant)
    if variant != "none":
        page.get_by_label("User name").fill("Analytics+1")
    parameters = {
        name.removeprefix("param_"): value
        for name, value in link(page).items()
        if name.startswith("param_")
    }

    expected = launch_url(RELEASE, "us-east-1", parameters)
    assert (
        str(page.locator("#link").get_attribute("href")).split("?")[:2] == expected.split("?")[:2]
    )
    assert link(page) == dict(parse_qsl(expected.split("?")[-1]))
    assert parameters["PolicyTemplate"] == variant
    assert parameters.get("UserName") == (None if variant == "none" else "Analytics+1")
    words = [word for word in shlex.split(snippet(page, "AWS CLI")) if word.strip()]
    assert words[words.index("--template-url") + 1] == RELEASE.url("us-east-1", TEMPLATE)
    pairs = json.loads(words[words.index("--parameters") + 1])
    assert {pair["ParameterKey"]: pair["ParameterValue"] for pair in pairs} == parameters
    nested = parse(snippet(page, "CloudFormation"))["Resources"]["RestrictedIamUser"]["Properties"]
    assert nested["Parameters"] == parameters
    plain = hcl2.SerializationOptions(strip_string_quotes=True)
    terraform = hcl2.loads(snippet(page, "Terraform") + "\n", serialization_options=plain)
    stack = terraform["resource"][0]["aws_cloudformation_stack"]["restricted_iam_user"]
    assert stack["parameters"] == parameters
    assert stack["template_url"] == RELEASE.url("us-east-1", TEMPLATE)


def test_parameters_of_the_link_exist(page: Page) -> None:
    """A console ignores a parameter that the template does not have."""
    choose(page, "eks-bounded")
    names = {name.removeprefix("param_") for name in link(page) if name.startswith("param_")}

    assert names <= load("template.yaml")["Parameters"].keys()


@pytest.mark.parametrize(
    ("label", "text", "sentence"),
    [
        ("User name", "Provazio!", "User name must be 1 to 64 letters, digits and _+=,.@-."),
        ("User name", "", "User name must be 1 to 64 letters, digits and _+=,.@-."),
        ("Regions of the platform", "Frankfurt", "Regions of the platform must be region names"),
        ("Boundary of roles made by eksctl", "", "is needed by eks-bounded."),
        ("Cluster name", "a b", "Cluster name must be 1 to 100 letters"),
    ],
)
def test_bad_input_is_refused(page: Page, label: str, text: str, sentence: str) -> None:
    """A sentence says what is wrong, at the field and as an alert, and no link is left."""
    choose(page, "eks-bounded")
    field = page.get_by_label(label, exact=True)
    field.fill(text)

    expect(field).to_have_attribute("aria-invalid", "true")
    described = str(field.get_attribute("aria-describedby")).split()[-1]
    expect(page.locator(f"#{described}")).to_contain_text(sentence)
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    assert page.locator("#link").get_attribute("href") is None
    assert "aws cloudformation" not in snippet(page, "AWS CLI")


def test_keyboard_alone_is_enough(page: Page) -> None:
    """Tab, arrows and typing lead from the top to the link, with the focus always visible."""
    reached = list[str]()

    def tab() -> str:
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.id || e.textContent.trim(), s.outlineStyle] }"
        )
        assert focused[1] != "none", focused
        reached.append(focused[0])
        return str(focused[0])

    assert tab() == "Skip to the launch link"
    assert tab() == "region"
    assert tab() == "variant-vanilla"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    while tab() != "RoleBoundaryArn":
        assert len(reached) < 20, reached
    page.keyboard.type(NEEDED["eks-bounded"][1])
    while tab() != "link":
        assert len(reached) < 30, reached

    assert link(page)["param_PolicyTemplate"] == "eks-bounded"
    assert link(page)["param_RoleBoundaryArn"] == NEEDED["eks-bounded"][1]


def test_snippets_are_copied(page: Page) -> None:
    """The button puts the snippet on the clipboard, and a screen reader hears of it."""
    page.get_by_role("button", name="Copy for Terraform").press("Enter")

    expect(page.locator("#copied")).to_have_text("Terraform snippet copied.")
    assert page.evaluate("navigator.clipboard.readText()") == snippet(page, "Terraform")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("variant", ["vanilla", "eks", "eks-bounded", "none"])
def test_accessible_on_a_narrow_phone(
    browser: Browser, address: str, scheme: str, variant: str
) -> None:
    """axe-core finds nothing, contrast included, and 320 pixels need no sideways scrolling."""
    page = browser.new_page(
        viewport={"width": 320, "height": 640},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(address)
    page.get_by_label(variant, exact=True).check()  # Without what eks-bounded needs: its alert too.
    for summary in page.locator("summary").all():
        summary.click()
    found = Axe().run(page).response["violations"]
    width = page.evaluate("document.documentElement.scrollWidth")
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    page.close()

    assert [(violation["id"], violation["nodes"]) for violation in found] == []
    assert width == 320
    assert (int(red) < 100) == (scheme == "dark")


def test_structure_for_screen_readers(page: Page) -> None:
    """Landmarks, headings, the group of variants and the fields say what they are."""
    tree = page.locator("body").aria_snapshot()

    assert '- group "Cluster variant"' in tree
    assert 'heading "Launch a restricted IAM user" [level=1]' in tree
    assert 'combobox "Region of the stack"' in tree
    assert 'textbox "User name"' in tree
    assert '- region "What it grants"' in tree
    assert '- link "Launch the stack in the AWS console (new tab)"' in tree


def test_nothing_is_loaded_or_sent(browser: Browser, address: str) -> None:
    """The page asks for itself and for nothing else, and its own policy would refuse more."""
    page, requests = browser.new_page(), list[str]()
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    choose(page, "eks")
    refused = page.evaluate("fetch('/').then(() => 'sent', () => 'refused')")
    page.close()

    assert refused == "refused"
    assert [url for url in requests if not url.startswith("data:")] == [address]


def test_other_partitions_have_their_own_places() -> None:
    """China's and GovCloud's pages lead to their consoles, buckets and policies."""
    china = page_text(Release("1.2.3", "acme-launch", ("cn-north-1",)))
    data = json.loads(re.findall(r'id="data">(.*?)</script>', china, re.DOTALL)[0])

    assert data["regions"]["cn-north-1"] == {
        "console": "https://cn-north-1.console.amazonaws.cn/cloudformation/home?region=cn-north-1",
        "template": "https://acme-launch-cn-north-1.s3.cn-north-1.amazonaws.com.cn"
        "/restricted-iam-user/1.2.3/template.yaml",
        "partition": "aws-cn",
        "dnsSuffix": "amazonaws.com.cn",
    }


def test_screenshot_is_there() -> None:
    """README shows a picture that is a picture."""
    picture = Path(__file__).parents[2] / "docs" / "launch-page.png"

    assert picture.read_bytes().startswith(b"\x89PNG")
