"""The life of a restricted user in chapters, which the demo tells and the tests check."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import ClientError

from demo import sample
from demo.aws import Aws
from demo.sam import PROVIDER_STACK, Sam, Show, Tell, show_nothing

EMBEDDING_STACK = "analytics"
_GRACE = timedelta(hours=24)  # The default of PreviousKeyGraceHours.
_ROTATION_TAKES = timedelta(minutes=3)
_ROTATES_WITHIN_SECONDS = 180
_CREDENTIAL_PROCESS = (
    "aws secretsmanager get-secret-value --region {region} --secret-id {secret}"
    " --query SecretString --output text"
)

Promise = Callable[[bool, str], None]


class BrokenPromiseError(Exception):
    """Something that a chapter promises does not hold."""


@dataclass(frozen=True)
class Names:
    """The user of the provider's own stack, and where it and its secret are."""

    user_name: str = "Provazio"
    iam_path: str = "/restricted/"
    secret_prefix: str = "restricted/"

    @property
    def secret(self) -> str:
        """The default of SecretName."""
        return f"{self.secret_prefix}{self.user_name}"


@dataclass
class Journey:
    """The account, what has been deployed in it, and who is told of it."""

    aws: Aws
    tell: Tell
    show: Show = show_nothing
    names: Names = Names()
    # What the user may and may not do; takes a session of the user.
    check_sample: Callable[[boto3.Session, Promise], None] = sample.check
    outputs: dict[str, str] = field(default_factory=dict)
    sam: Sam = field(init=False)

    def __post_init__(self) -> None:
        self.sam = Sam(self.aws, self.tell, self.show)

    def promise(self, holds: bool, sentence: str) -> None:
        """Tell what holds, or stop because it does not."""
        if not holds:
            raise BrokenPromiseError(f"This does not hold: {sentence}")
        self.tell(f"✓ {sentence}")

    def stored(self, secret: str, stage: str = "AWSCURRENT") -> dict[str, Any]:
        """The JSON of the secret."""
        value = self.aws.client("secretsmanager").get_secret_value(
            SecretId=secret, VersionStage=stage
        )
        return dict(json.loads(value["SecretString"]))


def last_four(access_key_id: str) -> str:
    """An access key id as we show it."""
    return f"…{access_key_id[-4:]}"


def write_profile(aws: Aws, secret: str) -> Path:
    """Make `installer` the profile that reads the secret through `credential_process`."""
    process = _CREDENTIAL_PROCESS.format(region=aws.region, secret=secret)
    config = aws.directory / "aws-config"
    config.write_text(
        f"[profile installer]\nregion = {aws.region}\ncredential_process = {process}\n"
    )
    return config


def reader(journey: Journey, secret: str) -> boto3.Session:
    """An SDK session that gets its credentials as a reader of the secret does."""
    session: Any = botocore.session.Session(profile="installer")
    # For this session alone: the process itself works with the settings of whoever runs us.
    session.set_config_variable("config_file", str(write_profile(journey.aws, secret)))
    return boto3.Session(botocore_session=session)


def check_identity(journey: Journey, secret: str) -> boto3.Session:
    """Whoever reads the secret is its user; returns the reader's session."""
    session = reader(journey, secret)
    user_arn = session.client("sts").get_caller_identity()["Arn"]
    journey.promise(
        user_arn.endswith(f":user{journey.names.iam_path}{journey.stored(secret)['UserName']}"),
        f"a boto3 session with the credential_process profile is {user_arn}",
    )
    return session


def check_permissions(journey: Journey, secret: str) -> None:
    """The stored credentials can do what they are for, and nothing else."""
    journey.check_sample(check_identity(journey, secret), journey.promise)


def check_refused(journey: Journey, call: Callable[[], object], code: str, sentence: str) -> None:
    """AWS answers the call with this error code."""
    try:
        call()
    except ClientError as error:
        journey.promise(error.response["Error"]["Code"] == code, sentence)
    else:
        journey.promise(False, sentence)


def create(journey: Journey) -> None:
    """The plain deployment makes a user whose credentials work."""
    journey.sam.build()
    journey.outputs = journey.sam.deploy()
    for name in ("UserArn", "PolicyArns", "SecretArn"):
        journey.tell(f"{name:<12} {journey.outputs[name]}")
    journey.tell(f"{'AccessKeyId':<12} {last_four(journey.outputs['AccessKeyId'])}")
    check_permissions(journey, journey.names.secret)


def check_replaced(journey: Journey, replaced: str) -> None:
    """The secret holds a new key, and the replaced one works until its grace is over."""
    names = journey.names
    now = journey.stored(names.secret)
    previous = journey.stored(names.secret, "AWSPREVIOUS")
    journey.promise(
        now["AccessKeyId"] != replaced,
        f"the secret holds a new key, {last_four(now['AccessKeyId'])}",
    )
    holder = journey.aws.client_of("sts", replaced, previous["SecretAccessKey"])
    journey.promise(
        previous["AccessKeyId"] == replaced
        and holder.get_caller_identity()["Arn"].endswith(f"/{names.user_name}"),
        f"the replaced key, {last_four(replaced)}, is AWSPREVIOUS and still works",
    )
    ends = end_of_grace(journey, replaced)
    # A scheduled rotation makes its key some steps before that one takes the place of another.
    late = ends - datetime.fromisoformat(now["CreateDate"]) - _GRACE if ends else None
    journey.promise(
        late is not None and timedelta(0) <= late < _ROTATION_TAKES,
        f"a schedule deletes it when its grace is over, at {ends}",
    )


def end_of_grace(journey: Journey, access_key_id: str) -> datetime | None:
    """When the schedule for a replaced key is due, if there is one."""
    scheduler = journey.aws.client("scheduler")
    for page in scheduler.get_paginator("list_schedules").paginate():
        for one in page["Schedules"]:
            ours = one["GroupName"].startswith(journey.sam.provider_stack)
            if ours and access_key_id in one["Name"]:
                found = scheduler.get_schedule(Name=one["Name"], GroupName=one["GroupName"])
                due = datetime.strptime(found["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)")
                return due.replace(tzinfo=UTC)
    return None


def rotate(journey: Journey) -> None:
    """A higher Serial gives a new key and keeps the one before for its grace."""
    before = journey.outputs
    journey.outputs = journey.sam.deploy(Serial="2")
    check_replaced(journey, before["AccessKeyId"])
    check_permissions(journey, journey.names.secret)


def widen(journey: Journey) -> None:
    """Another policy template changes the permissions and not the key; Serial stays as it was."""
    before = journey.outputs
    journey.outputs = journey.sam.deploy(PolicyTemplate="eks", RotationSchedule="rate(90 days)")
    attached = journey.aws.client("iam").list_attached_user_policies(UserName="Provazio")
    names = sorted(policy["PolicyName"] for policy in attached["AttachedPolicies"])
    journey.promise(
        names == [f"ManageIguazioSystems{part}" for part in ("", "Eks", "EksIam")],
        f"the user has {', '.join(names)}",
    )
    journey.promise(journey.outputs["AccessKeyId"] == before["AccessKeyId"], "the key is the same")
    sample.check_eks(reader(journey, journey.names.secret), journey.promise)


def rotate_by_schedule(journey: Journey) -> None:
    """Secrets Manager rotates through the rotation function, as it does when 90 days are over."""
    replaced = journey.stored(journey.names.secret)["AccessKeyId"]
    subprocess.run(
        ["aws", "secretsmanager", "rotate-secret", "--secret-id", journey.names.secret],
        env=journey.aws.environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    give_up = time.monotonic() + _ROTATES_WITHIN_SECONDS
    while not end_of_grace(journey, replaced) and time.monotonic() < give_up:
        journey.show("Secrets Manager takes the four steps of a rotation", "")
        time.sleep(journey.aws.poll_seconds)
    journey.show("", "")
    check_replaced(journey, replaced)
    check_identity(journey, journey.names.secret)


def embed(journey: Journey) -> None:
    """A stack of its own gets a user through the exported ServiceToken."""
    outputs = journey.sam.deploy_example(EMBEDDING_STACK, "embed.yaml")
    journey.promise(
        outputs["UserName"] == "Analytics",
        f"a second stack has its own user {outputs['UserName']} through !ImportValue",
    )
    check_permissions(journey, outputs["SecretArn"])


def delete(journey: Journey) -> None:
    """Deleting both stacks leaves nothing that we made."""
    session = reader(journey, journey.names.secret)
    session.client("sts").get_caller_identity()  # The session has the key from now on.
    journey.sam.delete(EMBEDDING_STACK)
    journey.sam.delete(PROVIDER_STACK)
    iam, secrets = journey.aws.client("iam"), journey.aws.client("secretsmanager")
    journey.promise(not iam.list_users()["Users"], "no user is left, and so no key")
    journey.promise(not iam.list_policies(Scope="Local")["Policies"], "no policy is left")
    left = secrets.list_secrets(IncludePlannedDeletion=True)["SecretList"]
    journey.promise(not left, "no secret is left")
    check_refused(
        journey,
        session.client("sts").get_caller_identity,
        "InvalidClientTokenId",
        "STS does not know the key any more",
    )


# The command that a person would type, and the chapter that runs it.
CHAPTERS: dict[str, Callable[[Journey], None]] = {
    "sam build && sam deploy": create,
    "sam deploy --parameter-overrides Serial=2": rotate,
    "sam deploy --parameter-overrides PolicyTemplate=eks RotationSchedule='rate(90 days)'": widen,
    "aws secretsmanager rotate-secret --secret-id restricted/Provazio": rotate_by_schedule,
    "sam deploy --template examples/embed.yaml --stack-name analytics": embed,
    "aws cloudformation delete-stack, for both stacks": delete,
}
