"""The launch page in a real browser: it says what is so, and everybody can use it."""

import functools
import http.server
import json
import re
import shlex
import threading
from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qsl

import hcl2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from handler.model.owner import Location
from handler.policies.catalogue import load_catalogue
from handler.policies.documents import built_in_variables
from handler.policies.placeholders import render
from publish import PublishError
from publish.page import launch_page
from publish.page_words import BESIDES, PARTS
from publish.release import TEMPLATE, Publisher, Release, launch_url
from support.browser import RELEASE, page_text, started_browser
from support.templates import PROJECT, load, parse

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
    page.locator(f"#variant-{variant}").check()
    if variant in NEEDED:
        page.locator(f"#{NEEDED[variant][0]}").fill(NEEDED[variant][1])


def link(page: Page) -> dict[str, str]:
    """The fields of the launch link."""
    return dict(parse_qsl(str(page.locator("#link").get_attribute("href")).split("?")[-1]))


def snippet(page: Page, kind: str) -> str:
    return str(page.locator(f"#snippet-{kind.replace(' ', '-')}").text_content())


@pytest.mark.parametrize("variant", load_catalogue().entries)
def test_permissions_are_what_the_provider_makes(page: Page, variant: str) -> None:
    """Every document shown is the one that the provider would create for the same choice."""
    page.get_by_label("Region of the stack").select_option("us-east-1")
    choose(page, variant)
    page.get_by_label("Regions of the platform").fill("eu-west-1,eu-central-1")
    page.locator("#fold-rare summary").click()
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


def test_limits_are_what_the_provider_makes(page: Page) -> None:
    """Each limit that is filled in adds its document, apart from what is granted."""
    page.locator("#fold-limits summary").click()
    page.get_by_label("Only in this VPC").fill("vpc-0a1b2c3d")
    page.get_by_label("Public IP addresses").select_option("none")
    page.get_by_label("Only images of these owners").fill("amazon,123456789012")
    page.get_by_label("Only from these networks").fill("203.0.113.0/24")
    shown = [json.loads(text) for text in page.locator("pre.document").all_text_contents()]

    variables = {
        **built_in_variables(Location("aws", "eu-west-1", "YOUR-ACCOUNT-ID", "amazonaws.com")),
        "VPC_ID": "vpc-0a1b2c3d",
        "AMI_OWNER": ["amazon", "123456789012"],
        "ALLOWED_CIDR": ["203.0.113.0/24"],
    }
    options = load_catalogue().options.values()
    assert shown[1:] == [render(source.document, variables) for source in options]
    expect(page.locator("#limits li")).to_have_count(len(options))
    assert link(page)["param_PublicIps"] == "none"
    assert link(page)["param_AmiOwners"] == "amazon,123456789012"


@pytest.mark.parametrize("variant", load_catalogue().entries)
def test_permissions_are_sentences_first(page: Page, variant: str) -> None:
    """Every statement is read as its sentence of reasons.json; its JSON is behind it."""
    choose(page, variant)
    names = json.loads((PROJECT / "policies" / "catalogue.json").read_text())["Entries"][variant]
    reasons = json.loads((PROJECT / "policies" / "reasons.json").read_text())
    sentences = [
        reasons[name][statement["Sid"]]
        for name, source in zip(names["Documents"], load_catalogue().entries[variant], strict=True)
        for statement in source.document["Statement"]
    ]

    assert page.locator(".permission > p").all_text_contents() == sentences
    expect(page.locator("pre.statement").first).to_be_hidden()
    page.locator(".permission summary").first.click()
    expect(page.locator("pre.statement").first).to_be_visible()


@pytest.mark.parametrize("variant", VARIANTS)
def test_danger_is_told_for_eks_alone(page: Page, variant: str) -> None:
    """At the choice, at its permission, and at the button, which does not look like the others."""
    choose(page, variant)
    risky = variant == "eks"

    expect(page.locator("#warning")).to_be_visible(visible=risky)
    expect(page.locator(".permission.risky")).to_have_count(int(risky))
    expect(page.locator("#link.risky")).to_have_count(int(risky))
    assert ("risk" in page.locator("#link").inner_text()) == risky
    badges = page.locator(".badge.bad")
    expect(badges).to_have_count(1)
    assert page.locator(f"#variant-{variant}-badge .badge.bad").count() == int(risky)


def test_recommended_choices_come_first_and_say_so(page: Page) -> None:
    """What is recommended is marked; what is dangerous comes after it; no glossary is needed."""
    labels = page.locator(".variant label").all_text_contents()
    advice = page.locator(".badge.good").all_text_contents()

    assert labels[0] == "Application cluster on EC2"
    assert [page.locator(".variant input").nth(n).get_attribute("value") for n in range(5)] == [
        "vanilla", "eks-prebuilt", "eks-bounded", "eks", "none",
    ]  # fmt: skip
    assert advice[:2] == ["Recommended for EC2", "Recommended for EKS"]
    assert not [text for text in labels if text in VARIANTS]


def test_page_tells_all_that_the_stack_makes(page: Page) -> None:
    """Every resource of the template is told of, with its number, or is a part of another."""
    resources = load("template.yaml")["Resources"].values()
    counts = Counter(resource["Type"] for resource in resources)
    shown = page.locator(".besides li").all_text_contents()

    assert counts.keys() <= BESIDES.keys() | PARTS
    for kind in counts.keys() - PARTS:
        one, several, _ = BESIDES[kind]
        what = f"{counts[kind]} {one if counts[kind] == 1 else several}:"
        assert [line for line in shown if line.startswith(what)]


def test_costs_follow_the_copies(page: Page) -> None:
    """Each copy of the secret costs as much as the secret."""
    expect(page.locator("#costs")).to_contain_text("About 0.40 USD a month for 1 secret.")
    page.locator("#fold-rare summary").click()
    page.get_by_label("Copies of the secret").fill("us-east-1,us-west-2")

    expect(page.locator("#costs")).to_contain_text("About 1.20 USD a month for 3 secrets.")
    expect(page.locator("#makes")).to_contain_text("restricted/Provazio with 2 copies")


def test_publisher_and_source_are_told(browser: Browser) -> None:
    """Who answers for it, and everything that can be read before a launch; no more is made up."""
    page = browser.new_page()
    page.set_content(
        launch_page(
            RELEASE, load("template.yaml"), Publisher("Acme <Security>", "https://example.com/x")
        )
    )
    origin = page.locator(".origin")

    expect(origin).to_contain_text("Acme <Security>")
    assert origin.get_by_text("source").get_attribute("href") == "https://example.com/x"
    expect(origin.get_by_role("link")).to_have_count(6)
    page.set_content(page_text())
    expect(origin).to_contain_text("the owner of the bucket acme-launch-eu-west-1")
    expect(origin.get_by_role("link")).to_have_count(4)
    page.close()


def test_source_must_be_an_address() -> None:
    """A page that strangers trust links nowhere else."""
    with pytest.raises(PublishError, match="begins with https://"):
        Publisher(source="javascript:alert(1)")


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
        ("Boundary of roles made by eksctl", "", "is needed for this choice."),
        ("Only in this VPC", "vpc", "must be empty or the id of one VPC"),
        ("Who may read the secret", "*", "must be ARNs of users"),
        ("Cluster name", "a b", "Cluster name must be 1 to 100 letters"),
    ],
)
def test_bad_input_is_refused(page: Page, label: str, text: str, sentence: str) -> None:
    """A sentence says what is wrong, at the field and as an alert, and no link is left."""
    choose(page, "eks-bounded")
    for summary in page.locator("#further summary").all():
        summary.click()
    field = page.get_by_label(label, exact=True)
    field.fill(text)

    expect(field).to_have_attribute("aria-invalid", "true")
    described = str(field.get_attribute("aria-describedby")).split()[-1]
    expect(page.locator(f"#{described}")).to_contain_text(sentence)
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    assert page.get_by_text(sentence).count() == 2
    assert page.locator("#link").get_attribute("href") is None
    for kind in ("AWS CLI", "CloudFormation", "Terraform"):
        page.get_by_role("tab", name=kind).click()
        expect(page.locator("#copy")).to_be_disabled()
        assert snippet(page, kind) == "The code appears here when every field is right."


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

    assert tab() == "Skip to the summary and the launch button"
    while tab() != "variant-vanilla":
        assert len(reached) < 10, reached
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert tab() == "region"
    while tab() != "RoleBoundaryArn":
        assert len(reached) < 20, reached
    page.keyboard.type(NEEDED["eks-bounded"][1])
    while tab() != "link":
        assert len(reached) < 30, reached

    assert link(page)["param_PolicyTemplate"] == "eks-bounded"
    assert link(page)["param_RoleBoundaryArn"] == NEEDED["eks-bounded"][1]


def test_folded_error_is_reached_from_the_button(page: Page) -> None:
    """A wrong field is never hidden: its fold opens, and the sentence at the button leads to it."""
    page.locator("#fold-rare summary").click()
    page.get_by_label("Policy name").fill("a b")
    page.locator("#fold-rare summary").click()
    page.get_by_label("User name").fill("Analytics")

    expect(page.get_by_label("Policy name")).to_be_visible()
    page.get_by_role("alert").get_by_role("link").click()
    assert page.evaluate("document.activeElement.id") == "PolicyName"


def test_snippets_are_copied(page: Page) -> None:
    """The button puts the chosen code on the clipboard, and a screen reader hears of it."""
    page.get_by_role("tab", name="AWS CLI").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Terraform")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy for Terraform")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#copied")).to_have_text("Terraform code copied.")
    expect(page.get_by_role("tabpanel")).to_have_count(1)
    assert page.evaluate("navigator.clipboard.readText()") == snippet(page, "Terraform")


@pytest.mark.parametrize(("key", "kind"), [("End", "Terraform"), ("ArrowRight", "CloudFormation")])
def test_tabs_are_moved_with_keys(page: Page, key: str, kind: str) -> None:
    """Arrows, Home and End move between the tabs; one of them is in the order of Tab."""
    page.get_by_role("tab", name="AWS CLI").focus()
    page.keyboard.press(key)

    expect(page.get_by_role("tab", name=kind)).to_be_focused()
    expect(page.get_by_role("tab", selected=True)).to_have_text(kind)
    page.keyboard.press("Home")
    expect(page.get_by_role("tab", selected=True)).to_have_text("AWS CLI")


@pytest.mark.parametrize("height", [800, 640])
@pytest.mark.parametrize("variant", VARIANTS)
def test_button_stays_in_sight_on_a_wide_screen(
    browser: Browser, address: str, variant: str, height: int
) -> None:
    """Wherever one reads, what the choice comes to stands beside it, with the button."""
    page = browser.new_page(viewport={"width": 1280, "height": height})
    page.goto(address)
    page.locator(f"#variant-{variant}").check()
    for place in ("#variants", "#region", "#beside"):
        page.locator(place).scroll_into_view_if_needed()
        expect(page.locator("#link")).to_be_in_viewport(ratio=1)
    page.close()


@pytest.mark.parametrize(
    ("width", "height", "percent"), [(1280, 800, 200), (640, 400, 100), (320, 256, 100)]
)
def test_zoom_hides_nothing(
    browser: Browser, address: str, width: int, height: int, percent: int
) -> None:
    """Letters twice as large, and the page at 200 and 400 %, need no sideways scrolling."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.goto(address)
    page.evaluate(f"document.documentElement.style.fontSize = '{percent}%'")
    for summary in page.locator("summary").all():
        summary.click()

    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert (
        page.evaluate(
            "[...document.querySelectorAll('input, button, a, p, label, code')]"
            f".filter((e) => e.getBoundingClientRect().right > {width}).length"
        )
        == 0
    )
    page.close()


def test_without_javascript_everything_can_be_launched(browser: Browser, address: str) -> None:
    """The page says so, shows the sentences, and links to the console for every variant."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)

    expect(page.locator("noscript h2")).to_contain_text("works without JavaScript")
    for variant in VARIANTS:
        for region in RELEASE.regions:
            url = launch_url(RELEASE, region, {"PolicyTemplate": variant})
            assert page.locator(f"a[href='{url}']").count() == 1
    page.locator("noscript summary").first.click()
    expect(page.locator("noscript li").first).to_contain_text("The installer looks for images")
    expect(page.locator("noscript li").first).to_be_visible()
    for hidden in page.locator("#choices, #launch, #code-section").all():
        expect(hidden).to_be_hidden()
    expect(page.get_by_role("heading", name="How to remove it")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("variant", ["vanilla", "eks", "eks-bounded", "none"])
@pytest.mark.parametrize("width", [320, 1280])
def test_accessible_on_phone_and_desktop(
    browser: Browser, address: str, scheme: str, variant: str, width: int
) -> None:
    """axe-core finds nothing, contrast included, and 320 pixels need no sideways scrolling."""
    page = browser.new_page(
        viewport={"width": width, "height": 640},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(address)
    # Without what eks-bounded needs: its alert too.
    page.locator(f"#variant-{variant}").check()
    for summary in page.locator("summary").all():
        if summary.is_visible():
            summary.click()
    found = Axe().run(page).response["violations"]
    scrolled = page.evaluate("document.documentElement.scrollWidth")
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    page.close()

    assert [(violation["id"], violation["nodes"]) for violation in found] == []
    assert scrolled == width
    assert (int(red) < 100) == (scheme == "dark")


def test_structure_for_screen_readers(page: Page) -> None:
    """Landmarks, headings, the group of variants and the fields say what they are."""
    tree = page.locator("body").aria_snapshot()

    assert '- group "Which application cluster will the installer build?"' in tree
    assert 'heading "Launch a restricted IAM user" [level=1]' in tree
    assert 'combobox "Region of the stack"' in tree
    assert 'textbox "User name"' in tree
    assert '- region "What the user may do"' in tree
    assert '- complementary "Your stack"' in tree
    assert '- tablist "Or launch it with code"' in tree
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


@pytest.mark.parametrize("name", ["launch-page", "launch-page-dark", "launch-page-narrow"])
def test_screenshot_is_there(name: str) -> None:
    """The pictures of desktop, dark and phone are pictures."""
    picture = PROJECT / "docs" / f"{name}.png"

    assert picture.read_bytes().startswith(b"\x89PNG")
