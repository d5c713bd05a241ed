"""As strict_moto, for the DynamoDB table of the provider's memory.

Developer Guide, "Comparison operator and function reference" and "Read consistency".
"""

from collections.abc import Callable
from copy import deepcopy
from enum import StrEnum
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from moto.core.responses import ActionResult
from moto.dynamodb import comparisons
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.exceptions import DynamodbException, MockValidationException
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

_get_item = DynamoHandler.get_item
_put_item = DynamoHandler.put_item
_update_item = DynamoHandler.update_item
_delete_item = DynamoHandler.delete_item
_lookup_value = ConditionExpressionParser._lookup_expression_attribute_value
_lookup_name = ConditionExpressionParser._lookup_expression_attribute_name

_ACTIONS = ("get_item", "put_item", "update_item", "delete_item", "query", "scan")
_SAME_TYPE = ("OpEqual", "OpLessThan", "OpLessThanOrEqual", "OpGreaterThan", "OpGreaterThanOrEqual")


class Trouble(StrEnum):
    """What a table can do instead of serving; the value is the code of the refusal."""

    THROTTLED = "ThrottlingException"
    OVER_CAPACITY = "ProvisionedThroughputExceededException"
    REFUSED = "AccessDeniedException"
    LOST = "effect done, reply lost"


class StrictResponses:
    """Actions that replace moto's; `self` is moto's response object."""

    @staticmethod
    def get_item(response: DynamoHandler) -> ActionResult:
        """GetItem: without ConsistentRead, what was there before the last change."""
        if response.body.get("ConsistentRead"):
            return _get_item(response)
        table = response.dynamodb_backend.get_table(response.body["TableName"])
        before = vars(table).get("before_the_last_change")
        if before is None:
            return _get_item(response)
        now, table.items = table.items, before
        try:
            return _get_item(response)
        finally:
            table.items = now

    @staticmethod
    def put_item(response: DynamoHandler) -> ActionResult:
        """PutItem: every value that is given is used."""
        _check_values(response)
        return _changing(response, _put_item)

    @staticmethod
    def update_item(response: DynamoHandler) -> ActionResult:
        """UpdateItem: changes the item as a whole or not at all."""
        return _changing(response, _update_item)

    @staticmethod
    def delete_item(response: DynamoHandler) -> ActionResult:
        """DeleteItem: every value that is given is used."""
        _check_values(response)
        return _changing(response, _delete_item)


class StrictParser:
    """Methods that replace those of moto's parser of conditions."""

    @staticmethod
    def _lookup_expression_attribute_value(parser: Any, name: str) -> dict[str, str]:
        """A value that is not given is refused, while moto breaks."""
        if name not in (parser.expression_attribute_values or {}):
            raise MockValidationException(
                "Invalid ConditionExpression: An expression attribute value used in expression is "
                f"not defined; attribute value: {name}"
            )
        value: dict[str, str] = _lookup_value(parser, name)
        return value

    @staticmethod
    def _lookup_expression_attribute_name(parser: Any, name: str) -> str:
        """A name that is not given is refused, while moto breaks."""
        if name not in (parser.expression_attribute_names or {}):
            raise MockValidationException(
                "Invalid ConditionExpression: An expression attribute name used in the document "
                f"path is not defined; attribute name: {name}"
            )
        return str(_lookup_name(parser, name))


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the strictness in place for one test."""
    replaced: dict[type, type] = {
        DynamoHandler: StrictResponses,
        ConditionExpressionParser: StrictParser,
    }
    for owner, strict in replaced.items():
        for name, action in vars(strict).items():
            if isinstance(action, staticmethod):
                monkeypatch.setattr(owner, name, action.__func__)
    for name in _SAME_TYPE:
        operator = getattr(comparisons, name)
        monkeypatch.setattr(operator, "expr", _of_one_type(operator.expr))


def befall(
    monkeypatch: pytest.MonkeyPatch,
    trouble: Trouble,
    lasts: Callable[[str], bool] = lambda _action: True,
) -> None:
    """Let the table go wrong as long as `lasts` says so of an action such as `update_item`."""
    for name in _ACTIONS:
        monkeypatch.setattr(DynamoHandler, name, _troubled(name, trouble, lasts))


def items(table_name: str = "state") -> dict[str, dict[str, Any]]:
    """What the table holds, by its key; attribute values as DynamoDB writes them."""
    table: Any = _table(table_name)
    found: dict[str, dict[str, Any]] = {}
    for key, item in table.items.items():
        found[key.value] = item.to_json()["Attributes"]
    return found


def remove(key: str, table_name: str = "state") -> None:
    """Somebody removes an item by hand."""
    table: Any = _table(table_name)
    for held in [held for held in table.items if held.value == key]:
        del table.items[held]


def _table(name: str) -> Table:
    return dynamodb_backends["123456789012"]["us-east-1"].get_table(name)


def _changing(
    response: DynamoHandler, action: Callable[[DynamoHandler], ActionResult]
) -> ActionResult:
    table: Any = response.dynamodb_backend.get_table(response.body["TableName"])
    before = deepcopy(table.items)
    try:
        answer = action(response)
    except Exception:
        table.items = before
        raise
    table.before_the_last_change = before
    return answer


def _check_values(response: DynamoHandler) -> None:
    """Common to all writes; moto checks it in UpdateItem only."""
    condition = response.body.get("ConditionExpression", "")
    for name in response.body.get("ExpressionAttributeValues", {}):
        if name not in condition:
            raise MockValidationException(
                "Value provided in ExpressionAttributeValues unused in expressions: "
                f"keys: {{{name}}}"
            )


def _of_one_type(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """A comparison holds only between two values of one type, both of them there."""

    def expr(operator: Any, item: Any) -> bool:
        types = {_type(side, item) for side in (operator.lhs, operator.rhs)}
        return len(types) == 1 and None not in types and compare(operator, item)

    return expr


def _type(side: Any, item: Any) -> str | None:
    if isinstance(side, comparisons.FuncSize):
        return "N"
    found: str | None = side.get_type(item)
    return found


def _troubled(
    name: str, trouble: Trouble, lasts: Callable[[str], bool]
) -> Callable[[DynamoHandler], ActionResult]:
    serve = getattr(DynamoHandler, name)

    def troubled(response: DynamoHandler) -> ActionResult:
        if not lasts(name):
            answer: ActionResult = serve(response)
            return answer
        if trouble is Trouble.LOST:
            serve(response)
            raise ReadTimeoutError(endpoint_url="https://dynamodb")
        raise DynamodbException(trouble.value, "The table does not serve now.")

    return troubled
