"""The SAM CLI as a person uses it, with stack events told while it works."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from demo.local_aws import LocalAws

PROJECT = Path(__file__).parents[1]
PROVIDER_STACK = "restricted-iam-user"
_SAM = PROJECT / ".venv-sam" / "bin" / "sam"
_POLL_SECONDS = 0.3

Tell = Callable[[str], None]


@dataclass
class Sam:
    """`sam build` and `sam deploy` against the local AWS."""

    aws: LocalAws
    tell: Tell
    _told_events: set[str] = field(default_factory=set)

    @property
    def built_template(self) -> Path:
        """What `sam build` makes of template.yaml."""
        return self.aws.directory / "build" / "template.yaml"

    def build(self) -> None:
        """Package the function."""
        self._run("build", "--build-dir", str(self.built_template.parent))

    def deploy(self, **parameters: str) -> dict[str, str]:
        """Deploy the built template with the documented defaults; returns the stack's outputs."""
        return self._deploy(PROVIDER_STACK, self.built_template, **parameters)

    def deploy_example(self, stack_name: str, template: str, **parameters: str) -> dict[str, str]:
        """Deploy a template of examples/ as a stack of its own; returns its outputs."""
        return self._deploy(stack_name, PROJECT / "examples" / template, **parameters)

    def delete(self, stack_name: str) -> None:
        """Delete a stack; not with `sam delete`, which looks every 30 s whether it is done."""
        cloudformation = self.aws.client("cloudformation")
        stack_id = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=stack_id)
        status = "DELETE_IN_PROGRESS"
        while status == "DELETE_IN_PROGRESS":
            time.sleep(_POLL_SECONDS)
            self._tell_events(stack_id)
            stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
            status = stack["StackStatus"]
        if status != "DELETE_COMPLETE":
            raise RuntimeError(f"Deleting {stack_name} ended in {status}")

    def _deploy(self, stack_name: str, template: Path, **parameters: str) -> dict[str, str]:
        overrides = [f'{name}="{value}"' for name, value in parameters.items()]
        options = ["--parameter-overrides", *overrides] if overrides else []
        config = str(PROJECT / "samconfig.toml")
        arguments = ("--template", str(template), "--config-file", config)
        self._run("deploy", *arguments, "--stack-name", stack_name, *options, stack_name=stack_name)
        stack = self.aws.client("cloudformation").describe_stacks(StackName=stack_name)
        outputs = stack["Stacks"][0].get("Outputs", ())
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def _run(self, *arguments: str, stack_name: str = "") -> None:
        log = self.aws.directory / "sam.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [str(_SAM), *arguments],
                cwd=PROJECT,
                env=self.aws.environment | {"TMPDIR": str(self.aws.directory)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                while process.poll() is None:
                    self._tell_events(stack_name)
                    time.sleep(_POLL_SECONDS)
            finally:
                process.terminate()
                process.wait()
        self._tell_events(stack_name)
        if process.returncode:
            raise RuntimeError(f"sam {arguments[0]} failed:\n{log.read_text()[-3000:]}")

    def _tell_events(self, stack_name: str) -> None:
        if not stack_name:
            return
        try:
            events: list[Any] = self.aws.client("cloudformation").describe_stack_events(
                StackName=stack_name
            )["StackEvents"]
        except ClientError:  # The stack is not there yet, or not any more.
            return
        for event in reversed(events):
            status, begun = event["ResourceStatus"], "IN_PROGRESS" in event["ResourceStatus"]
            if event["EventId"] not in self._told_events and not begun:
                reason = event.get("ResourceStatusReason", "")
                self.tell(f"{status:<16} {event['LogicalResourceId']}  {reason}".rstrip())
            self._told_events.add(event["EventId"])
