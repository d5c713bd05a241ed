"""Calls of the files in `tests/policies/calls/`, judged by the evaluator of MiniStack."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from handler.model.owner import Location
from handler.policies.documents import built_in_variables
from handler.policies.placeholders import Variables, render
from support.permissions import PARTITIONS, entry_documents, example_values, rendered

CALLS = Path(__file__).parents[1] / "policies" / "calls"
# In the example of ALLOWED_CIDR.
INSIDE = "203.0.113.5"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
}


@dataclass(frozen=True)
class Call:
    """One request as IAM sees it: an action on all of the resources, in a context."""

    action: str
    resources: tuple[str, ...]
    context: dict[str, str] = field(default_factory=dict)
    region: str = ""
    source_ip: str = INSIDE

    def __str__(self) -> str:
        return f"{self.action} on {', '.join(self.resources)} with {self.context}"


def calls(group: dict[str, Any], location: Location, values: Variables) -> list[Call]:
    """The calls of one group of a file."""
    built_in = built_in_variables(location)
    variables = {**values, **built_in, "AWS_REGION": location.region}
    filled = render(group, variables)
    return [
        Call(
            action,
            tuple(filled["resources"]),
            filled.get("context", {}),
            filled.get("region", location.region),
            filled.get("from", INSIDE),
        )
        for action in filled["calls"]
    ]


def load(name: str) -> Any:
    """A file of calls."""
    return yaml.safe_load((CALLS / f"{name}.yaml").read_text())


def allowed(call: Call, *layers: list[dict[str, Any]]) -> bool:
    """Whether every layer of policies allows the call: the user's, then perhaps its boundary.

    IAM evaluates a request once for each of its resources, and all must pass.
    """
    policies, *limits = ([parse_policy_document(one) for one in layer] for layer in layers)
    return all(
        evaluate(_context(call, resource), policies, *limits).decision == "Allow"
        for resource in call.resources
    )


def is_open(
    path: dict[str, Any], policies: list[dict[str, Any]], role: list[list[dict[str, Any]]]
) -> bool:
    """Whether every step of a path of paths.yaml is allowed, or one if the path says `any`.

    `role` has the layers of an eksctl role, as `eksctl_role` tells them.
    """
    location = PARTITIONS["aws"]
    verdicts = [
        allowed(call, *role) if step.get("by") == "role" else allowed(call, policies)
        for step in path["steps"]
        for call in calls(step, location, example_values(location))
    ]
    return any(verdicts) if path.get("any") else all(verdicts)


def eksctl_role(entry: str, cluster: str) -> list[list[dict[str, Any]]]:
    """What limits a role that the user of an entry makes: its policies, then perhaps a boundary.

    Its policies allow everything, where the user can write them at all.
    """
    location = PARTITIONS["aws"]
    values = {**example_values(location), "EKS_CLUSTER_NAME": cluster}
    (boundary,) = rendered(["role-boundary"], location, values)
    documents = entry_documents(entry)
    if "iam" in documents:
        return [[EVERYTHING]]
    return [[EVERYTHING], [boundary.document]] if "iam-bounded" in documents else [[]]


def _context(call: Call, resource: str) -> EvalContext:
    account_id = "123456789012"
    keys = {"aws:ViaAWSService": "false"} | call.context
    return EvalContext(
        principal_arn=f"arn:aws:iam::{account_id}:user/restricted/Provazio",
        principal_type="User",
        principal_account=account_id,
        action=call.action,
        resource_arn=resource,
        region=call.region,
        source_ip=call.source_ip,
        service_context={key.lower(): value for key, value in keys.items()},
    )
