"""The local AWS with the provider in it, and whatever else is compared with it."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.local_aws import LocalAws, local_aws
from demo.sam import PROVIDER_STACK, Sam, Tell

LAUNCHER = Path(__file__).with_name("launcher.py")
_POLL_SECONDS = 0.005
_LONGEST_SECONDS = 400
_TIMEOUT_SECONDS = 300
_TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
_TRUST_DOCUMENT = json.dumps(
    {"Version": "2012-10-17", "Statement": [_TRUST | {"Action": "sts:AssumeRole"}]}
)
_EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
_HOLDER = """
import json, os
def handler(event, context):
    path = os.path.join(os.environ["EVENTS"], event["LogicalResourceId"])
    with open(path + ".part", "w") as file:
        json.dump(event, file)
    os.rename(path + ".part", path)
"""


@dataclass(frozen=True)
class Timed:
    """What an operation of a stack took: seconds on the wall, and calls of functions and users."""

    seconds: float
    calls: tuple[str, ...]


@dataclass(frozen=True)
class Engine:
    """A local AWS that is listening, with the provider deployed by the real SAM CLI."""

    aws: LocalAws
    package: Path
    service_token: str
    environment: dict[str, str]

    def function(
        self, name: str, source: str, libraries: Path | None = None, **environment: str
    ) -> str:
        """Make a function that may do everything; returns its ARN."""
        role = self.aws.client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=_TRUST_DOCUMENT
        )["Role"]
        self.aws.client("iam").put_role_policy(
            RoleName=name, PolicyName="All", PolicyDocument=_EVERYTHING
        )
        made = self.aws.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="index.handler",
            Role=role["Arn"],
            Code={"ZipFile": _zipped(source, libraries)},
            Environment={"Variables": environment},
            Timeout=_TIMEOUT_SECONDS,
        )
        return str(made["FunctionArn"])

    def cool(self, function_arn: str) -> None:
        """Give a function new execution environments, as a change of its configuration does."""
        functions = self.aws.client("lambda")
        functions.update_function_configuration(FunctionName=function_arn, Timeout=_TIMEOUT_SECONDS)
        functions.get_waiter("function_updated_v2").wait(FunctionName=function_arn)

    def create(self, stack_name: str, template: dict[str, Any]) -> Timed:
        """Make a stack; raises RuntimeError when it fails, as do the others."""
        return self._timed("create", stack_name, template)

    def update(self, stack_name: str, template: dict[str, Any]) -> Timed:
        """Change a stack."""
        return self._timed("update", stack_name, template)

    def delete(self, stack_name: str) -> Timed:
        """Delete a stack."""
        return self._timed("delete", stack_name, None)

    def held_event(self, number: int, properties: dict[str, Any]) -> dict[str, Any]:
        """The Create event of a stack that waits for its answer, for whoever gives it."""
        logical_id = f"Held{number}"
        template = resource_template(
            {"ServiceToken": self._holder(), "ServiceTimeout": 600} | properties, logical_id
        )
        self.aws.client("cloudformation").create_stack(
            StackName=f"held-{number}", TemplateBody=json.dumps(template)
        )
        event = self._events / logical_id
        give_up = time.monotonic() + _LONGEST_SECONDS
        while not event.exists():
            if time.monotonic() > give_up:
                raise TimeoutError("The event of the stack never came.")
            time.sleep(_POLL_SECONDS)
        return dict(json.loads(event.read_text()))

    def wait(self, stack_name: str) -> None:
        """Wait until a stack is done, which it must be without failure."""
        give_up = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < give_up:
            status, why = self._status(stack_name)
            if status.endswith("_IN_PROGRESS"):
                time.sleep(_POLL_SECONDS)
                continue
            if status.endswith("_COMPLETE") and "ROLLBACK" not in status:
                return
            raise RuntimeError(f"{stack_name} ended in {status}: {why}")
        raise TimeoutError(f"{stack_name} does not end.")

    @property
    def _events(self) -> Path:
        return self.aws.directory / "events"

    def _holder(self) -> str:
        if not self._events.exists():
            self._events.mkdir()
            self.function("holder", _HOLDER, EVENTS=str(self._events))
        found = self.aws.client("lambda").get_function(FunctionName="holder")
        return str(found["Configuration"]["FunctionArn"])

    def _status(self, stack: str) -> tuple[str, str]:
        found = self.aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return found["StackStatus"], found.get("StackStatusReason", "")

    def _timed(self, verb: str, stack_name: str, template: dict[str, Any] | None) -> Timed:
        cloudformation, before = self.aws.client("cloudformation"), len(self._calls())
        stack = stack_name
        if verb == "delete":
            # By its id, by which a stack is still known when it is gone.
            stack = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
        options: dict[str, Any] = {"StackName": stack}
        if template is not None:
            options |= {
                "TemplateBody": json.dumps(template),
                "Capabilities": ["CAPABILITY_NAMED_IAM"],
            }
        began = time.monotonic()
        getattr(cloudformation, f"{verb}_stack")(**options)
        self.wait(stack)
        return Timed(time.monotonic() - began, tuple(self._calls()[before:]))

    def _calls(self) -> list[str]:
        path = self.aws.directory / "calls"
        return path.read_text().splitlines() if path.exists() else []


def resource_template(properties: dict[str, Any], logical_id: str = "User") -> dict[str, Any]:
    """A template with one resource of the provider."""
    resource = {"Type": "Custom::RestrictedIAMUser", "Properties": properties}
    return {"Resources": {logical_id: resource}}


@contextmanager
def engine(directory: Path, tell: Tell) -> Iterator[Engine]:
    """Build the functions, start the local AWS and deploy the provider, with no user of its own."""
    with local_aws(directory, LAUNCHER) as aws:
        sam = Sam(aws, tell)
        sam.build()
        outputs = sam.deploy(PolicyTemplate="none")
        resource = aws.client("cloudformation").describe_stack_resource(
            StackName=PROVIDER_STACK, LogicalResourceId="ProviderFunction"
        )
        name = resource["StackResourceDetail"]["PhysicalResourceId"]
        found = aws.client("lambda").get_function(FunctionName=name)
        yield Engine(
            aws,
            sam.built_template.parent / "ProviderFunction",
            outputs["ServiceToken"],
            found["Configuration"]["Environment"]["Variables"],
        )


def _zipped(source: str, libraries: Path | None) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.py", source)
        if libraries:
            for path in sorted(libraries.rglob("*.py")):
                archive.write(path, path.relative_to(libraries.parent))
    return written.getvalue()
