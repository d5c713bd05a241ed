"""An account for the auditors: a local AWS with two deployments and a user of every entry."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.local_aws import REGION, LocalAws, local_aws
from demo.sam import PROVIDER_STACK, Sam
from support import published
from support.permissions import MANIFEST

HARDENED_STACK = "hardened"
EMBEDDING_STACK = "embedding"


@dataclass(frozen=True)
class Account:
    """The audited account, and what its stacks call the things that they made."""

    aws: LocalAws
    names: dict[str, str]

    def name(self, arn: str) -> str:
        """The logical id of what an ARN names, or else its last part without random letters."""
        found = [physical for physical in self.names if physical in arn]
        if found:
            return self.names[max(found, key=len)]
        return arn.split(":", 5)[-1]


@contextmanager
def audited_account(directory: Path) -> Iterator[Account]:
    """Deploy everything that the auditors look at."""
    with local_aws(directory) as aws:
        sam = Sam(aws, print)
        sam.build()
        sam.deploy()
        key = aws.client("kms").create_key(Description="Secrets and logs")["KeyMetadata"]["Arn"]
        sam._deploy(
            HARDENED_STACK,
            sam.built_template,
            UserName="Hardened",
            PolicyName="HardenedPolicy",
            RotationSchedule="rate(60 days)",
            KmsKeyArn=key,
            LogKmsKeyArn=key,
        )
        _embed(aws)
        stacks = (PROVIDER_STACK, HARDENED_STACK, EMBEDDING_STACK)
        names = {k: v for stack in stacks for k, v in _names(aws, stack).items()}
        yield Account(aws, {key: "the customer's key", **names})


def _names(aws: LocalAws, stack: str) -> dict[str, str]:
    """The logical ids by physical ids; the provider's own without the name of its stack."""
    made = aws.client("cloudformation").describe_stack_resources(StackName=stack)
    prefix = "" if stack == PROVIDER_STACK else f"{stack} "
    return {
        one["PhysicalResourceId"]: prefix + one["LogicalResourceId"]
        for one in made["StackResources"]
    }


def _embed(aws: LocalAws) -> None:
    """A user of every entry that the provider's own stack has no user of."""
    token = {"Fn::ImportValue": f"{PROVIDER_STACK}-ServiceToken"}
    users = {
        entry.title().replace("-", ""): {
            "Type": "Custom::RestrictedIAMUser",
            "Properties": {"ServiceToken": token, "Serial": "1"} | _properties(entry),
        }
        for entry in MANIFEST["Entries"]
        if entry != "vanilla"
    }
    body = json.dumps({"Resources": users})
    published.create(aws, REGION, EMBEDDING_STACK, {}, TemplateBody=body)


def _properties(entry: str) -> dict[str, Any]:
    variables = {"EKS_CLUSTER_NAME": "staging-0"}
    if entry == "eks-bounded":
        variables["ROLE_BOUNDARY_ARN"] = MANIFEST["Variables"]["ROLE_BOUNDARY_ARN"]["Example"]
    if entry == "eks-prebuilt":
        variables["EKS_CLUSTER_ROLE_NAME"] = "IguazioEksCluster"
    name = entry.title().replace("-", "")
    return {
        "UserName": name,
        "PolicyName": f"{name}Policy",
        "PolicyTemplate": entry,
        "PolicyVariables": variables,
    }
