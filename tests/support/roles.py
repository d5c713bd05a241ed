"""The roles of template.yaml as the tests and docs/security.md speak of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from support.templates import load

TEMPLATE = load("template.yaml")
ROLES = ("ProviderRole", "RotationRole", "SchedulerRole")


@dataclass(frozen=True)
class Statement:
    """One statement of a role, with its lists always lists.

    `all_but` says that it is about all actions but those named.
    """

    role: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    all_but: bool
    resources: tuple[Any, ...]
    conditions: tuple[str, ...]


def statements(role: str) -> list[Statement]:
    """All statements of a role, those under a condition of the template included."""
    return [
        Statement(
            role,
            statement["Sid"],
            statement["Effect"],
            tuple(_listed(statement.get("Action", statement.get("NotAction")))),
            "NotAction" in statement,
            tuple(_listed(statement["Resource"])),
            tuple(_keys(statement.get("Condition", {}))),
        )
        for policy in _policies(role)
        for statement in _made(policy["PolicyDocument"]["Statement"])
    ]


def allowed(role: str) -> set[str]:
    """The actions that a role allows, on some resource."""
    return {a for one in statements(role) if one.effect == "Allow" for a in one.actions}


def _policies(role: str) -> list[dict[str, Any]]:
    """The policies that stand in the role, and those that are resources of their own."""
    resources = TEMPLATE["Resources"]
    apart = [
        one["Properties"]
        for one in resources.values()
        if one["Type"] == "AWS::IAM::Policy" and one["Properties"]["Roles"] == [{"Ref": role}]
    ]
    return [*resources[role]["Properties"]["Policies"], *apart]


def _made(statements: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for statement in statements:
        yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _keys(condition: dict[str, dict[str, Any]]) -> Iterator[str]:
    for keys in condition.values():
        yield from keys
