"""Buckets to publish to, and stacks launched from what is in them alone."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

from demo.local_aws import LocalAws
from support.templates import PROJECT

PREFIX = "acme-launch"
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")
_QUICK = {"Delay": 1, "MaxAttempts": 120}


def parameters(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def make_bucket(aws: LocalAws, region: str, prefix: str = PREFIX) -> None:
    """What docs/publishing.md tells people to do once for each region."""
    create(
        aws, region, f"bucket-{prefix}", {"Prefix": prefix},
        TemplateBody=(PROJECT / "publish" / "bucket.yaml").read_text(),
    )  # fmt: skip


def create(
    aws: LocalAws, region: str, name: str, values: Mapping[str, str], **template: str
) -> dict[str, str]:
    """Create a stack and wait; returns its outputs, raises WaiterError where it rolls back."""
    cloudformation = aws.client("cloudformation", region)
    cloudformation.create_stack(
        StackName=name,
        Parameters=parameters(values),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        **template,
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=_QUICK)
    return outputs(aws, region, name)


def update(aws: LocalAws, region: str, name: str, values: Mapping[str, str]) -> dict[str, str]:
    """Change parameters of a stack, keeping its template, and wait."""
    cloudformation = aws.client("cloudformation", region)
    cloudformation.update_stack(
        StackName=name,
        UsePreviousTemplate=True,
        Parameters=parameters(values),
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=_QUICK)
    return outputs(aws, region, name)


def delete(aws: LocalAws, region: str, name: str) -> None:
    cloudformation = aws.client("cloudformation", region)
    stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack_id)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack_id, WaiterConfig=_QUICK)


def outputs(aws: LocalAws, region: str, name: str) -> dict[str, str]:
    stack = aws.client("cloudformation", region).describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}


def failures(aws: LocalAws, region: str, name: str) -> str:
    """Why a stack was rolled back, as its events say."""
    events = aws.client("cloudformation", region).describe_stack_events(StackName=name)
    return "\n".join(
        event.get("ResourceStatusReason", "")
        for event in events["StackEvents"]
        if event["ResourceStatus"].endswith("FAILED")
    )


def run(command: str) -> str:
    """A command as a person would paste it, in a directory without a checkout."""
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            ["bash", "-c", command], cwd=elsewhere, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def credentials(command: str) -> dict[str, Any]:
    """What the command of the output ReadCredentials prints."""
    return dict(json.loads(run(command)))


def make(target: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A target of the Makefile, as whoever publishes runs it."""
    assignments = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        ["make", "--no-print-directory", target, *assignments],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"},
        capture_output=True,
        text=True,
        check=False,
    )
