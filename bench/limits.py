"""The arithmetic of an account's limits and of a stack set, from the calls that were counted.

Every number of AWS stands here with the page of AWS that has it.
"""

import math
from dataclasses import dataclass

from bench import memory
from bench.quota import MEMORY_OF_ONE_PROCESSOR
from bench.table import markdown
from doubles.rates import Rates
from support.operations import Operation

_IAM = "IAM User Guide, “IAM and AWS STS quotas”"
_SECRETS_MANAGER = "Secrets Manager User Guide, “AWS Secrets Manager quotas”"
_TABLE = "DynamoDB Developer Guide, “DynamoDB on-demand capacity mode”"
_CLOUDFORMATION = "CloudFormation User Guide, “Understand CloudFormation quotas”"
_PRICES = "AWS Lambda Pricing, N. Virginia, the first price level; read where others quote it"
_SEEN = "none: AWS publishes no rate, and people see about this one"
_ASSUMED = "none: our assumption"


@dataclass(frozen=True)
class Number:
    """A number that AWS sets, or that we assume of AWS, and where it is published."""

    what: str
    value: float
    page: str

    @property
    def text(self) -> str:
        """In digits, for prices are small."""
        return f"{self.value:,.10f}".rstrip("0").rstrip(".")


USERS = Number("IAM users", 5_000, _IAM)
MANAGED_POLICIES = Number("managed policies", 1_500, _IAM)
SECRETS = Number("secrets, each Region", 500_000, _SECRETS_MANAGER)
SCHEDULES = Number(
    "schedules, each Region",
    10_000_000,
    "EventBridge Scheduler User Guide, “Quotas for Amazon EventBridge Scheduler”",
)
IAM_RATE = Number("IAM calls a second", Rates().iam.rate, _SEEN)
CLOUDFORMATION_RATE = Number("CloudFormation calls a second", Rates().cloudformation.rate, _SEEN)
SECRET_RATE = Number("changes of secrets a second, of each group", 50, _SECRETS_MANAGER)
TABLE_RATE = Number("write units a second of a new on-demand table", 4_000, _TABLE)
WRITE_UNIT = Number("bytes that one write unit writes", 1_024, _TABLE)
STACK_INSTANCES = Number("stack instances of a stack set", 100_000, _CLOUDFORMATION)
INSTANCES_AT_ONCE = Number("stack instances in operation, each Region", 10_000, _CLOUDFORMATION)
S3_RATE = Number(
    "reads a second of a prefix of an S3 bucket",
    5_500,
    "Athena User Guide, “Reduce throttling at the service level”",
)
PRICES = {
    "arm64": Number("dollars for a GB-second, arm64", 0.0000133334, _PRICES),
    "x86_64": Number("dollars for a GB-second, x86_64", 0.0000166667, _PRICES),
}
# What a stack of the provider takes on AWS, its functions, roles and table included.
STACK_MINUTES = Number("minutes of a stack of the provider", 3, _ASSUMED)
_NUMBERS = (
    USERS,
    MANAGED_POLICIES,
    SECRETS,
    SCHEDULES,
    IAM_RATE,
    CLOUDFORMATION_RATE,
    SECRET_RATE,
    TABLE_RATE,
    WRITE_UNIT,
    STACK_INSTANCES,
    INSTANCES_AT_ONCE,
    S3_RATE,
    *PRICES.values(),
    Number(
        "MB of memory with one whole processor",
        MEMORY_OF_ONE_PROCESSOR,
        "Lambda Developer Guide, “Configure Lambda function memory”",
    ),
    STACK_MINUTES,
    Number("seconds of a call", memory.SECONDS_OF_A_CALL, _ASSUMED),
    Number(
        "seconds until STS accepts a new key",
        memory.SECONDS_OF_A_NEW_KEY,
        "none: people see 5 to 15 s",
    ),
)
ACCOUNTS = 5_000
_FUNCTIONS = 2
# Calls of one group share a rate.
_GROUPS_OF_CHANGES = (
    {"CreateSecret"},
    {"DeleteSecret"},
    {"RotateSecret", "CancelRotateSecret"},
    {"TagResource", "UntagResource"},
    {"DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy", "ValidateResourcePolicy"},
    {
        "PutSecretValue",
        "RemoveRegionsFromReplication",
        "ReplicateSecretToRegions",
        "StopReplicationToReplica",
        "UpdateSecret",
        "UpdateSecretVersionStage",
    },
)


def numbers() -> str:
    """What AWS sets, what we assume, and where it is published."""
    lines = [(one.what, one.text, one.page) for one in _NUMBERS]
    return markdown(("", "number", "page of AWS"), lines, last_is_text=True)


def room(operations: list[Operation]) -> str:
    """How many users an account has room for."""
    vanilla_policies, eks_policies = (
        next(one for one in operations if one.name == name).calls.count("iam:CreatePolicy")
        for name in ("Create vanilla", "Create eks")
    )
    lines = [
        (USERS, 1, 1),
        (MANAGED_POLICIES, vanilla_policies, eks_policies),
        (SECRETS, 1, 1),
        (SCHEDULES, 1, 1),
    ]
    first = min(lines, key=lambda line: line[0].value / line[2])[0]
    found = markdown(
        ("quota", "default", "vanilla users", "eks users"),
        [
            (quota.what, quota.text, f"{quota.value // vanilla:,.0f}", f"{quota.value // eks:,.0f}")
            for quota, vanilla, eks in lines
        ],
    )
    return f"{found}\n\nAn account reaches its quota of {first.what} first."


def rates(operations: list[Operation], item_bytes: int) -> str:
    """How many operations a minute the rates of an account and a Region have room for."""
    units = math.ceil(item_bytes / WRITE_UNIT.value)
    lines = []
    for operation in operations:
        calls = operation.by_service
        writes = operation.to_table - operation.calls.count("dynamodb:GetItem")
        found = {
            "IAM": _a_minute(IAM_RATE, calls.get("iam", 0)),
            "CloudFormation": _a_minute(CLOUDFORMATION_RATE, calls.get("cloudformation", 0)),
            "table": _a_minute(TABLE_RATE, writes * units),
            "Secrets Manager": _a_minute(SECRET_RATE, _changes_of_a_group(operation)),
        }
        narrowest = min(found, key=found.__getitem__)
        cells = ("—" if math.isinf(one) else f"{one:,.0f}" for one in found.values())
        lines.append((operation.name, *cells, narrowest))
    return markdown(
        (
            "operations a minute",
            f"IAM, {IAM_RATE.text}/s",
            f"CloudFormation, {CLOUDFORMATION_RATE.text}/s",
            f"table, {TABLE_RATE.text} units/s, {units} an item",
            f"Secrets Manager, {SECRET_RATE.text}/s of a group",
            "narrowest",
        ),
        lines,
        last_is_text=True,
    )


def stack_set(create: Operation, package_bytes: int, gigabyte_seconds: float) -> str:
    """A stack set over very many accounts: what adds up, and what does not."""
    minutes = STACK_MINUTES.value
    lines = [
        (
            f"{concurrent:,} at once",
            f"{math.ceil(ACCOUNTS / concurrent) * minutes / 60:,.1f} h",
            f"{concurrent * create.to_aws / (60 * minutes):,.0f}",
        )
        for concurrent in (100, 500, ACCOUNTS)
    ]
    total = markdown(
        ("accounts", f"if a stack takes {STACK_MINUTES.text} minutes", "calls/s in all"), lines
    )
    charged = ACCOUNTS * gigabyte_seconds
    fetches = _FUNCTIONS * ACCOUNTS
    return (
        f"A stack set has {STACK_INSTANCES.text} stack instances at most, and "
        f"{INSTANCES_AT_ONCE.text} of them in operation at once. {ACCOUNTS:,} Creates make "
        f"{ACCOUNTS * create.to_aws:,} calls, and {ACCOUNTS * create.to_table:,} to as many "
        f"tables. Lambda charges {charged:,.0f} GB-seconds, "
        f"${charged * PRICES['arm64'].value:,.2f} in all. Every account fetches the package of "
        f"{package_bytes / 1000:,.0f} kB for each of {_FUNCTIONS} functions, "
        f"{fetches * package_bytes / 1e9:,.1f} GB in all; with all accounts at once that is "
        f"{fetches / (60 * minutes):,.0f} fetches a second, where S3 serves {S3_RATE.text}.\n\n"
        f"{total}"
    )


def _a_minute(rate: Number, calls: int) -> float:
    """Operations a minute that a rate of calls a second has room for."""
    return 60 * rate.value / calls if calls else math.inf


def _changes_of_a_group(operation: Operation) -> int:
    """How many calls share one rate, where they are most."""
    return max(
        sum(call.partition(":")[2] in group for call in operation.calls)
        for group in _GROUPS_OF_CHANGES
    )
