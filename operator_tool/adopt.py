"""`adopt`: invite one stack and logical id to take a user over; --undo takes that back.

It is the only command that changes something. It shows what it will do, and asks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rich.markup import escape

from handler.model.owner import INVITATION_TAG, Owner, invitation
from operator_tool import FINE, ToolError, providers, show
from operator_tool.caller import Caller
from operator_tool.providers import Provider

# Where the user came from, so that --undo can bring it back there.
FORMER_TAG = "restricted-iam-user:former"
_NONE = "none"
_LONGEST_TAG = 256
_MOST_KEYS = 2
_MOST_POLICIES = 10
_GONE = "NoSuchEntity"


@dataclass(frozen=True)
class Step:
    """One change: what it is for the person, and the call."""

    text: str
    call: Callable[[], Any] = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """The changes in their order, and what to know before."""

    steps: list[Step]
    warnings: list[str]
    afterwards: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("user", help="name of the user")
    parser.add_argument("--stack", help="name of the stack that is invited; it need not exist yet")
    parser.add_argument("--logical-id", help="logical id of its Custom::RestrictedIAMUser")
    parser.add_argument("--provider", help="stack of the provider, where there are several")
    parser.add_argument("--path", help="IAM path of the provider; with --undo: where to go back to")
    parser.add_argument("--boundary", help="boundary of the provider's users, if it is not found")
    parser.add_argument("--undo", action="store_true", help="take the invitation back")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(caller: Caller, options: argparse.Namespace) -> int:
    """Show the plan, ask, do it; returns the exit code."""
    iam = caller.client("iam")
    found = caller.ask("users", lambda: iam.get_user(UserName=options.user)["User"], _GONE)
    if not found:
        raise ToolError(f"There is no IAM user {options.user}, or you may not look at it.")
    plan = _undo(caller, options, found[0]) if options.undo else _invite(caller, options, found[0])
    if not plan.steps:
        _say(options, f"Nothing to do. {plan.afterwards}")
        return FINE
    _show(caller, options, plan)
    if options.json and not options.yes:
        raise ToolError("Nobody is asked with --json; add --yes.")
    if not options.yes and not _agreed():
        raise ToolError("Nothing was changed.")
    for step in plan.steps:
        step.call()
        _say(options, f"✓ {step.text}")
    _say(options, plan.afterwards)
    if options.json:
        print(show.as_json(caller, User=options.user, Done=[step.text for step in plan.steps]))
    return FINE


def _invite(caller: Caller, options: argparse.Namespace, user: Any) -> Plan:
    if not (options.stack and options.logical_id):
        raise ToolError("Name the resource that may take the user over: --stack and --logical-id.")
    wanted = invitation(caller.region, options.stack, options.logical_id)
    if len(wanted) > _LONGEST_TAG:
        raise ToolError("The names of stack and resource are too long for a tag of 256 characters.")
    provider = _provider(caller, options)
    tags = {tag["Key"]: tag["Value"] for tag in user.get("Tags", ())}
    owner = Owner.of(tags)
    if owner:
        _refuse_if_owned(caller, owner)
    iam, name = caller.client("iam"), user["UserName"]
    boundary = user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    # The tag first: it says where the user came from, whatever happens then.
    steps = []
    if tags.get(INVITATION_TAG) != wanted:
        new = {INVITATION_TAG: wanted}
        former = f"path={user['Path']} boundary={boundary or _NONE}"
        if FORMER_TAG not in tags and not owner and len(former) <= _LONGEST_TAG:
            new[FORMER_TAG] = former
        steps.append(
            Step(
                f"Invite {wanted} to user {name}",
                partial(iam.tag_user, UserName=name, Tags=_tag_list(new)),
            )
        )
    if boundary != provider.boundary:
        steps.append(
            Step(
                f"Put {name} under the boundary {provider.boundary}",
                partial(
                    iam.put_user_permissions_boundary,
                    UserName=name,
                    PermissionsBoundary=provider.boundary,
                ),
            )
        )
    if user["Path"] != provider.path:
        steps.append(
            Step(
                f"Move {name} from path {user['Path']} to {provider.path}",
                partial(iam.update_user, UserName=name, NewPath=provider.path),
            )
        )
    if owner:
        steps += _invite_belongings(caller, name, owner, wanted)
    return Plan(
        steps,
        list(_warnings(caller, user, provider, boundary)),
        f"Create the resource {options.logical_id} in stack {options.stack} with UserName {name}; "
        "nobody else can take the user over.",
    )


def _provider(caller: Caller, options: argparse.Namespace) -> Provider:
    """Path and boundary that the user must get; raises ToolError."""
    if options.path and options.boundary:
        return Provider("", options.path, "", options.boundary, "")
    provider = providers.look(caller).provider(options.path, options.provider)
    boundary = options.boundary or provider.boundary
    if not boundary:
        raise ToolError(
            "The provider's path and boundary could not be looked up; give --path and --boundary."
        )
    return Provider(provider.stack, provider.path, provider.prefix, boundary, provider.table)


def _refuse_if_owned(caller: Caller, owner: Owner) -> None:
    """Raise ToolError when the user belongs to a resource that a stack still has.

    That resource would delete the user, whoever took it over.
    """
    client = _client_in(caller, owner.stack_id.split(":")[3])
    detail = caller.fields(
        "resources of stacks",
        lambda: client.describe_stack_resource(
            StackName=owner.stack_id, LogicalResourceId=owner.logical_id
        )["StackResourceDetail"],
        "ValidationError",
    )
    if caller.gaps:
        raise ToolError(
            f"Whether {owner.logical_id} of stack {owner.stack_name} still has the user could not "
            f"be looked up: {next(iter(caller.gaps.values()))}"
        )
    if detail and detail["ResourceStatus"] not in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
        raise ToolError(
            f"The user belongs to {owner.logical_id} of stack {owner.stack_name}, which would "
            "delete it. Give that resource DeletionPolicy: Retain, update the stack, take the "
            "resource out of its template, update again, and then adopt the user."
        )


def _client_in(caller: Caller, region: str) -> Any:
    """CloudFormation of the region of the stack that had the user."""
    return caller.session.client("cloudformation", region_name=region)


def _invite_belongings(caller: Caller, name: str, owner: Owner, wanted: str) -> Iterator[Step]:
    """The policies and secrets that the former resource made for the user go with it."""
    iam, secretsmanager = caller.client("iam"), caller.client("secretsmanager")
    new = _tag_list({INVITATION_TAG: wanted})
    for arn in _belonging_policies(caller, name, owner.tags):
        yield Step(f"Invite it to policy {arn}", partial(iam.tag_policy, PolicyArn=arn, Tags=new))
    for secret in _tagged_secrets(caller, owner.tags):
        yield Step(
            f"Invite it to secret {secret['Name']}",
            partial(secretsmanager.tag_resource, SecretId=secret["ARN"], Tags=new),
        )


def _belonging_policies(caller: Caller, name: str, tags: dict[str, str]) -> Iterator[str]:
    iam = caller.client("iam")
    for each in caller.pages(
        "iam", "list_attached_user_policies", "AttachedPolicies", UserName=name
    ):
        policy = iam.get_policy(PolicyArn=each["PolicyArn"])["Policy"]
        if tags.items() <= {tag["Key"]: tag["Value"] for tag in policy.get("Tags", ())}.items():
            yield each["PolicyArn"]


def _tagged_secrets(caller: Caller, tags: dict[str, str]) -> Iterator[Any]:
    filters = [{"Key": "tag-key", "Values": [next(iter(tags))]}]
    for secret in caller.pages("secretsmanager", "list_secrets", "SecretList", Filters=filters):
        if tags.items() <= {tag["Key"]: tag["Value"] for tag in secret.get("Tags", ())}.items():
            yield secret


def _warnings(caller: Caller, user: Any, provider: Provider, boundary: str) -> Iterator[str]:
    name = user["UserName"]
    if user["Path"] != provider.path:
        new_arn = caller.arn_of("iam", f"user{provider.path}{name}")
        yield (
            f"Its ARN becomes {new_arn}. What names the old one as text must be changed: the "
            "aws-auth of EKS clusters, policies with aws:PrincipalArn; see docs/migrate.md."
        )
    if boundary != provider.boundary:
        yield (
            "From then on it may do nothing that the boundary does not allow, whatever its "
            f"policies say. Look first at what it uses: used {name}."
        )
    keys = caller.items(
        "access keys", "iam", "list_access_keys", "AccessKeyMetadata", UserName=name
    )
    if len(keys) >= _MOST_KEYS:
        shown = ", ".join(key["AccessKeyId"] for key in keys)
        yield (
            f"It has two access keys, the most that IAM allows: {shown}. One that was never used "
            "is deleted to make room; if both were used, the Create fails until you delete one."
        )
    policies = caller.items(
        "attached policies", "iam", "list_attached_user_policies", "AttachedPolicies", UserName=name
    )
    if policies:
        shown = ", ".join(policy["PolicyName"] for policy in policies)
        yield f"Its policies stay until you detach them: {shown}."
    if len(policies) > _MOST_POLICIES - 3:
        yield f"It has {len(policies)} policies of the {_MOST_POLICIES} that IAM allows."
    if others := sorted(_other_tags(user)):
        yield f"The stack removes its tags {', '.join(others)}, unless its own or Tags name them."


def _other_tags(user: Any) -> Iterator[str]:
    for tag in user.get("Tags", ()):
        if not tag["Key"].casefold().startswith(("aws:", "restricted-iam-user:")):
            yield tag["Key"]


def _undo(caller: Caller, options: argparse.Namespace, user: Any) -> Plan:
    tags = {tag["Key"]: tag["Value"] for tag in user.get("Tags", ())}
    iam, name = caller.client("iam"), user["UserName"]
    owner = Owner.of(tags)
    invited = tags.get(INVITATION_TAG)
    if owner and not invited:
        raise ToolError(
            f"The user belongs to {owner.logical_id} of stack {owner.stack_name}; delete that "
            "resource to get it back, if it was taken over."
        )
    former = _former(tags.get(FORMER_TAG, ""))
    steps = [
        Step(
            f"Take the invitation of {invited} from {kind}",
            call,
        )
        for kind, call in _invited(caller, name, invited)
    ]
    path = options.path or former.get("path", user["Path"])
    if path != user["Path"]:
        steps.append(
            Step(
                f"Move {name} from path {user['Path']} to {path}",
                partial(iam.update_user, UserName=name, NewPath=path),
            )
        )
    if boundary := _boundary_step(iam, user, former.get("boundary", "")):
        steps.append(boundary)
    if FORMER_TAG in tags:
        steps.append(
            Step(
                f"Take the tag {FORMER_TAG} from {name}",
                partial(iam.untag_user, UserName=name, TagKeys=[FORMER_TAG]),
            )
        )
    return Plan(steps, [], "The user is invited to nobody.")


def _invited(
    caller: Caller, name: str, invited: str | None
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Who carries the invitation, and how to take it away."""
    if not invited:
        return
    iam, secretsmanager = caller.client("iam"), caller.client("secretsmanager")
    keys, tag = [INVITATION_TAG], {INVITATION_TAG: invited}
    yield f"user {name}", partial(iam.untag_user, UserName=name, TagKeys=keys)
    for arn in _belonging_policies(caller, name, tag):
        yield f"policy {arn}", partial(iam.untag_policy, PolicyArn=arn, TagKeys=keys)
    for secret in _tagged_secrets(caller, tag):
        yield (
            f"secret {secret['Name']}",
            partial(secretsmanager.untag_resource, SecretId=secret["ARN"], TagKeys=keys),
        )


def _former(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split() if "=" in part)


def _boundary_step(iam: Any, user: Any, former: str) -> Step | None:
    """Bring the boundary of before back, if that is known and another one."""
    name = user["UserName"]
    present = user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", _NONE)
    if former in ("", present):
        return None
    if former == _NONE:
        return Step(
            f"Take the boundary from {name}",
            partial(iam.delete_user_permissions_boundary, UserName=name),
        )
    return Step(
        f"Put {name} under the boundary {former}",
        partial(iam.put_user_permissions_boundary, UserName=name, PermissionsBoundary=former),
    )


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _show(caller: Caller, options: argparse.Namespace, plan: Plan) -> None:
    """Print the plan, unless the output is for a program."""
    if options.json:
        return
    console = show.console()
    console.print(f"In account {caller.account_id}, as {escape(caller.arn)}, this will")
    for number, step in enumerate(plan.steps, start=1):
        console.print(f"  {number}. {escape(step.text)}")
    for warning in plan.warnings:
        console.print(f"[yellow]![/] {escape(warning)}")
    for line in show.gaps(caller):
        console.print(line)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise ToolError("Nobody can be asked here; read the plan above and add --yes.")
    return input("Go on? [y/N] ").strip().lower() in ("y", "yes")


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.json:
        print(text)
