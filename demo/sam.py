"""The SAM CLI as a person uses it, telling what it is doing and what it has changed."""

import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from demo.aws import Aws

PROJECT = Path(__file__).parents[1]
PROVIDER_STACK = "restricted-iam-user"
_SAM = PROJECT / ".venv-sam" / "bin" / "sam"
# What the SAM CLI writes when it comes to a step, and the step in our words.
_STEPS = {
    "Building codeuri": "packaging the functions",
    "Creating the required resources": "making the SAM CLI's bucket",
    "Uploading to": "uploading",
    "Waiting for changeset": "asking CloudFormation what changes",
    "Waiting for stack": "deploying",
}
_DONE = {"Add": "created", "Modify": "updated", "Remove": "removed"}

Tell = Callable[[str], None]
Show = Callable[[str, str], None]


def show_nothing(_step: str, _detail: str) -> None:
    """For whoever does not watch."""


@dataclass(frozen=True)
class Sam:
    """`sam build` and `sam deploy` in an account.

    `bucket` takes the packages; without one the SAM CLI makes its own, which it shares with other
    projects. `project` is the checkout.
    """

    aws: Aws
    tell: Tell
    show: Show = show_nothing
    provider_stack: str = PROVIDER_STACK
    bucket: str = ""
    project: Path = PROJECT

    @property
    def built_template(self) -> Path:
        """What `sam build` makes of template.yaml."""
        return self.aws.directory / "build" / "template.yaml"

    def build(self) -> None:
        """Package the functions."""
        started = time.monotonic()
        self._run("build", "--build-dir", str(self.built_template.parent))
        self.tell(f"packaged both functions in {time.monotonic() - started:.0f} s")

    def deploy(self, **parameters: str) -> dict[str, str]:
        """Deploy the built template with the documented defaults; returns the stack's outputs."""
        return self._deploy(self.provider_stack, self.built_template, **parameters)

    def deploy_example(self, stack_name: str, template: str, **parameters: str) -> dict[str, str]:
        """Deploy a template of examples/ as a stack of its own; returns its outputs."""
        return self._deploy(stack_name, PROJECT / "examples" / template, **parameters)

    def delete(self, stack_name: str) -> None:
        """Delete a stack; not with `sam delete`, which looks every 30 s whether it is done."""
        started = time.monotonic()
        cloudformation = self.aws.client("cloudformation")
        stack_id = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=stack_id)
        status = ""
        # For some seconds CloudFormation may tell the status of before.
        while status not in ("DELETE_COMPLETE", "DELETE_FAILED"):
            time.sleep(self.aws.poll_seconds)
            self.show(f"deleting {stack_name}", self._newest_event(stack_id))
            stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
            status = stack["StackStatus"]
        self.show("", "")
        if status != "DELETE_COMPLETE":
            reason = stack.get("StackStatusReason", "")
            raise RuntimeError(f"Deleting {stack_name} ended in {status}: {reason}")
        self.tell(f"deleted {stack_name} in {time.monotonic() - started:.0f} s")

    def _deploy(self, stack_name: str, template: Path, **parameters: str) -> dict[str, str]:
        started = time.monotonic()
        overrides = [f'{name}="{value}"' for name, value in parameters.items()]
        options = ["--parameter-overrides", *overrides] if overrides else []
        config = str(PROJECT / "samconfig.toml")
        arguments = ["--template", str(template), "--config-file", config]
        if self.bucket:
            arguments += ["--no-resolve-s3", "--s3-bucket", self.bucket, "--s3-prefix", stack_name]
        self._run("deploy", *arguments, "--stack-name", stack_name, *options, stack_name=stack_name)
        for done, resources in self._changes(stack_name).items():
            seconds = f"in {time.monotonic() - started:.0f} s"
            self.tell(f"{done} {', '.join(sorted(resources))} {seconds}")
        stack = self.aws.client("cloudformation").describe_stacks(StackName=stack_name)
        outputs = stack["Stacks"][0].get("Outputs", ())
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def _changes(self, stack_name: str) -> dict[str, list[str]]:
        """What the last change set did, and to which resources."""
        cloudformation = self.aws.client("cloudformation")
        change_sets: list[Any] = cloudformation.list_change_sets(StackName=stack_name)["Summaries"]
        newest = max(change_sets, key=lambda change_set: change_set["CreationTime"])
        described = cloudformation.describe_change_set(ChangeSetName=newest["ChangeSetId"])
        present = cloudformation.describe_stack_resources(StackName=stack_name)["StackResources"]
        names = {resource["LogicalResourceId"] for resource in present}
        changes = defaultdict(list)
        for change in described["Changes"]:
            name, action = (
                change["ResourceChange"][part] for part in ("LogicalResourceId", "Action")
            )
            # MiniStack also lists what a condition leaves out.
            if name in names or action == "Remove":
                changes[_DONE[action]].append(name)
        return changes

    def _run(self, *arguments: str, stack_name: str = "") -> None:
        log = self.aws.directory / "sam.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [str(_SAM), *arguments],
                cwd=self.project,
                env=self.aws.environment | {"TMPDIR": str(self.aws.directory)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # So that we can end what it has started as well.
            )
            try:
                while process.poll() is None:
                    said = log.read_text()
                    begun = max(_STEPS, key=said.rfind)
                    step = _STEPS[begun] if begun in said else f"starting sam {arguments[0]}"
                    self.show(step, self._newest_event(stack_name) if step == "deploying" else "")
                    time.sleep(self.aws.poll_seconds)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        self.show("", "")
        if process.returncode:
            raise RuntimeError(f"sam {arguments[0]} failed:\n{log.read_text()[-3000:]}")

    def _newest_event(self, stack: str) -> str:
        try:
            events: list[Any] = self.aws.client("cloudformation").describe_stack_events(
                StackName=stack
            )["StackEvents"]
        except ClientError:  # The stack is not there yet, or not any more.
            return ""
        return f"{events[0]['LogicalResourceId']} {events[0]['ResourceStatus']}" if events else ""
