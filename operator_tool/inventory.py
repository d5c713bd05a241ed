"""Reading the restricted users of the region: IAM, the state table, the secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from handler.model.owner import Owner
from handler.state.made import MadeUser
from handler.state.record import Record
from operator_tool import drift
from operator_tool.caller import Caller, at_once
from operator_tool.catalogue import template_of
from operator_tool.providers import Landscape, Provider
from operator_tool.reports import CopyReport, KeyReport, PolicyReport, SecretReport, UserReport

_GONE = "NoSuchEntity"
_OWNER_FILTER = [{"Key": "tag-key", "Values": ["restricted-iam-user:stack-id"]}]


@dataclass(frozen=True)
class Remembered:
    """A user of the state table, and the resource that it is of."""

    owner: Owner
    made: MadeUser


@dataclass(frozen=True)
class Inventory:
    """The users, and how many of the same paths are of other regions or of no stack."""

    users: tuple[UserReport, ...]
    elsewhere: int


@dataclass(frozen=True)
class _Surroundings:
    """What is read once for all users."""

    caller: Caller
    landscape: Landscape
    remembered: dict[str, Remembered]
    secrets: dict[str, Any]
    now: datetime
    max_age: timedelta


def take(caller: Caller, landscape: Landscape, max_age_days: int) -> Inventory:
    """Read all restricted users of the region."""
    around = _Surroundings(
        caller,
        landscape,
        {
            name: user
            for provider in landscape.providers
            for name, user in _remembered(caller, provider).items()
        },
        _secrets(caller),
        datetime.now(timezone.utc),
        timedelta(days=max_age_days),
    )
    by_path = {provider.path: provider for provider in landscape.providers}
    found = {
        user["UserName"]: (user["UserName"], provider)
        for path, provider in by_path.items()
        for user in caller.items("users", "iam", "list_users", "Users", PathPrefix=path)
    }
    reports = at_once(lambda one: _user(around, *one), found.values())
    users = [report for report in reports if report]
    gone = [
        _gone(around, name)
        for name, user in around.remembered.items()
        if _is_gone(caller, name, user) and name not in found
    ]
    everybody = sorted([*users, *gone], key=lambda report: (report.stack, report.user_name))
    return Inventory(tuple(everybody), len(reports) - len(users))


def _is_gone(caller: Caller, name: str, user: Remembered) -> bool:
    """Whether the user was made, and does not exist although the users could be read."""
    read = not any(gap.startswith("users") for gap in caller.gaps)
    iam = caller.client("iam")
    return (
        read
        and bool(user.made.user_id)
        and caller.ask("users", lambda: iam.get_user(UserName=name), _GONE) == []
    )


def _remembered(caller: Caller, provider: Provider) -> dict[str, Remembered]:
    """The users of the state table by name."""
    if not provider.table:
        return {}
    items = caller.items("the state table", "dynamodb", "scan", "Items", TableName=provider.table)
    users = {}
    for item in items:
        stack_id, _, logical_id = item["Resource"]["S"].rpartition("#")
        if "Record" in item:
            for name, made in Record.parse(item["Record"]["S"]).living.items():
                users[name] = Remembered(Owner(stack_id, logical_id), made)
    return users


def _secrets(caller: Caller) -> dict[str, Any]:
    """The secrets of all resources, by name."""
    found = caller.items(
        "secrets",
        "secretsmanager",
        "list_secrets",
        "SecretList",
        Filters=_OWNER_FILTER,
        IncludePlannedDeletion=True,
    )
    return {secret["Name"]: secret for secret in found}


def _user(around: _Surroundings, name: str, provider: Provider) -> UserReport | None:
    """One user; None when it is of another region, or of no resource."""
    caller, iam = around.caller, around.caller.client("iam")
    user = caller.fields("users", lambda: iam.get_user(UserName=name)["User"], _GONE)
    known = around.remembered.get(name)
    tags = {tag["Key"]: tag["Value"] for tag in user.get("Tags", ())}
    owner = known.owner if known else Owner.of(tags)
    if not user or owner is None or owner.stack_id.split(":")[3] != caller.region:
        return None
    made = known.made if known else None
    policies = _policies(caller, name, made, owner)
    keys = _keys(caller, name, made)
    secrets = tuple(_secret(caller, secret) for secret in _secrets_of(around, owner, made))
    boundary = user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    expected = drift.Expected(
        made, provider.boundary, _settled(around, owner, policies), around.max_age
    )
    findings = [
        *([] if made else _unremembered(around)),
        *(
            []
            if not made or made.user_id == user["UserId"]
            else ["It is another user than was made."]
        ),
        *drift.of_keys(keys, expected, around.now),
        *drift.of_policies(policies, expected),
        *drift.of_boundary(boundary, expected),
        *drift.of_secrets(secrets, expected, around.now),
        *_additions(caller, name),
    ]
    return UserReport(
        name,
        user["Arn"],
        owner.stack_name,
        owner.logical_id,
        template_of([policy.description for policy in policies if policy.ours]),
        boundary,
        keys,
        policies,
        secrets,
        tuple(findings),
    )


def _unremembered(around: _Surroundings) -> list[str]:
    """A finding only where the table was read and does not know the user."""
    read = not any(gap.startswith("the state table") for gap in around.caller.gaps)
    tables = any(provider.table for provider in around.landscape.providers)
    return ["The state table does not know it."] if read and tables else []


def _gone(around: _Surroundings, name: str) -> UserReport:
    owner = around.remembered[name].owner
    return UserReport(
        name, "", owner.stack_name, owner.logical_id, "", "", (), (), (), ("The user is gone.",)
    )


def _keys(caller: Caller, name: str, made: MadeUser | None) -> tuple[KeyReport, ...]:
    found = caller.items(
        "access keys", "iam", "list_access_keys", "AccessKeyMetadata", UserName=name
    )
    return tuple(_key(caller, key, made) for key in found)


def _key(caller: Caller, key: Any, made: MadeUser | None) -> KeyReport:
    key_id = key["AccessKeyId"]
    used = caller.fields(
        "the last use of keys",
        lambda: caller.client("iam").get_access_key_last_used(AccessKeyId=key_id),
        _GONE,
    ).get("AccessKeyLastUsed", {})
    known = made.keys.get(key_id) if made else None
    report = KeyReport(
        key_id,
        key["Status"] == "Active",
        _role(key_id, made),
        key["CreateDate"],
        used.get("LastUsedDate"),
        used.get("ServiceName", "") if used.get("LastUsedDate") else "",
    )
    if made and known and known.replaced:
        ends = datetime.fromisoformat(known.replaced) + timedelta(hours=made.grace_hours)
        return replace(report, ends=ends)
    return report


def _role(key_id: str, made: MadeUser | None) -> str:
    if made is None:
        return "unknown"
    if key_id == made.current:
        return "current"
    if key_id in made.keys:
        return "replaced"
    return "inherited" if key_id in made.inherited else "foreign"


def _policies(
    caller: Caller, name: str, made: MadeUser | None, owner: Owner
) -> tuple[PolicyReport, ...]:
    attached = caller.items(
        "attached policies", "iam", "list_attached_user_policies", "AttachedPolicies", UserName=name
    )
    return tuple(_policy(caller, each["PolicyArn"], made, owner) for each in attached)


def _policy(caller: Caller, arn: str, made: MadeUser | None, owner: Owner) -> PolicyReport:
    iam = caller.client("iam")
    policy = caller.fields("policies", lambda: iam.get_policy(PolicyArn=arn)["Policy"], _GONE)
    tags = {tag["Key"]: tag["Value"] for tag in policy.get("Tags", ())}
    ours = arn in made.policies if made else owner.tags.items() <= tags.items()
    version = policy.get("DefaultVersionId", "")
    versions: list[Any] = []
    if ours:
        versions = caller.items(
            "versions of policies", "iam", "list_policy_versions", "Versions", PolicyArn=arn
        )
    dates = {each["VersionId"]: each["CreateDate"] for each in versions}
    return PolicyReport(
        arn,
        policy.get("PolicyId", ""),
        policy.get("Description", ""),
        version,
        not dates or version == max(dates, key=lambda each: int(each.removeprefix("v"))),
        dates.get(version),
        ours,
    )


def _settled(
    around: _Surroundings, owner: Owner, policies: tuple[PolicyReport, ...]
) -> datetime | None:
    """When the stack had last changed the resource; asked only where a policy is as new as that."""
    stack = around.landscape.stacks.get(owner.stack_id)
    written = [policy.written for policy in policies if policy.written]
    if stack is None or stack.busy or not written:
        return None
    if max(written) <= stack.began:
        return stack.began
    detail = around.caller.fields(
        "resources of stacks",
        lambda: around.caller.client("cloudformation").describe_stack_resource(
            StackName=owner.stack_id, LogicalResourceId=owner.logical_id
        )["StackResourceDetail"],
        "ValidationError",
    )
    found: datetime | None = detail.get("LastUpdatedTimestamp")
    return found


def _secrets_of(around: _Surroundings, owner: Owner, made: MadeUser | None) -> list[Any]:
    """The secrets that the table names, or else those with the owner's tags."""
    if made:
        return [around.secrets[name] for name in made.secrets if name in around.secrets]
    return [
        secret
        for secret in around.secrets.values()
        if owner.tags.items()
        <= {tag["Key"]: tag["Value"] for tag in secret.get("Tags", ())}.items()
    ]


def _secret(caller: Caller, secret: Any) -> SecretReport:
    client, name = caller.client("secretsmanager"), secret["Name"]
    described = caller.read(
        "secrets",
        lambda: client.describe_secret(SecretId=secret["ARN"]),
        secret,
        "ResourceNotFoundException",
    )
    deleted = "DeletedDate" in described
    text = None
    if not deleted:
        text = caller.read(
            "readers of secrets",
            lambda: client.get_resource_policy(SecretId=secret["ARN"]).get("ResourcePolicy", "{}"),
            None,
            "ResourceNotFoundException",
        )
    return SecretReport(
        name,
        secret["ARN"],
        deleted,
        described.get("RotationRules", {}).get("ScheduleExpression", ""),
        described.get("NextRotationDate") if described.get("RotationEnabled") else None,
        tuple(
            CopyReport(each["Region"], each.get("Status", ""))
            for each in described.get("ReplicationStatus", ())
        ),
        None if text is None else tuple(_readers(json.loads(text))),
    )


def _readers(policy: Any) -> Iterator[str]:
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal", {})
        values = [principal] if isinstance(principal, str) else principal.values()
        for value in values:
            yield from [value] if isinstance(value, str) else value


def _additions(caller: Caller, name: str) -> Iterator[str]:
    """What people hang on a user by hand and that grants something."""
    kinds = {
        "Inline policy": ("list_user_policies", "PolicyNames"),
        "Group": ("list_groups_for_user", "Groups"),
    }
    for kind, (operation, member) in kinds.items():
        found = caller.items(f"{kind.lower()} of users", "iam", operation, member, UserName=name)
        for each in found:
            shown = each if isinstance(each, str) else each["GroupName"]
            yield f"{kind} {shown} was added by somebody else."
