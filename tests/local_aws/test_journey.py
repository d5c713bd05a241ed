"""End to end: the demo's chapters, with the real SAM CLI on a local AWS that enforces IAM."""

import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest

from demo.journey import CHAPTERS, Journey
from demo.local_aws import local_aws
from demo.sam import PROJECT, PROVIDER_STACK
from support.exported import hostile, written


@dataclass(frozen=True)
class Screen:
    """What a person has been told, and what each step showed while it lasted."""

    lines: list[str] = field(default_factory=list)
    steps: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def show(self, step: str, detail: str) -> None:
        self.steps[step].add(detail)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("person") / "home"


@pytest.fixture(scope="module")
def screen() -> Screen:
    return Screen()


@pytest.fixture(scope="module")
def journey(
    tmp_path_factory: pytest.TempPathFactory, home: Path, screen: Screen
) -> Iterator[Journey]:
    """Everything is done by a person who has exported variables for other accounts."""
    with (
        patch.dict(os.environ, hostile(home)),
        local_aws(tmp_path_factory.mktemp("aws")) as aws,
        patch.dict(os.environ, aws.environment, clear=True),
    ):
        yield Journey(aws, screen.lines.append, screen.show)


@pytest.mark.parametrize("chapter", CHAPTERS.values(), ids=CHAPTERS)
def test_chapter_keeps_its_promises(journey: Journey, chapter: Callable[[Journey], None]) -> None:
    """Each chapter of the demo checks what it says, in order, each building on the one before."""
    chapter(journey)


def test_person_sees_what_happens_and_what_changed(journey: Journey, screen: Screen) -> None:
    """No step is silent, and an update names the resources that it has changed."""
    updates = [line.split(" in ")[0] for line in screen.lines if line.startswith("updated")]

    # MiniStack names also what only refers to a parameter that changes, as the other two do.
    assert updates == [
        "updated RestrictedUser",
        "updated ProviderFunction, RestrictedUser, Settings",
    ]
    assert {"starting sam build", "packaging the functions", "deploying"} <= screen.steps.keys()
    # Which resource is seen at work depends on when we look.
    deploying = [told.split() for told in screen.steps["deploying"]]
    assert deploying
    assert all(status.endswith(("_IN_PROGRESS", "_COMPLETE")) for _, status in deploying)


def test_package_is_pure_and_small(journey: Journey) -> None:
    """The built function has no compiled code and no boto3, and brings the policies along."""
    build = journey.sam.built_template.parent / "ProviderFunction"
    files = {str(path.relative_to(build)) for path in build.rglob("*") if path.is_file()}

    assert not [name for name in files if Path(name).suffix in (".so", ".pyd", ".dylib")]
    assert not [name for name in files if name.startswith(("boto3/", "botocore/", "bin/"))]
    assert {
        "handler/app.py",
        "handler/properties/properties.json",
        "policies/catalogue.json",
    } <= files


def test_nothing_was_written_to_the_home_directory(journey: Journey, home: Path) -> None:
    """The SAM CLI, the AWS CLI and MiniStack keep their files in the local AWS."""
    assert list((journey.aws.directory / "sam-cli").iterdir())
    assert written(home) == []


def test_no_deployment_goes_back_to_the_answers(journey: Journey, tmp_path: Path) -> None:
    """After the README's guided deployment and its rotation, a plain one keeps Serial and key."""
    for name in ("template.yaml", "samconfig.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, tmp_path)
    for name in ("src", "policies"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    guided = documented(r"(cp .*\n)?sam deploy --guided.*")
    rotate = documented("sam deploy .*Serial=2")

    for command in ("sam build", guided, rotate):
        run(journey, tmp_path, command)
    rotated = journey.stored("restricted/Provazio")["AccessKeyId"]
    run(journey, tmp_path, "sam deploy --no-fail-on-empty-changeset")
    run(journey, tmp_path, "sam deploy --parameter-overrides Revision=a")

    stack = journey.aws.client("cloudformation").describe_stacks(StackName=PROVIDER_STACK)
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in stack["Stacks"][0]["Parameters"]}
    assert parameters["Serial"] == "2"
    assert parameters["Revision"] == "a"
    assert parameters["UserName"] == "Provazio"
    assert journey.stored("restricted/Provazio")["AccessKeyId"] == rotated
    saved = (tmp_path / "samconfig.toml").read_text()
    assert saved == (PROJECT / "samconfig.toml").read_text()


def documented(pattern: str) -> str:
    """The commands of the README's section that look like this."""
    section = (PROJECT / "README.md").read_text().split("## Deploy it from a checkout")[1]
    found = re.search(pattern, section)
    assert found
    return found[0]


def run(journey: Journey, checkout: Path, command: str) -> None:
    """Run a command in a checkout as a person does who accepts whatever is proposed."""
    environment = journey.aws.environment
    environment["PATH"] += f"{os.pathsep}{PROJECT / '.venv-sam' / 'bin'}"
    done = subprocess.run(
        ["bash", "-ec", command],
        cwd=checkout,
        env=environment,
        input="\n" * 60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
