"""The double of the table does what DynamoDB documents, on the short way and through HTTP."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from doubles import direct_moto, strict_dynamodb
from doubles.strict_dynamodb import Trouble

KEY = {"Resource": {"S": "stack#User"}}
CONDITIONS = [
    ("attribute_not_exists(#r)", False),
    ("attribute_exists(Lease)", True),
    ("attribute_exists(Nothing)", False),
    ("attribute_exists(Lease.Holder) AND Lease.Holder = :a", True),
    ("Lease.Holder = :b OR Lease.Ends < :hundred", True),
    ("Lease.Holder = :b AND Lease.Ends < :hundred", False),
    ("Lease.Holder = :a OR Lease.Holder = :b AND Lease.Ends > :hundred", True),
    ("(Lease.Holder = :a OR Lease.Holder = :b) AND Lease.Ends > :hundred", False),
    ("Lease.Ends < :hundred AND NOT Lease.Holder = :b", True),
    ("Lease.Ends < :a", False),  # Of another type.
    ("Lease.Ends > :a", False),
    ("Nothing < :hundred", False),
    ("Nothing = Nothing", False),
    ("Nothing <> :a", True),
    ("Lease.Ends BETWEEN :ten AND :hundred", True),
    ("Lease.Holder IN (:b, :a)", True),
    ("size(Lease.Holder) = :ten", False),
    ("contains(Served, :a)", True),
    ("begins_with(Lease.Holder, :a)", True),
]
VALUES = {
    ":a": {"S": "a"},
    ":b": {"S": "b"},
    ":ten": {"N": "10"},
    ":hundred": {"N": "100"},
}


@pytest.fixture(params=["short", "HTTP"])
def table(request: pytest.FixtureRequest, aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client, and an item in the table."""
    if request.param == "short":
        direct_moto.install(monkeypatch)
    once = Config(retries={"total_max_attempts": 1})
    session: Any = boto3.Session()
    client = session.client("dynamodb", config=once)
    client.put_item(
        TableName="state",
        Item=KEY
        | {
            "Lease": {"M": {"Holder": {"S": "a"}, "Ends": {"N": "50"}}},
            "Served": {"L": [{"S": "a"}]},
        },
    )
    return client


def update(table: Any, condition: str, key: dict[str, Any] = KEY, **more: Any) -> dict[str, Any]:
    """Take the lease under a condition."""
    names = {"#r": "Resource"} if "#r" in condition else {}
    values = {name: value for name, value in VALUES.items() if name in condition}
    answer: dict[str, Any] = table.update_item(
        TableName="state",
        Key=key,
        UpdateExpression="SET Lease.Holder = :new",
        ConditionExpression=condition,
        ExpressionAttributeValues=values | {":new": {"S": "c"}},
        **({"ExpressionAttributeNames": names} if names else {}),
        **more,
    )
    return answer


def item(table: Any, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = table.get_item(TableName="state", Key=KEY, **more).get("Item", {})
    return found


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS)
def test_conditions(table: Any, condition: str, holds: bool) -> None:
    """An update is made exactly if its condition holds, and answers with all that is new."""
    before = item(table, ConsistentRead=True)
    try:
        answer = update(table, condition, ReturnValues="ALL_NEW")
    except table.exceptions.ConditionalCheckFailedException:
        assert not holds
        assert item(table, ConsistentRead=True) == before
        return
    assert holds
    assert answer["Attributes"]["Lease"]["M"] == {"Holder": {"S": "c"}, "Ends": {"N": "50"}}
    assert answer["Attributes"] == item(table, ConsistentRead=True)


@pytest.mark.parametrize("write", ["update", "put", "delete"])
def test_refused_condition_tells_the_item_when_asked(table: Any, write: str) -> None:
    """The error of a refused condition carries the item, and without the wish it does not."""
    calls: dict[str, Callable[..., Any]] = {
        "update": lambda **more: update(table, "attribute_not_exists(#r)", **more),
        "put": lambda **more: table.put_item(
            TableName="state",
            Item=KEY,
            ConditionExpression="attribute_not_exists(#r)",
            ExpressionAttributeNames={"#r": "Resource"},
            **more,
        ),
        "delete": lambda **more: table.delete_item(
            TableName="state",
            Key=KEY,
            ConditionExpression="Lease.Holder = :b",
            ExpressionAttributeValues={":b": {"S": "b"}},
            **more,
        ),
    }
    for wish, told in (("ALL_OLD", True), ("NONE", False)):
        with pytest.raises(ClientError) as caught:
            calls[write](ReturnValuesOnConditionCheckFailure=wish)
        answer: Any = caught.value.response
        assert answer["Error"]["Code"] == "ConditionalCheckFailedException"
        assert answer["Error"]["Message"] == "The conditional request failed"
        assert answer.get("Item") == (item(table, ConsistentRead=True) if told else None)


def test_item_that_is_not_there(table: Any) -> None:
    """Its attributes are missing to every condition, and an update makes it."""
    key = {"Resource": {"S": "other"}}
    with pytest.raises(table.exceptions.ConditionalCheckFailedException):
        update(table, "Lease.Ends < :hundred", key)
    answer = table.update_item(
        TableName="state",
        Key=key,
        UpdateExpression="SET Lease = :lease",
        ConditionExpression="attribute_not_exists(#r) OR Lease.Ends < :hundred",
        ExpressionAttributeNames={"#r": "Resource"},
        ExpressionAttributeValues={":lease": {"M": {}}, ":hundred": {"N": "100"}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == key | {"Lease": {"M": {}}}


@pytest.mark.parametrize(
    ("condition", "names", "values"),
    [
        ("attribute_not_exists(Resource)", {}, {}),  # A reserved word.
        ("Lease.Holder = :a", {}, {}),
        ("#l.Holder = :a", {}, {":a": {"S": "a"}}),
        ("Lease.Holder = :a", {}, {":a": {"S": "a"}, ":b": {"S": "b"}}),
        ("Lease.Holder = :a", {"#l": "Lease"}, {":a": {"S": "a"}}),
    ],
)
@pytest.mark.parametrize("write", ["put_item", "delete_item"])
def test_condition_that_is_not_well_formed(
    table: Any, write: str, condition: str, names: dict[str, str], values: dict[str, Any]
) -> None:
    """Reserved words, names and values that are not given, and those not used are refused."""
    thing = {"Item": KEY} if write == "put_item" else {"Key": KEY}
    optional: dict[str, Any] = {
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
    with pytest.raises(ClientError, match="ValidationException"):
        getattr(table, write)(
            TableName="state",
            ConditionExpression=condition,
            **thing,
            **{name: given for name, given in optional.items() if given},
        )


@pytest.mark.parametrize(
    "expression",
    [
        "SET Nothing.Holder = :v",  # The map is not there.
        "SET Served = :v REMOVE Nothing.Holder.More SET Lease = :v",
        "SET #r = :v",  # Part of the key.
        "SET Lease = :v, Lease.Holder = :v",
        "SET Status = :v",  # A reserved word.
    ],
)
def test_update_that_is_refused_changes_nothing(table: Any, expression: str) -> None:
    """An update is made as a whole or not at all."""
    before = item(table, ConsistentRead=True)
    names = {"ExpressionAttributeNames": {"#r": "Resource"}} if "#r" in expression else {}
    with pytest.raises(ClientError, match="ValidationException"):
        table.update_item(
            TableName="state",
            Key=KEY,
            UpdateExpression=expression,
            ExpressionAttributeValues={":v": {"S": "v"}},
            **names,
        )
    assert item(table, ConsistentRead=True) == before


def test_old_item_is_told_when_asked_for(table: Any) -> None:
    """ALL_OLD tells what was there before the write, and nothing of an item that was not there."""
    before = item(table, ConsistentRead=True)
    assert update(table, "Lease.Holder = :a", ReturnValues="ALL_OLD")["Attributes"] == before
    deleted = table.delete_item(TableName="state", Key=KEY, ReturnValues="ALL_OLD")
    assert deleted["Attributes"]["Lease"]["M"]["Holder"] == {"S": "c"}
    made = table.update_item(
        TableName="state",
        Key=KEY,
        UpdateExpression="SET Lease = :lease",
        ExpressionAttributeValues={":lease": {"M": {}}},
        ReturnValues="ALL_OLD",
    )
    assert "Attributes" not in made
    put = table.put_item(TableName="state", Item=KEY, ReturnValues="ALL_OLD")
    assert put["Attributes"] == KEY | {"Lease": {"M": {}}}


def test_update_reads_the_item_of_before(table: Any) -> None:
    """All values of an update are those of before it, if_not_exists and sums included."""
    answer = table.update_item(
        TableName="state",
        Key=KEY,
        UpdateExpression=(
            "SET A = Lease.Ends, Lease.Ends = Lease.Ends + :ten, C = if_not_exists(D, :ten), "
            "Served = list_append(Served, :more) REMOVE Lease.Holder"
        ),
        ExpressionAttributeValues={":ten": {"N": "10"}, ":more": {"L": [{"S": "b"}]}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == KEY | {
        "A": {"N": "50"},
        "C": {"N": "10"},
        "Lease": {"M": {"Ends": {"N": "60"}}},
        "Served": {"L": [{"S": "a"}, {"S": "b"}]},
    }


def test_read_that_is_not_consistent_is_late(table: Any) -> None:
    """GetItem tells the item of before the last change, unless ConsistentRead is asked for."""
    update(table, "Lease.Holder = :a")
    assert item(table)["Lease"]["M"]["Holder"] == {"S": "a"}
    assert item(table, ConsistentRead=True)["Lease"]["M"]["Holder"] == {"S": "c"}
    table.delete_item(TableName="state", Key=KEY)
    assert item(table)["Lease"]["M"]["Holder"] == {"S": "c"}
    assert item(table, ConsistentRead=True) == {}


@pytest.mark.parametrize("trouble", Trouble)
def test_troubles(table: Any, monkeypatch: pytest.MonkeyPatch, trouble: Trouble) -> None:
    """The table throttles, refuses, or does what it is asked for and the reply is lost."""
    strict_dynamodb.befall(monkeypatch, trouble, lambda action: action == "update_item")
    if trouble is Trouble.LOST:
        with pytest.raises(ReadTimeoutError):
            update(table, "Lease.Holder = :a")
    else:
        with pytest.raises(ClientError) as caught:
            update(table, "Lease.Holder = :a")
        assert caught.value.response["Error"]["Code"] == trouble.value
    holder = "c" if trouble is Trouble.LOST else "a"
    assert item(table, ConsistentRead=True)["Lease"]["M"]["Holder"] == {"S": holder}


def test_table_as_the_tests_see_it(table: Any) -> None:
    """Tests read the items, and take one away as somebody does by hand."""
    assert strict_dynamodb.items()["stack#User"] == item(table, ConsistentRead=True)
    strict_dynamodb.remove("stack#User")
    assert item(table, ConsistentRead=True) == {}
