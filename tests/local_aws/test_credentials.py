"""End to end: keys over time and how they are read, on a local AWS that enforces IAM.

Grace is counted in hours, so the tests do what time would do: as administrators they say in the
secret's own tag that none is left, and bring the schedule forward. MiniStack's RotateSecret does
not call the function, so the tests play Secrets Manager's part in a rotation.
"""

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from demo.journey import Journey, reader
from demo.local_aws import LocalAws, local_aws
from demo.sam import Sam
from handler.state.record import Record
from operator_tool import NAME
from operator_tool.build import archive
from support.templates import PROJECT, parse

SECRET = "restricted/Provazio"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
_FIRES_WITHIN_SECONDS = 60  # MiniStack looks every ten seconds.


@dataclass
class Scene:
    """The local AWS with the provider and one user in it."""

    journey: Journey

    def client(self, service: str) -> Any:
        return self.journey.aws.client(service)

    def key_id(self, stage: str = "AWSCURRENT") -> str:
        return str(self.journey.stored(SECRET, stage)["AccessKeyId"])

    def key_ids(self) -> set[str]:
        found = self.client("iam").list_access_keys(UserName="Provazio")["AccessKeyMetadata"]
        return {key["AccessKeyId"] for key in found if key["Status"] == "Active"}

    def schedules(self) -> list[dict[str, Any]]:
        scheduler = self.client("scheduler")
        return [
            scheduler.get_schedule(Name=one["Name"], GroupName=one["GroupName"])
            for one in scheduler.list_schedules()["Schedules"]
        ]

    def stages(self) -> dict[str, list[str]]:
        """The labels of each version of the secret."""
        secret = self.client("secretsmanager").describe_secret(SecretId=SECRET)
        return dict(secret["VersionIdsToStages"])

    def reader_works(self) -> bool:
        """Whether STS accepts what readers of the secret get."""
        caller = reader(self.journey, SECRET).client("sts").get_caller_identity()
        return str(caller["Arn"]).endswith(":user/restricted/Provazio")

    def set_grace(self, hours: int) -> None:
        """Change what the provider remembers, as if the update had asked for another grace."""
        tables = self.client("dynamodb")
        (table,) = tables.list_tables()["TableNames"]
        items = tables.scan(TableName=table)["Items"]
        (item,) = [one for one in items if one["Resource"]["S"].endswith("#RestrictedUser")]
        record = Record.parse(item["Record"]["S"])
        user = replace(record.user("Provazio"), grace_hours=hours)
        tables.update_item(
            TableName=table,
            Key={"Resource": item["Resource"]},
            UpdateExpression="SET #record = :record",
            ExpressionAttributeNames={"#record": "Record"},
            ExpressionAttributeValues={":record": {"S": str(record.with_user("Provazio", user))}},
        )

    def bring_forward(self, schedule: dict[str, Any]) -> None:
        """Let a schedule fire in a moment, otherwise as it is."""
        soon = datetime.now(UTC) + timedelta(seconds=2)
        self.client("scheduler").update_schedule(
            **{
                name: schedule[name]
                for name in (
                    "Name", "GroupName", "FlexibleTimeWindow", "Target", "ActionAfterCompletion",
                )
            },
            ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        )  # fmt: skip

    def begin_rotation(self) -> dict[str, str]:
        """What Secrets Manager does before it calls the function: a version without a value."""
        token, secretsmanager = str(uuid4()), self.client("secretsmanager")
        secretsmanager.put_secret_value(
            SecretId=SECRET, ClientRequestToken=token, VersionStages=["AWSPENDING"]
        )
        secret_arn = secretsmanager.describe_secret(SecretId=SECRET)["ARN"]
        return {"SecretId": secret_arn, "ClientRequestToken": token}

    def step(self, name: str, rotation: dict[str, str]) -> str:
        """Invoke the deployed rotation function; returns its error, if it fails."""
        secret = self.client("secretsmanager").describe_secret(SecretId=SECRET)
        answer = self.client("lambda").invoke(
            FunctionName=secret["RotationLambdaARN"],
            Payload=json.dumps({"Step": name, **rotation}),
        )
        payload = json.loads(answer["Payload"].read() or b"null")
        return str(payload["errorMessage"]) if "FunctionError" in answer else ""


@pytest.fixture(scope="module")
def scene(
    tmp_path_factory: pytest.TempPathFactory, built: Callable[[LocalAws], Sam]
) -> Iterator[Scene]:
    with (
        local_aws(tmp_path_factory.mktemp("aws")) as aws,
        patch.dict(os.environ, aws.environment, clear=True),
    ):
        journey = Journey(aws, print)
        journey.sam = built(aws)
        journey.sam.deploy(RotationSchedule="rate(90 days)")
        yield Scene(journey)


def test_replaced_key_works_until_its_schedule_fires(scene: Scene) -> None:
    """A real schedule, brought forward, invokes the provider, which deletes the replaced key."""
    before = scene.key_id()
    scene.journey.sam.deploy(RotationSchedule="rate(90 days)", Serial="2")
    assert scene.key_ids() == {before, scene.key_id()}
    (schedule,) = scene.schedules()
    assert schedule["ActionAfterCompletion"] == "DELETE"

    scene.set_grace(0)
    scene.bring_forward(schedule)

    give_up = time.monotonic() + _FIRES_WITHIN_SECONDS
    while before in scene.key_ids() and time.monotonic() < give_up:
        time.sleep(0.5)
    assert scene.key_ids() == {scene.key_id()}
    assert scene.schedules() == []
    assert scene.reader_works()


def test_documented_snippets_read_the_credentials(scene: Scene, tmp_path: Path) -> None:
    """Every snippet of docs/credentials.md gives the key that the secret holds.

    Those of the profile and of JavaScript are in test_profile.py.
    """
    stored = scene.journey.stored(SECRET)
    (tmp_path / NAME).write_bytes(archive())
    for command in blocks("sh"):
        if re.search("env.yaml|credentials.csv", command):
            run(tmp_path, "/bin/bash", "-ec", command)
    (python,) = blocks("python")
    show = "print(session.client('sts').get_caller_identity()['Arn'], key['AccessKeyId'])"
    caller = run(tmp_path, sys.executable, "-c", f"{python}\n{show}")

    assert caller.split() == [
        "arn:aws:iam::123456789012:user/restricted/Provazio",
        stored["AccessKeyId"],
    ]
    installer = json.loads((tmp_path / "env.yaml").read_text())
    assert installer["client"]["infrastructure"]["ec2"]["access_key_id"] == stored["AccessKeyId"]
    # `aws configure import` is of version 2 of the AWS CLI, which PyPI does not have.
    (row,) = csv.DictReader((tmp_path / "credentials.csv").read_text().splitlines())
    assert row == {
        "User name": "Provazio",
        "Password": "",
        "Access key ID": stored["AccessKeyId"],
        "Secret access key": stored["SecretAccessKey"],
        "Console login link": "https://123456789012.signin.aws.amazon.com/console",
    }
    for name in ("env.yaml", "credentials.csv"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_members_of_the_secret_are_named_to_ecs(scene: Scene) -> None:
    """What the ECS snippet asks for is in the secret, in the form `<ARN>:<member>::`."""
    stored = scene.journey.stored(SECRET)
    (block,) = [block for block in blocks("yaml") if "ValueFrom" in block]
    for secret in parse(block)["Secrets"]:
        member = re.fullmatch(r"\$\{Installer\.SecretArn\}:(\w+)::", secret["ValueFrom"]["Fn::Sub"])
        assert member
        assert stored[member[1]]


def blocks(language: str) -> list[str]:
    """The code blocks of docs/credentials.md in one language."""
    text = (PROJECT / "docs" / "credentials.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run(directory: Path, *command: str) -> str:
    """Run a command as a person would who has the AWS CLI and Python; returns what it printed."""
    return subprocess.run(
        command, cwd=directory, check=True, timeout=60, stdout=subprocess.PIPE, text=True
    ).stdout


def test_rotation_function_takes_the_four_steps(scene: Scene) -> None:
    """The deployed function, with no more than its own role, rotates and begins a grace."""
    scene.set_grace(24)
    before, rotation = scene.key_id(), scene.begin_rotation()

    errors = [scene.step(name, rotation) for name in STEPS]

    assert errors == ["", "", "", ""]
    assert scene.key_id() != before == scene.key_id("AWSPREVIOUS")
    assert scene.stages()[rotation["ClientRequestToken"]] == ["AWSCURRENT"]
    assert scene.key_ids() == {before, scene.key_id()}
    assert [before in one["Target"]["Input"] for one in scene.schedules()] == [True]
    assert scene.reader_works()


def test_update_keeps_a_key_that_a_schedule_made(scene: Scene) -> None:
    """An Update after a scheduled rotation rotates nothing; without the property rotation ends."""
    kept = scene.key_id()

    outputs = scene.journey.sam.deploy(RotationSchedule="rate(30 days)", Serial="2", Revision="a")

    assert outputs["AccessKeyId"] == kept == scene.key_id()
    secret = scene.client("secretsmanager").describe_secret(SecretId=SECRET)
    assert secret["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}


def test_key_status_switches_the_keys_of_both_functions(scene: Scene) -> None:
    """`KeyStatus` switches the key off, one that the schedule makes too, and all on again."""
    schedule = {"RotationSchedule": "rate(30 days)", "Serial": "2"}
    scene.journey.sam.deploy(**schedule, KeyStatus="Inactive")
    assert scene.key_ids() == set()

    before, rotation = scene.key_id(), scene.begin_rotation()
    errors = [scene.step(name, rotation) for name in STEPS]
    assert errors == ["", "", "", ""]
    assert scene.key_id() != before
    assert scene.key_ids() == set()

    scene.journey.sam.deploy(**schedule, KeyStatus="Active")
    assert {before, scene.key_id()} <= scene.key_ids()
    assert scene.reader_works()


def test_rotation_function_refuses_what_is_not_a_rotation(scene: Scene) -> None:
    """Whoever may invoke the function cannot make it rotate: only Secrets Manager's label can."""
    before = scene.key_ids()
    unknown = {"SecretId": SECRET, "ClientRequestToken": str(uuid4())}

    assert "is not being rotated to" in scene.step("createSecret", unknown)
    assert scene.key_ids() == before


def test_readers_can_read_and_nobody_else(scene: Scene) -> None:
    """A principal of ReaderArns reads the secret without a policy of its own; another does not."""
    iam = scene.client("iam")
    keys = {}
    for name in ("Reader", "Stranger"):
        iam.create_user(UserName=name)
        keys[name] = iam.create_access_key(UserName=name)["AccessKey"]
    scene.journey.sam.deploy_example(
        "readers", "readers.yaml", ReaderArn="arn:aws:iam::123456789012:user/Reader"
    )

    def read(name: str) -> str:
        client = scene.journey.aws.client_of(
            "secretsmanager", keys[name]["AccessKeyId"], keys[name]["SecretAccessKey"]
        )
        try:
            value = client.get_secret_value(SecretId="restricted/Shared")["SecretString"]
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return str(json.loads(value)["UserName"])

    assert read("Reader") == "Shared"
    assert read("Stranger") == "AccessDeniedException"


def test_deleting_everything_leaves_no_schedule(scene: Scene) -> None:
    """The resource's schedules go with it, and its group with the stack."""
    scene.journey.sam.delete("readers")
    scene.journey.sam.delete("restricted-iam-user")

    assert scene.schedules() == []
    groups = scene.client("scheduler").list_schedule_groups()["ScheduleGroups"]
    assert [group["Name"] for group in groups] == ["default"]
