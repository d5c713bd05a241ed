"""The journey in a person's own account: the demo's, with names of the run."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import boto3

from acceptance import templates
from acceptance.account import Account, code_of
from acceptance.belongings import found
from acceptance.stacks import Lateness, Stack, StackFailedError
from demo import journey as demo
from demo import sample
from demo.journey import Journey, Names, Promise
from demo.sam import Sam, Show, Tell

# For new permissions, and the end of a deleted key, to be known everywhere.
_SPREADS_SECONDS = 60


@dataclass
class Course:
    """The journey, the stack that embeds the resource, and what is remembered for the doubts."""

    account: Account
    say: Tell
    show: Show
    lines: list[str] = field(default_factory=list)
    measured: list[Lateness] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    journey: Journey = field(init=False)
    embedding: Stack = field(init=False)

    def __post_init__(self) -> None:
        names = Names(self.account.prefix, self.account.iam_path, f"{self.account.prefix}/")
        self.journey = Journey(
            self.account, self.tell, self.show, names, partial(_look, self.account)
        )
        self.journey.sam = Sam(
            self.account, self.tell, self.show, self.account.prefix, bucket(self.account)
        )
        self.embedding = self.stack("embedding")

    def tell(self, line: str) -> None:
        """Say it, and keep it for the report."""
        self.lines.append(line)
        self.say(line)

    def stack(self, name: str) -> Stack:
        """A stack of the run that is made with boto3."""
        return Stack(self.account, f"{self.account.prefix}-{name}", self.measured)

    @property
    def embedded_user(self) -> str:
        """The user of the stack that embeds the resource."""
        return f"{self.account.prefix}-embedded"


def bucket(account: Account) -> str:
    """The bucket of the run's packages and templates."""
    return f"{account.prefix}-packages"


def make_bucket(course: Course) -> None:
    """The SAM CLI's own would stay behind."""
    region = course.account.region
    where = {} if region == "us-east-1" else {"LocationConstraint": region}
    further = {"CreateBucketConfiguration": where} if where else {}
    course.account.client("s3").create_bucket(Bucket=bucket(course.account), **further)
    course.tell(f"made the bucket {bucket(course.account)}")


def deploy(course: Course) -> None:
    """The provider and its user are there, and the credentials work as the output says."""
    account, journey = course.account, course.journey
    make_bucket(course)
    journey.sam.build()
    journey.outputs = journey.sam.deploy(
        UserName=journey.names.user_name,
        PolicyName=journey.names.user_name,
        IamPath=journey.names.iam_path,
        SecretPrefix=journey.names.secret_prefix,
        RotationSchedule="rate(90 days)",
    )
    course.functions = [
        resource["PhysicalResourceId"]
        for resource in account.client("cloudformation").describe_stack_resources(
            StackName=account.prefix
        )["StackResources"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
    said = subprocess.run(
        ["bash", "-c", journey.outputs["ReadCredentials"]],
        env=account.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    journey.promise(
        said.returncode == 0 and json.loads(said.stdout) == journey.stored(journey.names.secret),
        "the command in the output ReadCredentials prints the credentials",
    )
    demo.check_permissions(journey, journey.names.secret)


def embed(course: Course) -> None:
    """A second stack gets its own user through the export."""
    template = templates.embedding(course.account, course.embedded_user, Serial="1")
    _expect(course, course.embedding.create(template), "CREATE_COMPLETE")
    demo.check_permissions(course.journey, course.embedding.outputs()["SecretArn"])


def roll_back(course: Course) -> None:
    """An update that rotates and then fails leaves the earlier key current."""
    journey, secret = course.journey, course.embedding.outputs()["SecretArn"]
    before = journey.stored(secret)["AccessKeyId"]
    template = templates.failing(course.account, course.embedded_user, Serial="2")
    _expect(course, course.embedding.update(template), "UPDATE_ROLLBACK_COMPLETE")
    served = [event for event in course.embedding.events() if event.logical_id == "Installer"]
    course.tell(f"Installer went through {', '.join(event.status for event in served)}")
    journey.promise(
        journey.stored(secret)["AccessKeyId"] == before,
        "after the roll-back the secret holds the earlier key",
    )
    demo.check_identity(journey, secret)


def delete(course: Course) -> None:
    """Deleting both stacks leaves nothing of the run but its bucket."""
    journey = course.journey
    session = demo.reader(journey, journey.names.secret)
    sts = session.client("sts")
    sts.get_caller_identity()  # The session has the key from now on.
    _expect(course, course.embedding.delete(), "DELETE_COMPLETE")
    journey.sam.delete(course.account.prefix)
    give_up = time.monotonic() + _SPREADS_SECONDS
    while left := [words for words in found(course.account) if not words.startswith("bucket ")]:
        if time.monotonic() > give_up:
            break
        time.sleep(course.account.poll_seconds)
    journey.promise(not left, f"nothing is left{': ' if left else ''}{', '.join(left)}")
    started = time.monotonic()
    while not (code := code_of(sts.get_caller_identity)):
        if time.monotonic() > started + _SPREADS_SECONDS:
            break
        time.sleep(course.account.poll_seconds)
    seconds = time.monotonic() - started
    journey.promise(
        code == "InvalidClientTokenId",
        f"STS does not know the key any more, {seconds:.0f} s after the deletion",
    )


def _expect(course: Course, status: str, wanted: str) -> None:
    stack = course.embedding
    if status == wanted:
        course.tell(f"{stack.name} came to {status}")
        return
    raise StackFailedError(f"{stack.name} ended in {status} and not in {wanted}: {stack.reasons()}")


def _look(account: Account, session: boto3.Session, promise: Promise) -> None:
    """The sample of calls that change nothing, once the permissions are known everywhere."""
    regions = account.client("ec2").describe_regions()["Regions"]
    elsewhere = next(r["RegionName"] for r in regions if r["RegionName"] != account.region)
    give_up = time.monotonic() + _SPREADS_SECONDS
    while time.monotonic() < give_up:
        outcomes: list[bool] = []
        sample.look(session, lambda holds, _sentence, to=outcomes: to.append(holds), elsewhere)  # type: ignore[misc]
        if all(outcomes):
            break
        time.sleep(account.poll_seconds)
    sample.look(session, promise, elsewhere)


CHAPTERS: dict[str, Callable[[Course], None]] = {
    "sam build, sam deploy": deploy,
    "A higher Serial": lambda course: demo.rotate(course.journey),
    "Rotation by Secrets Manager": lambda course: demo.rotate_by_schedule(course.journey),
    "A stack that embeds the resource": embed,
    "An update that fails and rolls back": roll_back,
    "Deletion": delete,
}
