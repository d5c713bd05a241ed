"""Whether a `PolicyDocument` is a policy that a user can have.

Follows "Grammar of the IAM JSON policy language" in the IAM User Guide, for identity-based
policies. IAM itself would say no more than MalformedPolicyDocument, and only after the user exists.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from handler.errors import shown

_VERSION = "2012-10-17"  # IAM refuses a managed policy of another, or of none.
_ELEMENTS = {
    "Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"\*|\$[A-Z][A-Z0-9_]*|arn(:[^:]*){4}:.+", re.DOTALL)


def problems(documents: list[dict[str, Any]]) -> Iterator[str]:
    """One sentence for each element that a policy of a user cannot have or lacks."""
    for number, document in enumerate(documents, start=1):
        name = f"PolicyDocument {number}" if len(documents) > 1 else "PolicyDocument"
        yield from (f"{name} {problem}." for problem in _document_problems(document))


def _document_problems(document: dict[str, Any]) -> Iterator[str]:
    for unknown in sorted(document.keys() - {"Version", "Id", "Statement"}):
        yield f"is not a policy: it has the unknown element {shown(unknown)}"
    if document.get("Version") != _VERSION:
        yield f"must have Version {_VERSION}, not {shown(document.get('Version', ''))}"
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        yield "is not a policy: it has no Statement"
        return
    for number, statement in enumerate(statements, start=1):
        if isinstance(statement, dict):
            yield from (f"Statement {number} {found}" for found in _statement_problems(statement))
        else:
            yield f"Statement {number} must be a map, not {shown(statement)}"
    sids = Counter(
        str(statement["Sid"])
        for statement in statements
        if isinstance(statement, dict) and statement.get("Sid")
    )
    yield from (f"uses the Sid {shown(sid)} twice" for sid, times in sids.items() if times > 1)


def _statement_problems(statement: dict[str, Any]) -> Iterator[str]:
    for unknown in sorted(statement.keys() - _ELEMENTS):
        why = ", which a policy of a user cannot have" if "Principal" in unknown else ""
        yield f"has the unknown element {shown(unknown)}{why}"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "must have the Effect Allow or Deny"
    if not re.fullmatch("[A-Za-z0-9]*", str(statement.get("Sid", ""))):
        yield f"must have a Sid of letters and digits, not {shown(statement['Sid'])}"
    yield from _one_of(statement, "Action", _ACTION, "actions such as ec2:RunInstances")
    yield from _one_of(statement, "Resource", _RESOURCE, "ARNs or '*'")
    condition = statement.get("Condition", {})
    if not isinstance(condition, dict) or not all(
        isinstance(of, dict) for of in condition.values()
    ):
        yield "must have a Condition that is a map of operators to maps of keys"


def _one_of(
    statement: dict[str, Any], element: str, pattern: re.Pattern[str], allowed: str
) -> Iterator[str]:
    """Exactly one of an element and its opposite, with values of the pattern."""
    given = [name for name in (element, f"Not{element}") if name in statement]
    if len(given) != 1:
        yield f"must have exactly one of {element} and Not{element}"
        return
    value = statement[given[0]]
    values = value if isinstance(value, list) else [value]
    if not values:
        yield f"has an empty {given[0]}"
    for item in values:
        if not isinstance(item, str) or not pattern.fullmatch(item):
            yield f"must have {allowed} in {given[0]}, not {shown(item)}"
