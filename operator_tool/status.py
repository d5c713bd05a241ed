"""`status`: every restricted user of the account and region, and what is not as it should be."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone

from rich.markup import escape

from operator_tool import COULD_NOT, FINDINGS, FINE, providers, show
from operator_tool.caller import Caller
from operator_tool.inventory import Inventory, take
from operator_tool.reports import KeyReport, SecretReport, UserReport


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--max-age",
        type=int,
        default=90,
        metavar="DAYS",
        help="a key that is older is a finding (90, as CIS has it)",
    )


def run(caller: Caller, options: argparse.Namespace) -> int:
    """Print the users; returns the exit code."""
    inventory = take(caller, providers.look(caller), options.max_age)
    if options.json:
        print(
            show.as_json(
                caller,
                Users=inventory.users,
                UsersOfOtherRegions=inventory.elsewhere,
            )
        )
    else:
        _print(caller, inventory)
    if caller.gaps:
        return COULD_NOT
    return FINDINGS if any(user.findings for user in inventory.users) else FINE


def _print(caller: Caller, inventory: Inventory) -> None:
    console, now = show.console(), datetime.now(timezone.utc)
    title = f"Restricted IAM users of account {caller.account_id} in {caller.region}"
    table = show.table("", "User", "Stack", "Policies", "Keys", "Secret", title=title)
    for user in inventory.users:
        table.add_row(
            "[red]✗[/]" if user.findings else "[green]✓[/]",
            f"[bold]{escape(user.user_name)}[/]",
            escape(f"{user.stack}\n{user.logical_id}"),
            escape("\n".join([user.template, *_policies(user)])),
            "\n".join(_key(key, now) for key in user.keys) or "none",
            "\n".join(line for secret in user.secrets for line in _secret(secret)) or "none",
        )
    if inventory.users:
        console.print(table)
    else:
        console.print(f"No restricted IAM user of account {caller.account_id} in {caller.region}.")
    for user in inventory.users:
        for finding in user.findings:
            console.print(f"[red]✗[/] {escape(user.user_name)}: {escape(finding)}")
    if inventory.elsewhere:
        console.print(
            f"{inventory.elsewhere} more on these paths: of other regions, or of no stack."
        )
    for line in show.gaps(caller):
        console.print(line)


def _policies(user: UserReport) -> list[str]:
    return [
        f"{policy.name} {policy.version}" if policy.ours else f"+ {policy.name}"
        for policy in user.policies
    ]


def _key(key: KeyReport, now: datetime) -> str:
    parts = [key.role, f"{show.ago(key.created, now)} old"]
    parts.append(f"used {show.ago(key.last_used, now)} ago" if key.last_used else "never used")
    if key.ends:
        parts.append(f"ends in {show.span(key.ends - now)}" if key.ends > now else "overdue")
    if not key.active:
        parts.append("inactive")
    colour = {"current": "green", "replaced": "yellow", "inherited": "yellow"}.get(key.role, "red")
    return f"[{colour}]{key.access_key_id}[/] {', '.join(parts)}"


def _secret(secret: SecretReport) -> list[str]:
    lines = [escape(secret.name)]
    if secret.next_rotation:
        lines.append(f"rotates {secret.next_rotation:%Y-%m-%d}")
    if secret.copies:
        lines.append("copies " + ", ".join(f"{copy.region}" for copy in secret.copies))
    if secret.readers:
        lines.append(f"{len(secret.readers)} readers")
    return lines
