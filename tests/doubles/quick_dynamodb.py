"""Answers the calls that the provider makes to its table, ten times as quickly as moto does.

It works on moto's items. What it does not know, or would have to refuse as not well-formed, it
leaves to moto; tests/overlaps/test_table.py proves that both do the same.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords
from moto.dynamodb.responses import DynamoHandler

from doubles import strict_dynamodb

Value = dict[str, Any]  # As DynamoDB writes it, such as {"S": "text"}.
Attributes = dict[str, Value]
Operand = Callable[[Attributes, "Given"], Value | None]
Condition = Callable[[Attributes, "Given"], bool]

_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),.+-]|[:#]?\w+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_ACTIONS = {
    "GetItem": "get_item",
    "PutItem": "put_item",
    "UpdateItem": "update_item",
    "DeleteItem": "delete_item",
}
_KNOWN = {
    "TableName",
    "Key",
    "Item",
    "ConsistentRead",
    "UpdateExpression",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
}


class UnusualError(Exception):
    """The call is for moto."""


@dataclass(frozen=True)
class Given:
    """The names and values that stand for those in an expression."""

    names: dict[str, str]
    values: dict[str, Value]

    def name(self, token: str) -> str:
        return self.names[token] if token.startswith("#") else token


@dataclass
class _Parser:
    """Reads one expression; `used` are the names and values that stand in it."""

    tokens: list[str]
    used: set[str] = field(default_factory=set)

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, wanted: str = "") -> str:
        token = self.tokens.pop(0) if self.tokens else ""
        if not token or (wanted and token.upper() != wanted):
            raise UnusualError
        return token

    def either(self) -> Condition:
        sides = [self.both()]
        while self.peek().upper() == "OR":
            self.take()
            sides.append(self.both())
        return lambda item, given: any(side(item, given) for side in sides)

    def both(self) -> Condition:
        sides = [self.negated()]
        while self.peek().upper() == "AND":
            self.take()
            sides.append(self.negated())
        return lambda item, given: all(side(item, given) for side in sides)

    def negated(self) -> Condition:
        if self.peek().upper() != "NOT":
            return self.condition()
        self.take()
        inner = self.negated()
        return lambda item, given: not inner(item, given)

    def condition(self) -> Condition:
        if self.peek() == "(":
            self.take()
            inside = self.either()
            self.take(")")
            return inside
        if self.peek() in {"attribute_exists", "attribute_not_exists"}:
            wanted = self.take() == "attribute_exists"
            self.take("(")
            path = self.operand()
            self.take(")")
            return lambda item, given: (path(item, given) is not None) == wanted
        left, comparator, right = self.operand(), self.take(), self.operand()
        if comparator not in {*_COMPARE, "=", "<>"}:
            raise UnusualError
        return lambda item, given: _holds(left(item, given), comparator, right(item, given))

    def operand(self) -> Operand:
        if self.peek().startswith(":"):
            token = self.take()
            self.used.add(token)
            return lambda _item, given: given.values[token]
        path = self.path()
        return lambda item, given: _at(item, [given.name(token) for token in path])

    def path(self) -> list[str]:
        tokens = [self.name()]
        while self.peek() == ".":
            self.take()
            tokens.append(self.name())
        return tokens

    def name(self) -> str:
        token = self.take()
        if token.startswith("#"):
            self.used.add(token)
        elif not token.isidentifier() or token.upper() in ReservedKeywords.get_reserved_keywords():
            raise UnusualError
        return token

    def changes(self) -> list[tuple[list[str], Operand | None]]:
        """The paths that an update sets or, with None, removes."""
        found: list[tuple[list[str], Operand | None]] = []
        while self.tokens:
            clause = self.take().upper()
            if clause not in {"SET", "REMOVE"}:
                raise UnusualError
            while True:
                path = self.path()
                if clause == "SET":
                    self.take("=")
                found.append((path, self.operand() if clause == "SET" else None))
                if self.peek() != ",":
                    break
                self.take()
        return found


def answer(client: Any, operation: str, call: dict[str, Any]) -> dict[str, Any]:
    """The parsed answer to a call; raises UnusualError when moto should answer."""
    action = _ACTIONS.get(operation, "")
    strict = vars(strict_dynamodb.StrictResponses).get(action)
    if not strict or vars(DynamoHandler)[action] is not strict.__func__ or call.keys() - _KNOWN:
        raise UnusualError
    backend = dynamodb_backends["123456789012"][client.meta.region_name]
    table: Any = backend.tables.get(call["TableName"])
    if operation != "UpdateItem" and call.get("ReturnValues") == "ALL_NEW":
        raise UnusualError
    given = Given(
        call.get("ExpressionAttributeNames", {}), call.get("ExpressionAttributeValues", {})
    )
    wanted = (call.get("Item") or call["Key"]).get("Resource", {})
    if table is None or wanted.keys() != {"S"} or not wanted["S"]:
        raise UnusualError
    key = DynamoType(wanted)
    if operation == "GetItem":
        late = None if call.get("ConsistentRead") else vars(table).get("before_the_last_change")
        item = (table.items if late is None else late).get(key)
        return {"Item": _attributes(item)} if item else {}
    present = table.items.get(key)
    old = _attributes(present)
    condition, changes = _parsed(call, given)
    if not condition(old, given):
        return _refused(call, old)
    new = call.get("Item")
    if operation == "UpdateItem":
        new = _changed(old or dict(call["Key"]), changes, given)
    table.before_the_last_change = dict(table.items)
    if new is None:
        table.items.pop(key, None)
    else:
        table.items[key] = Item(key, None, new)
    told = {"ALL_NEW": new, "ALL_OLD": old}.get(call.get("ReturnValues", "NONE"))
    return {"Attributes": told} if told else {}


def _parsed(
    call: dict[str, Any], given: Given
) -> tuple[Condition, list[tuple[list[str], Operand | None]]]:
    """The condition and the changes of a call that uses all that it gives, and nothing else."""
    if call.get("ReturnValues", "NONE") not in {"NONE", "ALL_NEW", "ALL_OLD"}:
        raise UnusualError
    condition, used = _condition(call.get("ConditionExpression", ""))
    changes, used_too = _changes(call.get("UpdateExpression", ""))
    if used | used_too != given.names.keys() | given.values.keys():
        raise UnusualError
    return condition, changes


@cache
def _condition(text: str) -> tuple[Condition, set[str]]:
    parser = _Parser(_tokens(text))
    condition = parser.either() if text else lambda _item, _given: True
    if parser.tokens:
        raise UnusualError
    return condition, parser.used


@cache
def _changes(text: str) -> tuple[list[tuple[list[str], Operand | None]], set[str]]:
    parser = _Parser(_tokens(text))
    return parser.changes(), parser.used


def _tokens(text: str) -> list[str]:
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != "".join(text.split()):
        raise UnusualError
    return list(tokens)


def _attributes(item: Any) -> Attributes:
    if item is None:
        return {}
    found: Attributes = item.to_json()["Attributes"]
    return found


def _at(item: Attributes, path: list[str]) -> Value | None:
    value = item.get(path[0])
    for name in path[1:]:
        value = value["M"].get(name) if value and "M" in value else None
    return value


def _holds(left: Value | None, comparator: str, right: Value | None) -> bool:
    if comparator == "<>":
        return left != right
    if left is None or right is None or left.keys() != right.keys():
        return False
    if comparator == "=" and "N" not in left:
        return left == right
    (kind,) = left
    if kind not in {"N", "S"}:
        raise UnusualError
    a, b = ((Decimal(one["N"]) if kind == "N" else one["S"]) for one in (left, right))
    return a == b if comparator == "=" else _COMPARE[comparator](a, b)


def _changed(
    old: Attributes, changes: list[tuple[list[str], Operand | None]], given: Given
) -> Attributes:
    """The item after an update, whose values are all those of before it."""
    values = [
        ([given.name(token) for token in path], operand(old, given) if operand else None)
        for path, operand in changes
    ]
    paths = [path for path, _ in values]
    if any(a[: len(b)] == b for a in paths for b in paths if a is not b):
        raise UnusualError
    new = {name: _copied(value) for name, value in old.items()}
    for (path, value), (_, operand) in zip(values, changes, strict=True):
        holder: Any = new
        for name in path[:-1]:
            holder = holder.get(name, {}).get("M")
            if holder is None:
                raise UnusualError
        if path == ["Resource"] or (operand and value is None):
            raise UnusualError
        if operand:
            holder[path[-1]] = value
        else:
            holder.pop(path[-1], None)
    return new


def _copied(value: Value) -> Value:
    if "M" in value:
        return {"M": {name: _copied(inner) for name, inner in value["M"].items()}}
    return dict(value)


def _refused(call: dict[str, Any], old: Attributes) -> dict[str, Any]:
    error = {
        "Code": "ConditionalCheckFailedException",
        "Message": "The conditional request failed",
    }
    told = old and call.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return {"Error": error, "ResponseMetadata": {}, **({"Item": old} if told else {})}
