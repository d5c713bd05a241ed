"""The providers of the region, as CloudFormation tells of their stacks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from operator_tool import ToolError
from operator_tool.caller import Caller

_SERVICE_TOKEN = re.compile(r"arn:[a-z-]+:lambda:[^:]+:\d{12}:function:restricted-iam-user-\w+")
# The defaults of the template, for whoever may not look at stacks.
DEFAULT_PATH = "/restricted/"
DEFAULT_PREFIX = "restricted/"


@dataclass(frozen=True)
class StackState:
    """A stack: its name, and the begin of its last operation if that has ended."""

    name: str
    busy: bool
    began: datetime


@dataclass(frozen=True)
class Provider:
    """An installation of the provider; what could not be read is empty."""

    stack: str
    path: str
    prefix: str
    boundary: str
    table: str


@dataclass(frozen=True)
class Landscape:
    """The providers of the region, and all its stacks by id."""

    providers: tuple[Provider, ...]
    stacks: dict[str, StackState]

    def provider(self, path: str | None, stack: str | None) -> Provider:
        """The one provider that is meant; raises ToolError when that is not clear."""
        fitting = [
            provider
            for provider in self.providers
            if (not path or provider.path == path) and (not stack or provider.stack == stack)
        ]
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            raise ToolError(
                "No provider of Custom::RestrictedIAMUser was found in this region; deploy it with "
                "PolicyTemplate=none first, or name its region with --region."
            )
        names = ", ".join(sorted(provider.stack for provider in fitting))
        raise ToolError(f"There are several providers; choose one with --provider: {names}.")


def look(caller: Caller) -> Landscape:
    """Find the providers; without the right to look at stacks, one of the defaults is presumed."""
    stacks = caller.read(
        "stacks",
        lambda: list(caller.pages("cloudformation", "describe_stacks", "Stacks")),
        None,
    )
    if stacks is None:
        return Landscape((Provider("", DEFAULT_PATH, DEFAULT_PREFIX, "", ""),), {})
    return Landscape(
        tuple(_provider(caller, stack) for stack in stacks if _provides(stack)),
        {stack["StackId"]: _state(stack) for stack in stacks},
    )


def _state(stack: Any) -> StackState:
    began = stack.get("LastUpdatedTime") or stack["CreationTime"]
    return StackState(stack["StackName"], stack["StackStatus"].endswith("_IN_PROGRESS"), began)


def _provides(stack: Any) -> bool:
    outputs = {each["OutputKey"]: each.get("OutputValue", "") for each in stack.get("Outputs", ())}
    return bool(_SERVICE_TOKEN.fullmatch(outputs.get("ServiceToken", "")))


def _provider(caller: Caller, stack: Any) -> Provider:
    given = {
        each["ParameterKey"]: each.get("ParameterValue", "") for each in stack.get("Parameters", ())
    }
    table = caller.read(
        "the state table's name",
        partial(physical_id, caller, stack, "StateTable"),
        "",
        "ValidationError",
    )
    boundary = given.get("PermissionsBoundaryArn") or caller.read(
        "the boundary's name",
        partial(physical_id, caller, stack, "UserBoundary"),
        "",
        "ValidationError",
    )
    return Provider(
        stack["StackName"],
        given.get("IamPath", DEFAULT_PATH),
        given.get("SecretPrefix", DEFAULT_PREFIX),
        boundary,
        table,
    )


def physical_id(caller: Caller, stack: Any, logical_id: str) -> str:
    """What a resource of a stack is called."""
    answer = caller.client("cloudformation").describe_stack_resource(
        StackName=stack["StackId"], LogicalResourceId=logical_id
    )
    return str(answer["StackResourceDetail"]["PhysicalResourceId"])
