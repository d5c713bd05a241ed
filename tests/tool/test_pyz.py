"""The built file: one file, the same from the same source, that runs where Python and boto3 are."""

import ast
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from operator_tool import NAME, build, catalogue
from publish.release import TOOL

# Neither Rich's own dependencies nor the checkout are there for the file to lean on.
ALONE = """
import runpy, sys
for name in ("pygments", "markdown_it", "mdurl"):
    sys.modules[name] = None
from moto import mock_aws
with mock_aws():
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pyz") / NAME
    path.write_bytes(build.archive())
    return path


def ran(pyz: Path, *arguments: str, alone: bool = False, **environment: str) -> tuple[int, str]:
    """Run the file as a person does, without anything that leads to an account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": "",
    }
    done = subprocess.run(
        [sys.executable, *(["-c", ALONE] if alone else []), str(pyz), *arguments],
        env={**kept, **nowhere, **environment},
        cwd=pyz.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_help_names_the_commands(pyz: Path) -> None:
    """--help needs no account, and says what the exit codes mean."""
    code, text = ran(pyz, "--help")

    assert code == 0
    for word in ("status", "preflight", "used", "export", "adopt", "Exit codes"):
        assert word in text


def test_file_works_alone(pyz: Path) -> None:
    """It finds everything but boto3 in itself, and works on an empty AWS."""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"}
    code, text = ran(
        pyz, "status", "--region", "eu-west-1", alone=True, **keys, AWS_DEFAULT_REGION="eu-west-1"
    )

    assert code == 0, text
    assert "No restricted IAM user of account 123456789012 in eu-west-1." in text


@pytest.mark.parametrize("command", ["status", "preflight"])
def test_nobody_is_told_to_log_in(pyz: Path, command: str) -> None:
    """Without credentials, one sentence and exit code 2."""
    code, text = ran(pyz, command, "--region", "eu-west-1")

    assert code == 2
    assert text.startswith("No AWS credentials were found; log in")
    assert len(text.splitlines()) == 1


def test_nowhere_is_told_to_name_a_region(pyz: Path) -> None:
    """Without a region, one sentence and exit code 2."""
    code, text = ran(pyz, "status", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")

    assert (code, text) == (
        2, "No AWS region is set; name one with --region, such as --region eu-west-1.\n",
    )  # fmt: skip


def test_profile_that_does_not_exist_is_one_sentence(pyz: Path) -> None:
    """A profile of no such name is said so, and how to see those that exist."""
    code, text = ran(pyz, "status", "--profile", "nobody", "--region", "eu-west-1")

    assert code == 2
    assert text.startswith("The config profile (nobody) could not be found;")


def test_same_source_gives_the_same_bytes() -> None:
    """A publication can be continued, and compared."""
    assert build.archive() == build.archive()
    assert NAME == TOOL


def test_archive_is_complete_and_small() -> None:
    """Rich's licence and ours are inside, the builder is not, and nothing needs a newer Python."""
    with zipfile.ZipFile(io.BytesIO(build.archive())) as archive:
        names = archive.namelist()
        ours = [name for name in names if name.startswith(("operator_tool/", "handler/"))]
        for name in (name for name in ours if name.endswith(".py")):
            source = archive.read(name).decode()
            # CloudShell's Python; types are not looked at when they are written so.
            ast.parse(source, feature_version=(3, 9))
            assert " | " not in source or "from __future__ import annotations" in source, name

    assert "LICENSE" in names
    assert any(name.endswith("rich-15.0.0.dist-info/licenses/LICENSE") for name in names)
    assert "operator_tool/build.py" not in names


def test_templates_are_told_by_their_policies() -> None:
    """Every entry of the catalogue is recognised, options or not, and anything else is not."""
    documents = catalogue._catalogue()["Documents"]
    made = " Made by CloudFormation stack s."
    for name, fields in catalogue._catalogue()["Entries"].items():
        texts = [f"{documents[each]['Description']}.{made}" for each in fields["Documents"]]
        option = f"{documents['existing-vpc']['Description']}.{made}"
        assert catalogue.template_of([*texts, option]) == name
    assert catalogue.template_of(["Permissions own."]) == "own"
    assert catalogue.template_of([]) == ""
