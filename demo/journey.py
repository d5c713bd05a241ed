"""The life of a restricted user in chapters, which the demo tells and the tests check."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import ClientError

from demo import sample
from demo.local_aws import LocalAws
from demo.sam import PROVIDER_STACK, Sam, Tell

EMBEDDING_STACK = "analytics"
_CREDENTIAL_PROCESS = (
    "aws secretsmanager get-secret-value --secret-id {secret} --query SecretString --output text"
)


class BrokenPromiseError(Exception):
    """Something that a chapter promises does not hold."""


@dataclass
class Journey:
    """The local AWS, what has been deployed on it, and who is told of it."""

    aws: LocalAws
    tell: Tell
    sam: Sam = field(init=False)
    outputs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sam = Sam(self.aws, self.tell)

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


def reader(journey: Journey, secret: str) -> boto3.Session:
    """An SDK session whose profile reads the secret through `credential_process`."""
    process = _CREDENTIAL_PROCESS.format(secret=secret)
    (journey.aws.directory / "aws-config").write_text(
        f"[profile installer]\nregion = us-east-1\ncredential_process = {process}\n"
    )
    return boto3.Session(botocore_session=botocore.session.Session(profile="installer"))


def check_permissions(journey: Journey, secret: str) -> None:
    """The stored credentials can do what they are for, and nothing else."""
    session = reader(journey, secret)
    user_arn = session.client("sts").get_caller_identity()["Arn"]
    journey.promise(
        user_arn.endswith(f":user/restricted/{journey.stored(secret)['UserName']}"),
        f"a boto3 session with the credential_process profile is {user_arn}",
    )
    sample.check(session, journey.promise)


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
    check_permissions(journey, "restricted/Provazio")


def rotate(journey: Journey) -> None:
    """A higher Serial gives a new key and keeps the one before."""
    before = journey.outputs
    journey.outputs = journey.sam.deploy(Serial="2")
    now = journey.stored("restricted/Provazio")
    previous = journey.stored("restricted/Provazio", "AWSPREVIOUS")
    journey.promise(
        now["AccessKeyId"] == journey.outputs["AccessKeyId"] != before["AccessKeyId"],
        f"the secret holds a new key, {last_four(now['AccessKeyId'])}",
    )
    journey.promise(
        previous["AccessKeyId"] == before["AccessKeyId"],
        f"the key of before, {last_four(previous['AccessKeyId'])}, is AWSPREVIOUS",
    )
    check_permissions(journey, "restricted/Provazio")


def widen(journey: Journey) -> None:
    """Another policy template changes the permissions and not the key."""
    before = journey.outputs
    journey.outputs = journey.sam.deploy(Serial="2", PolicyTemplate="eks")
    attached = journey.aws.client("iam").list_attached_user_policies(UserName="Provazio")
    names = sorted(policy["PolicyName"] for policy in attached["AttachedPolicies"])
    journey.promise(
        names == [f"ManageIguazioSystems{part}" for part in ("", "Eks", "EksIam")],
        f"the user has {', '.join(names)}",
    )
    journey.promise(journey.outputs["AccessKeyId"] == before["AccessKeyId"], "the key is the same")
    sample.check_eks(reader(journey, "restricted/Provazio"), journey.promise)


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
    session = reader(journey, "restricted/Provazio")
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
    "sam deploy --parameter-overrides Serial=2 PolicyTemplate=eks": widen,
    "sam deploy --template examples/embed.yaml --stack-name analytics": embed,
    "aws cloudformation delete-stack, for both stacks": delete,
}
