"""Every command of README and docs is run by a test, or says why none runs it."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from awscli.clidriver import create_clidriver

from doubles import world
from doubles.fake_cloudformation import Stack
from support.templates import PROJECT

TESTS = PROJECT / "tests"
LISTED: dict[str, list[dict[str, str]]] = yaml.safe_load(
    (TESTS / "docs" / "commands.yaml").read_text()
)
ALL = [one for commands in LISTED.values() for one in commands]
HERE = "docs/test_commands.py::test_aws_commands_work"
# `aws cloudformation deploy` is the CLI's own command, which takes no skeleton.
UNRUN = [
    one["command"]
    for one in ALL
    if "none" in one and re.match("aws (?!cloudformation deploy)", one["command"])
]


def commands(path: Path) -> list[str]:
    """The commands in the `sh` blocks of a page, without comments, each in one line."""
    blocks = re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL)
    lines = re.sub(r"\\\n\s*", "", "\n".join(blocks)).splitlines()
    bare = [re.sub(r"(^|\s+)#.*", "", line).strip() for line in lines]
    return [line for line in bare if line]


def aws_cli(command: str) -> int:
    """Run a command of the AWS CLI in this process; returns its exit status."""
    return int(create_clidriver().main(shlex.split(command)[1:]))


def test_list_is_that_of_the_pages() -> None:
    """No command is missing from commands.yaml, and none is left over."""
    pages = [PROJECT / "README.md", *sorted(PROJECT.glob("docs/*.md"))]
    found = {str(path.relative_to(PROJECT)): commands(path) for path in pages}

    assert {page: told for page, told in found.items() if told} == {
        page: [one["command"] for one in listed] for page, listed in LISTED.items()
    }


def test_every_command_is_run_or_excused() -> None:
    """Each entry names a test that exists, or one sentence that says why there is none."""
    for one in ALL:
        assert one.keys() in ({"command", "test"}, {"command", "none"}), one
        if "test" in one:
            file, _, name = one["test"].partition("::")
            assert f"\ndef {name}(" in (TESTS / file).read_text(), one
        else:
            assert one["none"].endswith("."), one


@pytest.mark.parametrize("command", UNRUN)
def test_command_that_nobody_runs_is_understood(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The AWS CLI knows its operation and options, and takes their values."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    code = aws_cli(f"{command.replace(' …', '')} --generate-cli-skeleton output")

    assert code == 0, capsys.readouterr().err


def test_aws_commands_work(
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The commands of the pages work as they stand there, one after another, on moto."""
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    iam, secrets = world.iam(), world.client("secretsmanager")
    for name in ("Analytics", "Provazio"):
        iam.create_user(UserName=name, Path="/restricted/")
        secrets.create_secret(Name=f"restricted/{name}", SecretString=f"secret of {name}")
    key_id = iam.create_access_key(UserName="Provazio")["AccessKey"]["AccessKeyId"]
    here = [one["command"].replace("AKIA…", key_id) for one in ALL if one.get("test") == HERE]

    codes = {command: aws_cli(command) for command in here}

    assert set(codes.values()) == {0}, (codes, capsys.readouterr().err)
    printed = capsys.readouterr().out
    assert "secret of Provazio" in printed
    assert '"UserName": "Analytics"' in printed
    assert world.user_names() == ["Provazio"]
    assert iam.list_access_keys(UserName="Provazio")["AccessKeyMetadata"] == []
    assert "DeletedDate" in secrets.describe_secret(SecretId="restricted/Analytics")
