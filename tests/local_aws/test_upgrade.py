"""End to end: a stack of every earlier release becomes one of this version, on the local AWS.

A release is kept as what `sam build` needs of it: `git archive --format=tar.gz --output
tests/releases/VERSION.tar.gz COMMIT template.yaml samconfig.toml src policies LICENSE README.md`.
"""

import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demo.local_aws import LocalAws, local_aws
from demo.sam import PROVIDER_STACK, Sam
from support.templates import PROJECT

RELEASES = sorted((PROJECT / "tests" / "releases").glob("*.tar.gz"))
EMBEDDING_STACK = "analytics"
USERS = ("Provazio", "Analytics")
_OTHER_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}],
    }
)
_BROKEN = """
  Broken:
    Type: Custom::RestrictedIAMUser
    DependsOn: RestrictedUser
    Properties:
      ServiceToken: !GetAtt ProviderFunction.Arn
      PolicyTemplate: no-such-template
"""


@dataclass(frozen=True)
class Lives:
    """Two users that an earlier release made: one in the provider's stack, one embedded."""

    aws: LocalAws
    old: Sam
    new: Sam

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def user_id(self, user_name: str) -> str:
        return str(self.client("iam").get_user(UserName=user_name)["User"]["UserId"])

    def keys(self, user_name: str) -> set[str]:
        found = self.client("iam").list_access_keys(UserName=user_name)["AccessKeyMetadata"]
        return {key["AccessKeyId"] for key in found if key["Status"] == "Active"}

    def secret(self, user_name: str) -> tuple[str, dict[str, Any]]:
        """The ARN of the secret, and what it holds."""
        value = self.client("secretsmanager").get_secret_value(SecretId=f"restricted/{user_name}")
        return value["ARN"], json.loads(value["SecretString"])

    def holdings(self, user_name: str) -> tuple[object, ...]:
        """All that an upgrade must keep of a user."""
        return self.user_id(user_name), self.keys(user_name), self.secret(user_name)

    def check_works(self, user_name: str) -> None:
        """The stored key is the user's."""
        _, stored = self.secret(user_name)
        sts = self.aws.client_of("sts", stored["AccessKeyId"], stored["SecretAccessKey"])
        assert sts.get_caller_identity()["Arn"].endswith(f":user/restricted/{user_name}")

    def document(self) -> str:
        """The policy of the provider's own user, as it is in force."""
        iam, arn = self.client("iam"), self.policy_arn()
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        return json.dumps(found["Document"], sort_keys=True)

    def policy_arn(self) -> str:
        found = self.client("iam").list_attached_user_policies(UserName="Provazio")
        (policy,) = found["AttachedPolicies"]
        return str(policy["PolicyArn"])

    def remembered(self) -> list[str]:
        """The logical ids that the table holds."""
        (table,) = self.client("dynamodb").list_tables()["TableNames"]
        items = self.client("dynamodb").scan(TableName=table)["Items"]
        return sorted(item["Resource"]["S"].rpartition("#")[2] for item in items)

    def schedules(self, user_name: str) -> list[dict[str, Any]]:
        """The schedules that end a grace of the user."""
        scheduler = self.client("scheduler")
        found = [
            scheduler.get_schedule(Name=one["Name"], GroupName=one["GroupName"])
            for page in scheduler.get_paginator("list_schedules").paginate()
            for one in page["Schedules"]
        ]
        return [one for one in found if f'"{user_name}"' in one["Target"]["Input"]]

    def fire_schedules(self, user_name: str) -> None:
        """What EventBridge Scheduler does when they are due: invoke, then delete."""
        for one in self.schedules(user_name):
            target = one["Target"]
            self.client("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"])
            self.client("scheduler").delete_schedule(Name=one["Name"], GroupName=one["GroupName"])

    def failing(self) -> Sam:
        """The checkout, with a resource in it that fails when the user is done."""
        sound = self.new.built_template
        broken = sound.with_name(f"broken-{self.aws.port}.yaml")
        broken.write_text(sound.read_text().replace("\nResources:\n", f"\nResources:\n{_BROKEN}"))

        class Failing(Sam):
            built_template = broken

        return Failing(self.aws, print)

    def status(self, stack_name: str) -> str:
        stacks = self.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        return str(stacks[0]["StackStatus"])


@pytest.fixture(params=RELEASES, ids=lambda path: path.name.removesuffix(".tar.gz"), scope="module")
def released(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An earlier release, built."""
    project = tmp_path_factory.mktemp("release")
    with tarfile.open(request.param) as archive:
        archive.extractall(project, filter="data")
    place = LocalAws(project, port=0)
    Sam(place, print, project=project).build()
    return project


@pytest.fixture
def lives(released: Path, built: Callable[[LocalAws], Sam], tmp_path: Path) -> Iterator[Lives]:
    with _lives(released, built, tmp_path) as lives:
        yield lives


@contextmanager
def _lives(released: Path, built: Callable[[LocalAws], Sam], directory: Path) -> Iterator[Lives]:
    """The users, each with a replaced key in its grace."""

    class Released(Sam):
        built_template = released / "build" / "template.yaml"

    with local_aws(directory) as aws:
        lives = Lives(aws, Released(aws, print, project=released), built(aws))
        lives.old.deploy()
        lives.old.deploy(Serial="2")
        for serial in ("1", "2"):
            lives.old.deploy_example(EMBEDDING_STACK, "embed.yaml", Serial=serial)
        yield lives


def test_users_and_keys_are_kept(lives: Lives) -> None:
    """Users, keys and secrets are the same; the provider's own user gets its policies anew."""
    before = [lives.holdings(name) for name in USERS]
    former = lives.document()
    lives.client("iam").create_policy_version(
        PolicyArn=lives.policy_arn(), PolicyDocument=_OTHER_POLICY, SetAsDefault=True
    )
    lives.new.deploy()

    assert [lives.holdings(name) for name in USERS] == before
    assert lives.document() == former
    for name in USERS:
        lives.check_works(name)
    assert lives.remembered() == ["RestrictedUser", "Settings"]


def test_embedded_user_is_taken_over_by_its_next_update(lives: Lives) -> None:
    """Until its `Revision` changes it is not remembered, and nothing is done to its keys."""
    before = lives.holdings("Analytics")
    lives.new.deploy()
    lives.fire_schedules("Analytics")
    assert lives.holdings("Analytics") == before
    lives.new.deploy_example(EMBEDDING_STACK, "embed.yaml", Serial="2", Revision="a")

    assert lives.holdings("Analytics") == before
    assert lives.remembered() == ["Installer", "RestrictedUser", "Settings"]
    assert lives.schedules("Analytics")  # It ends the grace of the replaced key.
    lives.new.deploy_example(EMBEDDING_STACK, "embed.yaml", Serial="3", Revision="a")
    lives.check_works("Analytics")


def test_roll_back_of_an_upgrade_keeps_everything(lives: Lives) -> None:
    """When something after the user fails, the old functions come back to what they left."""
    before = [lives.holdings(name) for name in USERS]
    with pytest.raises(RuntimeError, match="sam deploy failed"):
        lives.failing().deploy()

    assert lives.status(PROVIDER_STACK) == "UPDATE_ROLLBACK_COMPLETE"
    assert [lives.holdings(name) for name in USERS] == before
    lives.old.deploy(Serial="3")
    lives.check_works("Provazio")
    lives.new.deploy(Serial="3")
    assert lives.remembered() == ["RestrictedUser", "Settings"]


def test_upgraded_stacks_can_be_deleted(lives: Lives) -> None:
    """Nothing is left of either stack, though one was never updated since."""
    lives.new.deploy()
    lives.new.delete(EMBEDDING_STACK)
    lives.new.delete(PROVIDER_STACK)

    iam = lives.client("iam")
    assert not iam.list_users()["Users"]
    assert not iam.list_policies(Scope="Local")["Policies"]
    assert not lives.client("secretsmanager").list_secrets()["SecretList"]
