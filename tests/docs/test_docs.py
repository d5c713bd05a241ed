"""README, changelog and examples say what is so."""

import json
import re
from pathlib import Path

import pytest

from demo.journey import CHAPTERS
from docs.build.transcript import BEGIN, END, SHOWN, chosen, page
from doubles import world
from doubles.fake_cloudformation import Stack
from publish.readme import disagreements, with_table
from publish.record import RECORD, read_record
from publish.release import Release
from support.property_table import property_table
from support.templates import PROJECT, parse

README = (PROJECT / "README.md").read_text()
PAGES = sorted(PROJECT.glob("docs/*.md"))


def yaml_block() -> str:
    found = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


def test_first_example_works(stack: Stack) -> None:
    """The YAML that the README begins with makes a user, and has at most 12 lines."""
    resource = parse(yaml_block())["Resources"]["Installer"]
    properties = resource["Properties"]
    del properties["ServiceToken"], properties["ServiceTimeout"]
    answer = stack.create(**{name: str(value) for name, value in properties.items()})

    assert answer["Status"] == "SUCCESS", answer["Reason"]
    assert len(yaml_block().splitlines()) <= 12
    assert world.user_names() == [properties["UserName"]]


def test_property_table_is_that_of_the_schema() -> None:
    """README's table is what `python -m property_table` prints."""
    assert property_table() in README


def test_parameters_are_documented() -> None:
    """docs/parameters.md has every parameter of the template, and no other."""
    template = parse((PROJECT / "template.yaml").read_text())
    text = (PROJECT / "docs" / "parameters.md").read_text()
    cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)

    assert set(re.findall(r"`(\w+)`", " ".join(cells))) == set(template["Parameters"])


def test_readme_is_short() -> None:
    """A stranger reads the README to its end; the launch links of a publication come on top."""
    assert len(with_table(README, None).splitlines()) <= 150


def test_every_page_can_be_reached() -> None:
    """The README's last section leads to every page of docs/."""
    more = README.split("\n## More\n")[1]

    assert [path.name for path in PAGES if f"](docs/{path.name})" not in more] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page_says_whom_it_is_for(path: Path) -> None:
    """The first sentence of a page lets whoever came to the wrong one turn round."""
    first = path.read_text().split("\n\n")[1]

    assert first.startswith("This page is for ")


def test_every_event_file_is_explained() -> None:
    """docs/events.md has a line for every file in events/."""
    text = (PROJECT / "docs" / "events.md").read_text()

    assert sorted(re.findall(r"^\| `([\w-]+\.json)`", text, re.MULTILINE)) == sorted(
        path.name for path in PROJECT.glob("events/*.json")
    )


def test_transcript_is_the_demos() -> None:
    """README's transcript has the lines that `make transcript` chooses, under real commands."""
    shown = README.split(BEGIN)[1].split(END)[0].splitlines()[1:-1]

    assert chosen(shown) == shown
    assert len(shown) == 10
    assert {line for line in shown if line.startswith("$ ")} <= {f"$ {one}" for one in CHAPTERS}
    assert page(README, shown) == README


def test_broken_line_of_the_demo_is_whole_in_the_transcript() -> None:
    """The demo breaks lines at the width of a terminal; the README shows whole sentences."""
    told = [part for line in SHOWN for part in (line, "     to its end")]

    assert chosen(told) == [f"{line} to its end" for line in SHOWN]


def test_transcript_is_never_made_up() -> None:
    """A line that the demo does not print, or prints elsewhere, stops the command."""
    with pytest.raises(ValueError, match="no line that begins"):
        chosen(reversed(SHOWN))
    with pytest.raises(ValueError, match="lost the marks"):
        page("# Other", SHOWN)


@pytest.mark.parametrize("page", ["README.md", "docs/credentials.md"])
def test_documented_profile_is_the_output(page: str) -> None:
    """The profile that people read about is the one that the stack hands them."""
    output = parse((PROJECT / "template.yaml").read_text())["Outputs"]["Profile"]
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:restricted/Provazio-AbCdEf"
    text = output["Value"]["Fn::Sub"].replace("${AWS::Region}", "us-east-1")

    text = text.replace("${RestrictedUser.SecretArn}", arn)
    assert f"```ini\n{text}\n```" in (PROJECT / page).read_text()


def test_make_targets_exist() -> None:
    """Every `make` command that is written down can be run."""
    text = README + (PROJECT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"make ([a-z]+)", text)) <= targets


def test_links_lead_somewhere() -> None:
    """Links to files of the repository are not broken."""
    for source in [
        *PROJECT.glob("*.md"),
        *PROJECT.glob("docs/*.md"),
        *PROJECT.glob("examples/*.md"),
    ]:
        for link in re.findall(r"\]\(([^)#]+)\)", source.read_text()):
            assert link.startswith("https://") or (source.parent / link).exists(), link


def test_links_into_pages_find_their_headings() -> None:
    """A link to a part of a page leads to a heading that is there."""
    for source in [*PROJECT.glob("*.md"), *PAGES, *PROJECT.glob("examples/*.md")]:
        for name, anchor in re.findall(r"\]\(([\w./-]*)#([\w-]+)\)", source.read_text()):
            text = (source.parent / name if name else source).read_text()
            titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in titles}
            assert anchor in slugs, (source.name, name, anchor)


def test_tests_that_are_named_exist() -> None:
    """What CONTRIBUTING.md says is shown by a test is shown by one that there is."""
    text = (PROJECT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", text)

    assert len(named) > 30
    for file, test in named:
        assert f"\ndef {test}(" in (PROJECT / "tests" / file).read_text(), (file, test)


def test_versions_agree() -> None:
    """The changelog's newest version is the project's, the application repository's, the user's."""
    project = (PROJECT / "pyproject.toml").read_text()
    version = re.search(r'^version = "(.*)"', project, re.MULTILINE)
    newest = re.search(r"^## (\S+)", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert version
    assert newest
    assert version[1] == newest[1]
    template = parse((PROJECT / "template.yaml").read_text())
    metadata, user = template["Metadata"], template["Resources"]["RestrictedUser"]["Properties"]
    assert metadata["AWS::ServerlessRepo::Application"]["SemanticVersion"] == version[1]
    assert user["Revision"]["Fn::If"][1:] == [
        {"Fn::Sub": f"{version[1]} ${{Revision}}"},
        version[1],
    ]


def test_packaged_versions_are_the_locked_ones() -> None:
    """src/requirements.txt has the versions of pyproject.toml, every one with its hashes."""
    requirements = (PROJECT / "src" / "requirements.txt").read_text()
    project = (PROJECT / "pyproject.toml").read_text()
    lock = (PROJECT / "uv.lock").read_text()

    for name, version in re.findall(r"^([a-z-]+)==(\S+) \\$", requirements, re.MULTILINE):
        assert f'name = "{name}"\nversion = "{version}"' in lock
    for direct in json.loads(re.findall(r"^dependencies = (.*)$", project, re.MULTILINE)[0]):
        assert direct in requirements


def test_docs_are_about_the_product_only() -> None:
    """No file of the repository points outside it."""
    outside = re.compile(r"/(?:home|mnt|opt|root|srv|tmp|work)/")
    texts = [*PROJECT.glob("*.md"), *PROJECT.glob("src/**/*.py"), *PROJECT.glob("docs/**/*.md")]

    assert [path for path in texts if outside.search(path.read_text())] == []
    for path in texts:
        for relative in re.findall(r"\.\./[\w./-]+", path.read_text()):
            target = (path.parent / relative).resolve()
            assert target.is_relative_to(PROJECT), f"{path}: {relative}"
            assert target.exists(), f"{path}: {relative}"


def test_launch_links_agree() -> None:
    """README's launch links are those of the version published last, and fit the template."""
    record = read_record(RECORD)
    template = parse((PROJECT / "template.yaml").read_text())

    assert disagreements(README, record.release if record else None, template) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("param_PolicyTemplate=eks", "param_Policy=eks", "fills in Policy,"),
        ("param_PolicyTemplate=eks", "param_PolicyTemplate=aks", "does not allow"),
        ("%2F1.2.3%2F", "%2F1.2.2%2F", "leads to"),
        ("acme-launch-us-east-1", "acme-us-east-1", "leads to"),
    ],
)
def test_disagreement_is_found(before: str, after: str, told: str) -> None:
    """A link that was edited by hand, or is of another version, makes the check fail."""
    template = parse((PROJECT / "template.yaml").read_text())
    release = Release("1.2.3", "acme-launch", ("us-east-1", "cn-north-1"))
    right = with_table(README, release)
    wrong = right.replace(before, after)

    assert disagreements(right, release, template) == []
    problems = disagreements(wrong, release, template)
    assert "not those of the published version" in problems[0]
    assert any(told in problem for problem in problems[1:])
