"""The arithmetic of an account's limits and of a stack set, from the calls that were counted.

Quotas are AWS's defaults (Service Quotas console; IAM, Secrets Manager, EventBridge Scheduler and
DynamoDB guides, "Quotas"). AWS publishes no rates of IAM and CloudFormation: those here are what
people see, and what the load test uses.
"""

import math

from bench.table import markdown
from support.operations import Operation

USERS = 5_000
MANAGED_POLICIES = 1_500
SECRETS = 500_000
SCHEDULES = 1_000_000
IAM_CALLS_A_SECOND = 20
DESCRIBE_STACKS_A_SECOND = 10
SECRET_WRITES_A_SECOND = 50
TABLE_WRITES_A_SECOND = 4_000  # A new on-demand table; it adapts.
_WRITE_UNIT_BYTES = 1_024
ACCOUNTS = 5_000
# What a stack of the provider takes on AWS, its functions, roles and table included: not measured.
MINUTES_OF_A_STACK = 3
_SECRET_WRITES = ("Create", "Put", "Update", "Delete", "Tag", "Replicate")


def room(operations: list[Operation]) -> str:
    """How many users an account has room for."""
    vanilla_policies, eks_policies = (
        next(one for one in operations if one.name == name).calls.count("iam:CreatePolicy")
        for name in ("Create vanilla", "Create eks")
    )
    lines = [
        ("IAM users", USERS, 1, 1),
        ("managed policies", MANAGED_POLICIES, vanilla_policies, eks_policies),
        ("secrets, each region", SECRETS, 1, 1),
        ("schedules, each region, one for a key in its grace", SCHEDULES, 1, 1),
    ]
    return markdown(
        ("quota", "default", "vanilla users", "eks users"),
        [
            (what, f"{quota:,}", f"{quota // vanilla:,}", f"{quota // eks:,}")
            for what, quota, vanilla, eks in lines
        ],
    )


def rates(operations: list[Operation], item_bytes: int) -> str:
    """How many operations a minute the rates of an account and a region have room for."""
    units = math.ceil(item_bytes / _WRITE_UNIT_BYTES)
    lines = []
    for operation in operations:
        calls = operation.by_service
        found = {
            "IAM": _a_minute(IAM_CALLS_A_SECOND, calls.get("iam", 0)),
            "CloudFormation": _a_minute(DESCRIBE_STACKS_A_SECOND, calls.get("cloudformation", 0)),
            "table": _a_minute(TABLE_WRITES_A_SECOND, calls.get("dynamodb", 0) * units),
            "Secrets Manager": _a_minute(SECRET_WRITES_A_SECOND, _secret_writes(operation)),
        }
        narrowest = min(found, key=found.__getitem__)
        cells = ("—" if math.isinf(one) else f"{one:,.0f}" for one in found.values())
        lines.append((operation.name, *cells, narrowest))
    return markdown(
        (
            "operations a minute",
            f"IAM, {IAM_CALLS_A_SECOND}/s",
            f"CloudFormation, {DESCRIBE_STACKS_A_SECOND}/s",
            f"table, {TABLE_WRITES_A_SECOND:,} units/s, {units} an item",
            f"Secrets Manager writes, {SECRET_WRITES_A_SECOND}/s",
            "narrowest",
        ),
        lines,
    )


def stack_set(create: Operation, package_bytes: int, gigabyte_seconds: float) -> str:
    """A stack set over very many accounts: what adds up, and what does not."""
    lines = [
        (
            f"{concurrent:,} at once",
            f"{math.ceil(ACCOUNTS / concurrent) * MINUTES_OF_A_STACK / 60:,.1f} h",
            f"{concurrent * create.to_aws / (60 * MINUTES_OF_A_STACK):,.0f}",
        )
        for concurrent in (50, 500, ACCOUNTS)
    ]
    total = markdown(
        ("accounts", f"if a stack takes {MINUTES_OF_A_STACK} minutes", "calls/s in all"), lines
    )
    return (
        f"{ACCOUNTS:,} accounts make {ACCOUNTS * create.to_aws:,} calls, and "
        f"{ACCOUNTS * create.to_table:,} to as many tables; Lambda charges "
        f"{ACCOUNTS * gigabyte_seconds:,.0f} GB-seconds; every account fetches the package of "
        f"{package_bytes / 1e6:.1f} MB twice, for two functions, "
        f"{2 * ACCOUNTS * package_bytes / 1e9:,.0f} GB in all.\n\n{total}"
    )


def _a_minute(allowed: float, calls: int) -> float:
    """Operations a minute that a rate of calls a second has room for."""
    return 60 * allowed / calls if calls else math.inf


def _secret_writes(operation: Operation) -> int:
    return sum(
        call.startswith("secrets-manager:") and call.split(":")[1].startswith(_SECRET_WRITES)
        for call in operation.calls
    )
