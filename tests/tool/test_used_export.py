"""`used` reports what IAM knows and edits nothing; `export` gives the credentials their form."""

import csv
import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from doubles import world
from doubles.fake_cloudformation import Stack

from .conftest import Run

WHEN = datetime(2026, 11, 1, tzinfo=UTC)
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["ec2:RunInstances", "ec2:Describe*"], "Resource": "*"},
        {"Effect": "Allow", "Action": "ec2:StopInstances", "Resource": "*"},
        {"Effect": "Allow", "Action": "autoscaling:DeleteAutoScalingGroup", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:*", "Resource": "*"},
    ],
}
EC2 = {
    "ServiceNamespace": "ec2",
    "LastAuthenticated": WHEN,
    "TrackedActionsLastAccessed": [
        {"ActionName": "RunInstances", "LastAccessedTime": WHEN},
        {"ActionName": "DescribeImages", "LastAccessedTime": WHEN},
        {"ActionName": "DescribeVpcs"},
        {"ActionName": "StopInstances"},
    ],
}
AUTOSCALING = {"ServiceNamespace": "autoscaling", "LastAuthenticated": WHEN}


class Iam:
    """moto's, which knows no last use, with answers that come in pages and not at once."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)

    def __getattr__(self, name: str) -> Any:
        return getattr(world.iam(), name)

    def generate_service_last_accessed_details(self, **asked: str) -> dict[str, str]:
        assert asked["Granularity"] == "ACTION_LEVEL"
        return {"JobId": "job"}

    def get_service_last_accessed_details(self, **_: str) -> dict[str, Any]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def user(aws: None, slept: list[float]) -> None:
    world.iam().create_user(UserName="Provazio")
    made = world.iam().create_policy(PolicyName="p", PolicyDocument=json.dumps(DOCUMENT))
    world.iam().attach_user_policy(UserName="Provazio", PolicyArn=made["Policy"]["Arn"])


def test_use_is_told_as_closely_as_iam_knows(
    tool: Run, user: None, clients: dict[str, Any]
) -> None:
    """Of an action, of what a pattern covers, or of the service only; never used is a finding."""
    clients["iam"] = Iam(
        {"JobStatus": "IN_PROGRESS"},
        {
            "JobStatus": "COMPLETED",
            "ServicesLastAccessed": [EC2],
            "IsTruncated": True,
            "Marker": "m",
        },
        {"JobStatus": "COMPLETED", "ServicesLastAccessed": [AUTOSCALING], "IsTruncated": False},
    )
    code, text = tool("used", "Provazio", "--json")
    uses = {use["granted"]: use for use in json.loads(text)["Actions"]}

    assert code == 1
    assert uses["ec2:RunInstances"]["last_used"] == WHEN.isoformat()
    assert uses["ec2:Describe*"]["used_actions"] == ["DescribeImages"]
    assert uses["ec2:StopInstances"] == {
        "granted": "ec2:StopInstances", "told": "action", "last_used": None, "used_actions": [],
    }  # fmt: skip
    assert uses["autoscaling:DeleteAutoScalingGroup"]["told"] == "service"
    assert "s3:*" not in uses
    code, text = tool("used", "Provazio")
    assert code == 1
    assert "Nothing was changed." in text


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            {"JobStatus": "FAILED", "Error": {"Message": "No."}},
            "could not report the last use: No.",
        ),
        ({"JobStatus": "IN_PROGRESS"}, "took too long"),
    ],
)
def test_no_report_is_one_sentence(
    tool: Run,
    user: None,
    clients: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
    told: str,
) -> None:
    """A job that fails or does not end is said so."""
    monkeypatch.setattr("operator_tool.used._WAIT_SECONDS", -1)
    clients["iam"] = Iam(answer)
    code, text = tool("used", "Provazio")

    assert code == 2
    assert told in text


def test_user_of_no_name_is_one_sentence(tool: Run) -> None:
    """Whoever asks for a user that is not there is told so."""
    assert tool("used", "Nobody") == (
        2, "There is no IAM user Nobody, or you may not look at it.\n",
    )  # fmt: skip


def test_installer_gets_its_configuration(tool: Run, installer: Stack, tmp_path: Path) -> None:
    """env.yaml holds the key and the regions, in a new file that only its owner can read."""
    target = tmp_path / "env.yaml"
    code, text = tool("export", "env", "--regions", "eu-west-1", "--output", str(target))
    fields = json.loads(target.read_text())

    assert (code, text) == (0, "")
    key = fields["client"]["infrastructure"]["ec2"]
    assert key["secret_access_key"] == world.secret()["SecretAccessKey"]
    assert key["app_cluster_instance_profile"] == "IguazioDataScienceNode"
    assert fields["dashboard"]["frontend"]["cloud_provider_regions"]["aws"] == ["eu-west-1"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    code, text = tool("export", "env", "--output", str(target))
    assert (code, text) == (2, f"{target} could not be written: File exists.\n")


def test_console_file_is_the_consoles(tool: Run, installer: Stack, tmp_path: Path) -> None:
    """The CSV has the console's columns."""
    target = tmp_path / "credentials.csv"
    tool("export", "csv", "--output", str(target))
    (row,) = csv.DictReader(target.read_text().splitlines())

    assert row["User name"] == "Provazio"
    assert row["Access key ID"] == world.secret()["AccessKeyId"]
    assert row["Console login link"] == "https://123456789012.signin.aws.amazon.com/console"


def test_profile_and_task_lead_to_the_secret(tool: Run, installer: Stack) -> None:
    """Neither holds the secret key; the profile says as whom it reads."""
    arn = world.described_secret()["ARN"]
    profile, task = tool("export", "profile")[1], tool("export", "ecs")[1]

    assert f"--profile default --region us-east-1 --secret-id {arn} " in profile
    assert f"{arn}:SecretAccessKey::" in task
    assert world.secret()["SecretAccessKey"] not in profile + task


def test_credentials_are_printed_where_they_are_asked_for(aws: None, tool: Run) -> None:
    """A secret of somebody else is not taken for credentials, and none is one sentence."""
    world.secretsmanager().create_secret(Name="other", SecretString="not ours")
    assert "does not hold the credentials" in tool("export", "csv", "--secret", "other")[1]
    code, text = tool("export", "env", "--secret", "nothing")

    assert code == 2
    assert text.startswith("DescribeSecret was refused: ResourceNotFoundException")
