"""Everything in the account whose name says that the run made it, and how to remove it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from acceptance.account import Account, error_code, sentence
from acceptance.stacks import Stack, StackFailedError

_LONGEST_SECONDS = 1200
# Lists may name for a while what is gone.
_GONE = ("NoSuchBucket", "NoSuchEntity", "ResourceNotFoundException")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Belonging:
    """One of them; `by_hand` is the command for a person, where `remove` fails."""

    words: str
    by_hand: str
    remove: Callable[[], object]


class NotRemovedError(Exception):
    """Something could not be removed."""


def found(account: Account) -> list[str]:
    """What there is now."""
    return [belonging.words for kind in _KINDS for belonging in kind(account)]


def clean(account: Account, tell: Tell) -> list[str]:
    """Remove it all; returns a sentence for each that is left, with the command that removes it."""
    left: list[str] = []
    for kind in _KINDS:
        try:
            for belonging in kind(account):
                left += _removed(belonging, tell)
        except (BotoCoreError, ClientError) as error:
            left.append(f"The {kind.__name__[1:]} could not be looked for. {sentence(error)}")
    return left


def _removed(belonging: Belonging, tell: Tell) -> list[str]:
    try:
        belonging.remove()
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error_code(error) in _GONE:
            return []
        return [f"The {belonging.words} is left. {sentence(error)} By hand: {belonging.by_hand}"]
    except (NotRemovedError, StackFailedError) as error:
        return [f"The {belonging.words} is left. {error} By hand: {belonging.by_hand}"]
    tell(f"removed the {belonging.words}")
    return []


def _stacks(account: Account) -> Iterator[Belonging]:
    """Those that use a function go before the one that has it."""
    pages = account.client("cloudformation").get_paginator("describe_stacks").paginate()
    ids = {
        stack["StackName"]: stack["StackId"]
        for page in pages
        for stack in page["Stacks"]
        if stack["StackName"].startswith(account.prefix) and "ParentId" not in stack
    }
    for name in sorted(ids, key=lambda n: (n == account.prefix, n == probe_stack(account))):
        stack = Stack(account, name, [], id=ids[name])
        yield Belonging(
            f"stack {name}",
            f"aws cloudformation delete-stack --stack-name {name}",
            lambda stack=stack: _delete_stack(stack),  # type: ignore[misc]
        )


def probe_stack(account: Account) -> str:
    """The stack of the function that says what it sees."""
    return f"{account.prefix}-probe"


def _delete_stack(stack: Stack) -> None:
    """A stack that is being made or updated first comes to an end: then all that is in it is known.

    CloudFormation refuses to delete one that is being updated.
    """
    give_up = time.monotonic() + _LONGEST_SECONDS
    while (status := stack.status()).endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        if time.monotonic() > give_up:
            raise NotRemovedError(f"It has been in {status} for {_LONGEST_SECONDS} s.")
        time.sleep(stack.account.poll_seconds)
    if status != "DELETE_COMPLETE" and (ended := stack.delete()) != "DELETE_COMPLETE":
        raise NotRemovedError(f"Its deletion ended in {ended}: {stack.reasons()}")


def _users(account: Account) -> Iterator[Belonging]:
    iam = account.client("iam")
    for page in iam.get_paginator("list_users").paginate(PathPrefix=account.iam_path):
        for user in page["Users"]:
            name = user["UserName"]
            yield Belonging(
                f"user {name}",
                f"aws iam delete-user --user-name {name}, once its keys and policies are gone",
                lambda name=name: _delete_user(iam, name),  # type: ignore[misc]
            )


def _delete_user(iam: Any, name: str) -> None:
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_user(UserName=name)


def _policies(account: Account) -> Iterator[Belonging]:
    iam = account.client("iam")
    pages = iam.get_paginator("list_policies").paginate(Scope="Local", PathPrefix=account.iam_path)
    for page in pages:
        for policy in page["Policies"]:
            arn = policy["Arn"]
            yield Belonging(
                f"policy {policy['PolicyName']}",
                f"aws iam delete-policy --policy-arn {arn}, once its other versions are gone",
                lambda arn=arn: _delete_policy(iam, arn),  # type: ignore[misc]
            )


def _delete_policy(iam: Any, arn: str) -> None:
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=arn)


def _roles(account: Account) -> Iterator[Belonging]:
    iam = account.client("iam")
    for page in iam.get_paginator("list_roles").paginate(PathPrefix=account.iam_path):
        for role in page["Roles"]:
            name = role["RoleName"]
            yield Belonging(
                f"role {name}",
                f"aws iam delete-role --role-name {name}, once its inline policies are gone",
                lambda name=name: _delete_role(iam, name),  # type: ignore[misc]
            )


def _delete_role(iam: Any, name: str) -> None:
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)


def _secrets(account: Account) -> Iterator[Belonging]:
    """By their names: ListSecrets may not know what happened in the last five minutes."""
    secretsmanager = account.client("secretsmanager")
    for last in (account.prefix, f"{account.prefix}-embedded", "deleted"):
        name = f"{account.prefix}/{last}"
        try:
            secret = secretsmanager.describe_secret(SecretId=name)
        except secretsmanager.exceptions.ResourceNotFoundException:
            continue
        if "DeletedDate" not in secret:
            yield Belonging(
                f"secret {name}",
                f"aws secretsmanager delete-secret --secret-id {name}"
                " --force-delete-without-recovery",
                lambda name=name: secretsmanager.delete_secret(  # type: ignore[misc]
                    SecretId=name, ForceDeleteWithoutRecovery=True
                ),
            )


def _log_groups(account: Account) -> Iterator[Belonging]:
    logs = account.client("logs")
    for beginning in (account.prefix, f"/aws/lambda/{account.prefix}"):
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=beginning)
        for page in pages:
            for group in page["logGroups"]:
                name = group["logGroupName"]
                yield Belonging(
                    f"log group {name}",
                    f"aws logs delete-log-group --log-group-name {name}",
                    lambda name=name: logs.delete_log_group(logGroupName=name),  # type: ignore[misc]
                )


def _tables(account: Account) -> Iterator[Belonging]:
    dynamodb = account.client("dynamodb")
    for page in dynamodb.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if name.startswith(account.prefix):
                yield Belonging(
                    f"table {name}",
                    f"aws dynamodb delete-table --table-name {name}",
                    lambda name=name: dynamodb.delete_table(TableName=name),  # type: ignore[misc]
                )


def _buckets(account: Account) -> Iterator[Belonging]:
    s3 = account.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if name.startswith(account.prefix):
            yield Belonging(
                f"bucket {name}",
                f"aws s3 rb --force s3://{name}",
                lambda name=name: _delete_bucket(s3, name),  # type: ignore[misc]
            )


def _delete_bucket(s3: Any, name: str) -> None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
        for item in page.get("Contents", ()):
            s3.delete_object(Bucket=name, Key=item["Key"])
    s3.delete_bucket(Bucket=name)


_KINDS: tuple[Callable[[Account], Iterator[Belonging]], ...] = (
    _stacks,
    _users,
    _policies,
    _roles,
    _secrets,
    _log_groups,
    _tables,
    _buckets,
)
