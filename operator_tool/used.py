"""`used`: which of the granted actions a user has used, as far as IAM tells; it edits no policy.

IAM keeps the last use of services for 400 days, and of the actions of some services, with a delay
of up to four hours (IAM User Guide, "Refining permissions using last accessed information").
"""

from __future__ import annotations

import argparse
import fnmatch
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.markup import escape

from operator_tool import COULD_NOT, FINDINGS, FINE, ToolError, show
from operator_tool.caller import Caller

_WAIT_SECONDS = 120
_GONE = "NoSuchEntity"


@dataclass(frozen=True)
class Use:
    """A granted action or pattern of actions, and its last use; `told` is how closely IAM knows.

    "action": of the action itself. "service": IAM does not track it, and `last_used` is that of the
    service. `used_actions` are what was used of a pattern.
    """

    granted: str
    told: str
    last_used: datetime | None
    used_actions: tuple[str, ...] = ()


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("user", help="name of the user")


def run(caller: Caller, options: argparse.Namespace) -> int:
    """Print the report; returns the exit code. Actions that were never used are findings."""
    iam = caller.client("iam")
    found = caller.ask("users", lambda: iam.get_user(UserName=options.user)["User"], _GONE)
    if not found:
        raise ToolError(f"There is no IAM user {options.user}, or you may not look at it.")
    granted = _granted(caller, options.user)
    services = _last_accessed(caller, found[0]["Arn"])
    uses = [_use(action, services) for action in sorted(granted)]
    if options.json:
        print(show.as_json(caller, User=found[0]["Arn"], Actions=uses))
    else:
        _print(caller, options.user, uses)
    if caller.gaps:
        return COULD_NOT
    return FINDINGS if any(use.last_used is None for use in uses) else FINE


def _granted(caller: Caller, user_name: str) -> set[str]:
    """The actions and patterns that the attached policies allow."""
    iam = caller.client("iam")
    attached = caller.items(
        "attached policies",
        "iam",
        "list_attached_user_policies",
        "AttachedPolicies",
        UserName=user_name,
    )
    actions: set[str] = set()
    for each in attached:
        arn = each["PolicyArn"]

        def document(arn: str = arn) -> Any:
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            answer = iam.get_policy_version(PolicyArn=arn, VersionId=version)
            return answer["PolicyVersion"]["Document"]

        for statement in _listed(caller.fields("policies", document).get("Statement", [])):
            if statement["Effect"] == "Allow":
                actions.update(_listed(statement.get("Action", [])))
    return actions


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _last_accessed(caller: Caller, arn: str) -> dict[str, Any]:
    """What IAM tells of each service; raises ToolError when it takes too long or fails."""
    iam = caller.client("iam")
    job = iam.generate_service_last_accessed_details(Arn=arn, Granularity="ACTION_LEVEL")
    give_up = time.monotonic() + _WAIT_SECONDS
    pause = 0.5
    while True:
        answer = iam.get_service_last_accessed_details(JobId=job["JobId"])
        if answer["JobStatus"] == "COMPLETED":
            break
        if answer["JobStatus"] == "FAILED":
            told = answer.get("Error", {}).get("Message", "no reason given")
            raise ToolError(f"IAM could not report the last use: {told}")
        if time.monotonic() > give_up:
            raise ToolError("IAM took too long to report the last use; try again later.")
        time.sleep(pause)
        pause = min(pause * 2, 5.0)
    services = list(answer["ServicesLastAccessed"])
    while answer.get("IsTruncated"):
        answer = iam.get_service_last_accessed_details(JobId=job["JobId"], Marker=answer["Marker"])
        services += answer["ServicesLastAccessed"]
    return {service["ServiceNamespace"]: service for service in services}


def _use(granted: str, services: dict[str, Any]) -> Use:
    namespace, _, pattern = granted.partition(":")
    service = services.get(namespace.lower(), {})
    tracked = {
        action["ActionName"]: action.get("LastAccessedTime")
        for action in service.get("TrackedActionsLastAccessed", ())
        if fnmatch.fnmatchcase(action["ActionName"].lower(), pattern.lower())
    }
    used = {name: when for name, when in tracked.items() if when}
    if used:
        return Use(granted, "action", max(used.values()), tuple(sorted(used)))
    if tracked and "*" not in pattern:
        return Use(granted, "action", None)
    return Use(granted, "service", service.get("LastAuthenticated"))


def _print(caller: Caller, user_name: str, uses: Iterable[Use]) -> None:
    console = show.console()
    table = show.table(
        "", "Granted", "Last used", "What IAM knows", title=f"Actions granted to {user_name}"
    )
    for use in uses:
        knows = "the action" if use.told == "action" else "the service only"
        if "*" in use.granted and use.used_actions:
            knows = ", ".join(use.used_actions)
        table.add_row(
            "[green]✓[/]" if use.last_used else "[yellow]-[/]",
            escape(use.granted),
            f"{use.last_used:%Y-%m-%d}" if use.last_used else "never, as far as IAM tells",
            escape(knows),
        )
    console.print(table)
    console.print(
        "Nothing was changed. Before you narrow a policy, think of what comes once a year."
    )
    for line in show.gaps(caller):
        console.print(line)
