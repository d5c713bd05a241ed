"""`preflight`: before launching, whether everything is free, right and allowed; what to do if not.

The names are compared as AWS does: of users and policies in the whole account, without case.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from typing import Any

from rich.markup import escape

from operator_tool import COULD_NOT, FINDINGS, FINE, NAME, show
from operator_tool.caller import Caller, at_once
from operator_tool.catalogue import policy_names, templates
from operator_tool.providers import DEFAULT_PATH, DEFAULT_PREFIX

_RIGHTS = json.loads((files("operator_tool") / "rights.json").read_text())
# What a stack of the provider makes of each kind, the policies of the user not included.
_NEEDED = {"Users": 1, "Policies": 1, "Roles": 3}
_OK, _WRONG, _UNKNOWN = "ok", "wrong", "unknown"
_MARKS = {_OK: "[green]✓[/]", _WRONG: "[red]✗[/]", _UNKNOWN: "[yellow]?[/]"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: ok, wrong or unknown; what is so, and what to do about it."""

    subject: str
    result: str
    detail: str
    todo: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is going to be launched."""

    stack: str
    user_name: str
    policy_names: tuple[str, ...]
    secret_name: str
    boundary: str
    regions: tuple[str, ...]
    provider_boundary: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command; the defaults are those of the template."""
    parser.add_argument("--stack", default="restricted-iam-user", help="the stack to be launched")
    parser.add_argument("--template", choices=[*templates(), "none"], default="vanilla")
    parser.add_argument("--user-name", default="Provazio")
    parser.add_argument("--policy-name", default="ManageIguazioSystems")
    parser.add_argument("--secret-name", help="default: the prefix and the user name")
    parser.add_argument("--secret-prefix", default=DEFAULT_PREFIX)
    parser.add_argument("--iam-path", default=DEFAULT_PATH)
    parser.add_argument("--boundary", default="", help="PermissionsBoundaryArn, if any")
    parser.add_argument("--provider-boundary", default="", help="ProviderBoundaryArn, if any")
    parser.add_argument("--regions", default="", help="comma-separated, as the parameter Regions")


def run(caller: Caller, options: argparse.Namespace) -> int:
    """Print the checks; returns the exit code."""
    wanted = _wanted(options)
    checks = [
        *_names(caller, wanted, options),
        *_boundaries(caller, wanted),
        *_regions(caller, wanted),
        *_limits(caller, wanted),
        *_rights(caller, wanted),
    ]
    if options.json:
        print(show.as_json(caller, Checks=checks))
    else:
        _print(caller, checks)
    results = {check.result for check in checks}
    if _WRONG in results:
        return FINDINGS
    return COULD_NOT if _UNKNOWN in results else FINE


def _wanted(options: argparse.Namespace) -> Wanted:
    makes_user = options.template != "none"
    names = policy_names(options.template, options.policy_name) if makes_user else []
    return Wanted(
        options.stack,
        options.user_name if makes_user else "",
        tuple(names),
        (options.secret_name or options.secret_prefix + options.user_name) if makes_user else "",
        options.boundary,
        tuple(region for region in options.regions.split(",") if region),
        options.provider_boundary,
    )


def _names(caller: Caller, wanted: Wanted, options: argparse.Namespace) -> Iterator[Check]:
    if not wanted.user_name:
        return
    iam, secretsmanager = caller.client("iam"), caller.client("secretsmanager")
    users = caller.ask(
        "users", lambda: iam.get_user(UserName=wanted.user_name)["User"]["Arn"], "NoSuchEntity"
    )
    yield _free(
        f"User {wanted.user_name}",
        users,
        f"Choose another UserName, or invite the stack to take the user over: {NAME} adopt "
        f"{wanted.user_name} --stack {options.stack} --logical-id RestrictedUser",
    )
    policies = caller.ask(
        "policies",
        lambda: {
            policy["PolicyName"].casefold(): policy["Arn"]
            for policy in caller.pages("iam", "list_policies", "Policies", Scope="Local")
        },
    )
    for name in wanted.policy_names:
        taken_by = policies and policies[0].get(name.casefold())
        yield _free(
            f"Policy {name}",
            None if policies is None else [taken_by] if taken_by else [],
            "Choose another PolicyName, or delete that policy once nobody has it",
        )
    secrets = caller.ask(
        "secrets",
        lambda: secretsmanager.describe_secret(SecretId=wanted.secret_name),
        "ResourceNotFoundException",
    )
    yield _free(
        f"Secret {wanted.secret_name}",
        None if secrets is None else [_told(secret) for secret in secrets],
        "Choose another SecretName or SecretPrefix, or delete that secret for good with aws "
        "secretsmanager delete-secret --force-delete-without-recovery",
    )


def _told(secret: Any) -> str:
    return f"{secret['ARN']}{', which awaits its deletion' if 'DeletedDate' in secret else ''}"


def _free(subject: str, taken_by: list[str] | None, todo: str) -> Check:
    if taken_by is None:
        return Check(subject, _UNKNOWN, "could not be looked up")
    if taken_by:
        return Check(subject, _WRONG, f"taken by {taken_by[0]}", todo)
    return Check(subject, _OK, "free")


def _boundaries(caller: Caller, wanted: Wanted) -> Iterator[Check]:
    iam = caller.client("iam")
    given = {
        "PermissionsBoundaryArn": wanted.boundary,
        "ProviderBoundaryArn": wanted.provider_boundary,
    }
    for parameter, arn in given.items():
        if not arn:
            continue
        subject = f"Boundary {arn}"
        found = caller.ask(
            "policies",
            partial(iam.get_policy, PolicyArn=arn),
            "NoSuchEntity",
            "InvalidInput",
            "ValidationError",
        )
        if found is None:
            yield Check(subject, _UNKNOWN, "could not be looked up")
        elif not found:
            todo = f"Make the policy first, or give {parameter} the ARN of one that exists"
            yield Check(subject, _WRONG, "there is no such policy", todo)
        else:
            yield Check(subject, _OK, "exists")


def _regions(caller: Caller, wanted: Wanted) -> Iterator[Check]:
    if not wanted.regions:
        yield Check("Regions", _OK, f"{caller.region}, that of the stack")
        return
    answers = caller.ask(
        "regions", lambda: caller.client("ec2").describe_regions(AllRegions=True)["Regions"]
    )
    if answers is None:
        yield Check("Regions", _UNKNOWN, "could not be looked up")
        return
    states = {region["RegionName"]: region.get("OptInStatus", "") for region in answers[0]}
    for region in wanted.regions:
        if region not in states:
            detail = f"is no region of partition {caller.partition}"
            yield Check(f"Region {region}", _WRONG, detail, "Correct Regions")
        elif states[region] == "not-opted-in":
            todo = f"aws account enable-region --region-name {region}"
            yield Check(f"Region {region}", _WRONG, "is not enabled for the account", todo)
        else:
            yield Check(f"Region {region}", _OK, "enabled")


def _limits(caller: Caller, wanted: Wanted) -> Iterator[Check]:
    answers = caller.ask(
        "limits of IAM", lambda: caller.client("iam").get_account_summary()["SummaryMap"]
    )
    if answers is None:
        yield Check("Limits of IAM", _UNKNOWN, "could not be looked up")
        return
    (summary,) = answers
    needed = _NEEDED | {"Policies": _NEEDED["Policies"] + len(wanted.policy_names)}
    for kind, count in needed.items():
        used, quota = summary.get(kind, 0), summary.get(f"{kind}Quota", 0)
        detail = f"{used} of {quota} used, {count} needed"
        if quota and used + count > quota:
            todo = "Delete what nobody needs, or raise the quota in Service Quotas"
            yield Check(kind, _WRONG, detail, todo)
        else:
            yield Check(kind, _OK, detail)


def _rights(caller: Caller, wanted: Wanted) -> Iterator[Check]:
    subject = f"Rights of {caller.arn}"
    if caller.arn.endswith(":root"):
        yield Check(subject, _OK, "the root user may do everything; better deploy with a role")
        return
    source = _principal(caller)
    if source is None:
        yield Check(subject, _UNKNOWN, "IAM can only judge users and roles of this account")
        return
    denied = at_once(lambda right: _denied(caller, source, right, wanted), _RIGHTS)
    if any(found is None for found in denied):
        yield Check(subject, _UNKNOWN, "IAM did not judge them (iam:SimulatePrincipalPolicy)")
        return
    missing = sorted({action for found in denied for action in found or ()})
    if missing:
        yield Check(
            subject,
            _WRONG,
            f"not allowed: {', '.join(missing)}",
            "Have a policy of examples/deployer-policy.yaml attached; see examples/README.md",
        )
    else:
        yield Check(subject, _OK, "enough to deploy the provider and stacks with the resource")


def _principal(caller: Caller) -> str | None:
    """The ARN that IAM judges: of the user, or of the role that a session is of."""
    kind, _, rest = caller.arn.split(":", 5)[5].partition("/")
    if kind == "user":
        return caller.arn
    if kind != "assumed-role":
        return None
    name = rest.partition("/")[0]
    iam = caller.client("iam")
    # The session does not tell the path of its role.
    return caller.read("roles", lambda: str(iam.get_role(RoleName=name)["Role"]["Arn"]), None)


def _denied(caller: Caller, source: str, right: Any, wanted: Wanted) -> list[str] | None:
    """The actions of one statement that the principal may not do; None when IAM does not tell."""
    context = {
        "aws:CalledVia": "cloudformation.amazonaws.com",
        "iam:PassedToService": "lambda.amazonaws.com",
        "iam:PermissionsBoundary": wanted.provider_boundary,
    }
    answers = caller.ask(
        "rights",
        lambda: list(
            caller.pages(
                "iam",
                "simulate_principal_policy",
                "EvaluationResults",
                PolicySourceArn=source,
                ActionNames=right["Actions"],
                ResourceArns=[_filled(caller, right["Resource"], wanted)],
                ContextEntries=[
                    {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": kind}
                    for name, value in context.items()
                    if value
                    for kind in ("stringList" if name == "aws:CalledVia" else "string",)
                ],
            )
        ),
    )
    if answers is None:
        return None
    return [
        result["EvalActionName"] for result in answers[0] if result["EvalDecision"] != "allowed"
    ]


def _filled(caller: Caller, resource: str, wanted: Wanted) -> str:
    """An ARN as AWS would evaluate it, with something in place of each star."""
    values = {
        "AWS::Partition": caller.partition,
        "AWS::Region": caller.region,
        "AWS::AccountId": caller.account_id,
        "ProviderStack": wanted.stack,
        "EmbeddingStacks": "embedding",
    }
    for name, value in values.items():
        resource = resource.replace(f"${{{name}}}", value)
    return resource if resource == "*" else resource.replace("*", "preflight")


def _print(caller: Caller, checks: list[Check]) -> None:
    console = show.console()
    title = f"Preflight in account {caller.account_id}, {caller.region}"
    table = show.table("", "What", "Found", "Do", title=title)
    for check in checks:
        table.add_row(
            _MARKS[check.result], escape(check.subject), escape(check.detail), escape(check.todo)
        )
    console.print(table)
    for line in show.gaps(caller):
        console.print(line)
