"""`make acceptance` in an account of the local AWS, by a person with credentials of their own."""

import io
import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    UnauthorizedSSOTokenError,
)

from acceptance.__main__ import main
from acceptance.account import AccountError, own_account, sentence
from acceptance.chapters import CHAPTERS
from acceptance.run import AFTERWARDS, DOUBTS
from demo.local_aws import ACCOUNT_ID, LocalAws, local_aws
from demo.sam import Sam

NOT_HERE = (
    "In which order do events come in Express mode when an update fails?",
    "Is aws:CalledVia set where CloudFormation invokes a custom resource?",
    "Which calls of the provider were refused?",
)
REDELIVERED = "How long until Lambda delivers an event again on which the function crashed?"
UPDATED = "Does a roll-back change the LastUpdatedTime of its stack?"
SECRET_KEY = re.compile(r"\b[A-Za-z0-9/+]{40}\b")


@dataclass(frozen=True)
class Person:
    """Someone with an account on the local AWS, and a directory for reports."""

    aws: LocalAws
    reports: Path

    def inventory(self) -> set[str]:
        """All that a run makes, of whatever kind."""
        iam, secrets = self.aws.client("iam"), self.aws.client("secretsmanager")
        stacks = self.aws.client("cloudformation").describe_stacks()["Stacks"]
        return {
            *(user["Arn"] for user in iam.list_users()["Users"]),
            *(role["Arn"] for role in iam.list_roles()["Roles"]),
            *(policy["Arn"] for policy in iam.list_policies(Scope="Local")["Policies"]),
            *(secret["ARN"] for secret in secrets.list_secrets()["SecretList"]),
            *(stack["StackId"] for stack in stacks),
            *self.aws.client("dynamodb").list_tables()["TableNames"],
            *(one["Name"] for one in self.aws.client("s3").list_buckets()["Buckets"]),
            *(
                one["logGroupName"]
                for one in self.aws.client("logs").describe_log_groups()["logGroups"]
            ),
            *(one["Name"] for one in self.aws.client("scheduler").list_schedules()["Schedules"]),
        }

    def report(self) -> str:
        """The only one."""
        (file,) = self.reports.iterdir()
        return file.read_text()

    def runs(self, *arguments: str) -> int:
        """With hardly any patience, as nothing is late here."""
        return main(["--patience", "0.005", "--reports", str(self.reports), *arguments])


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with local_aws(tmp_path_factory.mktemp("aws")) as aws:
        yield aws


@pytest.fixture
def person(
    aws: LocalAws, tmp_path: Path, built_sam: type[Sam], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Person]:
    """The administrator of the account, with a package that is built already."""
    monkeypatch.setattr("acceptance.chapters.Sam", built_sam)
    with patch.dict(os.environ, aws.environment, clear=True):
        yield Person(aws, tmp_path / "reports")


def parts(report: str) -> dict[str, str]:
    """The report by its third headings."""
    _, *found = re.split(r"^###? ", report, flags=re.MULTILINE)
    return {part.split("\n", 1)[0]: part.split("\n", 1)[1].strip() for part in found}


def test_journey_holds_and_every_question_is_answered_or_says_why(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report is complete, shows no secret and no account, and nothing is left."""
    before = person.inventory()

    assert person.runs("--yes") == 0

    said, report = capsys.readouterr().out, person.report()
    found = parts(report)
    assert [c for c in CHAPTERS if not any(p.startswith(f"{c}: held, ") for p in found)] == []
    assert [d for d in (*DOUBTS, *AFTERWARDS) if not found[d].startswith("- ")] == []
    assert {d for d in (*DOUBTS, *AFTERWARDS) if "Not answered" in found[d]} == set(NOT_HERE)
    assert "It was delivered 3 times" in found[REDELIVERED]
    assert "The update began at" in found[UPDATED]
    assert "**This was not AWS**" in report
    assert "| Result | The journey held |" in report
    assert found["What is left in the account"] == "- Nothing."
    assert ACCOUNT_ID not in report
    assert re.findall(r"A[KS]IA[A-Z0-9]{8,}", report) == []
    assert SECRET_KEY.findall(said + report) == []
    assert person.inventory() == before


@pytest.mark.parametrize("typed", ["", "no\n", "123456789013\n"])
def test_wrong_confirmation_touches_nothing(
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
) -> None:
    """Who does not type the account id has been told account, names, cost and time, no more."""
    before = person.inventory()
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    assert person.runs() == 1

    said = capsys.readouterr()
    assert said.err == "That is not the account id; nothing was touched.\n"
    told = " ".join(said.out.split())
    for word in (ACCOUNT_ID, "us-east-1", ":root", "restricted-acceptance-", "USD", "minutes"):
        assert word in told
    assert person.inventory() == before
    assert not person.reports.exists()


def test_missing_rights_are_named_and_what_stays_is_removed_later(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journey ends where a right is missing, what can be asked is, --clean removes the rest."""
    before = person.inventory()
    denied = ("cloudformation:CreateChangeSet", "cloudformation:CreateStack", "s3:DeleteBucket")
    with working_as(person.aws, *denied) as key:
        with patch.dict(os.environ, key):
            assert person.runs("--yes") == 1
        report, said = person.report(), capsys.readouterr()

    found = parts(report)
    assert "when calling the CreateChangeSet operation" in found[failed(report)].splitlines()[-1]
    assert "| Result | Did not hold: sam build, sam deploy, A higher Serial, " in report
    no_function = "there is no function to ask: These credentials may not do CreateStack: "
    assert no_function in found[NOT_HERE[1]]
    assert "Key 1: known after" in found["How long does STS refuse a new key?"]
    assert "user/person" in said.out
    assert "user/person" not in report
    assert "Traceback" not in said.out + said.err
    (left,) = person.inventory() - before
    assert left.endswith("-packages")
    assert f"By hand: aws s3 rb --force s3://{left}" in said.err
    assert f"By hand: aws s3 rb --force s3://{left}" in found["What is left in the account"]
    run = left.split("-")[2]
    assert f"make acceptance OPTIONS='--clean {run}'" in said.err
    assert person.runs("--yes", "--clean", run) == 0
    assert person.inventory() == before


def failed(report: str) -> str:
    """The heading of the chapter that did not hold."""
    return next(heading for heading in parts(report) if ": did not hold, " in heading)


class working_as:  # noqa: N801 - reads as a word of the test
    """A person who may do everything but these actions."""

    def __init__(self, aws: LocalAws, *denied: str) -> None:
        self._iam, self._denied = aws.client("iam"), denied

    def __enter__(self) -> dict[str, str]:
        allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        deny = {"Effect": "Deny", "Action": list(self._denied), "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [allow, deny]}
        self._iam.create_user(UserName="person")
        self._iam.put_user_policy(
            UserName="person", PolicyName="Most", PolicyDocument=json.dumps(document)
        )
        self._key = self._iam.create_access_key(UserName="person")["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": self._key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": self._key["SecretAccessKey"],
        }

    def __exit__(self, *_error: object) -> None:
        self._iam.delete_access_key(UserName="person", AccessKeyId=self._key["AccessKeyId"])
        self._iam.delete_user_policy(UserName="person", PolicyName="Most")
        self._iam.delete_user(UserName="person")


def test_interrupted_run_cleans_up_and_reports(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C while CloudFormation makes the provider's stack leaves nothing but a report."""
    # Where the tests run in the background, Ctrl-C may be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before = person.inventory()
    threading.Thread(target=interrupt_when_a_stack_is_made, args=(person.aws,)).start()

    assert person.runs("--yes") == 130

    assert "removed the stack restricted-acceptance-" in capsys.readouterr().out
    assert "| Result | Stopped: Ctrl-C |" in person.report()
    assert "- Not answered: Ctrl-C" in parts(person.report())[NOT_HERE[0]]
    assert person.inventory() == before


def interrupt_when_a_stack_is_made(aws: LocalAws) -> None:
    give_up, cloudformation = time.monotonic() + 60, aws.client("cloudformation")
    while time.monotonic() < give_up:
        stacks = cloudformation.describe_stacks()["Stacks"]
        if any(stack["StackStatus"] == "CREATE_IN_PROGRESS" for stack in stacks):
            break
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "No."}}, "CreateStack")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (NoCredentialsError(), "sign in, or export AWS_PROFILE"),
        (UnauthorizedSSOTokenError(), "sign in again"),
        (EndpointConnectionError(endpoint_url="https://x"), "Is the region right"),
        (refused("ExpiredToken"), "have expired (CreateStack): sign in again"),
        (refused("InvalidClientTokenId"), "sign in again"),
        (refused("AccessDenied"), "may not do CreateStack: No."),
        (refused("LimitExceeded"), "answered CreateStack with LimitExceeded: No."),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_sentence_says_what_to_do(error: Any, advice: str) -> None:
    """One line for each way in which AWS or the credentials fail."""
    assert advice in sentence(error)
    assert len(sentence(error).splitlines()) == 1


@pytest.mark.parametrize(
    ("changed", "advice"),
    [
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "export AWS_REGION"),
        ({"AWS_PROFILE": "absent"}, "aws configure list-profiles"),
        ({"AWS_ACCESS_KEY_ID": "AKIAUNKNOWNUNKNOWN00"}, "does not accept these credentials"),
    ],
    ids=["no region", "no profile", "unknown key"],
)
def test_without_an_account_nothing_begins(
    person: Person, tmp_path: Path, changed: dict[str, str], advice: str
) -> None:
    """The settings of the person are judged before anything is said or done."""
    with patch.dict(os.environ, changed), pytest.raises(AccountError, match=advice):
        own_account(tmp_path, "", 1.0)


@pytest.mark.parametrize("run", ["", "1234567", "../../..", "ABCDEF12"])
def test_clean_takes_one_run_only(
    person: Person, capsys: pytest.CaptureFixture[str], run: str
) -> None:
    """A part of a run's name, which would be that of several runs, is refused."""
    with pytest.raises(SystemExit):
        person.runs("--yes", "--clean", run)
    assert "is no run: eight of 0-9 and a-f" in capsys.readouterr().err
